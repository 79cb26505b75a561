import { dropMap } from '../identity/resolve.ts'
import { readApplied, readNotes } from '../journal/applied.ts'
import { rejectSummaries } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import { applyMoves, isApplied } from './postgres-apply.ts'
import { beginPostgres } from './postgres-begin.ts'
import { checkPostgres, compareClone } from './postgres-check.ts'
import { loadPostgres } from './postgres-load.ts'
import { finishSchema, makeSchema } from './postgres-schema.ts'
import type { PostgresSource } from './postgres-source.ts'
import { dropStages, makeStages } from './postgres-stage.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'
import { migrateReport } from './report.ts'
import { enterPhase, LOADED, type Work } from './run.ts'

/**
 * Moves the tables of a PostgreSQL database: as they are into tables that are made for them, or, where the
 * config maps them or the target has them, through stages into tables that are there.
 */
export function postgresWork(from: PostgresSource): Work<PostgresBegun> {
  return {
    left: ({ plan }) =>
      plan.moves.some((move) => move.mapping !== undefined)
        ? 'What was staged stays in the schema landfall'
        : LOADED,
    begin: (attempt) => beginPostgres({ ...attempt, from }),
    carryOut: (attempt, begun) => carryOut({ ...attempt, from }, begun),
  }
}

async function carryOut(
  start: PostgresStart,
  begun: PostgresBegun,
): ReturnType<Work<PostgresBegun>['carryOut']> {
  const { session, settings, tools, target, lock, clock, startedAt } = start
  const { run, plan } = begun
  const signal = AbortSignal.any([...(tools.signal ? [tools.signal] : []), lock.lost])
  const mapped = plan.moves.some((move) => move.mapping !== undefined)
  const applied = await isApplied(session, run)
  let loaded: Awaited<ReturnType<typeof loadPostgres>> = { chunks: begun.chunks, spans: new Map() }
  if (!applied && !plan.inPlace) {
    await enterPhase(start, run, 'schema')
    await clock.measure('schema', () => (mapped ? makeStages(start, begun) : makeSchema(start, begun)))
    await enterPhase(start, run, 'copy')
    loaded = await clock.measure('copy', () => loadPostgres(start, begun, signal))
  }
  if (mapped && !applied) {
    await enterPhase(start, run, 'apply')
    await clock.measure('apply', () => applyMoves(start, begun, signal))
  }
  let comparing: ReturnType<typeof compareClone> | null = null
  if (!mapped) {
    await enterPhase(start, run, 'finish')
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
  }
  const last = settings.verify ? 'verify' : 'check'
  await enterPhase(start, run, last)
  const checked = await clock.measure(last, () => checkPostgres(start, begun, loaded.chunks, comparing))
  await fenced(session, lock, async () => {
    await dropStages(session, begun)
    for (const move of plan.moves)
      if (move.mapping?.kind === 'identity' && move.mapping.map.drop) await dropMap(session, move)
  })
  return migrateReport({
    settings,
    startedAt,
    plan,
    target: target.label,
    outcome: 'done',
    resumed: begun.resumed,
    phases: clock.phases,
    chunks: loaded.chunks,
    spans: loaded.spans,
    applied: await readApplied(session, run.id),
    rejects: await rejectSummaries(session, run.id),
    checks: checked.checks,
    verification: checked.verification,
    backups: begun.backups,
    notes: [
      ...plan.notes,
      ...(await readNotes(session, run.id)),
      ...checked.notes,
      ...(target.embedded?.notes ?? []),
    ],
  })
}
