import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBackend, makePlugin } from '../../recipes/plugin-to-backend/sample.ts'
import { BIN, type Ended, landfall } from '../cli/run.ts'
import { query } from '../migrate/migrating.ts'
import { untouched } from '../recipes/recipe.ts'
import { testServer } from '../support/postgres.ts'
import { CONFIG, STATE } from './starts.ts'

/** Others who work in the same databases while a migration starts. */
const SIZES = { users: 40, accounts: 100, kiro: true, strangers: false }
const STARTED = { status: 0, stdout: 'application\n' }
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

function start(backend: string, ...more: string[]): Promise<Ended> {
  const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: plugin }
  return landfall(['boot', '--config', CONFIG, ...more, '--', 'echo', 'application'], { cwd: folder, env })
}

/** A transaction that stays open until it is told to end. */
async function open(url: string, sql: string): Promise<{ end(): Promise<void> }> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  await client.query(`BEGIN; ${sql}`)
  return {
    async end() {
      await client.query('COMMIT')
      await client.end()
    },
  }
}

async function until(look: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 2000; looks++) {
    if (await look().catch(() => false)) return
    await sleep(10)
  }
  throw new Error('it did not come to that')
}

const statusIs = (backend: string, status: string) => async () =>
  (await query(backend, `SELECT status FROM ${STATE}`))[0]?.[0] === status

/** Keeps whoever migrates busy until it ends. */
const heldUp = (backend: string) => open(backend, 'LOCK TABLE kiro_accounts IN SHARE MODE')

describe('mapped moves', () => {
  test('what deferred triggers change is compared before it is done', async () => {
    const backend = await backendWith(`
      CREATE FUNCTION improve() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN UPDATE antigravity_accounts SET status = 7 WHERE cookie_id = 'cookie-torn'; RETURN NULL; END$$;
      CREATE CONSTRAINT TRIGGER improve AFTER INSERT ON kiro_subscription_models DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION improve()`)
    const before = await untouched(backend, ['antigravity_accounts', 'kiro_subscription_models'])
    const ended = await start(backend)
    expect(ended).toMatchObject({
      status: 5,
      stdout: '',
      stderr: expect.stringContaining('cookie-torn: changed'),
    })
    expect(await untouched(backend, ['antigravity_accounts', 'kiro_subscription_models'])).toEqual(before)
  })

  test('the state row is taken away while it runs', async () => {
    const backend = await backendWith()
    const other = await heldUp(backend)
    const starting = start(backend)
    await until(statusIs(backend, 'running'))
    await query(backend, `DELETE FROM ${STATE}`)
    await other.end()
    expect(await starting).toMatchObject(STARTED)
    expect(await query(backend, `SELECT status FROM ${STATE}`)).toEqual([['done']])
  })

  test('a failure that a clock puts into the future does not keep anybody from trying', async () => {
    const backend = await backendWith('CREATE RULE refuse AS ON INSERT TO kiro_accounts DO INSTEAD NOTHING')
    expect((await start(backend)).status).not.toBe(0)
    await query(
      backend,
      `DROP RULE refuse ON kiro_accounts; UPDATE ${STATE} SET finished_at = now() + interval '1 hour'`,
    )
    expect(await start(backend)).toMatchObject(STARTED)
  })

  test('the connections of those that wait break', async () => {
    const backend = await backendWith()
    const other = await heldUp(backend)
    const running = start(backend)
    await until(statusIs(backend, 'running'))
    const waiting = [start(backend), start(backend)]
    const idle = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'landfall boot'
      AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')`
    await until(async () => Number((await query(backend, `SELECT count(*) ${idle}`))[0]![0]) === 2)
    await sleep(500)
    await query(backend, `SELECT pg_terminate_backend(pid) ${idle}`)
    await sleep(500)
    await other.end()
    for (const one of [running, ...waiting]) expect(await one).toMatchObject(STARTED)
    expect(await query(backend, `SELECT attempts FROM ${STATE}`)).toEqual([['1']])
  })

  test('the lock of the one that migrates is lost, and it goes on itself', async () => {
    const backend = await backendWith()
    const other = await heldUp(backend)
    const running = start(backend, '--wait', '20s')
    await until(statusIs(backend, 'running'))
    await query(
      backend,
      "SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() WHERE locktype = 'advisory'",
    )
    await sleep(300)
    await other.end()
    expect(await running).toMatchObject(STARTED)
    expect(await query(backend, `SELECT status, attempts FROM ${STATE}`)).toEqual([['done', '2']])
    expect(await query(backend, "SELECT count(*) FROM landfall.runs WHERE state = 'done'")).toEqual([['1']])
  })

  test('SIGTERM ends a start that looks up what somebody has locked', async () => {
    const backend = await backendWith()
    expect(await start(backend)).toMatchObject(STARTED)
    const other = await open(backend, `LOCK TABLE ${STATE} IN ACCESS EXCLUSIVE MODE`)
    const child = spawn(process.execPath, [BIN, 'boot', '--config', CONFIG, '--', 'echo', 'application'], {
      env: { ...process.env, DATABASE_URL: backend, PLUGIN_DATABASE_URL: plugin },
      stdio: 'ignore',
    })
    const ended = new Promise((resolve) => child.once('close', resolve))
    await until(async () => {
      const waits = await query(
        backend,
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock'",
      )
      return waits[0]![0] !== '0'
    })
    child.kill('SIGTERM')
    expect(await ended).toBe(130)
    await other.end()
  })
})

describe('tables that are copied as they are', () => {
  const SHOP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
    CREATE TABLE orders (id integer PRIMARY KEY, user_id integer); CREATE INDEX orders_user ON orders (user_id); INSERT INTO orders VALUES (1, 1)`
  const refusing = (seconds: number) => `
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
      $$BEGIN PERFORM pg_sleep(${seconds}); RAISE EXCEPTION 'no indexes today'; END$$;
    CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION refuse()`
  const sqlite = join(folder, 'shop.db')
  const config = join(folder, 'shop.config.ts')
  const run = (verb: string, target: string, source = `sqlite:${sqlite}`, ...more: string[]) =>
    landfall([verb, '--config', config, '--from', source, '--to', target, ...more], { cwd: folder })
  const boot = (target: string, source?: string) => run('boot', target, source, '--', 'echo', 'application')

  beforeAll(() => {
    const database = new DatabaseSync(sqlite)
    database.exec(SHOP)
    database.close()
    writeFileSync(config, `export default { name: 'shop', boot: { state: 'shop_states' } }`)
  })

  test('rows that somebody else writes meanwhile are not taken back', async () => {
    const target = await server.database()
    await query(target, `CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL); ${refusing(2)}`)
    const starting = boot(target)
    await until(async () => (await query(target, 'SELECT count(*) FROM users'))[0]![0] === '2')
    const writer = await open(target, "INSERT INTO users VALUES (99, 'of the application')")
    await sleep(4000)
    await writer.end()
    const ended = await starting
    expect(ended).toMatchObject({
      status: 4,
      stdout: '',
      stderr: expect.stringContaining('could not be taken back'),
    })
    expect(await query(target, 'SELECT id FROM users ORDER BY 1')).toEqual([['1'], ['2'], ['99']])
  })

  test('what somebody has loaded by hand is not taken back', async () => {
    const target = await server.database()
    await query(target, refusing(0))
    expect(await run('migrate', target)).toMatchObject({ status: 4 })
    expect(await boot(target)).toMatchObject({ status: 4, stdout: '' })
    expect(await query(target, 'SELECT count(*) FROM users')).toEqual([['2']])
    await query(target, 'DROP EVENT TRIGGER refuse')
    expect(await boot(target)).toMatchObject(STARTED)
  })

  test('a whole PostgreSQL database goes beside the state table, and once more', async () => {
    const [source, target] = [await server.database(), await server.database()]
    await query(source, SHOP)
    expect(await boot(target, source)).toMatchObject(STARTED)
    await query(target, 'CREATE TABLE alembic_version (num text)')
    expect(await query(target, 'SELECT status FROM shop_states')).toEqual([['done']])
    expect(await boot(target, source)).toMatchObject(STARTED)
    await query(target, 'DELETE FROM shop_states')
    expect(await boot(target, source)).toMatchObject(STARTED)
  })
})

test('what was migrated by hand is done, and what the application changed since stays', async () => {
  const backend = await backendWith()
  const env = { DATABASE_URL: backend, PLUGIN_DATABASE_URL: plugin }
  expect(await landfall(['migrate', '--config', CONFIG, '--yes'], { cwd: folder, env })).toMatchObject({
    status: 0,
  })
  await query(backend, "UPDATE antigravity_accounts SET access_token = 'newer'")
  expect(await start(backend)).toMatchObject(STARTED)
  expect(await query(backend, `SELECT status, attempts FROM ${STATE}`)).toEqual([['done', '1']])
  const counts = "SELECT count(*) FROM antigravity_accounts WHERE access_token <> 'newer'"
  expect(await query(backend, counts)).toEqual([['0']])
  // The row of a start that was taken away is no migration by hand.
  const again = await backendWith()
  expect(await start(again)).toMatchObject(STARTED)
  await query(again, `UPDATE antigravity_accounts SET access_token = 'newer'; DELETE FROM ${STATE}`)
  expect(await start(again)).toMatchObject(STARTED)
  expect(await query(again, counts)).not.toEqual([['0']])
})
