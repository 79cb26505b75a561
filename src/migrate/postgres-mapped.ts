import type { Verification } from '../config/model.ts'
import { openPostgres, type Session } from '../connection/postgres.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { ident } from '../connection/quote.ts'
import type { Target } from '../connection/target.ts'
import type { Tools } from '../contract/tools.ts'
import type { RowDifference, VerifiedTable } from '../contract/verify.ts'
import { passRows } from '../copy/postgres-chunk.ts'
import { LandfallError } from '../errors.ts'
import { compareIdentity, knownMap, mapByRules } from '../identity/resolve.ts'
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
  readonly tools: Tools
}

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
  const { target, plan, tools, verification } = asked
  const session = await openPostgres(target.settings, {
    applicationName: 'landfall verify',
    label: target.label,
    searchPath: 'server',
  })
  try {
    await session.query('BEGIN')
    const maps = new Map<string, KnownMap>()
    const tables: VerifiedTable[] = []
    const differences: RowDifference[] = []
    const rows = new Map<string, number>()
    const notes: string[] = []
    for (const move of plan.moves) {
      const { mapping } = move
      const dropped = mapping?.kind === 'identity' && mapping.map.drop
      if (mapping?.kind === 'identity' && !dropped) maps.set(mapping.name, knownMap(move))
      if (!asked.isInScope(move) && !dropped) continue
      if (tools.signal?.aborted) throw new LandfallError('LF403', 'interrupted')
      const began = performance.now()
      const { staged, count } = await stage(asked, session, move, maps)
      // Of a map that was not kept, what its rules find is all that is known.
      if (dropped) maps.set(mapping.name, await mapByRules(staged))
      if (!asked.isInScope(move)) continue
      rows.set(move.source, count)
      const most = verification.maxDiffs - differences.length
      const found = await compareMove(staged, most, verification.showValues)
      differences.push(...found.differences)
      if (found.note !== undefined) notes.push(found.note)
      tables.push(verified(move, found, (performance.now() - began) / 1000))
      tools.progress?.({ kind: 'table', phase: 'verify', table: move.source, done: count, total: count })
    }
    return { tables, differences, rows, notes }
  } finally {
    await session.query('ROLLBACK').catch(() => {})
    await session.close()
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

function verified(move: Move, found: ComparedMove, seconds: number): VerifiedTable {
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
    incomplete: null,
    seconds,
  }
}
