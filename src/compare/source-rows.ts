import type { DatabaseSync } from 'node:sqlite'
import type { Session } from '../connection/postgres.ts'
import { isJson } from '../connection/postgres-json.ts'
import { binaryEncoder } from '../copy/encode-binary.ts'
import { misfitError } from '../copy/failures.ts'
import { MisfitError, type Row, type RowEncoder } from '../copy/model.ts'
import { batches } from '../copy/read-chunk.ts'
import type { ChunkBounds } from '../journal/model.ts'
import { width } from '../types/model.ts'
import type { Comparison } from './model.ts'
import type { RowBytes } from './row.ts'

/** Encoded rows of the source. */
export interface EncodedRows {
  readonly encoder: RowEncoder
  readonly rows: number
}

/**
 * Encodes a range of the source batch by batch, in the order of its key. After each batch its bytes wait
 * in the encoder, to be taken; whoever took the last ones closes it. `session` is asked for the form of
 * columns that only the target knows.
 *
 * Errors: LF204 a value does not fit any more.
 */
export async function* encodeRange(
  database: DatabaseSync,
  comparison: Comparison,
  bounds: ChunkBounds,
  session: Session,
  onRow?: (encoder: RowEncoder) => void,
): AsyncGenerator<EncodedRows> {
  const encoder = binaryEncoder(comparison.columns.map((column) => column.carrier))
  const read = { ...comparison.read, bounds }
  let before = 0
  let taken = 0
  const bytes = (): number => taken + encoder.size
  for (const batch of batches(database, read, bytes)) {
    const rows = await judged(session, comparison, batch)
    try {
      if (onRow === undefined) encoder.encode(rows)
      else
        for (const row of rows) {
          encoder.encode([row])
          onRow(encoder)
        }
    } catch (error) {
      throw error instanceof MisfitError ? misfitError(error, database, read, before) : error
    }
    before += rows.length
    const size = encoder.size
    yield { encoder, rows: rows.length }
    taken += size - encoder.size
  }
}

/** The rows of a range one by one, a batch at a time. Their bytes are good until the next batch. */
export async function* sourceRows(
  database: DatabaseSync,
  comparison: Comparison,
  bounds: ChunkBounds,
  session: Session,
): AsyncGenerator<RowBytes[]> {
  let ends: number[] = []
  let last: RowEncoder | null = null
  const remember = (encoder: RowEncoder): void => void ends.push(encoder.size)
  for await (const { encoder } of encodeRange(database, comparison, bounds, session, remember)) {
    last = encoder
    const { bytes: whole, release } = together(encoder)
    let start = 0
    yield ends.map((end) => {
      const row = whole.subarray(start, end)
      start = end
      return row
    })
    release()
    ends = []
  }
  last?.close()
}

/** What was encoded as one sequence of bytes, until they are given back. */
function together(encoder: RowEncoder): { readonly bytes: Uint8Array; readonly release: () => void } {
  const pieces = encoder.take()
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return { bytes: only, release: () => encoder.release(only) }
  const bytes = Buffer.allocUnsafeSlow(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let length = 0
  for (const piece of pieces) {
    bytes.set(piece, length)
    length += piece.length
    encoder.release(piece)
  }
  return { bytes, release: () => void bytes.buffer.transfer(0) }
}

/** Puts the target's own form in the place of what was read, for the columns that have one. */
async function judged(session: Session, comparison: Comparison, batch: Row[]): Promise<readonly Row[]> {
  let slot = 0
  const columns = comparison.columns.flatMap(({ carrier, judged: type }) => {
    const at = slot
    slot += width(carrier)
    return type === null ? [] : [{ at, type }]
  })
  if (columns.length === 0) return batch
  const rows = batch.map((row) => [...row])
  for (const { at, type } of columns) {
    const texts = rows.map((row) => row[at] ?? null)
    const forms = await formsOf(session, type, texts)
    rows.forEach((row, i) => {
      row[at] = forms[i]!
    })
  }
  return rows
}

/**
 * A cast would cut a text that is too long for its type in silence; reading it, as COPY does, is an error.
 * JSON alone is no text inside of JSON, nor is a domain over it, and has no length.
 */
async function formsOf(
  session: Session,
  type: string,
  texts: readonly Row[number][],
): Promise<(string | null)[]> {
  const json = await isJson(session, type)
  const values = JSON.stringify(texts.map((v, o) => ({ o, v })))
  const { rows } = await session.query<{ forms: (string | null)[] | null }>(
    `SELECT array_agg((x.v${json ? `::${type}` : ''})::text ORDER BY x.o) AS forms FROM json_to_recordset($1::json) AS x(o int, v ${json ? 'text' : type})`,
    [values],
  )
  return rows[0]?.forms ?? []
}
