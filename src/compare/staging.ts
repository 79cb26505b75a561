import type { CopyIn, Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { ComparedColumn, Comparison } from './model.ts'
import type { RowBytes } from './row.ts'

/** `PGCOPY\n\377\r\n\0`, then no flags and no header extension. */
const HEADER = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')
const TRAILER = Buffer.from('ffff', 'hex')
/** Bytes of one message. */
const PORTION = 256 * 1024

/** Whether the target lacks a row of the source, or holds other values under its key. */
export type StagedAs = 'missing' | 'changed'

/** What is filled: see `Comparison`. */
export interface Staged extends Pick<Comparison, 'target' | 'key'> {
  readonly columns: readonly Pick<ComparedColumn, 'target' | 'judged'>[]
}

/** A number in front of each staged row. */
const KINDS: Readonly<Record<StagedAs, number>> = { missing: 0, changed: 1 }
const TABLE = 'pg_temp.landfall_staging'

/**
 * The source's rows on their way to the target's table, in a temporary table that lives as long as the
 * session's transaction. Rows of both kinds may be written in any order. While rows are being written no
 * other statement may be sent on the session; `end`, and the first call of `updateChanged` or
 * `insertMissing`, end that, and nothing can be written afterwards.
 */
export interface Staging {
  /** The bytes are needed during the call only. */
  write(as: StagedAs, rows: readonly RowBytes[]): Promise<void>
  /** All rows are staged: the session takes other statements. */
  end(): Promise<void>
  /** Gives the rows of the same key these values; returns how many there were. Needs a key. */
  updateChanged(): Promise<number>
  /** Columns that are not compared get their defaults. Returns how many rows there were. */
  insertMissing(): Promise<number>
  /** Gives up writing, so that the session may be used again; to be called when anything else failed. */
  abort(): Promise<void>
}

/**
 * Begins staging in the session's open transaction; once in a transaction. Columns have the target's own
 * types, and the text of those that are compared by a form that only the target knows.
 */
export async function openStaging(session: Session, comparison: Staged): Promise<Staging> {
  const columns = comparison.columns.map(({ target, judged }, at) => {
    const column = `t.${ident(target)}`
    return `${judged === null ? column : `${column}::pg_catalog.text`} AS c${at}`
  })
  await session.query(
    `CREATE TEMPORARY TABLE landfall_staging ON COMMIT DROP AS SELECT ${['0::pg_catalog.int2 AS kind', ...columns].join(', ')} FROM ${comparison.target} AS t WITH NO DATA`,
  )
  return new TableStaging(session, comparison)
}

class TableStaging implements Staging {
  readonly #session: Session
  readonly #comparison: Staged
  #copy: CopyIn | null = null
  #ended = false
  #portion = Buffer.allocUnsafeSlow(PORTION)
  #used = HEADER.copy(this.#portion)

  constructor(session: Session, comparison: Staged) {
    this.#session = session
    this.#comparison = comparison
  }

  async write(as: StagedAs, rows: readonly RowBytes[]): Promise<void> {
    if (this.#ended) throw new TypeError('the staged rows have been used already')
    if (rows.length === 0) return
    this.#copy ??= await this.#session.copyFrom(`COPY ${TABLE} FROM STDIN WITH (FORMAT binary)`)
    for (const row of rows) {
      const kind = Buffer.allocUnsafe(8)
      kind.writeInt16BE(this.#comparison.columns.length + 1, 0)
      kind.writeInt32BE(2, 2)
      kind.writeInt16BE(KINDS[as], 6)
      await this.#append(kind)
      await this.#append(row.subarray(2))
    }
  }

  /** Copies the bytes, so that a row is needed no longer than it takes to write it. */
  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + PORTION - this.#used)
      this.#portion.set(piece, this.#used)
      this.#used += piece.length
      at += piece.length
      if (this.#used === PORTION) await this.#flush()
    }
  }

  async #flush(): Promise<void> {
    const portion = this.#portion.subarray(0, this.#used)
    this.#portion = Buffer.allocUnsafeSlow(PORTION)
    this.#used = 0
    await this.#copy!.write(portion)
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    if (this.#copy === null) return
    await this.#append(TRAILER)
    await this.#flush()
    await this.#copy.end()
  }

  async updateChanged(): Promise<number> {
    await this.end()
    const { columns, key, target } = this.#comparison
    const values = columns.flatMap((_, at) => (key.includes(at) ? [] : [at]))
    if (this.#copy === null || key.length === 0 || values.length === 0) return 0
    const set = values.map((at) => `${ident(columns[at]!.target)} = ${this.#value(at)}`)
    const same = key.map((at) => `t.${ident(columns[at]!.target)} = ${this.#value(at)}`)
    const { rowCount } = await this.#session.query(
      `UPDATE ${target} AS t SET ${set.join(', ')} FROM ${TABLE} AS s WHERE s.kind = ${KINDS.changed} AND ${same.join(' AND ')}`,
    )
    return rowCount
  }

  async insertMissing(): Promise<number> {
    await this.end()
    if (this.#copy === null) return 0
    const { columns, target } = this.#comparison
    const names = columns.map((column) => ident(column.target)).join(', ')
    const values = columns.map((_, at) => this.#value(at)).join(', ')
    const { rowCount } = await this.#session.query(
      `INSERT INTO ${target} ${names === '' ? '' : `(${names}) `}OVERRIDING SYSTEM VALUE SELECT ${values} FROM ${TABLE} AS s WHERE s.kind = ${KINDS.missing}`,
    )
    return rowCount
  }

  /** A form that the target itself wrote cannot be too long for its type, so that a cast cuts nothing. */
  #value(at: number): string {
    const { judged } = this.#comparison.columns[at]!
    return judged === null ? `s.c${at}` : `s.c${at}::${judged}`
  }

  async abort(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#copy?.abort('the rows were given up')
  }
}
