import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import { readFlaws } from '../checks/flaws.ts'
import { tally } from '../checks/rows.ts'
import { matchTables } from '../compare/postgres-match.ts'
import { lastNumbers, postgresStructure } from '../compare/postgres-structure.ts'
import { comparePostgresTables } from '../compare/postgres-tables.ts'
import { rowsCheck } from '../compare/rows-check.ts'
import type { Session } from '../connection/postgres.ts'
import { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { MigrateReport } from '../contract/report.ts'
import { stopReason } from '../errors.ts'
import { readApplied } from '../journal/applied.ts'
import type { ChunkRecord } from '../journal/model.ts'
import type { Move, Plan } from '../plan/model.ts'
import { compareMapped } from './postgres-mapped.ts'
import { countOnly } from './postgres-restart.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'

export interface Checked {
  readonly notes: readonly string[]
  readonly checks: readonly CheckResult[]
  readonly verification: MigrateReport['verification']
}

/** Everything is there as the plan says. `within`: a transaction that has applied the moves, not yet committed. */
export async function checkMapped(
  start: PostgresStart,
  { run, plan }: PostgresBegun,
  within: Session | null,
): Promise<Checked> {
  const { settings, from, target, tools } = start
  const session = within ?? start.session
  const applied = await readApplied(session, run.id)
  const checks: CheckResult[] = []
  for (const move of plan.moves) {
    const { created, updated, unchanged, skipped, setAside } = applied.get(move.source)!
    const told = created + updated + unchanged + skipped + setAside
    // Rows that a move in place reads are others once they are applied.
    const held = plan.inPlace ? told : await countSource(start, move)
    const { rows } = await session.query<{ n: string }>(
      'SELECT count(*)::text AS n FROM landfall.rejects WHERE run = $1 AND "table" = $2',
      [run.id, move.source],
    )
    checks.push({
      name: `${move.source}: every row is accounted for`,
      result: held === told && Number(rows[0]!.n) === setAside ? 'pass' : 'fail',
      expected: `${held} rows of the source, merged or set aside`,
      found: `${told - setAside} merged, ${rows[0]!.n} set aside`,
    })
  }
  if (!settings.verify) return { checks, verification: null, notes: [] }
  const { tables, differences, notes } = await compareMapped({
    source: from.snapshot,
    target,
    plan,
    isInScope: () => true,
    verification: settings.verification,
    deadline: null,
    tools,
    within,
  })
  return {
    checks: [...checks, ...tables.map((table) => rowsCheck(table, null))],
    verification: { tables, differences },
    notes,
  }
}

/**
 * Compares all rows of a copy, which takes no more than the keys; foreign keys may still be on their way.
 * LF403 when aborted.
 */
export async function compareClone(start: PostgresStart, signal: AbortSignal): Promise<Compared> {
  const { session, settings, from, target, tools } = start
  const matched = matchTables(settings, from.catalog, await readPostgresCatalog(session))
  const options = { applicationName: 'landfall verify', label: target.label }
  const snapshot = await PostgresSnapshot.open(target.settings, options, settings.jobs)
  const stop = (): void => {
    for (const side of [from.snapshot, snapshot]) void side.abort()
  }
  signal.addEventListener('abort', stop)
  try {
    if (signal.aborted) throw stopReason(signal)
    return await comparePostgresTables({
      source: from.snapshot,
      target: snapshot,
      work: matched.pairs,
      verification: { ...settings.verification, sample: null, counts: false },
      deadline: null,
      jobs: settings.jobs,
      progress: tools.progress,
    })
  } finally {
    signal.removeEventListener('abort', stop)
    await snapshot.close()
  }
}

type Compared = Awaited<ReturnType<typeof comparePostgresTables>>

/** The same of rows that were copied as they are. */
export async function checkClone(
  start: PostgresStart,
  { plan }: PostgresBegun,
  chunks: readonly ChunkRecord[],
  comparing: Promise<Compared> | null,
): Promise<Checked> {
  const { session, settings, from } = start
  const compared = await comparing
  const counts = await Promise.all(plan.moves.map((move) => countClone(start, move, chunks)))
  if (compared === null) return { checks: counts, verification: null, notes: [] }
  const { tables, differences } = compared
  const target = withoutOthers(start, plan, await readPostgresCatalog(session))
  const matched = matchTables(settings, from.catalog, target)
  const last = await lastNumbers((sql) => from.snapshot.ask(sql), from.catalog.tables)
  const schemas = [...new Set(from.catalog.tables.map((table) => table.schema))]
  const known = await from.snapshot.run((one) => readFlaws(one, schemas))
  const both = { source: from.catalog, target }
  const structure = await postgresStructure(session, matched.pairs, both, last, known)
  const rows = tables.map((table) => rowsCheck(table, null))
  return {
    checks: [...counts, ...rows, ...matched.checks, ...structure],
    verification: { tables, differences },
    notes: [],
  }
}

/** At the start of an application its own tables may stand beside those that it is given. */
function withoutOthers({ seal }: PostgresStart, { moves }: Plan, target: Catalog): Catalog {
  if (seal === undefined) return target
  const filled = new Set(moves.map((move) => qualified(move.target.schema, move.target.name)))
  const tables = target.tables.filter(
    ({ schema, name, partitionOf }) => partitionOf !== undefined || filled.has(qualified(schema, name)),
  )
  return { ...target, tables }
}

/** Counted anew on both sides: the comparison has gone by the tables, the copy by its chunks. */
async function countClone(
  start: PostgresStart,
  move: Move,
  chunks: readonly ChunkRecord[],
): Promise<CheckResult> {
  const told = tally(chunks, move.source)
  const [source, found] = await Promise.all([countSource(start, move), countOnly(start.session, move.target)])
  const right = source === told.read && told.read === told.loaded && found === told.loaded
  return {
    name: `${move.source}: every row is accounted for`,
    result: right ? 'pass' : 'fail',
    expected: `${source} rows of the source`,
    found: `${found} rows in the target`,
    ...(right ? {} : { evidence: [`read ${told.read}, loaded ${told.loaded} by the journal`] }),
  }
}

async function countSource({ from }: PostgresStart, move: Move): Promise<number> {
  const { rows } = await from.snapshot.run((session) =>
    session.query<{ n: string }>(
      `SELECT pg_catalog.count(*)::pg_catalog.text AS n FROM ${move.relation} AS t`,
    ),
  )
  return Number(rows[0]!.n)
}
