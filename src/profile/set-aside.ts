import { extname } from 'node:path'
import { keyPreview, literalOf } from '../connection/sqlite-key.ts'
import type { Cascade, CascadeLink } from './cascade-job.ts'
import { counted, type UniqueValues } from './duplicates.ts'
import type { Finding, ScanRange, TableQuestion } from './model.ts'
import { batches, run } from './run.ts'
import { failingKeys } from './statements.ts'

/** A reason for which rows of a table are set aside. */
export interface Reason {
  readonly column: string | null
  readonly text: string
}

export interface MarkedTable {
  readonly question: TableQuestion
  /** Ranges that the profile has not looked at: they are marked later, by `markMore`. */
  readonly unprofiled: readonly ScanRange[]
  /** Rows that do not fit, by test, and where they lie. */
  readonly tests: readonly (Reason & { readonly sql: string })[]
  readonly failing: readonly ScanRange[]
  /** Keys that must be unique in the target, as the converted values will be. */
  readonly uniques: readonly (Reason & UniqueValues)[]
  /** Parents that a row needs: the values that must agree, over `t` and over `p`; `present` over `t`. */
  readonly parents: readonly (Reason & {
    readonly parent: string
    readonly childValues: readonly string[]
    readonly parentValues: readonly string[]
    readonly present: string
  })[]
}

export interface Marking {
  /** SQL over the source table named `t`: true for a row that is set aside. */
  readonly excluded: string
  /** SQL over the same: the reason's number of such a row. */
  readonly reason: string
  readonly reasons: readonly Reason[]
  readonly findings: readonly Finding[]
  readonly rows: number
  /** Marks the rows of ranges that the profile has not looked at. */
  markMore(ranges: readonly ScanRange[]): Promise<void>
}

const CASCADE = new URL(`./cascade-job${extname(import.meta.url)}`, import.meta.url).href
const JOB = new URL(`./mark-job${extname(import.meta.url)}`, import.meta.url).href

/**
 * Finds every row that has to be set aside: those that do not fit, then all but the lowest key of
 * each set of duplicates, then children whose parent is set aside, and theirs in turn. The result
 * depends on the source and the plan alone, so that a resumed run sets aside the same rows.
 */
export async function markRows(tables: ReadonlyMap<string, MarkedTable>): Promise<Map<string, Marking>> {
  const markers = new Map([...tables].map(([name, table], i) => [name, new Marker(table, i)] as const))
  for (const marker of markers.values()) {
    if (marker.partial) await marker.ensureTable()
    await marker.markMisfits(marker.asked.failing)
  }
  // What stays of duplicates, and which children lose their parent, depends on all rows.
  const needed = new Set([...tables.values()].flatMap((table) => table.parents.map((link) => link.parent)))
  for (const [name, marker] of markers)
    if (needed.has(name) || marker.asked.uniques.length > 0) await marker.markRest()
  for (const marker of markers.values()) await marker.markDuplicates()
  await markChildren(markers)
  const result = new Map<string, Marking>()
  for (const [name, marker] of markers)
    if (marker.rows > 0 || marker.partial) result.set(name, await marker.marking())
  return result
}

/** Children that have no parent left, theirs in turn, and so on: found on one reader, told to all. */
async function markChildren(markers: ReadonlyMap<string, Marker>): Promise<void> {
  const all = [...markers.values()]
  const [first] = all
  if (first === undefined || all.every((marker) => marker.rows === 0)) return
  const indexes = new Map([...markers.keys()].map((name, i) => [name, i]))
  const links = all.flatMap((marker, i) => marker.links(i, indexes))
  const tables = all.map(({ asked: { question }, table }) => ({
    table: question.table,
    bad: table,
    keys: question.key.expressions,
  }))
  const lost = await first.asked.question.source.run<string[][][]>({
    module: CASCADE,
    export: 'cascade',
    args: { tables, links } satisfies Cascade,
  })
  for (const [i, rows] of lost.entries()) await all[i]!.lose(rows)
}

class Marker {
  readonly table: string
  rows = 0
  readonly asked: MarkedTable
  readonly #reasons: Reason[]
  readonly #counts: number[]
  #complete = false

  constructor(asked: MarkedTable, index: number) {
    this.asked = asked
    this.table = `temp."landfall_bad_${index}"`
    this.#reasons = [...asked.tests, ...asked.uniques, ...asked.parents].map(({ column, text }) => ({
      column,
      text,
    }))
    this.#counts = this.#reasons.map(() => 0)
  }

  /** True for a row that is set aside, over the source table named `t`. */
  get excluded(): string {
    if (this.rows === 0 && !this.partial) return '0'
    return `EXISTS (SELECT 1 FROM ${this.table} AS m WHERE ${this.#same})`
  }

  /** Some ranges are only marked when they are copied. */
  get partial(): boolean {
    return !this.#complete && this.asked.unprofiled.length > 0
  }

  async markRest(): Promise<void> {
    await this.markMisfits(this.asked.unprofiled)
    this.#complete = true
  }

  /** The table must be there on each reader, even when it stays empty. */
  async ensureTable(): Promise<void> {
    await this.#insert([])
  }

  async markMisfits(ranges: readonly ScanRange[]): Promise<void> {
    const { question, tests } = this.asked
    if (tests.length === 0) return
    for (const group of batches(ranges, 4)) {
      const sql = group.map((range) =>
        failingKeys(
          question,
          tests.map((test) => test.sql),
          range,
        ),
      )
      for (const rows of await run(question, sql)) await this.#remember(rows.map((row) => row.map(String)))
    }
  }

  async markDuplicates(): Promise<void> {
    const { question, uniques, tests } = this.asked
    for (const [i, unique] of uniques.entries()) {
      const keys = question.key.expressions
      const sql = `SELECT ${tests.length + i}, ${keys.map(literalOf).join(', ')} FROM (SELECT ${keys.join(', ')}, row_number() OVER (PARTITION BY ${unique.values.map((value) => `(${value}) COLLATE BINARY`).join(', ')} ORDER BY ${keys.join(', ')}) AS landfall_nth FROM ${question.table} AS t WHERE ${counted(unique)} AND NOT (${this.excluded})) AS t WHERE landfall_nth > 1`
      const [rows] = await run(question, [sql])
      await this.#remember(rows!.map((row) => row.map(String)))
    }
  }

  /** What the cascade needs to know of the table's parents; `indexes` by table name. */
  links(child: number, indexes: ReadonlyMap<string, number>): CascadeLink[] {
    const { parents, tests, uniques } = this.asked
    return parents.flatMap((link, i) => {
      const parent = indexes.get(link.parent)
      return parent === undefined
        ? []
        : [{ ...link, child, parent, reason: tests.length + uniques.length + i }]
    })
  }

  async lose(rows: readonly (readonly string[])[]): Promise<void> {
    await this.#remember(rows)
  }

  async marking(): Promise<Marking> {
    return {
      rows: this.rows,
      reason: `(SELECT m.landfall_reason FROM ${this.table} AS m WHERE ${this.#same})`,
      markMore: async (ranges) => {
        if (!this.#complete) await this.markMisfits(ranges)
      },
      reasons: this.#reasons,
      excluded: this.excluded,
      findings: await this.#findings(),
    }
  }

  async #findings(): Promise<Finding[]> {
    const { question } = this.asked
    const found: Finding[] = []
    for (const [i, reason] of this.#reasons.entries()) {
      if (this.#counts[i] === 0) continue
      const keys = question.key.expressions
      const preview = keyPreview(question.key.names, keys)
      const sql = `SELECT ${preview} FROM ${question.table} AS t WHERE EXISTS (SELECT 1 FROM ${this.table} AS m WHERE ${this.#same} AND m.landfall_reason = ${i}) LIMIT 10`
      const [rows] = await run(question, [sql])
      const examples = rows!.map((row) => String(row[0]))
      found.push({ column: reason.column, reason: reason.text, rows: this.#counts[i]!, examples })
    }
    return found
  }

  async #remember(rows: readonly (readonly string[])[]): Promise<void> {
    if (rows.length === 0) return
    await this.#insert(rows)
    for (const row of rows) this.#counts[Number(row[0])]! += 1
    this.rows += rows.length
  }

  async #insert(rows: readonly (readonly string[])[]): Promise<void> {
    const { question } = this.asked
    const width = question.key.expressions.length
    await question.source.runOnEach({ module: JOB, export: 'mark', args: { table: this.table, width, rows } })
  }

  /**
   * `m` has the key of `t`. Both sides are qualified, since a user's column may have any name; the plus
   * takes the column's affinity away, with which the marks' own index could not be used.
   */
  get #same(): string {
    return this.asked.question.key.expressions
      .map((key, i) => `m.landfall_k${i + 1} = +t.${key}`)
      .join(' AND ')
  }
}
