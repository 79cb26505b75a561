import type { DatabaseSync, StatementSync } from 'node:sqlite'

export interface SchemaRow {
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  readonly tbl_name: string
  readonly sql: string | null
}

export interface PragmaTable {
  readonly name: string
  readonly type: 'table' | 'view' | 'virtual' | 'shadow'
  /** 1 for WITHOUT ROWID. */
  readonly wr: number
  readonly strict: number
}

export interface PragmaColumn {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  /** Position in the primary key from 1, or 0. */
  readonly pk: number
  /** 0 ordinary, 1 hidden, 2 generated and virtual, 3 generated and stored. */
  readonly hidden: number
}

export interface PragmaIndex {
  readonly name: string
  readonly unique: number
  /** `c` CREATE INDEX, `u` UNIQUE constraint, `pk` PRIMARY KEY. */
  readonly origin: 'c' | 'u' | 'pk'
}

export interface PragmaIndexPart {
  /** -1 the rowid, -2 an expression. */
  readonly cid: number
  readonly name: string | null
  readonly desc: number
  readonly coll: string
}

export interface PragmaForeignKey {
  readonly id: number
  readonly table: string
  readonly from: string
  readonly to: string | null
  readonly on_update: string
  readonly on_delete: string
}

/**
 * Typed rows of the schema table and the pragmas, always of the schema `main`: a TEMP table of the
 * same name must not stand in. None of these integers can leave 32 bits, `sqlite_sequence` comes as text.
 */
export class PragmaReader {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  version(): string {
    return this.#rows<{ v: string }>('SELECT sqlite_version() AS v')[0]?.v ?? ''
  }

  encoding(): string {
    return this.#rows<{ encoding: string }>('PRAGMA main.encoding')[0]?.encoding ?? ''
  }

  /** In the order of creation. */
  schema(): SchemaRow[] {
    return this.#rows('SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid')
  }

  tableList(): PragmaTable[] {
    return this.#rows("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")
  }

  columns(table: string): PragmaColumn[] {
    return this.#rows(
      `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid`,
      table,
    )
  }

  /** False for a name whose bytes are no valid UTF-8: it arrived here as another name. */
  hasColumn(table: string, column: string): boolean {
    return this.#rows(`SELECT 1 FROM pragma_table_xinfo(?, 'main') WHERE name = ?`, table, column).length > 0
  }

  /** In the order of creation. */
  indexes(table: string): PragmaIndex[] {
    return this.#rows(
      `SELECT l.name, l."unique", l.origin FROM pragma_index_list(?, 'main') AS l
       LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name
       ORDER BY s.rowid, l.seq DESC`,
      table,
    )
  }

  /** The key's parts, without the columns that an index carries along. */
  indexParts(index: string): PragmaIndexPart[] {
    return this.#rows(
      `SELECT cid, name, "desc", coll FROM pragma_index_xinfo(?, 'main') WHERE "key" ORDER BY seqno`,
      index,
    )
  }

  /** A key's parts in their order; `id` counts from the last key of the text to the first. */
  foreignKeys(table: string): PragmaForeignKey[] {
    return this.#rows(
      `SELECT id, "table", "from", "to", on_update, on_delete
       FROM pragma_foreign_key_list(?, 'main') ORDER BY id DESC, seq`,
      table,
    )
  }

  /** The highest AUTOINCREMENT number given so far, as decimal text. */
  lastAutoincrement(table: string): string | null {
    const exists = this.#rows("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'").length > 0
    if (!exists) return null
    const rows = this.#rows<{ last: string | null }>(
      `SELECT CAST(max(seq) AS TEXT) AS last FROM main.sqlite_sequence
       WHERE name = ? AND typeof(seq) = 'integer'`,
      table,
    )
    return rows[0]?.last ?? null
  }

  #rows<Row>(sql: string, ...values: string[]): Row[] {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      // The connection may have other defaults.
      statement.setReturnArrays(false)
      statement.setReadBigInts(false)
      this.#statements.set(sql, statement)
    }
    return statement.all(...values) as Row[]
  }
}
