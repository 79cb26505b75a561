import { afterAll, beforeAll, expect, test } from 'vitest'
import { connected, executeFile } from '../../recipes/database.ts'
import {
  BACKEND,
  backendUserId,
  makeBackend,
  makePlugin,
  ownerOf,
  PEOPLE,
  pluginUserId,
  STRANGE_COOKIES,
} from '../../recipes/plugin-to-backend/sample.ts'
import { testServer } from '../support/postgres.ts'
import { ask, askColumn, askNumber, execute, recipe, untouched } from './recipe.ts'

/** System 1, its moves: the plugin's accounts folded into the backend. */
const SIZES = { users: 90, accounts: 400, kiro: true, strangers: true }
const story = recipe('plugin-to-backend')
const server = await testServer()
const backend = await server.database()
const plugin = await server.database()
const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: plugin }
const migrate = (...args: string[]) => story.run(['migrate', '--yes', ...args], env, 'direct.config.ts')
const TABLES = [
  'users',
  'plugin_api_keys',
  'plugin_user_mappings',
  'antigravity_accounts',
  'antigravity_model_quotas',
  'kiro_accounts',
  'kiro_subscription_models',
]

beforeAll(async () => {
  await makeBackend(backend, SIZES)
  await makePlugin(plugin, SIZES)
})
afterAll(async () => {
  story.remove()
  await server.stop()
})

test('accounts of users without mapping stop it before it writes, and all of them are listed', async () => {
  const before = await untouched(backend, TABLES)
  const { status, stdout, stderr } = await migrate()
  expect(status).toBe(5)
  for (const cookie of STRANGE_COOKIES) expect(stdout + stderr).toContain(cookie)
  expect(stdout + stderr).toMatch(/plugin_user_mappings|plugin_api_keys/)
  // Nothing of hers moves, so that she needs no mapping.
  expect(stdout + stderr).not.toContain(PEOPLE.withoutAccounts)
  expect(await untouched(backend, TABLES)).toEqual(before)
})

test('with the mapping mended it goes through', async () => {
  const mend = new URL('../../recipes/plugin-to-backend/mend.sql', import.meta.url)
  await connected(backend, (client) => executeFile(client, mend))
  const { status, stderr } = await migrate()
  expect({ status, error: stderr.match(/error.*/)?.[0] }).toEqual({ status: 0, error: undefined })
})

/** By the rule, not by the map: whose user a user of the plugin is. */
async function owners(): Promise<Map<string, string>> {
  const keys = await ask(backend, 'SELECT api_key, plugin_user_id, user_id FROM plugin_api_keys ORDER BY id')
  const found = new Map<string, string>()
  for (const [id, key] of await ask(plugin, 'SELECT user_id, api_key FROM users')) {
    const match = keys.find(([, of]) => of === id) ?? keys.find(([of]) => of === key)
    if (match !== undefined) found.set(id!, match[2]!)
  }
  return found
}

test('a user of the plugin is whom its id names, failing that its API key', async () => {
  const map = new Map(
    (await ask(backend, 'SELECT plugin_user_id, user_id FROM plugin_user_mappings')).map(([from, to]) => [
      from!,
      to!,
    ]),
  )
  expect(map).toEqual(await owners())
  expect(map.get(pluginUserId(3))).toBe(String(backendUserId(3)))
  expect(map.get(PEOPLE.torn)).toBe(String(BACKEND.torn))
  expect(PEOPLE.twoOfOne.map((id) => map.get(id))).toEqual([String(BACKEND.one), String(BACKEND.one)])
  expect(map.get(PEOPLE.twoKeys)).toBe(String(BACKEND.twoKeys))
})

const ACCOUNT = (expires: string): string =>
  `cookie_id, user_id, account_name, email, is_shared, access_token, refresh_token, ${expires}, status,
   need_refresh, project_id_0, is_restricted, paid_tier, created_at, updated_at`

test('each account has the same values under the new names', async () => {
  const map = await owners()
  const due = await ask(
    plugin,
    `SELECT ${ACCOUNT('expires_at')} FROM accounts ORDER BY cookie_id COLLATE "C"`,
  )
  expect(due.length).toBe(SIZES.accounts + 7)
  const found = await ask(
    backend,
    `SELECT ${ACCOUNT('token_expires_at')} FROM antigravity_accounts ORDER BY cookie_id COLLATE "C"`,
  )
  expect(found).toEqual(due.map((row) => row.map((value, at) => (at === 1 ? map.get(value!) : value))))
})

test('quotas and Kiro’s tables too', async () => {
  const same = async (source: string, target: string) =>
    expect(await ask(backend, target)).toEqual(await ask(plugin, source))
  const quotas = `SELECT cookie_id, model_name, quota, reset_time, status, last_fetched_at, created_at FROM`
  await same(`${quotas} model_quotas ORDER BY 1, 2`, `${quotas} antigravity_model_quotas ORDER BY 1, 2`)
  const models = 'SELECT * FROM kiro_subscription_models ORDER BY 1, 2'
  await same(models, models)
  const map = await owners()
  const kiro = 'SELECT account_id, user_id, to_jsonb(k) - $$user_id$$ FROM kiro_accounts k ORDER BY 1'
  const due = await ask(plugin, kiro)
  expect(due.length).toBe(SIZES.accounts / 5)
  expect(due.some(([, user]) => user === null)).toBe(true)
  expect(await ask(backend, kiro)).toEqual(
    due.map(([id, user, rest]) => [id, user === null ? null : map.get(user!), rest]),
  )
})

test('a second run adds no row and changes no value', async () => {
  const before = await untouched(backend, TABLES)
  expect(await migrate()).toMatchObject({ status: 0 })
  expect(await untouched(backend, TABLES)).toEqual(before)
})

test('a token that the plugin renewed meanwhile is taken over', async () => {
  const [cookie] = await askColumn(plugin, 'SELECT min(cookie_id) FROM accounts')
  await execute(
    plugin,
    `UPDATE accounts SET access_token = 'renewed', expires_at = NULL WHERE cookie_id = '${cookie}'`,
  )
  expect(await migrate()).toMatchObject({ status: 0 })
  expect(
    await ask(
      backend,
      `SELECT cookie_id, token_expires_at FROM antigravity_accounts WHERE access_token = 'renewed'`,
    ),
  ).toEqual([[cookie, null]])
})

test('verify sees that all is there, and what somebody changed', async () => {
  const verify = () => story.run(['verify'], env, 'direct.config.ts')
  expect(await verify()).toMatchObject({ status: 0 })
  await execute(
    backend,
    `UPDATE antigravity_accounts SET need_refresh = NOT need_refresh WHERE cookie_id = 'cookie-torn'`,
  )
  const { status, stdout } = await verify()
  expect(status).toBe(1)
  expect(stdout).toContain('cookie-torn')
  expect(stdout).toContain('need_refresh')
})

test('an older plugin without Kiro’s tables moves what it has, and the rest is noted', async () => {
  const [target, source] = [await server.database(), await server.database()]
  const sizes = { users: 20, accounts: 40, kiro: false, strangers: false }
  await makeBackend(target, sizes)
  await makePlugin(source, sizes)
  const older = { DATABASE_URL: target, PLUGIN_DATABASE_URL: source }
  const { status, stdout } = await story.run(['migrate', '--yes'], older, 'direct.config.ts')
  expect(status).toBe(0)
  expect(stdout).toMatch(/kiro_accounts/)
  expect(await askNumber(target, 'SELECT count(*) FROM antigravity_accounts')).toBe(44)
  const owner = `SELECT count(*) FROM antigravity_accounts WHERE user_id = ${backendUserId(ownerOf(1, 20))}`
  expect(await askNumber(target, owner)).toBeGreaterThan(0)
})
