import { type CopyOut, type RowBlock, type Session, WholeRows } from '../connection/postgres.ts'
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

const NOTHING: RowBlock = { bytes: Buffer.alloc(0), ends: [], cut: 0 }

/** The target's rows as they arrive, one by one or as one sequence of bytes; not both ways. */
export class TargetRows {
  readonly #out: CopyOut
  #block: RowBlock = NOTHING
  /** Where the next byte is in the block, when bytes are asked for. */
  #at = 0
  /** The next of the block's rows, when rows are. */
  #row = 0
  #rows: readonly RowBytes[] = []
  readonly #whole = new WholeRows()
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
    while (this.#row === this.#rows.length) {
      if (!(await this.#more())) return null
      this.#rows = this.#whole.take(this.#block)
      this.#row = 0
    }
    return this.#rows[this.#row++]!
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
    this.#block = block ?? NOTHING
    this.#at = 0
    return !this.#ended
  }

  /** Throws the rest away; the session is free afterwards. */
  async drain(): Promise<void> {
    if (!this.#ended) await this.#out.drain()
    this.#ended = true
  }
}
