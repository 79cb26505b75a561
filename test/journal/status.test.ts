import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { recordStep } from '../../src/journal/evidence.ts'
import { fenced } from '../../src/journal/fence.ts'
import { beginRun, failRun, forgetRun, recordDone } from '../../src/journal/journal.ts'
import { acquireLock } from '../../src/journal/lock.ts'
import { ensureJournal, journalState } from '../../src/journal/schema.ts'
import { chunkDone } from '../../src/journal/statements.ts'
import { status } from '../../src/journal/status.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { chunksOf, execute, HOLDER, newRun, open, plan, reportOf } from './sample-run.ts'

let server: TestServer
let url: string
let session: Session
let watcher: Session

beforeEach(async () => {
  server = await testServer()
  url = await server.database()
  session = await open(url)
  watcher = await open(url)
})
afterEach(async () => {
  await session.close()
  await watcher.close()
  await server.stop()
})

const migrations = async () => (await status(watcher, 'label')).migrations
const states = async () => (await migrations()).map(({ migration, state }) => `${migration}: ${state}`)

test('an empty target has an empty status, and stays as it is', async () => {
  expect(await status(watcher, 'label')).toEqual({
    version: 1,
    command: 'status',
    target: 'label',
    migrations: [],
  })
  expect((await session.query("SELECT FROM pg_namespace WHERE nspname = 'landfall'")).rowCount).toBe(0)
})

test('status follows a run through all its states', async () => {
  const name = 'a "name"'
  const lock = await acquireLock(session, name, HOLDER)
  expect(await migrations()).toMatchObject([{ state: 'running', phase: 'preparing', tables: [] }])
  const run = await beginRun(session, lock, newRun(plan(name, { b: 20, a: 5 }), [...chunksOf('b', 2)]))
  await fenced(session, lock, () => recordStep(session, run.id, 'table b'))
  await execute(session, chunkDone(run.id, 'b', 0), 10, 9, 1, 5, 'ab')
  expect(await migrations()).toEqual([
    {
      migration: name,
      state: 'running',
      source: 'sqlite:app.db',
      startedAt: run.startedAt.toISOString(),
      finishedAt: null,
      holder: expect.stringMatching(/^host-1, process 4711, since \d{4}-.*Z$/),
      error: null,
      phase: 'schema',
      tables: [
        { table: 'b', rows: 20, loaded: 9, setAside: 1, chunks: 2, chunksDone: 1 },
        { table: 'a', rows: 5, loaded: 0, setAside: 0, chunks: 0, chunksDone: 0 },
      ],
      steps: { all: 1, done: 1 },
    },
  ])
  await lock.release()
  expect(await migrations()).toMatchObject([{ state: 'interrupted', holder: null }])
  await failRun(session, lock, run.id, { code: 'LF304', message: 'disk' })
  expect(await migrations()).toMatchObject([{ state: 'failed', holder: null, error: 'LF304: disk' }])
  await execute(session, chunkDone(run.id, 'b', 1), 10, 10, 0, 5, 'ab')
  await session.query("UPDATE landfall.runs SET state = 'running'")
  await fenced(session, lock, () => recordDone(session, run.id, reportOf(name)))
  expect(await migrations()).toMatchObject([{ state: 'done', finishedAt: expect.stringMatching(/Z$/) }])
  await fenced(session, lock, () => forgetRun(session, run.id))
  expect(await migrations()).toEqual([])
})

test('migrations stand side by side, the latest run first', async () => {
  const first = await acquireLock(session, 'first', HOLDER)
  await beginRun(session, first, newRun(plan('first', {}), []))
  await first.release()
  const second = await acquireLock(session, 'second', HOLDER)
  await beginRun(session, second, newRun(plan('second', {}), []))
  expect(await states()).toEqual(['second: running', 'first: interrupted'])
  await second.release()
})

test('status does not wait for a run in the middle of a transaction', async () => {
  const lock = await acquireLock(session, 'm', HOLDER)
  const run = await beginRun(session, lock, newRun(plan('m', { a: 10 }), chunksOf('a', 1)))
  await fenced(session, lock, async () => {
    await execute(session, chunkDone(run.id, 'a', 0), 10, 10, 0, 5, 'ab')
    const [found] = await migrations()
    expect(found?.tables).toMatchObject([{ chunksDone: 0 }])
  })
  expect((await migrations())[0]?.tables).toMatchObject([{ chunksDone: 1 }])
  await lock.release()
})

test('a role that may only create schemas can keep the journal; one without rights sees an empty status', async () => {
  const [owner, stranger] = ['owner', 'stranger'].map((role) => `${role}_${process.pid}_${Date.now()}`)
  const database = (await session.query<{ name: string }>('SELECT current_database() AS name')).rows[0]!.name
  for (const role of [owner, stranger]) await session.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
  await session.query(`GRANT CREATE ON DATABASE "${database}" TO ${owner}`)
  const as = async (role: string) => {
    const address = new URL(url)
    address.username = role
    address.password = 'x'
    return await open(address.href)
  }
  const [ownerSession, strangerSession] = [await as(owner!), await as(stranger!)]
  const lock = await acquireLock(ownerSession, 'm', HOLDER)
  await beginRun(ownerSession, lock, newRun(plan('m', { a: 10 }), chunksOf('a', 1)))
  expect((await status(ownerSession, 'label')).migrations).toMatchObject([{ state: 'running' }])
  expect((await status(strangerSession, 'label')).migrations).toEqual([])
  await expect(acquireLock(strangerSession, 'm', HOLDER)).rejects.toMatchObject({ code: 'LF304' })
  await lock.release()
  await ownerSession.close()
  await strangerSession.close()
  await session.query('DROP SCHEMA landfall CASCADE')
  await session.query(`REVOKE ALL ON DATABASE "${database}" FROM ${owner}`)
  for (const role of [owner, stranger]) await session.query(`DROP ROLE ${role}`)
})

test('a journal of another version, or a schema of something else, is left alone', async () => {
  await ensureJournal(session)
  expect(await journalState(watcher)).toBe('present')
  await session.query('UPDATE landfall.version SET version = 99')
  for (const attempt of [
    () => status(watcher, 'label'),
    () => ensureJournal(session),
    () => acquireLock(session, 'm', HOLDER),
  ])
    await expect(attempt()).rejects.toMatchObject({
      code: 'LF404',
      message: expect.stringContaining('version 99'),
    })
  await session.query('DROP SCHEMA landfall CASCADE; CREATE SCHEMA landfall; CREATE TABLE landfall.runs ()')
  await expect(ensureJournal(session)).rejects.toMatchObject({ code: 'LF404' })
  await session.query('DROP TABLE landfall.runs; CREATE TABLE landfall.unrelated ()')
  await ensureJournal(session)
  expect(await journalState(watcher)).toBe('present')
})

test('every table and column of the journal says what it is', async () => {
  await ensureJournal(session)
  const { rows } = await session.query(
    `SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
      WHERE c.relnamespace = 'landfall'::regnamespace AND c.relkind = 'r'
        AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)`,
  )
  expect(rows).toEqual([])
})
