import type { CopyOut, RowBlock, Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { Comparison } from './model.ts'
import type { RowBytes } from './row.ts'

interface Selection {
  /** Target SQL over the table as `t`. */
  readonly where?: string
  readonly order?: string
  /** Further columns behind those that are compared. */
  readonly extra?: readonly string[]
}

/** `COPY` of the target's rows in the form in which they are compared. */
export function targetCopy(comparison: Comparison, { where, order, extra = [] }: Selection = {}): string {
  const values = [...comparison.columns.map((column) => column.select), ...extra]
  const rest = `${where === undefined ? '' : ` WHERE ${where}`}${order === undefined ? '' : ` ORDER BY ${order}`}`
  return `COPY (SELECT ${values.join(', ')} FROM ${comparison.target} AS t${rest}) TO STDOUT WITH (FORMAT binary)`
}

/** The target's column, of the table as `targetCopy` names it. */
export const targetColumn = (name: string): string => `t.${ident(name)}`

/** The target's rows as they arrive, one by one or as one sequence of bytes. */
export class TargetRows {
  readonly #out: CopyOut
  #block: RowBlock = { bytes: Buffer.alloc(0), ends: [] }
  /** The next row of the block, and where the next byte is; they belong together unless bytes were asked for. */
  #row = 0
  #at = 0
  #ended = false

  private constructor(out: CopyOut) {
    this.#out = out
  }

  static async open(session: Session, comparison: Comparison, selection: Selection): Promise<TargetRows> {
    return new TargetRows(await session.copyTo(targetCopy(comparison, selection)))
  }

  /** The rows of a COPY that has begun. */
  static of(out: CopyOut): TargetRows {
    return new TargetRows(out)
  }

  async next(): Promise<RowBytes | null> {
    if (this.#row === this.#block.ends.length && !(await this.#more())) return null
    const start = this.#at
    this.#at = this.#block.ends[this.#row++]!
    return this.#block.bytes.subarray(start, this.#at)
  }

  /** Rows that have arrived, as many as there are; null after the last. Not together with the others. */
  async block(): Promise<RowBlock | null> {
    return (await this.#more()) ? this.#block : null
  }

  /** Whether the rows go on with exactly these bytes, which may begin and end within rows. */
  async continuesWith(bytes: Uint8Array): Promise<boolean> {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < piece.length; ) {
      if (this.#at === this.#block.bytes.length && !(await this.#more())) return false
      const theirs = this.#block.bytes
      const length = Math.min(piece.length - at, theirs.length - this.#at)
      if (piece.compare(theirs, this.#at, this.#at + length, at, at + length) !== 0) return false
      at += length
      this.#at += length
    }
    return true
  }

  async isAtEnd(): Promise<boolean> {
    return this.#at === this.#block.bytes.length && !(await this.#more())
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false
    const block = await this.#out.next()
    this.#ended = block === null
    this.#block = block ?? { bytes: Buffer.alloc(0), ends: [] }
    this.#row = 0
    this.#at = 0
    return !this.#ended
  }

  /** Throws the rest away; the session is free afterwards. */
  async drain(): Promise<void> {
    if (!this.#ended) await this.#out.drain()
    this.#ended = true
  }
}
