import type { DeclaredAction } from '../contract/declaration.ts'
import type { Constant } from './column.ts'
import type { Column } from './schema-column.ts'
import type { Sql } from './sql.ts'

/** Tables of the target schema, by name. Only what is named is looked at; nothing else is touched. */
export interface SchemaConfig {
  readonly [table: string]: TableConfig | undefined
}

export interface TableConfig {
  /** A table that is missing is made with these; one that is there gets those that it has not. */
  readonly columns?: { readonly [column: string]: Column<unknown, boolean> | undefined }
  /** Default: the `identity()` column, if there is one. */
  readonly primaryKey?: string | readonly string[]
  /** By name. */
  readonly indexes?: { readonly [name: string]: string | readonly IndexPart[] | IndexConfig | undefined }
  /** UNIQUE constraints, by name. */
  readonly unique?: { readonly [name: string]: string | readonly string[] | undefined }
  /** By name. */
  readonly foreignKeys?: { readonly [name: string]: ForeignKeyConfig | undefined }
  /** Must not be false of any row, by name. */
  readonly checks?: { readonly [name: string]: Sql<'target'> | undefined }
  /** What people read about the table in the database. */
  readonly comment?: string
  /** Rows that must be there, with these values. */
  readonly ensureRows?: RowsConfig
}

/** A column, downwards `{ desc: 'column' }`, or an expression. */
export type IndexPart = string | { readonly desc: string | Sql<'target'> } | Sql<'target'>

export interface IndexConfig {
  readonly on: string | readonly IndexPart[]
  readonly unique?: boolean
  /** Only rows of which this is true. */
  readonly where?: Sql<'target'>
  /** Default: `btree`. */
  readonly using?: string
}

export interface ForeignKeyConfig {
  readonly columns: string | readonly string[]
  readonly references: string
  /** The schema of that table. Default: the target schema. */
  readonly schema?: string
  /** Columns of that table. Default: its primary key. */
  readonly to?: string | readonly string[]
  readonly onDelete?: DeclaredAction
  readonly onUpdate?: DeclaredAction
}

export interface RowsConfig {
  /** Columns that tell which row it is. Default: the table's `primaryKey`. */
  readonly key?: string | readonly string[]
  readonly rows: readonly { readonly [column: string]: Constant | Sql<'target'> }[]
}
