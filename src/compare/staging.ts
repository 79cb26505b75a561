import { equality } from '../checks/equality.ts'
import type { CopyIn, Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import { HEADER, TRAILER } from '../copy/encode-binary.ts'
import type { ComparedColumn, Comparison } from './model.ts'
import type { RowBytes } from './row.ts'
import { updateUnique } from './update-unique.ts'

const NULL = Buffer.from('ffffffff', 'hex')
/** Bytes of one message. */
const PORTION = 256 * 1024

/** Whether the target lacks a row of the source, holds other values under its key, or has one too many. */
export type StagedAs = 'missing' | 'changed' | 'extra'

/** What is filled: see `Comparison`. */
export interface Staged extends Pick<Comparison, 'target' | 'key'> {
  readonly columns: readonly Pick<ComparedColumn, 'target' | 'judged'>[]
}

/** A number in front of each staged row. */
const KINDS: Readonly<Record<StagedAs, number>> = { missing: 0, changed: 1, extra: 2 }
const TABLE = 'pg_temp.landfall_staging'

/**
 * The source's rows on their way to the target's table, and the keys of those that are to go, in a
 * temporary table that lives as long as the session's transaction. Rows of all kinds may be written in any order. While rows are being written no
 * other statement may be sent on the session; `end`, and the first call of what uses them, end that, and
 * nothing can be written afterwards.
 */
export interface Staging {
  /** The bytes are needed during the call only. */
  write(as: StagedAs, rows: readonly RowBytes[]): Promise<void>
  /** All rows are staged: the session takes other statements. */
  end(): Promise<void>
  /**
   * Gives the rows of the same key these values; returns how many there were. Needs a key. Identities that
   * are always generated stay as they are, since no statement may set them.
   */
  updateChanged(): Promise<number>
  /** Columns that are not compared get their defaults. Returns how many rows there were. */
  insertMissing(): Promise<number>
  /** In one statement, so that rows may refer to each other; returns how many there were. Needs a key. */
  deleteExtra(): Promise<number>
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
  return new TableStaging(session, comparison, await factsOf(session, comparison))
}

/** What the target says of a column. */
interface Facts {
  /** How its values are compared. */
  readonly equal: string
  /** No UPDATE may set it. */
  readonly always: boolean
  /** It may refuse NULL even in the staging table. */
  readonly domain: boolean
}

async function factsOf(session: Session, { target, columns, key }: Staged): Promise<readonly Facts[]> {
  const { rows } = await session.query<{ name: string; type: string; always: boolean; domain: boolean }>(
    `SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
        a.attidentity = 'a' AS always, t.typtype = 'd' AS domain
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = ${literal(target)}::pg_catalog.regclass AND a.attnum > 0`,
  )
  const found = columns.map((column) => rows.find(({ name }) => name === column.target)!)
  const facts: Facts[] = []
  for (const [at, { type, always, domain }] of found.entries())
    facts.push({ equal: key.includes(at) ? await equality(session, type) : '=', always, domain })
  return facts
}

class TableStaging implements Staging {
  readonly #session: Session
  readonly #comparison: Staged
  readonly #facts: readonly Facts[]
  #copy: CopyIn | null = null
  #ended = false
  #portion = Buffer.allocUnsafeSlow(PORTION)
  #used = HEADER.copy(this.#portion)

  constructor(session: Session, comparison: Staged, facts: readonly Facts[]) {
    this.#session = session
    this.#comparison = comparison
    this.#facts = facts
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
      if (as === 'extra') await this.#appendKey(row)
      else await this.#append(row.subarray(2))
    }
  }

  /** With NULL in the place of all other fields. */
  async #appendKey(row: RowBytes): Promise<void> {
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
    let at = 2
    for (const [field, { domain }] of this.#facts.entries()) {
      const end = at + 4 + Math.max(0, view.getInt32(at))
      await this.#append(this.#comparison.key.includes(field) || domain ? row.subarray(at, end) : NULL)
      at = end
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
    const set = new Map(
      columns.flatMap(({ target: name }, at) =>
        key.includes(at) || this.#facts[at]!.always ? [] : [[name, this.#value(at)]],
      ),
    )
    if (this.#copy === null || key.length === 0 || set.size === 0) return 0
    return await updateUnique(this.#session, {
      target,
      set,
      rows: `FROM ${TABLE} AS s WHERE ${this.#sameKey('changed')}`,
    })
  }

  async deleteExtra(): Promise<number> {
    await this.end()
    const { key, target } = this.#comparison
    if (this.#copy === null || key.length === 0) return 0
    const { rowCount } = await this.#session.query(
      `DELETE FROM ${target} AS t USING ${TABLE} AS s WHERE ${this.#sameKey('extra')}`,
    )
    return rowCount
  }

  #sameKey(as: StagedAs): string {
    const { columns, key } = this.#comparison
    const same = key.map(
      (at) => `t.${ident(columns[at]!.target)} ${this.#facts[at]!.equal} ${this.#value(at)}`,
    )
    return [`s.kind = ${KINDS[as]}`, ...same].join(' AND ')
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
