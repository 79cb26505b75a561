import type { Client } from 'pg'
import { COPY_DATA, CopyReader } from './postgres-copy-reader.ts'

/**
 * Rows in COPY's binary form, one behind the other: each goes from the end of the one before it to its
 * own. An object for each row would cost more than its bytes. A large row may be cut, and end in a later
 * block: a hundred megabytes need not be held as a whole by who does not want them.
 */
export interface RowBlock {
  readonly bytes: Buffer
  readonly ends: readonly number[]
  /** How long the row is, in all, that the block ends within; 0 when it ends with a row. */
  readonly cut: number
}

/** Brings rows together that were cut. */
export class WholeRows {
  #row: Buffer<ArrayBuffer> | null = null
  #filled = 0
  #given: Buffer<ArrayBuffer> | null = null

  /** The rows that are whole with this block; their bytes are good until the next call. */
  take({ bytes, ends, cut }: RowBlock): Uint8Array[] {
    this.#given?.buffer.transfer(0)
    this.#given = null
    let start = 0
    const rows = ends.map((end) => {
      const part = bytes.subarray(start, end)
      start = end
      if (this.#row === null) return part
      this.#fill(part)
      this.#given = this.#row
      this.#row = null
      this.#filled = 0
      return this.#given
    })
    if (start < bytes.length) {
      this.#row ??= Buffer.allocUnsafeSlow(cut)
      this.#fill(bytes.subarray(start))
    }
    return rows
  }

  #fill(part: Buffer): void {
    part.copy(this.#row!, this.#filled)
    this.#filled += part.length
  }
}

/** Rows on their way out of one COPY … TO STDOUT WITH (FORMAT binary). */
export interface CopyOut {
  /**
   * The next rows that have arrived, without the stream's header and trailer; null after the last one.
   * The bytes are good until the next call. Rejects when the server gives up.
   */
  next(): Promise<RowBlock | null>
  /** Throws the rest away, so that the session may be used again. */
  drain(): Promise<void>
}

/** `PGCOPY\n\377\r\n\0`, no flags, no extension. */
const HEADER = 19
/** A row of more bytes is handed on in parts. */
const LARGE = 64 * 1024

export function startCopyOut(
  client: Client,
  sql: string,
  wrap: (error: unknown) => Error,
): Promise<CopyOutQuery> {
  return new CopyOutQuery(sql, wrap).start(client)
}

/** The trailer has no fields: their number, which is all of it, is -1. */
function isRow(bytes: Buffer, from: number, to: number): boolean {
  return to - from > 2 || (to - from === 2 && bytes.readInt16BE(from) !== -1)
}

class CopyOutQuery extends CopyReader<RowBlock> implements CopyOut {
  #given: RowBlock | null = null
  /** Of a large row that is under way: its length, and what is still to come of it. */
  #rowLength = 0
  #rowLeft = 0
  #headerSeen = false

  async next(): Promise<RowBlock | null> {
    if (this.#given !== null) CopyReader.free(this.#given.bytes)
    this.#given = null
    this.#given = await this.nextBlock()
    return this.#given
  }

  async drain(): Promise<void> {
    while ((await this.next()) !== null);
  }

  /** Rows are moved together where they are: the bytes between them are only the messages' heads. */
  protected take(chunk: Buffer): Buffer | null {
    const ends: number[] = []
    let over: Buffer | null = null
    let at = Math.min(this.#rowLeft, chunk.length)
    let end = at
    if (at > 0) {
      this.#rowLeft -= at
      if (this.#rowLeft === 0) ends.push(end)
    }
    while (at < chunk.length) {
      const left = chunk.length - at
      const size = left < 5 ? Number.POSITIVE_INFINITY : 1 + chunk.readUInt32BE(at + 1)
      const isData = chunk[at] === COPY_DATA
      const row = at + 5 + (isData && !this.#headerSeen ? HEADER : 0)
      if (left >= size) {
        if (!isData) this.pass(chunk.subarray(at, at + size))
        else if (isRow(chunk, row, at + size)) {
          chunk.copyWithin(end, row, at + size)
          end += at + size - row
          ends.push(end)
        }
        at += size
      } else if (isData && size > LARGE && row < chunk.length) {
        chunk.copyWithin(end, row, chunk.length)
        end += chunk.length - row
        this.#rowLength = at + size - row
        this.#rowLeft = at + size - chunk.length
        at = chunk.length
      } else {
        over = chunk.subarray(at)
        break
      }
      if (isData) this.#headerSeen = true
    }
    if (end > 0)
      this.hand({
        bytes: chunk.subarray(0, end),
        ends,
        cut: this.#rowLeft > 0 ? this.#rowLength : 0,
      })
    return over
  }
}
