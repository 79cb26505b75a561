import { TIME_IS_UP } from '../compare/ordered.ts'
import type { Verification } from '../config/model.ts'
import { openPostgres, type Session } from '../connection/postgres.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { ident } from '../connection/quote.ts'
import type { Target } from '../connection/target.ts'
import type { Tools } from '../contract/tools.ts'
import type { RowDifference, VerifiedTable } from '../contract/verify.ts'
import { passRows } from '../copy/postgres-chunk.ts'
import { LandfallError } from '../errors.ts'
import { compareIdentity, knownMap, liveMap, mapByRules } from '../identity/resolve.ts'
import { compareMerge } from '../merge/compare.ts'
import type { ComparedMove, KnownMap, Staged } from '../merge/model.ts'
import { stageFilled, stageFromSelect, stageStatements } from '../merge/stage.ts'
import type { Move, Plan } from '../plan/model.ts'

export interface MappedComparison {
  readonly source: PostgresSnapshot
  readonly target: Target
  readonly plan: Plan
  /** Moves to compare, by `source`; identities that they need are looked at in any case. */
  readonly isInScope: (move: Move) => boolean
  readonly verification: Pick<Verification, 'maxDiffs' | 'showValues'>
  /** By `performance.now()`: no other move is begun afterwards; null: no limit. */
  readonly deadline: number | null
  readonly tools: Tools
  /** A session in whose open transaction the target is looked at; null: one of its own. */
  readonly within?: Session | null
}

const NOTHING: ComparedMove = { expected: 0, setAside: 0, missing: 0, changed: 0, differences: [] }

export interface MappedCompared {
  readonly tables: readonly VerifiedTable[]
  readonly differences: readonly RowDifference[]
  /** Rows of each move in the source, as they were staged to be compared. */
  readonly rows: ReadonlyMap<string, number>
  readonly notes: readonly string[]
}

/**
 * Compares what the source holds now, mapped as the plan says, with what the target holds: every row is
 * staged anew in tables that vanish with the session, and no other is written. Rows that only the target
 * has are nobody's business: it held rows before.
 *
 * Errors: of the source LF104, of the target LF304 and LF305; LF403.
 */
export async function compareMapped(asked: MappedComparison): Promise<MappedCompared> {
  if (asked.within) return await compareWithin(asked, asked.within)
  const { target } = asked
  const session = await openPostgres(target.settings, {
    applicationName: 'landfall verify',
    label: target.label,
    searchPath: 'server',
  })
  try {
    await session.query('BEGIN')
    return await compareWithin(asked, session)
  } finally {
    await session.query('ROLLBACK').catch(() => {})
    await session.close()
  }
}

async function compareWithin(asked: MappedComparison, session: Session): Promise<MappedCompared> {
  const { target, plan, tools, verification } = asked
  const stop = (): void => void cancel(target, session.backend).catch(() => {})
  tools.signal?.addEventListener('abort', stop)
  try {
    const maps = new Map<string, KnownMap>()
    const tables: VerifiedTable[] = []
    const differences: RowDifference[] = []
    const rows = new Map<string, number>()
    const notes: string[] = []
    for (const move of plan.moves) {
      const { mapping } = move
      const gone = mapping?.kind === 'identity' && !(await isKept(session, move))
      if (mapping?.kind === 'identity' && !gone)
        maps.set(mapping.name, (await liveMap(session, move, maps.size))!)
      if (!asked.isInScope(move) && !gone) continue
      if (tools.signal?.aborted) throw new LandfallError('LF403', 'interrupted')
      if (asked.deadline !== null && performance.now() > asked.deadline) {
        if (asked.isInScope(move)) tables.push(verified(move, NOTHING, 0, TIME_IS_UP))
        continue
      }
      const began = performance.now()
      const { staged, count } = await stage(asked, session, move, maps)
      // Of a map that was not kept, what its rules find is all that is known.
      if (gone) {
        maps.set(mapping.name, await mapByRules(staged))
        if (!mapping.map.drop)
          notes.push(
            `${mapping.name}: the map ${mapping.map.schema}.${mapping.map.table} is not there; new keys were looked for by the rules`,
          )
      }
      if (!asked.isInScope(move)) continue
      rows.set(move.source, count)
      const most = verification.maxDiffs - differences.length
      const found = await compareMove(staged, most, verification.showValues)
      differences.push(...found.differences)
      if (found.note !== undefined) notes.push(found.note)
      tables.push(verified(move, found, (performance.now() - began) / 1000, found.incomplete ?? null))
      tools.progress?.({ kind: 'table', phase: 'verify', table: move.source, done: count, total: count })
    }
    return { tables, differences, rows, notes }
  } catch (error) {
    throw tools.signal?.aborted ? new LandfallError('LF403', 'interrupted') : error
  } finally {
    tools.signal?.removeEventListener('abort', stop)
  }
}

async function stage(
  { source, plan }: MappedComparison,
  session: Session,
  move: Move,
  maps: ReadonlyMap<string, KnownMap>,
): Promise<{ readonly staged: Staged; readonly count: number }> {
  const name = ident(`landfall_compared_${plan.moves.indexOf(move) + 1}`)
  for (const sql of stageStatements(name, move, 'temp')) await session.query(sql)
  const count = plan.inPlace
    ? (await session.query(stageFromSelect(name, move))).rowCount
    : await source.run(
        async (from) =>
          (
            await passRows({
              source: from,
              target: session,
              move,
              range: null,
              into: name,
              signal: source.signal,
            })
          ).rows,
      )
  await session.query(stageFilled(name))
  return { staged: { session, move, stage: name, maps }, count }
}

async function compareMove(staged: Staged, most: number, showValues: boolean): Promise<ComparedMove> {
  return staged.move.mapping?.kind === 'identity'
    ? await compareIdentity(staged, most, showValues)
    : await compareMerge(staged, most, showValues)
}

/** Ends the statement that is under way. */
async function cancel(target: Target, backend: number): Promise<void> {
  const other = await target.open('cancel')
  try {
    await other.query('SELECT pg_catalog.pg_cancel_backend($1)', [backend])
  } finally {
    await other.close()
  }
}

/** The map is there, and stays. */
async function isKept(session: Session, move: Move): Promise<boolean> {
  if (move.mapping?.kind !== 'identity' || move.mapping.map.drop) return false
  const { rows } = await session.query<{ there: boolean }>(
    'SELECT pg_catalog.to_regclass($1) IS NOT NULL AS there',
    [knownMap(move).relation],
  )
  return rows[0]!.there
}

function verified(
  move: Move,
  found: ComparedMove,
  seconds: number,
  incomplete: string | null,
): VerifiedTable {
  const { expected, setAside, missing, changed } = found
  return {
    source: move.source,
    target: `${move.target.schema}.${move.target.name}`,
    compared: 'rows',
    sourceRows: expected,
    targetRows: expected - missing,
    setAside,
    missing,
    extra: 0,
    changed,
    exact: true,
    incomplete,
    seconds,
  }
}
