import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { LandfallError } from '../../src/errors.ts'
import { doneSteps, recordStep } from '../../src/journal/evidence.ts'
import { fenced } from '../../src/journal/fence.ts'
import { beginRun, findRun, readChunks, recordDone, resumeRun } from '../../src/journal/journal.ts'
import { acquireLock } from '../../src/journal/lock.ts'
import { chunkDone, epochCheck } from '../../src/journal/statements.ts'
import { startProxy } from '../support/kill-proxy.ts'
import { testServer } from '../support/postgres.ts'
import { chunksOf, execute, HOLDER, newRun, open, plan, reportOf } from './sample-run.ts'

const CHUNKS = 3

/** A statement with values is five messages: with a step that shares no factor each place has its turn. */
const STEP = 7

/** A whole migration in small: it begins or goes on, and writes one row for each chunk. */
async function migrate(url: string): Promise<void> {
  const sessions: Session[] = []
  try {
    for (let made = 0; made < 2; made++) sessions.push(await open(url))
    const [own, worker] = sessions as [Session, Session]
    const lock = await acquireLock(own, 'm', HOLDER)
    const found = await findRun(worker, 'm')
    if (found?.state === 'done') return
    const run =
      found === null
        ? await beginRun(worker, lock, newRun(plan('m', { t: CHUNKS }), chunksOf('t', CHUNKS)))
        : await resumeRun(worker, lock, found.id, HOLDER)
    for (const chunk of await readChunks(worker, run.id)) {
      if (chunk.state === 'done') continue
      await worker.transaction(async () => {
        if ((await execute(worker, epochCheck(lock))) !== 1) throw new Error('fenced')
        await worker.query('INSERT INTO public.t VALUES ($1)', [chunk.seq])
        if ((await execute(worker, chunkDone(run.id, 't', chunk.seq), 1, 1, 0, 9, 'x')) !== 1)
          throw new Error('done already')
      })
    }
    if (!(await doneSteps(worker, run.id)).has('key'))
      await fenced(worker, lock, async () => {
        await worker.query('ALTER TABLE public.t ADD PRIMARY KEY (id)')
        await recordStep(worker, run.id, 'key')
      })
    await fenced(worker, lock, () => recordDone(worker, run.id, reportOf('m')))
    await lock.release()
  } finally {
    for (const session of sessions) await session.close()
  }
}

/** The server notices within moments, not at once, that the first process is gone. */
async function migrateAgain(url: string): Promise<void> {
  for (;;) {
    try {
      return await migrate(url)
    } catch (error) {
      if (!(error instanceof LandfallError) || error.code !== 'LF401') throw error
      await sleep(5)
    }
  }
}

test('cut off in the middle and started again, a run ends as if nothing had happened', async () => {
  const server = await testServer()
  const direct = new URL(await server.database())
  const admin = await open(direct.href)
  const reset = (): Promise<unknown> =>
    admin.query(
      'DROP SCHEMA IF EXISTS landfall CASCADE; DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int)',
    )
  let resumed = 0
  for (let n = 1, last = false; !last; n += STEP) {
    await reset()
    const proxy = await startProxy({ host: direct.hostname, port: Number(direct.port) })
    const through = new URL(direct)
    through.port = String(proxy.port)
    let cut = false
    proxy.onMessage(n, 'after', () => {
      cut = true
    })
    const first = await migrate(through.href).then(
      () => null,
      (error: unknown) => error,
    )
    last = !cut
    // A cut while the connections close, or while the lock is given back, does no harm.
    if (first !== null) expect(first).toMatchObject({ code: expect.stringMatching(/^LF(301|305|402)$/) })
    await proxy.close()
    await migrateAgain(direct.href)
    const { rows } = await admin.query(
      `SELECT (SELECT array_agg(id ORDER BY id) FROM public.t) AS ids,
        (SELECT array_agg(state) FROM landfall.runs) AS runs, (SELECT max(attempt) FROM landfall.runs) AS attempts,
        (SELECT count(*) FROM landfall.chunks WHERE state = 'done')::int AS chunks,
        (SELECT count(*) FROM landfall.steps)::int AS steps`,
    )
    expect(rows, `cut after message ${n}`).toMatchObject([
      { ids: [0, 1, 2], runs: ['done'], chunks: 3, steps: 1 },
    ])
    if (rows[0]?.attempts === 2) resumed++
  }
  expect(resumed).toBeGreaterThan(5)
  await admin.close()
  await server.stop()
})
