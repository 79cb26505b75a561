import type { Session } from '../connection/postgres.ts'
import type { MigrateReport } from '../contract/report.ts'
import { dropMap } from '../identity/resolve.ts'
import { readApplied, readNotes } from '../journal/applied.ts'
import { addChecks } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import { isMappedPlan } from '../plan/model.ts'
import { doneReport } from './done-report.ts'
import { applyMoves, isApplied } from './postgres-apply.ts'
import { beginPostgres } from './postgres-begin.ts'
import { type Checked, checkClone, checkMapped, compareClone } from './postgres-check.ts'
import { loadPostgres } from './postgres-load.ts'
import { takeBackClone } from './postgres-restart.ts'
import { finishSchema, makeSchema } from './postgres-schema.ts'
import type { PostgresSource } from './postgres-source.ts'
import { dropStages, makeStages } from './postgres-stage.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'
import { enterPhase, type Finish, LOADED, type Work } from './run.ts'

const STAGED = 'What was staged stays in the schema landfall'

/**
 * Moves the tables of a PostgreSQL database: as they are into tables that are made for them, or, where the
 * config maps them or the target has them, through stages into tables that are there.
 */
export function postgresWork(from: PostgresSource): Work<PostgresBegun> {
  return {
    left: ({ plan }) => (isMappedPlan(plan) ? STAGED : LOADED),
    begin: (attempt) => beginPostgres({ ...attempt, from }),
    carryOut: (attempt, begun, finish) => carryOut({ ...attempt, from }, begun, finish),
    async undo(attempt, { run, plan }) {
      if (!isMappedPlan(plan)) {
        await takeBackClone({ ...attempt, from }, run, plan)
        return null
      }
      // They write outside of the schema `landfall` in one transaction only, here or in an earlier attempt.
      if (await isApplied(attempt.session, run)) throw new TypeError('what is merged cannot be taken back')
      return STAGED
    },
  }
}

async function carryOut(
  start: PostgresStart,
  begun: PostgresBegun,
  finish: Finish,
): ReturnType<Work<PostgresBegun>['carryOut']> {
  const signal = AbortSignal.any([...(start.tools.signal ? [start.tools.signal] : []), start.lock.lost])
  return isMappedPlan(begun.plan)
    ? await carryOutMapped(start, begun, signal, finish)
    : await carryOutCopy(start, begun, signal, finish)
}

interface Loaded extends Awaited<ReturnType<typeof loadPostgres>> {}

async function carryOutMapped(
  start: PostgresStart,
  begun: PostgresBegun,
  signal: AbortSignal,
  finish: Finish,
): Promise<MigrateReport> {
  const { session, lock, clock } = start
  const { run, plan } = begun
  const applied = await isApplied(session, run)
  let loaded: Loaded = { chunks: begun.chunks, spans: new Map() }
  if (!applied && !plan.inPlace) {
    await enterPhase(start, run, 'schema')
    await clock.measure('schema', () => makeStages(start, begun))
    await enterPhase(start, run, 'copy')
    loaded = await clock.measure('copy', () => loadPostgres(start, begun, signal))
  }
  const last = lastPhase(start)
  const check = async (within: Session | null): Promise<Checked> => {
    await enterPhase(start, run, last)
    return await clock.measure(last, () => checkMapped(start, begun, within))
  }
  const end = async (one: Session, checked: Checked): Promise<MigrateReport> => {
    await dropStages(one, begun)
    for (const move of plan.moves)
      if (move.mapping?.kind === 'identity' && move.mapping.map.drop) await dropMap(one, move)
    return await finish(one, await reportOf(start, begun, one, loaded, checked))
  }
  if (!applied) {
    await enterPhase(start, run, 'apply')
    const ended = await applyMoves(start, begun, signal, async (one) =>
      start.seal === undefined ? null : await end(one, await check(one)),
    )
    if (ended !== null) return ended
  }
  const checked = await check(null)
  return await fenced(session, lock, () => end(session, checked))
}

async function carryOutCopy(
  start: PostgresStart,
  begun: PostgresBegun,
  signal: AbortSignal,
  finish: Finish,
): Promise<MigrateReport> {
  const { session, settings, lock, clock } = start
  const { run } = begun
  await enterPhase(start, run, 'schema')
  await clock.measure('schema', () => makeSchema(start, begun))
  await enterPhase(start, run, 'copy')
  const loaded = await clock.measure('copy', () => loadPostgres(start, begun, signal))
  await enterPhase(start, run, 'finish')
  let comparing: ReturnType<typeof compareClone> | null = null
  const failed = new AbortController()
  const compare = (): Promise<unknown> | undefined => {
    if (settings.verify) comparing = compareClone(start, AbortSignal.any([signal, failed.signal]))
    return comparing ?? undefined
  }
  try {
    await clock.measure('finish', () => finishSchema(start, begun, signal, compare))
  } catch (error) {
    failed.abort()
    await (comparing as Promise<unknown> | null)?.catch(() => {})
    throw error
  }
  const last = lastPhase(start)
  await enterPhase(start, run, last)
  const checked = await clock.measure(last, () => checkClone(start, begun, loaded.chunks, comparing))
  return await fenced(session, lock, async () =>
    finish(session, await reportOf(start, begun, session, loaded, checked)),
  )
}

const lastPhase = ({ settings }: PostgresStart): 'verify' | 'check' => (settings.verify ? 'verify' : 'check')

/** Keeps what was checked; in the last transaction of a run. */
async function reportOf(
  start: PostgresStart,
  begun: PostgresBegun,
  session: Session,
  loaded: Loaded,
  checked: Checked,
): Promise<MigrateReport> {
  const { run, plan } = begun
  await addChecks(session, run.id, checked.checks)
  return await doneReport(start, session, {
    begun,
    plan,
    loaded,
    checked,
    applied: await readApplied(session, run.id),
    notes: [...(await readNotes(session, run.id)), ...checked.notes],
  })
}
