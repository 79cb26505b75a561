import type { TargetForeignKey } from './target-model.ts'

/**
 * The compiled form of a mapped move. The source's rows arrive in a *stage*: a table of the target that
 * has one column for each of the move's `columns` (named and typed as their `target` and `type`).
 * From there statements of the target make them rows of the target's table, all moves of a plan in
 * one transaction. All SQL here is the target's and speaks of the stage's columns by their bare, quoted
 * names.
 */
export type Mapping = Merge | Identity

/** Rows of the stage become rows of the move's target table. */
export interface Merge {
  readonly kind: 'merge'
  /** Target columns that tell which row is there already; at least one. */
  readonly key: readonly string[]
  readonly columns: readonly MappedColumn[]
  /** What becomes of a row whose key is there: made equal in `columns`, left as it is, or a failure. */
  readonly ifThere: 'update' | 'keep' | 'fail'
  /** What becomes of a row whose parent, by identity or foreign key, is unknown. */
  readonly ifParentMissing: 'set-aside' | 'fail'
  /** Columns that triggers of the target change: by them alone no row is changed, or different. */
  readonly setByTriggers?: readonly string[]
  readonly rules: TargetRules
}

/** One column of the target, and how its value is made of a staged row. */
export interface MappedColumn {
  /** The target's column. */
  readonly name: string
  /** Its type as `format_type` prints it. */
  readonly type: string
  readonly notNull: boolean
  /** Of `varchar(n)` and `char(n)`: n; a longer value would be cut or refused. */
  readonly maxLength: number | null
  /** SQL that yields the value, of a type that assigns to `type`. With `identity`: the old key. */
  readonly value: string
  /** Looked up in the identity map of this name; a value that is not NULL and not in it has no parent. */
  readonly identity: string | null
  /** SQL for where the value is NULL. */
  readonly orElse: string | null
  /**
   * `orElse` is an expression such as `now()`: what it gave a row when it was made need not be what it gives
   * now, so a row that is there keeps its value.
   */
  readonly givenOnce?: true
  /**
   * The value is text that has to be new in the target's column: where it is taken, `_2`, `_3` … stands
   * behind it, the smallest number that is free. Only in what an identity creates.
   */
  readonly unique: boolean
  /** Values that must not be stored, though the server would; none where it is missing. */
  readonly misfits?: readonly Misfit[]
}

export interface Misfit {
  /** SQL over the stage's columns, true where the row is refused. */
  readonly test: string
  /** What is wrong with the value, behind the column's name: `has no time zone`. */
  readonly reason: string
}

/** What the target's table refuses, so that such rows are found by a query beforehand. */
export interface TargetRules {
  /** Unique indexes and constraints, the primary key among them, whose columns are all mapped. */
  readonly uniques: readonly UniqueRule[]
  /** Foreign keys whose columns are all mapped. */
  readonly parents: readonly TargetForeignKey[]
  /** CHECK constraints over mapped columns alone; the expression names the target's columns. */
  readonly checks: readonly { readonly name: string; readonly expression: string }[]
}

export interface UniqueRule {
  readonly name: string
  /** SQL over the target's columns, e.g. `"email"` or `lower("email")`. */
  readonly parts: readonly string[]
  /** The predicate of a partial index. */
  readonly where: string | null
  readonly nullsNotDistinct: boolean
}

/** Old keys become known by new ones; the move's target table is where the new ones are. */
export interface Identity {
  readonly kind: 'identity'
  /** As the config names it, and `MappedColumn.identity`. */
  readonly name: string
  /** The stage's column that holds the old key, and its type. */
  readonly key: { readonly column: string; readonly type: string }
  /** The target table's column that holds the new key. */
  readonly toKey: {
    readonly column: string
    readonly type: string
    /** SQL that yields a new key for a row that is created: `nextval(…)`, `gen_random_uuid()`; null: the config's `create` gives it. */
    readonly next: string | null
  }
  /** Tried in order; what a rule has matched no later one sees. */
  readonly match: readonly MatchRule[]
  /** Several old keys for one new key: a failure; all of them mean it; only the lowest old key, the others are set aside. */
  readonly severalOld: 'fail' | 'join' | 'first'
  /** Several new keys for one old key by one rule: a failure; the lowest new key; set aside. */
  readonly severalNew: 'fail' | 'first' | 'set-aside'
  /** Columns that a matched row takes over where the staged value is not NULL. */
  readonly take: readonly MappedColumn[]
  /** Of the target's table over these columns and its key. */
  readonly takeRules?: TargetRules
  readonly unmatched: Unmatched
  readonly map: IdentityMap
}

export type Unmatched =
  /** Every row of a move that refers to an old key without new one is a failure; nobody else is. */
  | { readonly kind: 'fail' }
  /** Left out; what refers to it has no parent. */
  | { readonly kind: 'skip' }
  | {
      readonly kind: 'create'
      readonly columns: readonly MappedColumn[]
      readonly rules: TargetRules
      readonly alsoCreate: readonly AlsoCreate[]
    }

/** Rows of another table for each row that an identity creates. */
export interface AlsoCreate {
  readonly schema: string
  readonly table: string
  /** SQL over the stage's columns: only where it is true; null: always. */
  readonly where: string | null
  /** An `identity` of this identity's own name stands for the new key. */
  readonly columns: readonly MappedColumn[]
  readonly rules: TargetRules
}

/** One way to find the new key of an old one. */
export interface MatchRule {
  /** For people, e.g. `equal ignoring case: email` or `through plugin_api_keys.plugin_user_id`. */
  readonly label: string
  /** The table in which is looked: the target table itself, or the third table. */
  readonly table: { readonly schema: string; readonly name: string }
  /** Its column that holds the new key. */
  readonly gives: string
  /** All must be equal, and no value NULL or, where case is ignored, empty. */
  readonly pairs: readonly MatchPair[]
  readonly ignoreCase: boolean
}

export interface MatchPair {
  /** Column of the rule's table. */
  readonly column: string
  /** Its type, to which the value is cast; null where case is ignored and texts are compared. */
  readonly type: string | null
  /** SQL over the stage's columns. */
  readonly value: string
}

/** Where old and new keys are kept: made when it is missing. */
export interface IdentityMap {
  readonly schema: string
  readonly table: string
  /** Columns of the old and the new key. */
  readonly oldKey: string
  readonly newKey: string
  /** It was there before, made by the application: only its two columns are written. */
  readonly existing: boolean
  /** Dropped when the run is done. */
  readonly drop: boolean
}

/** What applying a move came to; their sum is the number of staged rows. */
export interface Applied {
  /** Rows of the target that are new. Of an identity: new keys; what is created also is not counted. */
  readonly created: number
  readonly updated: number
  readonly unchanged: number
  /** Left as they are because the config says so: `keep`, or an identity's `skip`. */
  readonly skipped: number
  readonly setAside: number
}
