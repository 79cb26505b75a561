/**
 * What must be true of a database's schema, as plain values: the config's `schema` and `invariants` with
 * every name filled in. Only what is written here is looked at. Texts called `sql` are in the target's
 * dialect, constants are literals that PostgreSQL and SQLite both read.
 */
export interface Declaration {
  /** Under this name the target keeps what was made, and one process at a time works on it. */
  readonly name: string
  /** The PostgreSQL schema of all its tables. */
  readonly schema: string
  readonly tables: readonly DeclaredTable[]
  readonly invariants: readonly Invariant[]
}

export interface DeclaredTable {
  readonly name: string
  /** Null: nothing is said of it, as everywhere here. */
  readonly comment: string | null
  readonly columns: readonly DeclaredColumn[]
  readonly primaryKey: DeclaredKey | null
  readonly uniques: readonly DeclaredKey[]
  readonly indexes: readonly DeclaredIndex[]
  readonly foreignKeys: readonly DeclaredForeignKey[]
  readonly checks: readonly DeclaredCheck[]
  readonly rows: DeclaredRows | null
  /** Where the table is made: the role that owns it then; null: the one that makes it. */
  readonly owner: string | null
  /** Where the table is made: rights on it, each as `select`, `insert` … */
  readonly grants: readonly { readonly role: string; readonly rights: readonly string[] }[]
}

export interface DeclaredColumn {
  readonly name: string
  readonly type: DeclaredType
  /** False says as much as true: a column that forbids NULL is not the declared one. */
  readonly notNull: boolean
  /** Null: it has none. */
  readonly default: DeclaredDefault | null
  /** Values come from the server when none is given: an identity, or a sequence that the column owns. */
  readonly identity: boolean
  readonly comment: string | null
}

/** A type of the target; or that of another table's column, known when the target is looked at. */
export type DeclaredType =
  | { readonly kind: 'named'; readonly sql: string }
  | { readonly kind: 'as referenced'; readonly table: TableName; readonly column: string | null }

export type DeclaredDefault =
  /** A literal: `'user'`, `0`, `true`. */
  | { readonly kind: 'constant'; readonly sql: string }
  /** The moment of the transaction. */
  | { readonly kind: 'now' }
  | { readonly kind: 'expression'; readonly sql: string }

export interface TableName {
  readonly schema: string
  readonly table: string
}

/** A primary key or UNIQUE constraint. */
export interface DeclaredKey {
  readonly name: string
  /** Somebody chose the name; a key of the same columns under another one is then not the declared one. */
  readonly named: boolean
  readonly columns: readonly string[]
}

export interface DeclaredIndex {
  /** Always chosen by the config. */
  readonly name: string
  readonly parts: readonly IndexPartDeclared[]
  readonly unique: boolean
  /** The condition of a partial index. */
  readonly where: string | null
  /** `btree`, `gin`, … */
  readonly method: string
}

export type IndexPartDeclared =
  | { readonly column: string; readonly descending: boolean }
  | { readonly sql: string; readonly descending: boolean }

export interface DeclaredForeignKey {
  readonly name: string
  readonly named: boolean
  readonly columns: readonly string[]
  readonly refers: TableName
  /** Null: the primary key of that table. */
  readonly refColumns: readonly string[] | null
  readonly onDelete: DeclaredAction
  readonly onUpdate: DeclaredAction
}

export type DeclaredAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

export interface DeclaredCheck {
  readonly name: string
  readonly named: boolean
  readonly sql: string
}

/** Rows to have. Columns that a row does not name are not looked at. */
export interface DeclaredRows {
  /** These columns tell which row is there. */
  readonly key: readonly string[]
  /** Column to SQL: a literal or an expression. */
  readonly rows: readonly { readonly [column: string]: string }[]
}

/** A query that must return nothing. */
export interface Invariant {
  readonly name: string
  readonly sql: string
}
