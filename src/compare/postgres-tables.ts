import type { Verification } from '../config/model.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { literal } from '../connection/quote.ts'
import type { ProgressListener } from '../contract/progress.ts'
import type { RowDifference, VerifiedTable } from '../contract/verify.ts'
import { isExpected } from '../errors.ts'
import type { Outcome, TableOutcome } from './model.ts'
import { TIME_IS_UP } from './ordered.ts'
import {
  type PostgresComparison,
  postgresComparison,
  type SideSql,
  type TablePair,
} from './postgres-comparison.ts'
import { bytesHash } from './postgres-hash.ts'
import { type Leaves, leafSums, leavesFor, type Reading, selections } from './postgres-leaves.ts'
import { mergePostgres } from './postgres-merge.ts'
import { extentOf, keySpan, partsOf } from './postgres-parts.ts'

/** Above this share of differing leaves, everything is read in one go. */
const MOST_DIFFERING = 0.01
/** So few leaves are read one by one in any case. */
const FEW = 16

export interface PostgresTablesInput {
  readonly source: PostgresSnapshot
  readonly target: PostgresSnapshot
  readonly work: readonly TablePair[]
  readonly verification: Verification
  /** Of `performance.now()`; null: none. */
  readonly deadline: number | null
  readonly jobs: number
  readonly progress: ProgressListener | undefined
}

/** The leaves of a table that differ; `differing` null: all of them are to be read. */
export interface Suspects {
  readonly leaves: Leaves
  readonly differing: readonly bigint[] | null
}

export interface PostgresCompared {
  /** In the order of `work`. */
  readonly tables: readonly VerifiedTable[]
  readonly differences: readonly RowDifference[]
  readonly suspects: ReadonlyMap<string, Suspects>
}

interface Found extends TableOutcome {
  readonly suspects: Suspects | null
}

interface Sum {
  readonly rows: bigint
  readonly a: bigint
  readonly b: bigint
}

/**
 * Compares every table of `work` in two PostgreSQL servers, several at once, the largest first. With
 * `suspects` only those leaves are read. Writes nothing.
 *
 * Errors: of a lost connection LF104 and LF305; LF403 when aborted. What a server refuses makes the table
 * incomplete.
 */
export async function comparePostgresTables(
  input: PostgresTablesInput,
  suspects: ReadonlyMap<string, Suspects> = new Map(),
): Promise<PostgresCompared> {
  const { work, verification } = input
  const found = new Map<TablePair, { table: VerifiedTable; outcome: Found }>()
  const sized = await Promise.all(work.map(async (pair) => ({ pair, size: await sizeOf(input, pair) })))
  const waiting = sized.sort((a, b) => b.size - a.size).map(({ pair }) => pair)
  const next = async (): Promise<void> => {
    for (let pair = waiting.shift(); pair !== undefined; pair = waiting.shift())
      found.set(pair, await compareTable(input, pair, suspects.get(pair.table) ?? null))
  }
  const workers = await Promise.allSettled(Array.from({ length: input.jobs }, next))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  const all = work.map((pair) => found.get(pair)!)
  return {
    tables: all.map(({ table }) => table),
    differences: all.flatMap(({ outcome }) => outcome.differences).slice(0, verification.maxDiffs),
    suspects: new Map(
      all.flatMap(({ table, outcome }) =>
        outcome.suspects === null ? [] : [[table.source, outcome.suspects] as const],
      ),
    ),
  }
}

async function sizeOf(
  { source }: PostgresTablesInput,
  { source: { schema, name } }: TablePair,
): Promise<number> {
  const [found] = await source.ask<{ pages: number }>(
    `SELECT c.relpages::pg_catalog.float8 AS pages FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ${literal(schema)} AND c.relname = ${literal(name)}`,
  )
  return found?.pages ?? 0
}

async function compareTable(
  input: PostgresTablesInput,
  pair: TablePair,
  suspects: Suspects | null,
): Promise<{ table: VerifiedTable; outcome: Found }> {
  const began = performance.now()
  const { counts } = input.verification
  const comparison = postgresComparison(pair)
  const comparing = async (): Promise<Found> => {
    if (counts) return await countRows(input, comparison)
    if (suspects !== null) return await readAgain(input, comparison, suspects)
    return await new TableComparison(input, pair, comparison).run()
  }
  const outcome = await comparing().catch((error: unknown) => asIncomplete(input, error))
  const { sourceRows, targetRows, missing, extra, changed, exact, incomplete } = outcome
  return {
    table: {
      source: pair.table,
      target: `${pair.target.schema}.${pair.target.name}`,
      compared: counts ? 'counts' : 'rows',
      ...{ sourceRows, targetRows, setAside: 0, missing, extra, changed, exact, incomplete },
      seconds: (performance.now() - began) / 1000,
    },
    outcome,
  }
}

const NONE = { missing: 0, extra: 0, changed: 0, differences: [], exact: true, suspects: null }

/** A table that a server refuses to show was not compared, and the others may be. */
function asIncomplete({ source, target }: PostgresTablesInput, error: unknown): Found {
  const refused = isExpected(error) && (error.code === 'LF304' || error.code === 'LF104')
  if (!refused || source.isLost || target.isLost) throw error
  return { ...NONE, sourceRows: 0, targetRows: 0, incomplete: error.message }
}

const isOver = ({ deadline }: PostgresTablesInput): boolean =>
  deadline !== null && performance.now() > deadline

async function countRows(input: PostgresTablesInput, { source, target }: PostgresComparison): Promise<Found> {
  if (isOver(input)) return { ...NONE, sourceRows: 0, targetRows: 0, incomplete: TIME_IS_UP }
  const count = (snapshot: PostgresSnapshot, side: SideSql): Promise<number> =>
    snapshot.run(async (session) => {
      const { rows } = await session.query<{ n: string }>(
        `SELECT pg_catalog.count(*) AS n FROM ${side.from} AS t`,
      )
      return Number(rows[0]!.n)
    })
  const [sourceRows, targetRows] = await both(count(input.source, source), count(input.target, target))
  return {
    ...NONE,
    sourceRows,
    targetRows,
    missing: Math.max(0, sourceRows - targetRows),
    extra: Math.max(0, targetRows - sourceRows),
    exact: sourceRows === targetRows,
    incomplete: null,
  }
}

/** What the leaves hold by now, row by row. */
async function readAgain(
  input: PostgresTablesInput,
  comparison: PostgresComparison,
  { leaves, differing }: Suspects,
): Promise<Found> {
  const reading = readingOf(input, comparison, leaves)
  const outcome = await mergeLeaves(input, reading, differing)
  return { ...outcome, suspects: { leaves, differing } }
}

export function readingOf(
  { source, target, verification }: Pick<PostgresTablesInput, 'source' | 'target' | 'verification'>,
  comparison: PostgresComparison,
  leaves: Leaves,
): Reading {
  const hash = bytesHash([source.serverVersion, target.serverVersion])
  return { comparison, leaves, hash, sample: verification.sample }
}

async function mergeLeaves(
  input: PostgresTablesInput,
  reading: Reading,
  differing: readonly bigint[] | null,
): Promise<TableOutcome> {
  const { comparison } = reading
  const { maxDiffs, showValues } = input.verification
  const sum = { sourceRows: 0, targetRows: 0, missing: 0, extra: 0, changed: 0 }
  const differences: RowDifference[] = []
  const ours = selections(comparison.source, reading, differing)
  const theirs = selections(comparison.target, reading, differing)
  let incomplete: string | null = null
  await input.source.run((source) =>
    input.target.run(async (target) => {
      for (const [at, selection] of ours.entries()) {
        if (isOver(input)) {
          incomplete = TIME_IS_UP
          return
        }
        const outcome: Outcome = await mergePostgres(
          comparison,
          { most: maxDiffs - differences.length, showValues },
          { session: source, selection },
          { session: target, selection: theirs[at]! },
        )
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += outcome[name]
        differences.push(...outcome.differences)
      }
    }),
  )
  return { ...sum, differences, exact: incomplete === null, incomplete }
}

/** One table from its extent to its differences. */
class TableComparison {
  readonly #input: PostgresTablesInput
  readonly #pair: TablePair
  readonly #comparison: PostgresComparison
  #rows = 0
  #over = false

  constructor(input: PostgresTablesInput, pair: TablePair, comparison: PostgresComparison) {
    this.#input = input
    this.#pair = pair
    this.#comparison = comparison
  }

  async run(): Promise<Found> {
    const { source, target } = this.#input
    const { table, columns } = this.#comparison
    if (columns.length === 0)
      return {
        ...(await countRows(this.#input, this.#comparison)),
        // Rows without columns are all the same.
        incomplete:
          this.#pair.source.columns.length === 0 && this.#pair.target.columns.length === 0
            ? null
            : 'no column is on both sides, so only the numbers of rows were compared',
      }
    const [ours, theirs] = await both(
      extentOf(source, this.#pair.source),
      extentOf(target, this.#pair.target),
    )
    const span = await keySpan(source, target, this.#comparison)
    const total = Math.max(ours.rows, theirs.rows)
    const reading = readingOf(this.#input, this.#comparison, leavesFor(total, span))
    const done = (rows: number): void => {
      this.#rows += rows
      const total = Math.max(this.#rows, ours.rows)
      this.#input.progress?.({ kind: 'table', phase: 'verify', table, done: this.#rows, total })
    }
    const [a, b] = await both(
      this.#sums(source, this.#comparison.source, reading, partsOf(source, ours, this.#input.jobs), done),
      this.#sums(target, this.#comparison.target, reading, partsOf(target, theirs, this.#input.jobs)),
    )
    const rows = { sourceRows: rowsOf(a), targetRows: rowsOf(b) }
    if (this.#over) return { ...NONE, ...rows, exact: false, incomplete: TIME_IS_UP }
    const differing = differingLeaves(a, b)
    if (differing.length === 0) return { ...NONE, ...rows, incomplete: null }
    const most = Math.max(FEW, MOST_DIFFERING * Math.max(a.size, b.size))
    const suspects = { leaves: reading.leaves, differing: differing.length > most ? null : differing }
    const outcome = await mergeLeaves(this.#input, reading, suspects.differing)
    return { ...outcome, ...rows, suspects }
  }

  async #sums(
    snapshot: PostgresSnapshot,
    side: SideSql,
    reading: Reading,
    parts: readonly string[],
    done: (rows: number) => void = () => {},
  ): Promise<Map<string, Sum>> {
    const sums = new Map<string, Sum>()
    const sum = (where: string): Promise<void> =>
      snapshot.run(async (session) => {
        if (isOver(this.#input)) {
          this.#over = true
          return
        }
        const { rows } = await session.query<{ leaf: string; rows: string; a: string; b: string }>(
          leafSums(side, reading, where),
        )
        for (const { leaf, ...one } of rows) {
          const before = sums.get(leaf)
          sums.set(leaf, {
            rows: (before?.rows ?? 0n) + BigInt(one.rows),
            a: (before?.a ?? 0n) + BigInt(one.a),
            b: (before?.b ?? 0n) + BigInt(one.b),
          })
        }
        done(rows.reduce((count, one) => count + Number(one.rows), 0))
      })
    await all(parts.map(sum))
    return sums
  }
}

function rowsOf(sums: ReadonlyMap<string, Sum>): number {
  let rows = 0n
  for (const sum of sums.values()) rows += sum.rows
  return Number(rows)
}

function differingLeaves(a: ReadonlyMap<string, Sum>, b: ReadonlyMap<string, Sum>): bigint[] {
  const found: bigint[] = []
  for (const [leaf, ours] of a) {
    const theirs = b.get(leaf)
    if (theirs?.rows !== ours.rows || theirs.a !== ours.a || theirs.b !== ours.b) found.push(BigInt(leaf))
  }
  for (const leaf of b.keys()) if (!a.has(leaf)) found.push(BigInt(leaf))
  return found
}

/** Nothing goes on behind the back of whoever is told of a failure. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work)
  return results.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b])
  if (first.status === 'rejected') throw first.reason
  if (second.status === 'rejected') throw second.reason
  return [first.value, second.value]
}
