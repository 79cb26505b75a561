import type { CheckResult } from './check.ts'
import type { TableName } from './declaration.ts'
import type { REPORT_VERSION } from './version.ts'

/** Something that a declaration can say to be there, and that the record can say to be made by it. */
export interface SchemaObject {
  readonly kind: SchemaObjectKind
  readonly schema: string
  /** Empty for a schema. */
  readonly table: string
  /**
   * Of a column, index or constraint its name; of a row its key and columns as JSON; of a comment the
   * column, or empty for the table's. Empty for tables and schemas.
   */
  readonly name: string
}

export type SchemaObjectKind =
  | 'schema'
  | 'table'
  | 'column'
  | 'primary key'
  | 'unique'
  | 'index'
  | 'foreign key'
  | 'check'
  | 'comment'
  | 'row'

/**
 * One thing that was declared, and what the database has. The difference and the verification are both
 * made of these: `missing` and `unfinished` become statements, `different` a conflict.
 */
export interface Finding {
  readonly object: SchemaObject
  /**
   * `unfinished`: as declared, but an index is not valid or a constraint not validated, as an interrupted
   * change leaves it.
   */
  readonly state: 'right' | 'missing' | 'unfinished' | 'different'
  readonly expected: string
  readonly found: string
  /** Of a `different` one: why nothing is done about it, and what would. */
  readonly conflict: { readonly why: string; readonly ways: readonly SchemaStatement[] } | null
}

/** PostgreSQL's lock modes that statements here take, weakest first. */
export type LockMode =
  | 'ROW SHARE'
  | 'ROW EXCLUSIVE'
  | 'SHARE UPDATE EXCLUSIVE'
  | 'SHARE'
  | 'SHARE ROW EXCLUSIVE'
  | 'ACCESS EXCLUSIVE'

/** A lock on a table that others use; tables that the statement itself makes are not named. */
export interface TableLock extends TableName {
  readonly mode: LockMode
}

/** One unit of work: it is carried out and recorded as a whole, or not at all. */
export interface SchemaStatement {
  /** In words, e.g. `add role, token_balance to users`. */
  readonly does: string
  /** In this order. With `transaction`, all in one; else there is only one. */
  readonly sql: readonly string[]
  readonly transaction: boolean
  /** The strongest on each table, the most used table first. */
  readonly locks: readonly TableLock[]
  /** Every row is written anew, under the lock. Only ways out of conflicts do that, never a plan. */
  readonly rewrites: boolean
  /** Every row is read while the lock is held. */
  readonly scans: boolean
  /** What the record says to be made by it, once it is done. */
  readonly makes: readonly SchemaObject[]
  /** What the record forgets with it. */
  readonly drops: readonly SchemaObject[]
}

/** What `schema plan` returns, and `schema apply --dry-run`. */
export interface SchemaPlanReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'schema plan'
  readonly declaration: string
  readonly target: string
  /** `complete`: there is nothing to do. `conflicts`: apply would refuse, whatever else there is to do. */
  readonly outcome: 'complete' | 'changes' | 'conflicts'
  readonly exitCode: 0 | 5
  /** In the order in which `apply` carries them out. */
  readonly statements: readonly SchemaStatement[]
  readonly conflicts: readonly Finding[]
}

/** A statement that was carried out. */
export interface AppliedStatement extends SchemaStatement {
  /** How often its locks were asked for. */
  readonly attempts: number
  /** The longest time that one attempt waited for a lock, in milliseconds; of an index built concurrently 0. */
  readonly longestWaitMs: number
  readonly seconds: number
}

/** What `schema apply` returns. */
export interface SchemaApplyReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'schema apply'
  readonly declaration: string
  readonly target: string
  readonly outcome: 'done' | 'nothing-to-do' | 'dry-run'
  /** 1: what was made is there, and a check failed, e.g. an invariant. */
  readonly exitCode: 0 | 1
  readonly seconds: number
  readonly statements: readonly AppliedStatement[]
  /** The same as `schema verify` makes; none in a dry run. */
  readonly checks: readonly CheckResult[]
}

/** What `schema verify` returns. */
export interface SchemaVerifyReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'schema verify'
  readonly declaration: string
  readonly target: string
  readonly outcome: 'as-declared' | 'different' | 'incomplete'
  readonly exitCode: 0 | 1
  readonly seconds: number
  readonly checks: readonly CheckResult[]
}

/** What `schema sql` returns. */
export interface SchemaSqlReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'schema sql'
  readonly declaration: string
  readonly dialect: SchemaDialect
  readonly exitCode: 0
  /** The file. */
  readonly sql: string
}

export type SchemaDialect = 'postgres' | 'sqlite'

/** What `schema undo` returns. */
export interface SchemaUndoReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'schema undo'
  readonly declaration: string
  readonly target: string
  readonly outcome: 'done' | 'nothing-to-do' | 'dry-run'
  readonly exitCode: 0
  readonly seconds: number
  /** What goes, or in a dry run would go, in this order. */
  readonly statements: readonly (SchemaStatement | AppliedStatement)[]
  /** The data that goes with it. */
  readonly losses: readonly SchemaLoss[]
}

export interface SchemaLoss {
  readonly object: SchemaObject
  /** Of a table its rows; of a column the rows in which it is not NULL. */
  readonly rows: number
  /** Of a column: those of them that hold something else than its default; null: that is no constant. */
  readonly changed: number | null
}
