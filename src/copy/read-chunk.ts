import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inRange } from '../connection/sqlite-key.ts'
import type { Row } from './model.ts'
import { type ChunkRead, countSelect } from './select.ts'

/** Rows of a batch: reading them at once costs half of what stepping through them does. */
const BATCH_ROWS = 1_000
const FIRST_BATCH_ROWS = 100
/**
 * A batch is meant to hold at most this much. Where no value is large, the batch before it tells how
 * many rows that may be; where some are, the values' sizes are asked first, down to one row.
 */
const BATCH_BYTES = 4 * 1024 * 1024
const LEAST = -(2n ** 63n)
const MOST = 2n ** 63n - 1n

/**
 * The chunk's rows in the order of the key, a batch at a time. By rowid, a batch's end is found
 * first (which reads no values) and then the range is fetched at once. Keys of several columns, and
 * of any type, are stepped through. `encodedBytes` tells what became of the batches so far.
 */
export function batches(
  database: DatabaseSync,
  read: ChunkRead,
  encodedBytes: () => number,
): Generator<Row[]> {
  return read.keyKind === 'rowid' ? rowidBatches(database, read, encodedBytes) : stepped(database, read)
}

function prepare(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  return statement
}

const fetch = (statement: StatementSync, ...values: bigint[]) => statement.all(...values) as unknown as Row[]

function* rowidBatches(
  database: DatabaseSync,
  read: ChunkRead,
  encodedBytes: () => number,
): Generator<Row[]> {
  const key = read.keys[0]!
  const last = read.bounds.upTo === null ? MOST : BigInt(read.bounds.upTo[0]!)
  const rows = prepare(
    database,
    `${read.select} WHERE ${key} BETWEEN ? AND ? AND NOT (${read.excluded}) ORDER BY ${key}`,
  )
  const nextEnd = endFinder(database, read, key)
  let first = read.bounds.after === null ? LEAST : BigInt(read.bounds.after[0]!) + 1n
  let most = FIRST_BATCH_ROWS
  let bytes = 0
  while (first <= last) {
    const end = nextEnd(first, last, most) ?? last
    const batch = fetch(rows, first, end)
    first = end + 1n
    if (batch.length === 0) continue
    yield batch
    const size = (encodedBytes() - bytes) / batch.length
    bytes = encodedBytes()
    most = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_BYTES / size)))
  }
}

/** Finds the rowid of a batch's last row; null when the rest of the chunk is one batch. */
type EndFinder = (first: bigint, last: bigint, most: number) => bigint | null

function endFinder(database: DatabaseSync, read: ChunkRead, key: string): EndFinder {
  const within = `FROM ${read.from} WHERE ${key} BETWEEN ? AND ? ORDER BY ${key}`
  if (read.sizeOfRow === null) {
    const nth = prepare(database, `SELECT CAST(${key} AS TEXT) ${within} LIMIT 1 OFFSET ?`)
    return (first, last, most) => {
      const row = fetch(nth, first, last, BigInt(most - 1))[0]
      return row === undefined ? null : BigInt(row[0] as string)
    }
  }
  const sizes = prepare(database, `SELECT CAST(${key} AS TEXT), ${read.sizeOfRow} ${within} LIMIT ?`)
  return (first, last) => {
    const found = fetch(sizes, first, last, BigInt(BATCH_ROWS))
    let bytes = 0
    let end: string | null = null
    for (const [rowid, size] of found) {
      bytes += Number(size)
      if (end !== null && bytes > BATCH_BYTES) return BigInt(end)
      end = rowid as string
    }
    return found.length < BATCH_ROWS || end === null ? null : BigInt(end)
  }
}

function* stepped(database: DatabaseSync, read: ChunkRead): Generator<Row[]> {
  const rows = prepare(
    database,
    `${read.select} WHERE ${inRange(read.keys, read.bounds)} AND NOT (${read.excluded}) ORDER BY ${read.keys.join(', ')}`,
  )
  const most = read.sizeOfRow === null ? BATCH_ROWS : 1
  let batch: Row[] = []
  for (const row of rows.iterate() as Iterable<unknown> as Iterable<Row>) {
    batch.push(row)
    if (batch.length < most) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

export function countRows(database: DatabaseSync, read: ChunkRead): number {
  return Number(fetch(prepare(database, countSelect(read)))[0]![0])
}

/** The key of the chunk's `position`-th row that is loaded, from 0, for messages. */
export function keyAt(database: DatabaseSync, read: ChunkRead, position: number): string | null {
  const sql = `SELECT ${read.keyPreview} FROM ${read.from} WHERE ${inRange(read.keys, read.bounds)} AND NOT (${read.excluded}) ORDER BY ${read.keys.join(', ')} LIMIT 1 OFFSET ${position}`
  const row = fetch(prepare(database, sql))[0]
  return row === undefined ? null : String(row[0])
}
