import type { Catalog } from '../catalog/model.ts'
import type { Verification } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { ProgressListener } from '../contract/progress.ts'
import type { RowDifference, VerifiedTable } from '../contract/verify.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'
import { run } from '../profile/run.ts'
import { comparisonOf, orderOf } from './comparison.ts'
import {
  allSame,
  type ComparedRange,
  type CompareInput,
  differing,
  type RangeMemory,
  type TargetAccess,
} from './model.ts'
import { compareOrdered, type PlacedOutcome, repairOrdered } from './ordered.ts'
import type { Deletable, Repaired, RepairRecord } from './repair.ts'
import { compareUnordered } from './unordered.ts'
import { repairUnordered } from './unordered-repair.ts'

/** One move with what is compared of it. */
export interface TableWork {
  readonly move: Move
  /** Source SQL over the table as `t`: true for a row that was set aside. */
  readonly excluded: string
  /** How many those are. */
  readonly setAside: number
  /** Ranges that cover the source's rows; the first and the last are open. */
  readonly ranges: readonly ComparedRange[]
}

/** The ranges as they are, once it is certain that no row lies between two of them, or outside of all. */
export function covering<T extends ChunkBounds>(ranges: readonly T[]): readonly T[] {
  const text = (bound: readonly string[] | null | undefined): string => JSON.stringify(bound ?? null)
  const isWhole =
    text(ranges[0]?.after) === 'null' &&
    text(ranges.at(-1)?.upTo) === 'null' &&
    ranges.every(
      ({ after }, at) => at === 0 || (after !== null && text(after) === text(ranges[at - 1]!.upTo)),
    )
  if (isWhole && ranges.length > 0) return ranges
  throw new LandfallError('LF900', 'the ranges of a table do not cover it')
}

export interface TablesInput {
  readonly source: SqliteSource
  readonly session: Session
  readonly access: TargetAccess
  /** The target's tables as they are now. */
  readonly catalog: Pick<Catalog, 'tables'>
  readonly work: readonly TableWork[]
  readonly verification: Verification
  /** Of `performance.now()`; null: none. */
  readonly deadline: number | null
  readonly jobs: number
  readonly progress: ProgressListener | undefined
  /** By source table: what an interrupted verification has done; null: nothing is kept. */
  readonly memory: ((table: string) => RangeMemory) | null
}

export interface Compared {
  /** In the order of `work`. */
  readonly tables: readonly VerifiedTable[]
  readonly differences: readonly RowDifference[]
  /** By source table: the ranges in which something differed, where differences have a place. */
  readonly suspects: ReadonlyMap<string, readonly ChunkBounds[]>
}

interface One {
  readonly table: VerifiedTable
  readonly differences: readonly RowDifference[]
  readonly suspects: readonly ChunkBounds[] | null
}

/** Compares every table of `work`; several at once, the largest first. Writes nothing. */
export async function compareTables(input: TablesInput): Promise<Compared> {
  const { work, verification, jobs } = input
  const found = new Map<TableWork, One>()
  const waiting = [...work].sort((a, b) => b.move.statistics.rows - a.move.statistics.rows)
  const next = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift())
      found.set(one, await compareTable(input, one))
  }
  const workers = await Promise.allSettled(Array.from({ length: jobs }, next))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  return {
    tables: work.map((one) => found.get(one)!.table),
    differences: work.flatMap((one) => found.get(one)!.differences).slice(0, verification.maxDiffs),
    suspects: new Map(
      work.flatMap((one) => {
        const { suspects } = found.get(one)!
        return suspects === null ? [] : [[one.move.source, suspects]]
      }),
    ),
  }
}

async function compareTable(input: TablesInput, work: TableWork): Promise<One> {
  const began = performance.now()
  const { counts } = input.verification
  const outcome = await (counts ? countTable(input, work) : compareRows(input, work)).catch(asIncomplete)
  const { sourceRows, targetRows, missing, extra, changed, exact, incomplete, differences } = outcome
  const { move, setAside } = work
  return {
    table: {
      source: move.source,
      target: `${move.target.schema}.${move.target.name}`,
      compared: counts ? 'counts' : 'rows',
      ...{ sourceRows, targetRows, setAside, missing, extra, changed, incomplete },
      // Of what was not looked at nobody knows how much is different.
      exact: exact && incomplete === null,
      seconds: (performance.now() - began) / 1000,
    },
    differences,
    suspects: outcome.suspects,
  }
}

async function compareRows(input: TablesInput, work: TableWork): Promise<PlacedOutcome> {
  const compare = comparingOf(input, work)
  const order = orderOf(work.move, compare.comparison)
  if (order !== null) return await compareOrdered(compare, order)
  // As a multiset a table is compared whole or not at all.
  const all = { table: compare.comparison.target, where: 'true' }
  const known = (await compare.memory?.recall(WHOLE, all)) ?? null
  if (known !== null) return { ...allSame(known), incomplete: null, suspects: null }
  const outcome = await compareUnordered(compare)
  if (differing(outcome) === 0 && outcome.incomplete === null)
    compare.memory?.remember(WHOLE, outcome.sourceRows)
  return { ...outcome, suspects: null }
}

const WHOLE: ChunkBounds = { after: null, upTo: null }

/** What was repaired of a table, and why some of it was not. */
export interface TableRepair extends Repaired {
  readonly refused: LandfallError | null
}

/**
 * Makes a table of the target equal to the source. `suspects`: the ranges in which something differs, or
 * null where nobody knows. What the target refuses in one range is no reason to leave the others.
 */
export async function repairTable(
  input: TablesInput,
  work: TableWork,
  suspects: readonly ChunkBounds[] | null,
  more: { readonly deletable: Deletable; readonly record: RepairRecord },
): Promise<TableRepair> {
  const compare = comparingOf({ ...input, progress: undefined }, work)
  const order = orderOf(work.move, compare.comparison)
  const parts =
    order === null
      ? [() => repairUnordered({ ...compare, ...more })]
      : (suspects ?? work.ranges).map((bounds) => () => repairOrdered(compare, order, bounds, more))
  const sum = { inserted: 0, updated: 0, deleted: 0, extraLeft: 0 }
  let refused: LandfallError | null = null
  for (const part of parts) {
    try {
      const done = await part()
      for (const name of Object.keys(sum) as (keyof Repaired)[]) sum[name] += done[name]
    } catch (error) {
      if (!(error instanceof LandfallError) || !['LF204', 'LF304'].includes(error.code)) throw error
      refused ??= error
    }
  }
  return { ...sum, refused }
}

async function countTable({ source, session }: TablesInput, work: TableWork): Promise<PlacedOutcome> {
  const { read, target } = comparisonOf(work.move, work.excluded, null)
  const [ours] = await run({ source }, [`SELECT count(*) FROM ${read.from} WHERE NOT (${read.excluded})`])
  const theirs = await session.query<{ n: string }>(`SELECT count(*) AS n FROM ${target}`)
  const sourceRows = Number(ours![0]![0])
  const targetRows = Number(theirs.rows[0]!.n)
  return {
    sourceRows,
    targetRows,
    missing: Math.max(0, sourceRows - targetRows),
    extra: Math.max(0, targetRows - sourceRows),
    changed: 0,
    // As many may be missing as there are others too many.
    exact: false,
    differences: [],
    incomplete: null,
    suspects: null,
  }
}

/** What comparing this table's rows takes. */
function comparingOf(input: TablesInput, { move, excluded, ranges }: TableWork): CompareInput {
  const { source, access, verification, deadline, jobs, progress, catalog, memory } = input
  const found = catalog.tables.find(
    ({ schema, name }) => schema === move.target.schema && name === move.target.name,
  )
  let done = 0
  return {
    source,
    access,
    comparison: comparisonOf(move, excluded, found ?? null),
    ranges,
    sample: verification.sample,
    listing: { most: verification.maxDiffs, showValues: verification.showValues },
    jobs,
    isOver: () => deadline !== null && performance.now() > deadline,
    memory: memory?.(move.source) ?? null,
    progress(rows) {
      done += rows
      const total = Math.max(done, move.statistics.rows)
      progress?.({ kind: 'table', phase: 'verify', table: move.source, done, total })
    },
  }
}

/** A table that the target refuses to show was not compared, and the others may be. */
function asIncomplete(error: unknown): PlacedOutcome {
  if (!(error instanceof LandfallError) || error.code !== 'LF304') throw error
  const none = { sourceRows: 0, targetRows: 0, missing: 0, extra: 0, changed: 0, differences: [] }
  return { ...none, exact: true, incomplete: error.message, suspects: null }
}
