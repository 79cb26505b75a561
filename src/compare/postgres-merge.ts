import type { CopyOut, Session } from '../connection/postgres.ts'
import type { ColumnDifference, RowDifference } from '../contract/verify.ts'
import { integerAt } from './merge.ts'
import type { Listing, Outcome } from './model.ts'
import type { PostgresComparison, SideSql } from './postgres-comparison.ts'
import type { Selection } from './postgres-leaves.ts'
import { type Field, fieldsOf, type RowBytes, sameField } from './row.ts'
import { TargetRows } from './target-rows.ts'

/** Characters of a value that are shown; one more tells that it goes on. */
const SHOWN = 60

/** A row with where the values end that are compared; behind them are others. Good during the call. */
export interface Placed {
  readonly row: RowBytes
  readonly keyEnd: number
  readonly end: number
}

/** One side's rows in their order, each good until the next is asked for. */
class Side {
  readonly #rows: TargetRows
  readonly #key: number
  readonly #fields: number
  current: Placed | null = null
  count = 0

  private constructor(rows: TargetRows, key: number, fields: number) {
    this.#rows = rows
    this.#key = key
    this.#fields = fields
  }

  static async open(session: Session, sql: string, { key, columns }: PostgresComparison): Promise<Side> {
    const out: CopyOut = await session.copyTo(sql)
    const side = new Side(TargetRows.of(out), key, columns.length)
    await side.forward()
    return side
  }

  async forward(): Promise<void> {
    const row = await this.#rows.next()
    if (row === null) {
      this.current = null
      return
    }
    this.count += 1
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
    let at = 2
    let keyEnd = 2
    for (let field = 0; field < this.#fields; field += 1) {
      at += 4 + Math.max(0, view.getInt32(at))
      if (field + 1 === this.#key) keyEnd = at
    }
    this.current = { row, keyEnd: this.#key === 0 ? at : keyEnd, end: at }
  }
}

/** One side as it is read: its session, and the columns behind those that are compared. */
export interface MergeSide {
  readonly session: Session
  readonly selection: Selection
  readonly extra: readonly string[]
}

export type Kind = RowDifference['kind']

/** Told of each row that differs, of the one side, the other, or both. */
export type OnDifference = (kind: Kind, source: Placed | null, target: Placed | null) => void | Promise<void>

function copyOf(side: SideSql, { selection: { where, order }, extra }: MergeSide): string {
  return `COPY (SELECT ${[...side.fields, ...extra].join(', ')} FROM ${side.from} AS t WHERE ${where} ORDER BY ${order}) TO STDOUT WITH (FORMAT binary)`
}

/** Reads both sides of some rows in step and compares them byte by byte. */
export async function mergeSides(
  comparison: PostgresComparison,
  source: MergeSide,
  target: MergeSide,
  onDifference: OnDifference,
): Promise<{ readonly sourceRows: number; readonly targetRows: number }> {
  const ours = await Side.open(source.session, copyOf(comparison.source, source), comparison)
  const theirs = await Side.open(target.session, copyOf(comparison.target, target), comparison)
  while (ours.current !== null || theirs.current !== null) {
    const order = orderOf(comparison, ours.current, theirs.current)
    if (order < 0) await onDifference('missing', ours.current, null)
    else if (order > 0) await onDifference('extra', null, theirs.current)
    else if (!sameValues(ours.current!, theirs.current!))
      await onDifference('changed', ours.current, theirs.current)
    if (order <= 0) await ours.forward()
    if (order >= 0) await theirs.forward()
  }
  return { sourceRows: ours.count, targetRows: theirs.count }
}

/** Both sides of some rows, with what differs as people read it. */
export async function mergePostgres(
  comparison: PostgresComparison,
  listing: Listing,
  source: Omit<MergeSide, 'extra'>,
  target: Omit<MergeSide, 'extra'>,
): Promise<Outcome> {
  const shownOf = ({ texts }: SideSql): string[] =>
    (listing.showValues ? texts : texts.slice(0, comparison.key)).map(
      (text) => `pg_catalog."left"(${text}, ${SHOWN + 1})`,
    )
  const counts = { missing: 0, extra: 0, changed: 0 }
  const differences: RowDifference[] = []
  const rows = await mergeSides(
    comparison,
    { ...source, extra: shownOf(comparison.source) },
    { ...target, extra: shownOf(comparison.target) },
    (kind, ours, theirs) => {
      counts[kind] += 1
      if (differences.length < listing.most)
        differences.push(described(comparison, listing, kind, ours, theirs))
    },
  )
  return { ...rows, ...counts, exact: true, differences }
}

/** Keys compare as the servers order them: integers as numbers, all others as bytes. */
function orderOf(comparison: PostgresComparison, a: Placed | null, b: Placed | null): number {
  if (a === null) return 1
  if (b === null) return -1
  if (!comparison.integer) return Buffer.compare(a.row.subarray(2, a.keyEnd), b.row.subarray(2, b.keyEnd))
  const ours = integerAt(a.row, 0)
  const theirs = integerAt(b.row, 0)
  return ours < theirs ? -1 : ours > theirs ? 1 : 0
}

const sameValues = (a: Placed, b: Placed): boolean =>
  Buffer.compare(a.row.subarray(2, a.end), b.row.subarray(2, b.end)) === 0

function described(
  { table, columns, key }: PostgresComparison,
  { showValues }: Listing,
  kind: RowDifference['kind'],
  source: Placed | null,
  target: Placed | null,
): RowDifference {
  const ours = source === null ? null : fieldsOf(source.row)
  const theirs = target === null ? null : fieldsOf(target.row)
  const either = (ours ?? theirs)!
  const text = (fields: readonly Field[], at: number): string | null =>
    shown(fields[columns.length + at] ?? null)
  const positions = columns.flatMap((_, at) =>
    ours !== null && theirs !== null
      ? sameField(ours[at]!, theirs[at]!)
        ? []
        : [at]
      : showValues
        ? [at]
        : [],
  )
  return {
    table,
    kind,
    key:
      key === 0
        ? null
        : columns
            .slice(0, key)
            .map(({ name, plain }, at) => {
              const value = text(either, at)
              return `${name} = ${plain || value === null ? value : JSON.stringify(value)}`
            })
            .join(', '),
    columns: positions.map((at): ColumnDifference => {
      const column = columns[at]!.name
      if (!showValues) return { column }
      return {
        column,
        ...(ours === null ? {} : { source: text(ours, at) }),
        ...(theirs === null ? {} : { target: text(theirs, at) }),
      }
    }),
  }
}

function shown(field: Field): string | null {
  if (field === null) return null
  const text = Buffer.from(field.buffer, field.byteOffset, field.byteLength).toString()
  const characters = [...text]
  return characters.length > SHOWN ? `${characters.slice(0, SHOWN).join('')}…` : text
}
