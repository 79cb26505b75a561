import type { ColumnConfig, Constant } from './column.ts'
import type { Sql } from './sql.ts'

/** How old keys of the source become new keys of the target. */
export interface IdentityConfig {
  /** The source table, or a SELECT: sql`…`. */
  readonly from: string | Sql<'source'>
  /** Its column that holds the old key. */
  readonly key: string
  /** The target table, and its column that holds the new key. */
  readonly to: string
  readonly toKey: string
  /** Rules, tried in order: the first that finds a row decides. */
  readonly match: readonly MatchConfig[]
  /** Several old keys find one new key: `fail` (default), `join`: all mean it, `first`: only the lowest old key does. */
  readonly severalOld?: 'fail' | 'join' | 'first'
  /** One old key finds several new keys: `fail` (default), `first`: the lowest, `set-aside`. */
  readonly severalNew?: 'fail' | 'first' | 'set-aside'
  /** What a matched row takes over where the source has a value. */
  readonly matched?: { readonly take: readonly string[] | MappedColumns }
  /** `fail` when a row that moves refers to it, `skip`, or what to create. */
  readonly unmatched: 'fail' | 'skip' | CreateConfig
  /**
   * The map: a table of the target, made when it is missing. Default: a table of the schema `landfall`;
   * `false`: removed when the run is done.
   */
  readonly keptIn?:
    | string
    | { readonly table: string; readonly oldKey: string; readonly newKey: string }
    | false
}

/** Keys are columns of the target, values columns of the source. */
export type Pairs = { readonly [column: string]: string }

export type MatchConfig =
  | { readonly equal: Pairs }
  | { readonly equalIgnoringCase: Pairs }
  /** A third table of the target: keys of `where` are its columns, `gives` the one that holds the new key. */
  | {
      readonly through: string
      readonly where: Pairs
      readonly gives: string
      readonly ignoringCase?: boolean
    }

export interface CreateConfig {
  /** Keys are columns of the target; what is not named goes by name, but for a key that the target gives. */
  readonly create: { readonly [column: string]: CreatedColumn }
  /** Rows of other tables for each row that is created, by table. */
  readonly alsoCreate?: { readonly [table: string]: AlsoCreateConfig }
}

/** `false` leaves a column to the target. */
export type MappedColumns = { readonly [column: string]: false | string | ColumnConfig }

export type CreatedColumn = MappedColumns[string] | UniqueColumn

export interface UniqueColumn {
  /**
   * A column or expression whose text must be new in the target: where it is taken, `_2`, `_3` … is put
   * behind it.
   */
  readonly unique: string | Sql
  /** The text where the source's is NULL. */
  readonly orElse?: Constant | Sql<'target'>
}

export interface AlsoCreateConfig {
  /** Only for rows of the source of which this is true, in the target: sql.target`email is not null`. */
  readonly where?: Sql<'target'>
  /** Only these; `{ identity: … }` of the identity's own name is the new key. */
  readonly columns: MappedColumns
}
