import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connected, executeFile } from '../../recipes/database.ts'
import { makeApplication } from '../../recipes/token-system/sample.ts'
import { psql } from '../declared/running.ts'
import { needs } from '../support/needs.ts'
import { testServer } from '../support/postgres.ts'
import { ask, askColumn, askNumber, execute, recipe, untouched } from './recipe.ts'

/** System 5: the schema, redeeming, spending, recomputing, and undoing it all. */
const SIZES = { users: 60, logs: 400 }
const story = recipe('token-system')
const server = await testServer()
const application = await server.database()
const on = (url: string) => ({ DATABASE_URL: url })
const landfall = (...args: string[]) => story.run(['schema', ...args], on(application))
const file = (name: string) => new URL(`../../recipes/token-system/${name}.sql`, import.meta.url)

const SEEN = `SELECT table_name, column_name, data_type, character_maximum_length, column_default, is_nullable
  FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`

let before: unknown

beforeAll(async () => {
  await makeApplication(application, SIZES)
  before = await ask(application, SEEN)
})
afterAll(async () => {
  story.remove()
  await server.stop()
})

test('apply makes what system 5 says, and verify agrees; again, nothing is done', async () => {
  expect((await landfall('apply')).status).toBe(0)
  const columns = await ask(
    application,
    `SELECT column_name, data_type, character_maximum_length::text, column_default, is_nullable
      FROM information_schema.columns
      WHERE table_name = 'users' AND column_name IN ('role', 'token_balance', 'token_updated_at') ORDER BY 1`,
  )
  expect(columns).toEqual([
    ['role', 'character varying', '32', "'user'::character varying", 'YES'],
    ['token_balance', 'bigint', null, '0', 'YES'],
    ['token_updated_at', 'timestamp without time zone', null, null, 'YES'],
  ])
  const logs = `SELECT column_name FROM information_schema.columns WHERE table_name = 'token_logs' ORDER BY 1`
  expect(await askColumn(application, logs)).toEqual(
    'assistant_name completion_tokens created_at id model_name prompt_tokens total_tokens user_id'.split(' '),
  )
  expect(await askNumber(application, 'SELECT count(*) FROM token_logs')).toBe(SIZES.logs)
  expect(
    await askNumber(
      application,
      `SELECT column_default FROM information_schema.columns WHERE table_name = 'invite_codes' AND column_name = 'tokens'`,
    ),
  ).toBe(1_000_000)
  expect((await landfall('verify')).status).toBe(0)
  const rows = await untouched(application, ['users', 'token_logs'])
  expect((await landfall('apply')).stdout).toContain('Nothing to do')
  expect(await untouched(application, ['users', 'token_logs'])).toEqual(rows)
})

/** Each on a connection of its own, all at once: they are let go when all of them are there. */
async function atOnce(statements: readonly string[]): Promise<(readonly string[])[]> {
  return await connected(application, async (gate) => {
    await gate.query('SELECT pg_advisory_lock(42)')
    const all = statements.map((statement) =>
      connected(application, async (client) => {
        await client.query('SELECT pg_advisory_lock_shared(42)')
        const { rows } = await client.query({ text: statement, rowMode: 'array' })
        return rows.map(([value]) => String(value))
      }),
    )
    const waiting = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
    while ((await askNumber(application, waiting)) < statements.length);
    await gate.query('SELECT pg_advisory_unlock(42)')
    return await Promise.all(all)
  })
}

const balance = (user: number): Promise<number> =>
  askNumber(application, `SELECT token_balance FROM users WHERE id = ${user}`)
const twenty = Array.from({ length: 20 }, (_, i) => i + 1)

describe('redeeming and spending', () => {
  beforeAll(async () => {
    await connected(application, (client) => executeFile(client, file('tokens')))
    await execute(
      application,
      `INSERT INTO invite_codes (code, tokens) SELECT 'MANY-' || i, i * 1000 FROM generate_series(1, 20) AS i`,
    )
  })

  test('twenty sessions redeem one code at the same moment: one of them wins, for all users and for one', async () => {
    for (let round = 1; round <= 5; round++) {
      const code = `ONCE-${round}`
      await execute(application, `INSERT INTO invite_codes (code) VALUES ('${code}')`)
      const users = round % 2 === 0 ? twenty.map(() => 30) : twenty
      const sum = await askNumber(application, 'SELECT sum(token_balance) FROM users')
      const answers = await atOnce(
        users.map((user) => `SELECT granted FROM redeem_invite_code(${user}, '${code}')`),
      )
      expect(answers.flat()).toEqual(['1000000'])
      expect(await askNumber(application, 'SELECT sum(token_balance) FROM users')).toBe(sum + 1_000_000)
      const [winner] = await askColumn(
        application,
        `SELECT redeemed_by FROM invite_codes WHERE code = '${code}'`,
      )
      if (round % 2 === 1) expect(answers[Number(winner) - 1]).toEqual(['1000000'])
      const entries = `SELECT user_id FROM token_ledger l JOIN invite_codes c ON c.id = l.invite_code_id WHERE code = '${code}'`
      expect(await askColumn(application, entries)).toEqual([winner])
    }
  })

  test('twenty codes for one user at the same moment: the balance is their sum', async () => {
    const answers = await atOnce(twenty.map((i) => `SELECT granted FROM redeem_invite_code(40, 'MANY-${i}')`))
    expect(
      answers
        .flat()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(twenty.map((i) => i * 1000))
    expect(await balance(40)).toBe(210_000)
  })

  test('a code that is unknown, or for nobody, changes nothing', async () => {
    const rows = await untouched(application, ['users', 'invite_codes', 'token_ledger'])
    expect(await ask(application, `SELECT * FROM redeem_invite_code(1, 'NONE')`)).toEqual([])
    await execute(application, `INSERT INTO invite_codes (code) VALUES ('FREE')`)
    const free = await untouched(application, ['users', 'invite_codes', 'token_ledger'])
    await expect(ask(application, `SELECT * FROM redeem_invite_code(-1, 'FREE')`)).rejects.toThrow()
    expect(await untouched(application, ['users', 'invite_codes', 'token_ledger'])).toEqual(free)
    expect(free.users).toBe(rows.users)
  })

  test('a balance is never overdrawn, however many spend at once', async () => {
    await execute(application, `INSERT INTO invite_codes (code, tokens) VALUES ('SMALL', 5500)`)
    await ask(application, `SELECT * FROM redeem_invite_code(41, 'SMALL')`)
    const answers = await atOnce(
      twenty.map(() => `SELECT balance FROM spend_tokens(41, 700, 300, 'gpt-4o', 'writer')`),
    )
    expect(
      answers
        .flat()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([500, 1500, 2500, 3500, 4500])
    expect(await balance(41)).toBe(500)
    expect(
      await askNumber(
        application,
        `SELECT count(*) FROM token_logs WHERE user_id = 41 AND assistant_name = 'writer'`,
      ),
    ).toBe(5)
  })

  test('balances are recomputed from the ledger, while others redeem and spend', async () => {
    await execute(application, 'UPDATE users SET token_balance = token_balance + id WHERE id <= 20')
    const verified = await landfall('verify')
    expect(verified.status).toBe(1)
    expect(verified.stdout).toContain('balance is the sum of the ledger')
    await execute(
      application,
      `INSERT INTO invite_codes (code, tokens) SELECT 'LATE-' || i, 100 FROM generate_series(1, 20) AS i`,
    )
    await atOnce([
      ...twenty.map((i) => `SELECT granted FROM redeem_invite_code(${i}, 'LATE-${i}')`),
      ...twenty.map((i) => `SELECT balance FROM spend_tokens(${i}, 1, 1, 'gpt-4o')`),
      ...twenty.slice(0, 4).map(() => 'SELECT user_id FROM recompute_token_balances()'),
    ])
    expect(await ask(application, 'SELECT * FROM recompute_token_balances()')).toEqual([])
    expect((await landfall('verify')).status).toBe(0)
  })
})

test('undo shows the data, drops what was made, and leaves what was there', async () => {
  const logs = await askNumber(application, 'SELECT count(*) FROM token_logs')
  const shown = await landfall('undo', '--dry-run')
  expect(shown.stdout).toMatch(/token_ledger/)
  expect((await landfall('undo')).status).toBe(5)
  expect((await landfall('undo', '--yes')).status).toBe(0)
  expect(await ask(application, SEEN)).toEqual(before)
  expect(await askNumber(application, 'SELECT count(*) FROM token_logs')).toBe(logs)
})

needs('psql')('the SQL file comes to the same, and undo knows it', async () => {
  const { status, stdout } = await landfall('sql')
  expect(status).toBe(0)
  expect((await psql(application, stdout)).status).toBe(0)
  expect((await landfall('verify')).status).toBe(0)
  expect((await landfall('plan')).stdout).toContain('Complete')
  expect((await landfall('undo', '--yes')).status).toBe(0)
  expect(await ask(application, SEEN)).toEqual(before)
})

test('an application without token_logs gets the table', async () => {
  const fresh = await server.database()
  await makeApplication(fresh, { ...SIZES, logs: 0 })
  expect((await story.run(['schema', 'apply'], on(fresh))).status).toBe(0)
  await execute(fresh, readFileSync(file('tokens'), 'utf8'))
  await execute(fresh, readFileSync(file('codes'), 'utf8'))
  expect(await ask(fresh, `SELECT * FROM redeem_invite_code(1, 'SPRING-1')`)).toEqual([
    ['1000000', '1000000'],
  ])
  expect((await story.run(['schema', 'verify'], on(fresh))).status).toBe(0)
})
