import { createHash } from 'node:crypto'
import type { Client } from 'pg'
import { COPY_DATA, CopyReader } from './postgres-copy-reader.ts'

/** One COPY … TO STDOUT, of any format, as bytes that can go on to a COPY … FROM STDIN. */
export interface CopyBytes {
  /** The next bytes, cut anywhere; null after the last. Rejects when the server gives up. */
  next(): Promise<Buffer | null>
  /** The caller is done with bytes that it got; their memory is given back. */
  release(bytes: Buffer): void
  /** Rows that the server says it has sent; known after the last bytes. */
  readonly rows: number
  /** SHA-256 of all bytes, hex; to be asked once, after the last. */
  digest(): string
}

export function startCopyBytes(
  client: Client,
  sql: string,
  wrap: (error: unknown) => Error,
): Promise<CopyBytesQuery> {
  return new CopyBytesQuery(sql, wrap).start(client)
}

/** A message's kind and length. */
const HEAD = 5

class CopyBytesQuery extends CopyReader<{ readonly bytes: Buffer }> implements CopyBytes {
  /** What is still to come of a message that was cut. */
  #left = 0
  readonly #hash = createHash('sha256')

  async next(): Promise<Buffer | null> {
    return (await this.nextBlock())?.bytes ?? null
  }

  release(bytes: Buffer): void {
    CopyReader.free(bytes)
  }

  digest(): string {
    return this.#hash.digest('hex')
  }

  /**
   * The data is moved together where it is: the receiving server takes one large message in less time
   * than one for each row.
   */
  protected take(chunk: Buffer): Buffer | null {
    let at = Math.min(this.#left, chunk.length)
    let end = at
    this.#left -= at
    let over: Buffer | null = null
    while (at < chunk.length) {
      const left = chunk.length - at
      const size = left < HEAD ? Number.POSITIVE_INFINITY : 1 + chunk.readUInt32BE(at + 1)
      const isData = chunk[at] === COPY_DATA
      if (left < HEAD || (!isData && left < size)) {
        over = chunk.subarray(at)
        break
      }
      const to = Math.min(at + size, chunk.length)
      if (isData) {
        chunk.copyWithin(end, at + HEAD, to)
        end += to - at - HEAD
        this.#left = at + size - to
      } else this.pass(chunk.subarray(at, to))
      at = to
    }
    if (end > 0) {
      const bytes = chunk.subarray(0, end)
      this.#hash.update(bytes)
      this.hand({ bytes })
    }
    return over
  }
}
