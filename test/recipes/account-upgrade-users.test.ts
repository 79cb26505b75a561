import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBackend } from '../../recipes/account-upgrade/sample.ts'
import { BACKEND } from '../../recipes/account-upgrade/trouble.ts'
import { connected, executeFile } from '../../recipes/database.ts'
import { testServer } from '../support/postgres.ts'
import { ask, askColumn, askNumber, recipe, untouched } from './recipe.ts'

/** System 2, part (a): accounts for the users whom the backend has, in one database. */
const story = recipe('account-upgrade')
const server = await testServer()
const backend = await server.database()
const env = { DATABASE_URL: backend }
const TABLES = ['authentication_user', 'authentication_feishuauth', 'authentication_useraccount']
const upgrade = (...args: string[]) =>
  story.run(['migrate', '--no-backup', ...args], env, 'upgrade.config.ts')

beforeAll(async () => {
  await makeBackend(backend, { users: 120, projects: 0, logs: false })
  const file = new URL('../../recipes/account-upgrade/schema/upgrade.sql', import.meta.url)
  // The schema's migration gets through what an earlier try left, and through itself.
  for (const _ of ['once', 'again']) await connected(backend, (client) => executeFile(client, file))
})
afterAll(async () => {
  story.remove()
  await server.stop()
})

test('without anybody to ask nothing is written, and no password is shown', async () => {
  const before = await untouched(backend, TABLES)
  const { status, stderr, stdout } = await upgrade()
  expect({ status, code: stderr.match(/LF\d+/)?.[0] }).toEqual({ status: 5, code: 'LF206' })
  expect(stderr).toContain(new URL(backend).pathname.slice(1))
  expect(stdout + stderr).not.toContain(new URL(backend).password)
  expect(await untouched(backend, TABLES)).toEqual(before)
})

test('one user’s failure is no success', async () => {
  const { status, stdout, stderr } = await upgrade('--yes')
  expect({ status, stderr: stderr.match(/error.*/)?.[0] }).toEqual({ status: 1, stderr: undefined })
  // New accounts for each provider: rows, created, …, set aside.
  expect(stdout).toMatch(/^authentication_feishuauth -> \S+ +84 +82 +0 +0 +1 +1$/m)
  expect(stdout).toMatch(/^authentication_user -> \S+ +43 +42 +0 +0 +0 +1$/m)
  const rejects = await ask(backend, 'SELECT move, key, reason FROM landfall.rejects ORDER BY id')
  expect(rejects).toEqual([
    [
      'authentication_feishuauth',
      expect.stringMatching(/^id = \d+$/),
      expect.stringContaining('provider_account_id'),
    ],
    ['authentication_user', `id = ${BACKEND.sharedMail[1]}`, expect.stringContaining('provider_account_id')],
  ])
})

test('whoever signs in by Feishu has one account with what Feishu gave', async () => {
  const wrong = await ask(
    backend,
    `WITH first AS (SELECT DISTINCT ON (user_id) * FROM authentication_feishuauth ORDER BY user_id, id)
     SELECT f.user_id, a.* FROM first f LEFT JOIN authentication_useraccount a
       ON a.user_id = f.user_id AND a.provider = 'feishu'
     WHERE f.user_id NOT IN (${BACKEND.sharedOpenId[1]}, ${BACKEND.hasFeishuAlready}) AND NOT coalesce(
       a.type = 'oauth' AND a.provider_account_id = f.open_id AND a.is_primary AND a.is_verified
       AND a.access_token IS NOT DISTINCT FROM f.access_token
       AND a.refresh_token IS NOT DISTINCT FROM f.refresh_token
       AND a.expires_at IS NOT DISTINCT FROM f.token_expires_at
       AND a.provider_profile = jsonb_build_object('open_id', f.open_id, 'union_id', f.union_id), false)`,
  )
  expect(wrong).toEqual([])
  const accounts = `SELECT count(*) FROM authentication_useraccount WHERE provider = 'feishu'`
  const users = 'SELECT count(DISTINCT user_id) FROM authentication_feishuauth'
  // All but the second user of one open id.
  expect(await askNumber(backend, accounts)).toBe((await askNumber(backend, users)) - 1)
})

test('an account that was there already is as it was', async () => {
  const of = (id: number) =>
    ask(
      backend,
      `SELECT provider, access_token, is_verified, provider_profile FROM authentication_useraccount WHERE user_id = ${id}`,
    )
  expect(await of(BACKEND.hasFeishuAlready)).toEqual([['feishu', null, 'f', '{}']])
  expect(await of(BACKEND.hasAnotherAccount)).toEqual([['github', null, 'f', '{}']])
})

test('who has neither Feishu nor another account gets one by e-mail', async () => {
  const found = await ask(
    backend,
    `SELECT user_id, type, provider_account_id, is_primary, is_verified FROM authentication_useraccount
     WHERE provider = 'email' ORDER BY user_id`,
  )
  const due = await ask(
    backend,
    `SELECT id, 'email', email, true, true FROM authentication_user u
     WHERE email <> '' AND NOT EXISTS (SELECT FROM authentication_feishuauth f WHERE f.user_id = u.id)
       AND id NOT IN (${BACKEND.hasAnotherAccount}, ${BACKEND.sharedMail[1]}) ORDER BY id`,
  )
  expect(due.length).toBeGreaterThan(30)
  expect(found).toEqual(due)
  expect(
    await askColumn(
      backend,
      `SELECT provider FROM authentication_useraccount WHERE user_id = ${BACKEND.nameless}`,
    ),
  ).toEqual([])
})

test('a second run creates nothing and writes nothing, whatever accounts people got meanwhile', async () => {
  await ask(
    backend,
    `INSERT INTO authentication_useraccount (user_id, type, provider, provider_account_id, is_primary)
     VALUES (1, 'oauth', 'feishu', 'ou_another', false)`,
  )
  const before = await untouched(backend, TABLES)
  const { status } = await upgrade('--yes')
  // The two who could not get an account still cannot.
  expect(status).toBe(1)
  expect(await untouched(backend, TABLES)).toEqual(before)
})

test('verify finds what somebody changed', async () => {
  const verify = () => story.run(['verify'], env, 'upgrade.config.ts')
  expect(await verify()).toMatchObject({ status: 0 })
  await ask(backend, `DELETE FROM authentication_useraccount WHERE user_id = 1`)
  const { status, stdout } = await verify()
  expect(status).toBe(1)
  expect(stdout).toMatch(/authentication_feishuauth id = \d+: missing/)
})
