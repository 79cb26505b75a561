import type { Constant } from './column.ts'

/** What the config says of moves, as plain values with every key filled in; null wherever it says nothing. */
export interface MoveChoices {
  /** Tables that no entry of `tables` names are moved too. */
  readonly rest: boolean
  /** In the order of the config; a target table may have several. */
  readonly tables: readonly TableChoice[]
}

export interface TableChoice {
  /** The target table's name; of a table that is left out, the source's. */
  readonly name: string
  readonly leaveOut: boolean
  /** The source table's name, where the config names it. */
  readonly from: string | null
  /** A SELECT of the source instead of a table. */
  readonly select: string | null
  readonly key: readonly string[] | null
  /** Source SQL. */
  readonly filter: string | null
  readonly ifSourceMissing: 'fail' | 'skip' | null
  readonly ifThere: 'update' | 'keep' | 'fail' | null
  readonly ifParentMissing: 'fail' | 'set-aside' | null
  readonly setByTriggers: readonly string[] | null
  readonly columns: readonly ColumnChoice[]
}

export interface ColumnChoice {
  /** The target column's name; of a column that is left out, the source's. */
  readonly name: string
  readonly leaveOut: boolean
  readonly from: string | null
  readonly type: string | null
  /** Source SQL. */
  readonly convert: string | null
  /** Target SQL, over the source's columns. */
  readonly convertInTarget: string | null
  /** In an object of its own, since the constant may be null. */
  readonly value: ConstantChoice | null
  readonly orElse: ConstantChoice | { readonly inTarget: string } | null
  readonly identity: string | null
  /** The text has to be new; only in what an identity creates. */
  readonly unique: boolean
  readonly zone: string | null
  readonly epoch: 's' | 'ms' | 'us' | null
  readonly nul: 'strip' | null
  readonly invalidUtf8: 'replace' | null
  readonly empty: 'null' | null
}

export interface ConstantChoice {
  readonly constant: Constant
}

export interface IdentityChoice {
  readonly name: string
  /** The source table; or `select`. */
  readonly from: string | null
  readonly select: string | null
  readonly key: string
  readonly to: string
  readonly toKey: string
  readonly match: readonly MatchChoice[]
  readonly severalOld: 'fail' | 'join' | 'first'
  readonly severalNew: 'fail' | 'first' | 'set-aside'
  readonly take: readonly ColumnChoice[]
  readonly unmatched: 'fail' | 'skip' | CreateChoice
  readonly keptIn: KeptInChoice
}

export interface MatchChoice {
  /** A third table, and its column with the new key; null: the identity's own target table. */
  readonly through: { readonly table: string; readonly gives: string } | null
  readonly ignoreCase: boolean
  readonly pairs: readonly { readonly column: string; readonly source: string }[]
}

export interface CreateChoice {
  readonly columns: readonly ColumnChoice[]
  readonly alsoCreate: readonly AlsoCreateChoice[]
}

export interface AlsoCreateChoice {
  readonly table: string
  /** Target SQL. */
  readonly where: string | null
  readonly columns: readonly ColumnChoice[]
}

/** `landfall`: a table of that schema, which stays or is dropped; or a table that the config names. */
export type KeptInChoice =
  | { readonly kind: 'landfall'; readonly drop: boolean }
  | {
      readonly kind: 'table'
      readonly table: string
      readonly oldKey: string | null
      readonly newKey: string | null
    }

export interface BackupChoice {
  /** Absolute path. */
  readonly folder: string
  /** The source is backed up, too. */
  readonly source: boolean
}
