import type { Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { MigrateReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import { readChecks, rejectSummaries } from '../journal/evidence.ts'
import { failRun, finishRun, readPlan, readResult, setPhase } from '../journal/journal.ts'
import { acquireLock, type Lock } from '../journal/lock.ts'
import type { ChunkRecord, RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { type Begun, begin, holder } from './begin.ts'
import { checkTables, compareAll } from './check.ts'
import type { OpenSource } from './ends.ts'
import { createTables, finishTables } from './finish.ts'
import { load, type Span } from './load.ts'
import { migrateReport, PhaseClock } from './report.ts'
import type { Start } from './start.ts'

export interface Run {
  readonly settings: Settings
  readonly tools: Tools
  readonly from: OpenSource
  readonly target: Target
  readonly startedAt: Date
}

/** One attempt, under the lock from beginning to end. */
export async function runMigration(run: Run): Promise<MigrateReport> {
  const { settings, target } = run
  const locking = await target.open('lock')
  try {
    const lock = await acquireLock(locking, settings.name, holder(), { another: () => target.open('probe') })
    const session = await target.open('journal')
    try {
      return await attempt(run, session, lock)
    } catch (error) {
      // Whatever failed after the lock was lost failed because of that.
      throw lock.lost.aborted ? lock.lost.reason : error
    } finally {
      await session.close()
      await lock.release()
    }
  } finally {
    await locking.close()
  }
}

async function attempt(run: Run, session: Session, lock: Lock): Promise<MigrateReport> {
  const start: Start = { ...run, session, lock }
  const clock = new PhaseClock()
  const begun = await clock.measure('profile', () => begin(start))
  if (begun.kind === 'nothing') return await nothingToDo(run, session, begun.run)
  try {
    return await carryOut(run, start, begun, lock, clock)
  } catch (error) {
    await recordFailure(session, lock, begun.run, error)
    throw refusedLate(error)
  }
}

async function carryOut(
  run: Run,
  start: Start,
  begun: Begun & { kind: 'run' },
  lock: Lock,
  clock: PhaseClock,
): Promise<MigrateReport> {
  const { session, settings, tools, target } = start
  const { plan } = begun.planned
  const signals = [...(tools.signal ? [tools.signal] : []), lock.lost]
  const enter = async (phase: 'schema' | 'copy' | 'finish' | 'check' | 'verify') => {
    tools.progress?.({ kind: 'phase', phase })
    await setPhase(session, lock, begun.run.id, phase)
  }
  await enter('schema')
  await clock.measure('schema', () => createTables(start, begun.run, plan))
  await enter('copy')
  const loaded = await clock.measure('copy', () =>
    load({ ...start, run: begun.run, planned: begun.planned, chunks: begun.chunks, signals }),
  )
  await enter('finish')
  let comparing: ReturnType<typeof compareAll> | null = null
  const compare = (): void => {
    if (!settings.verify) return
    comparing = compareAll(start, begun.planned, loaded.chunks)
    // Whoever awaits it learns of a failure; when the finish fails first, nobody does.
    comparing.catch(() => {})
  }
  await clock.measure('finish', () => finishTables(start, begun.run, plan, AbortSignal.any(signals), compare))
  const last = settings.verify ? 'verify' : 'check'
  await enter(last)
  const { checks, verification } = await clock.measure(last, () =>
    checkTables(start, begun.run, begun.planned, loaded.chunks, comparing),
  )
  await lock.check()
  const report = migrateReport({
    settings,
    startedAt: run.startedAt,
    plan,
    target: target.label,
    outcome: 'done',
    resumed: begun.resumed,
    phases: clock.phases,
    chunks: loaded.chunks,
    spans: loaded.spans,
    rejects: await rejectSummaries(session, begun.run.id),
    checks,
    verification,
    notes: [...plan.notes, ...(target.embedded?.notes ?? [])],
  })
  await finishRun(session, lock, begun.run.id, report)
  return report
}

/** Status 5 means that nothing was written, but for what is met when the run has begun. */
function refusedLate(error: unknown): unknown {
  if (!(error instanceof LandfallError) || error.exitCode !== 5) return error
  const { code, message, hint, place, details } = error
  return new LandfallError(code, message, {
    hint: [
      'What was loaded before stays, and when the cause is mended the same command goes on.',
      ...(hint === undefined ? [] : [hint]),
    ].join('\n'),
    ...(place === undefined ? {} : { place }),
    details: { ...details, written: true },
    cause: error,
  })
}

/**
 * The report of the run that did it, as of today. Rows that were set aside were told then, and are no news;
 * a check that did not pass stays wrong until somebody has looked at it.
 */
async function nothingToDo(run: Run, session: Session, record: RunRecord): Promise<MigrateReport> {
  const result = await readResult(session, record.id)
  if (result === null) throw new LandfallError('LF900', `run ${record.id} is done and has no report`)
  const plan: Plan = await readPlan(session, record.id)
  const checks = await readChecks(session, record.id)
  const none: { chunks: ChunkRecord[]; spans: Map<string, Span> } = { chunks: [], spans: new Map() }
  return {
    ...migrateReport({
      settings: run.settings,
      startedAt: run.startedAt,
      plan,
      target: run.target.label,
      outcome: 'nothing-to-do',
      resumed: false,
      phases: [],
      rejects: result.rejects,
      checks,
      verification: null,
      notes: [],
      ...none,
    }),
    exitCode: checks.every((check) => check.result === 'pass') ? 0 : 1,
    tables: result.tables,
  }
}

/**
 * Best effort: the run is resumable whether or not its failure could be written down. An interruption is
 * no failure; without a holder the run counts as interrupted.
 */
async function recordFailure(session: Session, lock: Lock, run: RunRecord, error: unknown): Promise<void> {
  if (error instanceof LandfallError && error.code === 'LF403') return
  const failure =
    error instanceof LandfallError
      ? { code: error.code, message: error.message }
      : { code: 'LF900', message: String(error) }
  try {
    await failRun(session, lock, run.id, failure)
  } catch {
    // The connection may be what failed.
  }
}
