import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { BootReport } from '../contract/boot.ts'
import type { MigrateReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import { ERRORS, type ErrorCode, LandfallError, stopReason } from '../errors.ts'
import { readChecks } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import { findRun, readResult } from '../journal/journal.ts'
import { status } from '../journal/status.ts'
import { choicesOf } from '../migrate/choices.ts'
import { holder } from '../migrate/holder.ts'
import { reachSource } from '../migrate/reach-source.ts'
import { type Attempt, attempt, underLock } from '../migrate/run.ts'
import { withWork } from '../migrate/work.ts'
import type { KnownState, StateTable } from './state.ts'

/** One of the instances that start. */
export interface Instance {
  readonly settings: Settings
  readonly tools: Tools
  readonly target: Target
  readonly state: StateTable
}

export interface Turn {
  readonly outcome: Exclude<BootReport['outcome'], 'not-asked'>
  readonly state: KnownState
  readonly migrate: MigrateReport | null
}

/**
 * Migrates, or waits for the instance that does, until it is done. That an instance runs is proved by the
 * lock of its session, which dies with it: then one of those that wait takes its place. Between two looks
 * a waiting session is in no transaction, so that it is in nobody's way.
 *
 * Errors: those of `migrate`, its own or those of the instance that was waited for; LF406 when that takes too
 * long; LF211 when what came is not what the source holds; LF309 behind a pooler; LF403.
 *
 * @param first closed by the caller at the latest
 * @param seen what the state was at the start: a failure of before is nobody's reason not to try
 */
export async function takeTurn(one: Instance, first: Session, seen: KnownState | null): Promise<Turn> {
  const { settings, target, tools, state } = one
  const most = settings.boot.waitAtMost
  let session: Session | null = first
  let began = performance.now()
  try {
    for (let look = 0; ; look++) {
      let held = false
      try {
        session ??= await target.open('boot')
        const run = { settings, tools, target, startedAt: new Date() }
        const busy = await underLock(run, session, (attempt) => {
          held = true
          return migrateOnce(one, attempt, seen)
        }).catch(unlessTaken)
        if (!(busy instanceof LandfallError)) return busy
        const found = await state.read(session)
        if (found?.status === 'done') return { outcome: 'done-by-another', state: found, migrate: null }
        if (hasFailed(found, seen)) throw sameCause(found)
        const waited = performance.now() - began
        if (waited > most) throw waitedTooLong(settings, busy)
        await tellOfWaiting(one, session, busy, waited)
      } catch (error) {
        if (!isPassing(error, held)) throw error
        // The time of its own work was no waiting.
        if (held) began = performance.now()
        else if (performance.now() - began > most) throw error
        tools.progress?.({ kind: 'note', text: `${error.message}; looking again` })
        // A session that answers again must not keep the lock of one that was given up.
        await session?.close()
        session = null
      }
      await pause(look, tools.signal)
    }
  } finally {
    await session?.close()
  }
}

function unlessTaken(error: unknown): LandfallError {
  if (error instanceof LandfallError && error.code === 'LF401') return error
  throw error
}

/** The lock was lost, or the connection of one that waits. Whose own work fails has failed. */
function isPassing(error: unknown, held: boolean): error is LandfallError {
  if (!(error instanceof LandfallError)) return false
  return error.code === 'LF402' || (!held && (error.code === 'LF305' || error.code === 'LF301'))
}

/** Since the start. Whichever clock says so, an attempt is told by its number and its beginning. */
function hasFailed(found: KnownState | null, seen: KnownState | null): found is KnownState {
  if (found?.status !== 'failed') return false
  return !(
    seen?.status === 'failed' &&
    seen.attempts === found.attempts &&
    seen.startedAt === found.startedAt
  )
}

/** Under the lock: what is not done is done, and said to be in the very transaction that does it. */
async function migrateOnce(
  { settings, tools, state }: Instance,
  held: Attempt<Settings>,
  seen: KnownState | null,
): Promise<Turn> {
  const { session, lock } = held
  const found = await state.read(session)
  if (found?.status === 'done') return { outcome: 'done-by-another', state: found, migrate: null }
  if (hasFailed(found, seen)) throw sameCause(found)
  const { host, pid } = holder()
  const begun = { instance: `${host}, process ${pid}`, config: choicesOf(settings) }
  const byHand = found === null ? await doneByHand(session, settings.name) : null
  await fenced(session, lock, async () => {
    await state.ensure(session)
    await state.begin(session, byHand === null ? begun : { ...begun, config: byHand.config })
    if (byHand !== null) await state.done(session, begun, countsOf(byHand.report))
  })
  if (byHand !== null) return { outcome: 'done-before', state: (await state.read(session))!, migrate: null }
  try {
    const seal = async (last: Session, report: MigrateReport): Promise<void> => {
      refuseUnproven(report)
      await state.done(last, begun, countsOf(report))
    }
    const reached = await reachSource(settings, tools)
    const ready = { ...held, settings: reached, seal }
    const migrate = await withWork(reached, tools, (work) => attempt(ready, work))
    return { outcome: 'migrated', state: (await state.read(session))!, migrate }
  } catch (error) {
    await recordFailure(held, state, error)
    throw error
  }
}

/**
 * The report of a `landfall migrate` of this name that is done and proved: what was moved then may have been
 * changed by the application since, and is not moved again. What a start has done is only known by its row.
 */
async function doneByHand(
  session: Session,
  name: string,
): Promise<{ readonly report: MigrateReport; readonly config: string } | null> {
  const run = await findRun(session, name)
  if (run?.state !== 'done' || run.sealed) return null
  const checks = await readChecks(session, run.id)
  const report = checks.every(({ result }) => result === 'pass') ? await readResult(session, run.id) : null
  return report && { report, config: run.choices }
}

/** Best effort: without it the next start, or one that waits, finds the lock free and goes on. */
async function recordFailure(
  { session, lock }: Attempt<Settings>,
  state: StateTable,
  error: unknown,
): Promise<void> {
  const failure =
    error instanceof LandfallError ? error : new LandfallError('LF900', String(error), { cause: error })
  if (failure.code === 'LF402') return
  try {
    await fenced(session, lock, () =>
      failure.code === 'LF403' ? state.left(session) : state.failed(session, failure),
    )
  } catch {
    // The connection may be what failed.
  }
}

/** LF211, before anything is kept. Rows that the config allows to be set aside are no reason. */
function refuseUnproven({ checks, verification, outcome }: MigrateReport): void {
  const wrong = checks.filter(({ result }) => result !== 'pass')
  if (wrong.length === 0) return
  throw new LandfallError(
    'LF211',
    `${wrong.length === 1 ? 'a check' : `${wrong.length} checks`} of what was moved did not pass: ${wrong[0]!.name}`,
    {
      hint: [
        ...wrong.map(({ name, expected, found }) => `${name}: expected ${expected}, found ${found}`),
        ...(verification?.differences ?? [])
          .slice(0, 5)
          .map(({ table, key, kind }) => `${table} ${key}: ${kind}`),
        outcome === 'done'
          ? 'Triggers and rules of the target may change what is written to it: setByTriggers names such columns.'
          : 'It was moved before: landfall verify shows what differs, landfall migrate --restart takes it back and moves it again.',
      ].join('\n'),
    },
  )
}

const countsOf = ({ tables }: MigrateReport) =>
  tables.map(({ target, read, loaded, setAside }) => ({ table: target, read, loaded, setAside }))

/** What the instance that ran was told, for those that waited. */
export function sameCause({ error, instance, finishedAt }: KnownState): LandfallError {
  const { code, message, hint } = error ?? { code: 'LF900', message: 'it failed', hint: null }
  const known = (code in ERRORS ? code : 'LF900') as ErrorCode
  return new LandfallError(known, message, {
    hint: [
      `It failed in ${instance}${finishedAt === null ? '' : `, at ${finishedAt}`}; whoever waited for it stops, too.`,
      ...(hint === null ? [] : [hint]),
    ].join('\n'),
    details: { instance },
  })
}

function waitedTooLong({ boot, name }: Settings, busy: LandfallError): LandfallError {
  return new LandfallError(
    'LF406',
    `${busy.message}; this instance waited ${Math.round(boot.waitAtMost / 1000)} s for it`,
    {
      hint: `landfall status   shows how far it is\nboot: { waitAtMost: '2h' } or --wait 2h   waits longer\nIt goes on; the start after its end finds ${name} done.`,
      details: { ...busy.details },
      cause: busy,
    },
  )
}

async function tellOfWaiting(
  { settings, tools, target }: Instance,
  session: Session,
  busy: LandfallError,
  waited: number,
): Promise<void> {
  if (tools.progress === undefined) return
  const { migrations } = await status(session, target.label).catch(() => ({ migrations: [] }))
  const run = migrations.find(({ migration }) => migration === settings.name)
  const sum = (of: (table: { rows: number; loaded: number; setAside: number }) => number): string =>
    (run?.tables ?? []).reduce((total, table) => total + of(table), 0).toLocaleString('en')
  const far =
    run === undefined
      ? ''
      : run.tables.length === 0
        ? `; ${run.phase}`
        : `; ${run.phase}, ${sum((table) => table.loaded + table.setAside)} of ${sum((table) => table.rows)} rows`
  const minutes = Math.floor(waited / 60_000)
  const long = minutes === 0 ? '' : `; waited ${minutes} min`
  tools.progress({ kind: 'phase', phase: 'wait', detail: `${busy.message}${far}${long}` })
}

/** Jittered, so that those who started together do not look together. */
async function pause(look: number, signal: AbortSignal | undefined): Promise<void> {
  const most = Math.min(1000, 100 * 2 ** Math.min(look, 6))
  try {
    await sleep(most / 2 + (Math.random() * most) / 2, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    throw signal === undefined ? error : stopReason(signal)
  }
}
