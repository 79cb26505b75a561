import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connected, executeFile } from '../../recipes/database.ts'
import { makeBackend, makePlugin, STRANGE_COOKIES } from '../../recipes/plugin-to-backend/sample.ts'
import { type Ended, landfall } from '../cli/run.ts'
import { type PrivateServer, privateServer } from '../faults/private-server.ts'
import { query } from '../migrate/migrating.ts'
import { untouched } from '../recipes/recipe.ts'
import { startPooler } from '../support/pooler.ts'
import { testServer } from '../support/postgres.ts'
import { CONFIG, STATE } from './starts.ts'

const SIZES = { users: 40, accounts: 200, kiro: true, strangers: false }
const TABLES = [
  'users',
  'plugin_api_keys',
  'plugin_user_mappings',
  'antigravity_accounts',
  'antigravity_model_quotas',
  'kiro_accounts',
  'kiro_subscription_models',
]
const server = await testServer()
const plugin = await server.database()
const folder = mkdtempSync(join(tmpdir(), 'landfall-boot-'))

beforeAll(() => makePlugin(plugin, SIZES))
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await server.stop()
})

async function backendWith(sql = ''): Promise<string> {
  const url = await server.database()
  await makeBackend(url, SIZES)
  if (sql !== '') await query(url, sql)
  return url
}

/** One start of an application that says that it runs. */
async function start(backend: string, source = plugin, ...more: string[]): Promise<Ended> {
  const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: source }
  const ended = await landfall(['boot', '--config', CONFIG, ...more, '--', 'echo', 'application'], {
    cwd: folder,
    env,
  })
  for (const url of [backend, source]) {
    const { password } = new URL(url)
    if (password !== '') expect(ended.stdout + ended.stderr).not.toContain(password)
  }
  return ended
}

const BLOCKED = { stdout: '' }
const STARTED = { status: 0, stdout: 'application\n' }
const stateOf = (backend: string) => query(backend, `SELECT status, error_code FROM ${STATE}`)

describe('a failure blocks the start, leaves the tables as they were, and is mended by starting again:', () => {
  test('mappings are missing', async () => {
    const backend = await backendWith()
    const strange = await server.database()
    await makePlugin(strange, { ...SIZES, strangers: true })
    const before = await untouched(backend, TABLES)
    const ended = await Promise.all([1, 2, 3].map(() => start(backend, strange)))
    for (const one of ended) {
      expect(one).toMatchObject({ ...BLOCKED, status: 5, stderr: expect.stringContaining('error LF209') })
      for (const cookie of STRANGE_COOKIES) expect(one.stderr).toContain(cookie)
    }
    expect(await untouched(backend, TABLES)).toEqual(before)
    expect(await stateOf(backend)).toEqual([['failed', 'LF209']])
    const mend = new URL('../../recipes/plugin-to-backend/mend.sql', import.meta.url)
    await connected(backend, (client) => executeFile(client, mend))
    expect(await start(backend, strange)).toMatchObject(STARTED)
    expect(await stateOf(backend)).toEqual([['done', null]])
  })

  test('the target refuses at the very end, and those that waited are told the same', async () => {
    const backend = await backendWith(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN PERFORM pg_sleep(3); RAISE EXCEPTION 'the dog ate it'; END$$;
      CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON kiro_subscription_models DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse()`)
    const before = await untouched(backend, TABLES)
    const ended = await Promise.all([1, 2, 3, 4].map(() => start(backend)))
    for (const one of ended) {
      expect(one).toMatchObject({ ...BLOCKED, status: 4 })
      expect(one.stderr).toContain('error LF304')
      expect(one.stderr).toContain('the dog ate it')
    }
    expect(ended.filter(({ stderr }) => stderr.includes('whoever waited for it stops, too'))).toHaveLength(3)
    expect(await untouched(backend, TABLES)).toEqual(before)
    await query(backend, 'DROP TRIGGER refuse ON kiro_subscription_models')
    expect(await start(backend)).toMatchObject(STARTED)
  })

  test('what came is not what the source holds', async () => {
    const backend = await backendWith(`
      CREATE FUNCTION improve() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN UPDATE antigravity_accounts SET status = 7 WHERE cookie_id = 'cookie-torn'; RETURN NULL; END$$;
      CREATE TRIGGER improve AFTER INSERT ON kiro_subscription_models FOR EACH STATEMENT EXECUTE FUNCTION improve()`)
    const before = await untouched(backend, TABLES)
    const ended = await start(backend)
    expect(ended).toMatchObject({ ...BLOCKED, stderr: expect.stringContaining('error LF211') })
    expect(ended.status).toBe(5)
    expect(ended.stderr).toContain('cookie-torn')
    expect(await untouched(backend, TABLES)).toEqual(before)
    expect(await stateOf(backend)).toEqual([['failed', 'LF211']])
    await query(backend, 'DROP TRIGGER improve ON kiro_subscription_models')
    expect(await start(backend)).toMatchObject(STARTED)
  })

  test('the target may only be read', async () => {
    const backend = await backendWith()
    const name = new URL(backend).pathname.slice(1)
    await query(server.url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    expect(await start(backend)).toMatchObject({
      ...BLOCKED,
      status: 4,
      stderr: expect.stringContaining('error LF308'),
    })
    await query(server.url, `ALTER DATABASE ${name} RESET default_transaction_read_only`)
    expect(await start(backend)).toMatchObject(STARTED)
    await query(server.url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    expect(await start(backend)).toMatchObject(STARTED)
  })

  test('a pooler lends its connections for a transaction', async () => {
    const backend = await backendWith()
    const pooler = await startPooler(backend, 'transaction', 3)
    const through = new URL(backend)
    through.port = String(pooler.port)
    try {
      const before = await untouched(backend, TABLES)
      const ended = await start(through.href)
      expect(ended).toMatchObject({ ...BLOCKED, status: 4 })
      expect(ended.stderr).toContain('error LF309')
      expect(ended.stderr).toContain('direct connection')
      expect(await query(backend, "SELECT count(*) FROM pg_namespace WHERE nspname = 'landfall'")).toEqual([
        ['0'],
      ])
      expect(await untouched(backend, TABLES)).toEqual(before)
      expect(await start(backend)).toMatchObject(STARTED)
      // What is done is looked up, which needs no lock.
      expect(await start(through.href)).toMatchObject(STARTED)
    } finally {
      await pooler.close()
    }
  })

  test.each([
    [
      'a row of another version',
      `UPDATE ${STATE} SET version = 2, status = 'failed'`,
      `UPDATE ${STATE} SET version = 1`,
    ],
    [
      'a row with another word',
      `ALTER TABLE ${STATE} DROP CONSTRAINT ${STATE}_status_check; UPDATE ${STATE} SET status = 'success'`,
      `UPDATE ${STATE} SET status = 'done'`,
    ],
    [
      'a table of something else',
      `ALTER TABLE ${STATE} RENAME config TO plan`,
      `ALTER TABLE ${STATE} RENAME plan TO config`,
    ],
  ])('the state table has %s', async (_, spoil, mend) => {
    const backend = await backendWith()
    expect(await start(backend)).toMatchObject(STARTED)
    await query(backend, spoil)
    const ended = await start(backend)
    expect(ended).toMatchObject({ ...BLOCKED, status: 4 })
    expect(ended.stderr).toContain('error LF404')
    expect(ended.stderr).toContain(STATE)
    await query(backend, mend)
    expect(await start(backend)).toMatchObject(STARTED)
  })
})

describe('servers that fail in the middle', () => {
  let own: PrivateServer
  beforeAll(async () => {
    own = await privateServer()
    await own.start()
  })
  afterAll(async () => {
    await own.stop('immediate')
    await own.remove()
  })

  test('the source goes away, and the target is as it was', async () => {
    const source = await own.database()
    await makePlugin(source, { ...SIZES, accounts: 20_000 })
    const backend = await backendWith()
    const before = await untouched(backend, TABLES)
    const starting = start(backend, source)
    while ((await stateOf(backend).catch(() => [])).length === 0)
      await new Promise((done) => setTimeout(done, 5))
    await own.stop('kill')
    expect(await starting).toMatchObject({
      ...BLOCKED,
      status: 3,
      stderr: expect.stringMatching(/error LF10[14]/),
    })
    expect(await untouched(backend, TABLES)).toEqual(before)
    expect(await start(backend, source)).toMatchObject({ ...BLOCKED, status: 3 })
    await own.start()
    expect(await start(backend, source)).toMatchObject(STARTED)
  })

  test('the target is full, and is as it was', async () => {
    const source = await server.database()
    await makePlugin(source, { ...SIZES, accounts: 20_000 })
    const backend = await own.database()
    await makeBackend(backend, SIZES)
    await query(backend, 'CHECKPOINT')
    const before = await untouched(backend, TABLES)
    await own.stop('fast')
    await own.start({ largestFileMb: 4 })
    const ended = await start(backend, source)
    expect(ended).toMatchObject({ ...BLOCKED, status: 4, stderr: expect.stringContaining('error LF304') })
    expect(await untouched(backend, TABLES)).toEqual(before)
    await own.stop('fast')
    await own.start()
    expect(await start(backend, source)).toMatchObject(STARTED)
  })
})

describe('tables that are copied as they are', () => {
  const REFUSE = `CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
      $$BEGIN RAISE EXCEPTION 'no indexes today'; END$$;
    CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE INDEX', 'ALTER TABLE') EXECUTE FUNCTION refuse()`
  const SHOP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);
    INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
    CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users (id), qty integer);
    CREATE INDEX orders_user ON orders (user_id); INSERT INTO orders VALUES (1, 1, 5), (2, 2, 7)`
  const others = (url: string) =>
    query(
      url,
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> 'refuse' ORDER BY 1",
    )

  test.each(['sqlite', 'postgres'] as const)(
    'from %s are taken back, and copied by the next start',
    async (engine) => {
      let source = `sqlite:${join(folder, 'shop.db')}`
      if (engine === 'sqlite') {
        const database = new DatabaseSync(join(folder, 'shop.db'))
        database.exec(SHOP)
        database.close()
      } else {
        source = await server.database()
        await query(source, SHOP)
      }
      const target = await server.database()
      await query(target, REFUSE)
      const config = join(folder, `${engine}.config.ts`)
      writeFileSync(config, `export default { name: 'shop', source: ${JSON.stringify(source)} }`)
      const begin = () =>
        landfall(['boot', '--config', config, '--to', target, '--', 'echo', 'application'], { cwd: folder })
      const refused = await begin()
      expect(refused).toMatchObject({ ...BLOCKED, status: 4 })
      expect(refused.stderr).toContain('no indexes today')
      expect(refused.stderr).toContain('The target’s tables are as they were')
      expect(await others(target)).toEqual([])
      expect(await query(target, 'SELECT status FROM landfall.boot_states')).toEqual([['failed']])
      await query(target, 'DROP EVENT TRIGGER refuse')
      expect(await begin()).toMatchObject(STARTED)
      expect(await query(target, 'SELECT count(*) FROM orders')).toEqual([['2']])
      // The journal knows that it is done, whatever becomes of the row.
      await query(target, 'DELETE FROM landfall.boot_states')
      expect(await begin()).toMatchObject(STARTED)
    },
  )
})

test('what is done is done, though nobody knows the source any more', async () => {
  const backend = await backendWith()
  expect(await start(backend)).toMatchObject(STARTED)
  const config = join(folder, 'forgotten.config.ts')
  writeFileSync(
    config,
    `import { env } from 'landfall'
     import started from ${JSON.stringify(CONFIG)}
     const { boot: { onlyIf: _, ...boot }, ...same } = started
     export default { ...same, source: env('NO_SUCH_VARIABLE'), boot }`,
  )
  const ended = (to: string) =>
    landfall(['boot', '--config', config, '--', 'echo', 'application'], {
      cwd: folder,
      env: { DATABASE_URL: to },
    })
  expect(await ended(backend)).toMatchObject(STARTED)
  expect(await ended(await backendWith())).toMatchObject({
    ...BLOCKED,
    status: 2,
    stderr: expect.stringContaining('LF004'),
  })
})
