import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import {
  addChecks,
  announceSteps,
  createdTables,
  doneSteps,
  readChecks,
  recordStep,
  rejectSummaries,
} from '../../src/journal/evidence.ts'
import { fenced } from '../../src/journal/fence.ts'
import {
  beginRun,
  failRun,
  findRun,
  forgetRun,
  readChunks,
  readPlan,
  readResult,
  recordDone,
  resumeRun,
  setPhase,
} from '../../src/journal/journal.ts'
import { acquireLock, type Lock } from '../../src/journal/lock.ts'
import type { PlannedChunk, Reject, RunRecord } from '../../src/journal/model.ts'
import { chunkDone, epochCheck, insertRejects, rejectBatch } from '../../src/journal/statements.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { chunksOf, execute, HOLDER, newRun, open, plan, reportOf } from './sample-run.ts'

const HOSTILE = `or"ders'; DROP TABLE \\ \t€ 𝄞 {a,"b"}, NULL`
let server: TestServer
let url: string
let lockSession: Session
let session: Session
let lock: Lock
let name: string
let counter = 0

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
  lockSession = await open(url)
  session = await open(url)
})
beforeEach(async () => {
  name = `${HOSTILE} ${counter++}`
  lock = await acquireLock(lockSession, name, HOLDER)
  return () => lock.release()
})
afterAll(async () => {
  await lockSession.close()
  await session.close()
  await server.stop()
})

async function begin(tables: Readonly<Record<string, number>>, chunks: readonly PlannedChunk[]) {
  return await beginRun(session, lock, newRun(plan(name, tables), chunks))
}

/** What a worker does for one chunk. */
async function load(run: RunRecord, of: Lock, chunk: PlannedChunk, rejects: readonly Reject[] = []) {
  await session.transaction(async () => {
    if ((await execute(session, epochCheck(of))) !== 1) throw new Error('fenced')
    if (rejects.length > 0)
      await execute(session, insertRejects(run.id, chunk.move, chunk.seq), rejectBatch(rejects))
    const counts = [10, 10 - rejects.length, rejects.length, 123, 'ab']
    if ((await execute(session, chunkDone(run.id, chunk.move, chunk.seq), ...counts)) !== 1)
      throw new Error('done already')
  })
}

test('a run is found as it was begun, with hostile names, its plan and its bounds exact', async () => {
  expect(await findRun(session, name)).toBeNull()
  const chunks: PlannedChunk[] = [
    { move: HOSTILE, seq: 0, after: null, upTo: ["'it''s'", HOSTILE, '', 'NULL', '9223372036854775807'] },
    { move: HOSTILE, seq: 1, after: ["'it''s'", HOSTILE, '', 'NULL', '9223372036854775807'], upTo: null },
    { move: 'b', seq: 0, after: null, upTo: null },
  ]
  const of = plan(name, { [HOSTILE]: 20, b: 1 })
  const withNul = { ...of, notes: ['a \0 and a \ud800 alone'] }
  const begun = await beginRun(session, lock, { ...newRun(withNul, chunks), choices: 'other' })
  const found = await findRun(session, name)
  expect(found).toEqual(begun)
  expect(found).toMatchObject({
    migration: name,
    epoch: lock.epoch,
    attempt: 1,
    state: 'running',
    phase: 'schema',
    sourceLabel: 'sqlite:app.db',
    planHash: 'h1',
    fingerprint: 'f1',
    finishedAt: null,
    error: null,
  })
  expect(Math.abs(Date.now() - begun.startedAt.getTime())).toBeLessThan(60_000)
  expect(await readPlan(session, begun.id)).toEqual(withNul)
  expect(await readChunks(session, begun.id)).toEqual(
    chunks.map((chunk) => ({ ...chunk, state: 'pending', result: null })),
  )
})

test('a chunk is done once, with the counts it was given', async () => {
  const chunks = chunksOf('a', 2)
  const run = await begin({ a: 20 }, chunks)
  await load(run, lock, chunks[1]!)
  await expect(load(run, lock, chunks[1]!)).rejects.toThrow('done already')
  expect(await readChunks(session, run.id)).toEqual([
    { ...chunks[0], state: 'pending', result: null },
    {
      ...chunks[1],
      state: 'done',
      result: { read: 10, loaded: 10, setAside: 0, bytes: 123, digest: 'ab' },
    },
  ])
})

test('counts that do not add up are refused', async () => {
  const run = await begin({ a: 20 }, chunksOf('a', 1))
  await expect(execute(session, chunkDone(run.id, 'a', 0), 10, 8, 1, 5, 'ab')).rejects.toMatchObject({
    code: 'LF304',
  })
  expect((await readChunks(session, run.id))[0]?.state).toBe('pending')
})

test('an interrupted run is resumed with its chunks, and the attempt before can write no more', async () => {
  const chunks = chunksOf('a', 3)
  const run = await begin({ a: 30 }, chunks)
  await load(run, lock, chunks[0]!)
  const old = lock
  await lock.release()
  lock = await acquireLock(lockSession, name, HOLDER)
  await expect(load(run, old, chunks[1]!)).rejects.toThrow('fenced')
  await expect(setPhase(session, old, run.id, 'copy')).rejects.toMatchObject({ code: 'LF402' })
  const resumed = await resumeRun(session, lock, run.id, { host: 'host-2', pid: 2 })
  expect(resumed).toMatchObject({ id: run.id, epoch: lock.epoch, attempt: 2, state: 'running' })
  await failRun(session, old, run.id, { code: 'LF304', message: 'late' })
  expect(await findRun(session, name)).toEqual(resumed)
  await setPhase(session, lock, run.id, 'copy')
  expect((await findRun(session, name))?.phase).toBe('copy')
  expect((await readChunks(session, run.id)).map((chunk) => chunk.state)).toEqual([
    'done',
    'pending',
    'pending',
  ])
})

test('a failure is kept until the run is resumed', async () => {
  const run = await begin({ a: 10 }, chunksOf('a', 1))
  await failRun(session, lock, run.id, { code: 'LF304', message: 'no \0 space' })
  expect(await findRun(session, name)).toMatchObject({ state: 'failed', error: 'LF304: no \u2400 space' })
  expect(await resumeRun(session, lock, run.id, HOLDER)).toMatchObject({ state: 'running', error: null })
})

test('a run is done only when all its chunks are', async () => {
  const chunks = chunksOf('a', 2)
  const run = await begin({ a: 20 }, chunks)
  await load(run, lock, chunks[0]!)
  await expect(
    fenced(session, lock, () => recordDone(session, run.id, reportOf(name))),
  ).rejects.toMatchObject({ code: 'LF900' })
  expect(await readResult(session, run.id)).toBeNull()
  await load(run, lock, chunks[1]!)
  await fenced(session, lock, () => recordDone(session, run.id, reportOf(name)))
  const done = await findRun(session, name)
  expect(done?.state).toBe('done')
  expect(done?.finishedAt).toBeInstanceOf(Date)
  expect(await readResult(session, run.id)).toEqual(reportOf(name))
  await expect(resumeRun(session, lock, run.id, HOLDER)).rejects.toMatchObject({ code: 'LF900' })
  await failRun(session, lock, run.id, { code: 'LF304', message: 'late' })
  expect((await findRun(session, name))?.state).toBe('done')
})

test('finishing waits for the disk even where the database does not', async () => {
  const run = await begin({}, [])
  await session.query("SELECT set_config('synchronous_commit', 'off', false)")
  let during: unknown
  const watched: Session = {
    ...session,
    query: session.query.bind(session),
    columnsOf: session.columnsOf.bind(session),
    transaction: (work) =>
      session.transaction(async (inner) => {
        const result = await work(inner)
        during = (await session.query("SELECT current_setting('synchronous_commit') AS value")).rows[0]
        return result
      }),
  }
  await fenced(watched, lock, () => recordDone(watched, run.id, reportOf(name)))
  expect(during).toEqual({ value: 'on' })
  expect((await session.query("SELECT current_setting('synchronous_commit') AS value")).rows).toEqual([
    { value: 'off' },
  ])
})

test('a forgotten run is out of the way, and tells before which tables it made', async () => {
  const run = await begin({ a: 10 }, chunksOf('a', 1))
  const made = { schema: HOSTILE, name: HOSTILE }
  await announceSteps(session, run.id, ['create a', 'create b', HOSTILE, 'create index'])
  await announceSteps(session, run.id, ['create a'])
  await fenced(session, lock, async () => {
    await recordStep(session, run.id, 'create a', { schema: 'public', name: 'a' })
    await recordStep(session, run.id, HOSTILE, made)
    await recordStep(session, run.id, 'not announced')
  })
  expect(await doneSteps(session, run.id)).toEqual(new Set(['create a', HOSTILE, 'not announced']))
  expect(await createdTables(session, run.id)).toEqual([made, { schema: 'public', name: 'a' }])
  await fenced(session, lock, () => forgetRun(session, run.id))
  expect(await findRun(session, name)).toBeNull()
  const second = await begin({ a: 10 }, chunksOf('a', 1))
  expect(second.attempt).toBe(1)
  expect((await findRun(session, name))?.id).toBe(second.id)
  expect(await createdTables(session, second.id)).toEqual([])
})

test('a step that is rolled back was not done', async () => {
  const run = await begin({}, [])
  const failing = fenced(session, lock, async () => {
    await recordStep(session, run.id, 'index')
    await session.query('SELECT 1/0')
  })
  await expect(failing).rejects.toMatchObject({ code: 'LF304' })
  expect((await doneSteps(session, run.id)).size).toBe(0)
})

test('rejects keep the whole row exactly, and are summed up by reason', async () => {
  const chunks = chunksOf('a', 2)
  const run = await begin({ a: 20 }, chunks)
  const content: Reject['content'] = {
    [HOSTILE]: { text: `a\0b \ud800 ${HOSTILE}` },
    n: null,
    i: { integer: '-9223372036854775808' },
    r: { real: '-0.0' },
    b: { blob: '00ff' },
    t: { textBytes: 'c328' },
  }
  const odd: Reject = { table: HOSTILE, key: 'id = "\0\ud800"', column: null, reason: 'has NUL', content }
  const wide = (id: number): Reject => ({
    table: 'a',
    key: `id = ${id}`,
    column: 'x',
    reason: 'too wide',
    content: { id: { integer: String(id) } },
  })
  const eight = Array.from({ length: 8 }, (_, id) => wide(id))
  await load(run, lock, chunks[0]!, [...eight, odd])
  await load(run, lock, chunks[1]!, [wide(8), wide(9), wide(10)])
  expect(await rejectSummaries(session, run.id)).toEqual([
    {
      table: 'a',
      column: 'x',
      reason: 'too wide',
      rows: 11,
      examples: Array.from({ length: 10 }, (_, id) => `id = ${id}`),
    },
    { table: HOSTILE, column: null, reason: 'has NUL', rows: 1, examples: ['id = "\u2400\ufffd"'] },
  ])
  const { rows } = await session.query<{ content: string }>(
    "SELECT content FROM landfall.rejects WHERE run = $1 AND reason = 'has NUL'",
    [run.id],
  )
  expect(JSON.parse(rows[0]!.content)).toEqual(content)
})

test('checks are read as they were written', async () => {
  const run = await begin({}, [])
  const checks = [
    { name: HOSTILE, result: 'fail', expected: '1', found: '2', evidence: ['line 1', HOSTILE] },
    { name: 'second', result: 'incomplete', expected: '', found: 'nothing' },
  ] as const
  await fenced(session, lock, () => addChecks(session, run.id, checks))
  expect(await readChecks(session, run.id)).toEqual(checks)
})

test('thousands of chunks are written and read in a moment', async () => {
  const chunks = [...chunksOf('a', 25_000), ...chunksOf('b', 1)]
  const started = performance.now()
  const run = await begin({ a: 250_000, b: 10 }, chunks)
  const read = await readChunks(session, run.id)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(read).toHaveLength(25_001)
  expect(read[24_999]).toEqual({ ...chunks[24_999], state: 'pending', result: null })
})
