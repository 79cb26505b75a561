import type { ReachedSettings, Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { MigrateReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import { LandfallError } from '../errors.ts'
import { readChecks } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import { failRun, readPlan, readResult, recordDone, setPhase } from '../journal/journal.ts'
import { acquireLock, type Lock } from '../journal/lock.ts'
import type { ChunkRecord, RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { holder } from './holder.ts'
import type { Span } from './load.ts'
import { migrateReport, PhaseClock } from './report.ts'
import type { Seal } from './start.ts'

/** The source may be one that is asked for only under the lock: then the settings are not reached yet. */
export interface Run<S extends Settings = ReachedSettings> {
  readonly settings: S
  readonly tools: Tools
  readonly target: Target
  readonly startedAt: Date
}

/** A run under its lock. */
export interface Attempt<S extends Settings = ReachedSettings> extends Run<S> {
  readonly session: Session
  readonly lock: Lock
  readonly clock: PhaseClock
  /**
   * Given: what else is written in the transaction that ends the run; what it throws lets nothing be written.
   * Rows are proved before they are anybody's, and a run that fails leaves the target as it was.
   */
  readonly seal?: Seal
}

/** Records what a run came to; to be called in the last of its transactions. Returns the whole report. */
export type Finish = (session: Session, report: MigrateReport) => Promise<MigrateReport>

/** Of rows that are copied as they are. */
export const LOADED = 'What was loaded before stays'

/** How rows of one engine are moved: what differs from source to source. */
export interface Work<B extends { readonly kind: 'run'; readonly run: RunRecord }> {
  /** Decides between a new run, going on with one, and having nothing to do; refuses with status 5. */
  begin(attempt: Attempt): Promise<B | { readonly kind: 'nothing'; readonly run: RunRecord }>
  /** What a refusal in the middle of a run leaves in the target, for people. */
  left(begun: B): string
  /** Moves the rows, proves it and calls `finish` once. */
  carryOut(attempt: Attempt, begun: B, finish: Finish): Promise<MigrateReport>
  /**
   * Takes back what a run that failed has written outside of the schema `landfall`; throws where it cannot.
   * Returns what stays within it, for people, if anything does.
   */
  undo(attempt: Attempt, begun: B): Promise<string | null>
}

/** One attempt, under the lock from beginning to end. */
export async function runMigration<B extends { readonly kind: 'run'; readonly run: RunRecord }>(
  run: Run,
  work: Work<B>,
): Promise<MigrateReport> {
  const locking = await run.target.open('lock')
  try {
    return await underLock(run, locking, (one) => attempt(one, work))
  } finally {
    await locking.close()
  }
}

/** What `work` does is nobody else's to do meanwhile. `locking` is the lock. Errors: those of `acquireLock`. */
export async function underLock<T, S extends Settings>(
  run: Run<S>,
  locking: Session,
  work: (attempt: Attempt<S>) => Promise<T>,
): Promise<T> {
  const { settings, target } = run
  const lock = await acquireLock(locking, settings.name, holder(), { another: () => target.open('probe') })
  try {
    const session = await target.open('journal')
    try {
      return await work({ ...run, session, lock, clock: new PhaseClock() })
    } catch (error) {
      // Whatever failed after the lock was lost failed because of that.
      throw lock.lost.aborted ? lock.lost.reason : error
    } finally {
      await session.close()
    }
  } finally {
    await lock.release()
  }
}

/** Begins a run or goes on with one, and brings it to its end. */
export async function attempt<B extends { readonly kind: 'run'; readonly run: RunRecord }>(
  one: Attempt,
  work: Work<B>,
): Promise<MigrateReport> {
  const { session, lock } = one
  const begun = await one.clock.measure('profile', () => work.begin(one))
  if (begun.kind === 'nothing') {
    const report = await nothingToDo(one, begun.run)
    await fenced(session, lock, async () => one.seal?.(session, report))
    return report
  }
  try {
    return await work.carryOut(one, begun, async (last, found) => {
      const report = { ...found, run: begun.run.id }
      await recordDone(last, begun.run.id, report)
      await one.seal?.(last, report)
      return report
    })
  } catch (error) {
    await recordFailure(session, lock, begun.run, error)
    throw one.seal === undefined
      ? refusedLate(error, work.left(begun))
      : await undone(one, work, begun, error)
  }
}

/**
 * A run that was begun at the start of an application leaves the target as it was, or says why it could not.
 * One that was interrupted goes on later, and so does one that somebody began by hand.
 */
async function undone<B extends { readonly kind: 'run'; readonly run: RunRecord }>(
  one: Attempt,
  work: Work<B>,
  begun: B,
  error: unknown,
): Promise<unknown> {
  const goesOn = error instanceof LandfallError && (error.code === 'LF403' || error.code === 'LF402')
  if (goesOn || !begun.run.sealed) return refusedLate(error, work.left(begun))
  try {
    // Nobody is there to be asked, and what goes is only what came a moment ago.
    const stays = await work.undo({ ...one, tools: { ...one.tools, ask: async () => true } }, begun)
    return withLine(
      stays === null ? error : withLine(error, `${stays}.`),
      'The target’s tables are as they were.',
    )
  } catch (why) {
    // It may be for the same cause, a server that is gone.
    return withLine(
      error,
      `It could not be taken back (${why instanceof Error ? why.message : why}). ${work.left(begun)}.`,
    )
  }
}

/** Tells people and the journal what the run does now. */
export async function enterPhase(
  { tools, session, lock }: Attempt,
  run: RunRecord,
  phase: 'schema' | 'copy' | 'apply' | 'finish' | 'check' | 'verify',
): Promise<void> {
  tools.progress?.({ kind: 'phase', phase })
  await setPhase(session, lock, run.id, phase)
}

/** Status 5 means that nothing was written, but for what is met when the run has begun. */
function refusedLate(error: unknown, left: string): unknown {
  if (!(error instanceof LandfallError) || error.exitCode !== 5) return error
  return withLine(error, `${left}, and when the cause is mended the same command goes on.`, { written: true })
}

/** The same failure with one more line of what to know, before what it says itself. */
function withLine(error: unknown, line: string, more: Readonly<Record<string, unknown>> = {}): unknown {
  if (!(error instanceof LandfallError) || error.hint?.includes(line)) return error
  const { code, message, hint, place, details } = error
  return new LandfallError(code, message, {
    hint: [line, ...(hint === undefined ? [] : [hint])].join('\n'),
    ...(place === undefined ? {} : { place }),
    details: { ...details, ...more },
    cause: error,
  })
}

/**
 * The report of the run that did it, as of today. Rows that were set aside were told then, and are no news;
 * a check that did not pass stays wrong until somebody has looked at it.
 */
async function nothingToDo(run: Attempt, record: RunRecord): Promise<MigrateReport> {
  const { session } = run
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
    run: record.id,
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
