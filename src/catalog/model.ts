/**
 * What a database holds, in one neutral shape for every engine. Readers (`sqlite.ts`, `postgres.ts`)
 * fill it from the engine's own catalog; they never look at rows. Names are spelled as the database
 * spells them. Texts that are SQL stay in the engine's dialect.
 */
export interface Catalog {
  readonly engine: 'sqlite' | 'postgres'
  /** `3.53.4`, or for PostgreSQL `server_version` such as `18.4`. */
  readonly version: string
  /** SQLite: `UTF-8`, `UTF-16le`, `UTF-16be`. PostgreSQL: `server_encoding` of the database. */
  readonly encoding: string
  readonly tables: readonly Table[]
  /** Everything else that is there and that a move of tables leaves behind, by name. */
  readonly others: readonly OtherObject[]
}

export interface OtherObject {
  readonly kind:
    | 'view'
    | 'materialized view'
    | 'trigger'
    | 'virtual table'
    | 'shadow table'
    | 'sequence'
    | 'function'
    | 'foreign table'
  /** PostgreSQL: quoted and qualified (a trigger's: quoted); a function's with its argument types. */
  readonly name: string
  /** The table that a trigger, shadow table … belongs to; PostgreSQL: quoted and qualified. */
  readonly table?: string
  /** A trigger that does not fire. */
  readonly disabled?: true
  /** The statement that made it, where the engine keeps one. */
  readonly sql?: string
}

export interface Table {
  /** PostgreSQL: the schema; SQLite: `main`. */
  readonly schema: string
  readonly name: string
  readonly columns: readonly Column[]
  readonly primaryKey: PrimaryKey | null
  /** UNIQUE constraints and indexes that are not the primary key; unique or not, partial or not. */
  readonly indexes: readonly Index[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly checks: readonly CheckConstraint[]
  /**
   * What finds a row physically: SQLite's rowid (with a name that no column shadows), or null: WITHOUT
   * ROWID (its primary key is NOT NULL), or every name is shadowed (its primary key, if any, may hold NULL).
   */
  readonly rowid: string | null
  /** The engine enforces declared types: SQLite STRICT, PostgreSQL always. */
  readonly strict: boolean
  /** SQLite AUTOINCREMENT: the highest number given so far as decimal text, `null` when none was. */
  readonly autoincrement: { readonly last: string | null } | null
  /** The statement that made it, where the engine keeps one. */
  readonly sql: string | null
  /** PostgreSQL: a partition's parent, quoted and qualified. The parent's rows are its partitions' rows. */
  readonly partitionOf?: string
  /** PostgreSQL: tables inherit from it, whose rows are its rows, too: its key does not tell them apart. */
  readonly heirs?: true
}

export interface Column {
  readonly name: string
  /** As declared, e.g. `VARCHAR(20)`; empty when nothing was declared. PostgreSQL: `format_type`. */
  readonly declared: string
  readonly notNull: boolean
  /** The default's SQL text without parentheses around the whole, or null. */
  readonly default: string | null
  /** A generated column: its expression, and whether it is stored. */
  readonly generated: { readonly expression: string; readonly stored: boolean } | null
  /**
   * SQLite: the default collation of the column where it is not BINARY. PostgreSQL: where not the
   * default, as SQL (`"C"`, or `public.ci`).
   */
  readonly collation: string | null
  /** Values come from the engine when none is given: INTEGER PRIMARY KEY, identity, serial (which has a default, too). */
  readonly identity: 'always' | 'by default' | null
  /** PostgreSQL: the sequence that the column's default or identity takes from, quoted and qualified. */
  readonly sequence: string | null
  /** SQLite: a hidden column of a virtual table. Always false for ordinary tables. */
  readonly hidden: boolean
}

export interface PrimaryKey {
  readonly columns: readonly string[]
  readonly name: string | null
  /** SQLite: the columns' collations as the key uses them; `null` where BINARY. */
  readonly collations: readonly (string | null)[]
}

export interface Index {
  readonly name: string
  readonly unique: boolean
  /** It came from a UNIQUE constraint rather than from CREATE INDEX. */
  readonly constraint: boolean
  readonly parts: readonly IndexPart[]
  /** The predicate of a partial index. */
  readonly where: string | null
  /** PostgreSQL: NULLS NOT DISTINCT. */
  readonly nullsNotDistinct: boolean
  /** PostgreSQL: `indisvalid and indisready`; SQLite: true. */
  readonly valid: boolean
  readonly sql: string | null
}

export interface IndexPart {
  /** Exactly one of the two is set. */
  readonly column: string | null
  readonly expression: string | null
  readonly descending: boolean
  readonly collation: string | null
}

export interface ForeignKey {
  readonly name: string | null
  readonly columns: readonly string[]
  readonly refTable: string
  readonly refSchema: string
  /**
   * SQLite lets them out; then these are the parent's primary key. Empty when the parent is missing,
   * or has no such columns.
   */
  readonly refColumns: readonly string[]
  readonly onUpdate: FkAction
  readonly onDelete: FkAction
  readonly deferrable: 'no' | 'immediate' | 'deferred'
}
export type FkAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

export interface CheckConstraint {
  readonly name: string | null
  readonly expression: string
}
