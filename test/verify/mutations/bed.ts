import { ident, literal } from '../../../src/connection/quote.ts'
import type { CellChange } from './cells.ts'
import type { Random } from './random.ts'
import type { Row, TargetTable } from './target.ts'

/** Rows of one table that no other mutation touches. */
export class Bed {
  readonly table: TargetTable
  readonly random: Random
  readonly #free: Row[]
  #new: number
  /** Texts that are taken as keys. */
  readonly #texts = new Set<string | null>()

  constructor(table: TargetTable, random: Random) {
    this.table = table
    this.random = random
    this.#free = [...table.rows]
    this.#new = random.below(1_000_000)
    const at = table.key.find((one) => this.type(one) === 'text')
    if (at !== undefined) for (const row of table.rows) this.#texts.add(row.values[at]!)
  }

  /** `count` rows of which `fits` is true, taken out; null where there are not so many. */
  take(count: number, fits: (row: Row) => boolean = () => true): Row[] | null {
    const start = this.random.below(this.#free.length)
    const found: number[] = []
    for (let i = 0; i < this.#free.length && found.length < count; i += 1) {
      const at = (start + i) % this.#free.length
      if (fits(this.#free[at]!)) found.push(at)
    }
    if (found.length < count) return null
    const rows = found.map((at) => this.#free[at]!)
    for (const row of rows) this.#free.splice(this.#free.indexOf(row), 1)
    return rows
  }

  /**
   * All rows of some content that is there at least so often: one of them more and another less would be
   * as many as before.
   */
  takeAlike(least: number): Row[] | null {
    const at = this.table.columns.findIndex(({ source }) => source === 'tag')
    const alike = Map.groupBy(this.table.rows, (row) => row.values[at]!)
    const free = [...alike.values()].filter(
      (rows) => rows.length >= least && rows.every((row) => this.#free.includes(row)),
    )
    if (free.length === 0) return null
    const rows = this.random.of(free)
    return this.take(rows.length, (row) => rows.includes(row))
  }

  giveBack(rows: readonly Row[]): void {
    this.#free.push(...rows)
  }

  get left(): number {
    return this.#free.length
  }

  /** Columns whose values may change: neither the key nor the tag of a row's content. */
  get free(): number[] {
    return this.table.columns.flatMap(({ source }, at) =>
      this.table.key.includes(at) || source === 'tag' ? [] : [at],
    )
  }

  column(at: number): string {
    return ident(this.table.columns[at]!.target)
  }

  type(at: number): string {
    return this.table.columns[at]!.type
  }

  /** `change` of the row's cell, or null. */
  changed(change: CellChange, row: Row, at: number): string | null {
    return change({ type: this.type(at), value: row.values[at]!, column: this.column(at) }, this.random)
  }

  update(row: Row, values: ReadonlyMap<number, string>): string {
    const set = [...values].map(([at, sql]) => `${this.column(at)} = ${sql}`)
    return `UPDATE ${this.table.name} SET ${set.join(', ')} WHERE ctid = '${row.ctid}'`
  }

  /** A copy of the row, with other values in some columns. */
  insert(row: Row, values: ReadonlyMap<number, string>): string {
    const columns = this.table.columns.map((_, at) => this.column(at))
    const all = columns.map((column, at) => values.get(at) ?? column)
    return `INSERT INTO ${this.table.name} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${all.join(', ')} FROM ${this.table.name} WHERE ctid = '${row.ctid}'`
  }

  delete(row: Row): string {
    return `DELETE FROM ${this.table.name} WHERE ctid = '${row.ctid}'`
  }

  /** How many differences a changed row is. */
  get weight(): number {
    return this.table.key.length === 0 ? 2 : 1
  }

  /** Another key (or tag, where there is none) that no row has. */
  otherKey(row: Row): ReadonlyMap<number, string> {
    const { key, columns } = this.table
    const at = key.length === 0 ? columns.findIndex(({ source }) => source === 'tag') : this.random.of(key)
    this.#new += 1
    const type = this.type(at)
    const value = row.values[at]!
    if (type === 'text') return new Map([[at, this.#otherText(value)]])
    if (type === 'uuid') return new Map([[at, `'${this.#new.toString(16).padStart(32, '0')}'`]])
    return new Map([[at, String(this.#new + 1_000_000_000)]])
  }

  /** As little different as may be. */
  #otherText(value: string): string {
    const near = [
      `${value} `,
      value.normalize('NFD'),
      value.toUpperCase(),
      value.toLowerCase(),
      value.trimEnd(),
    ]
    const free = near.filter((one) => !this.#texts.has(one))
    const other = free.length > 0 ? this.random.of(free) : `${value}${this.#new}`
    this.#texts.add(other)
    return literal(other)
  }
}
