import type { Sql } from './sql.ts'

/** A value that a config can write down; lists and objects become arrays or JSON, as the column's type asks. */
export type Constant =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Constant[]
  | { readonly [key: string]: Constant }

export interface ColumnConfig {
  /** The source column, where its name differs. */
  readonly from?: string
  /** The target's type, e.g. `numeric(12,2)`. */
  readonly type?: string
  /** An expression that yields the value, in the source: sql`…`, or in the target: sql.target`…`. */
  readonly convert?: Sql<'source'> | Sql<'target'>
  /** The same value for every row. */
  readonly value?: Constant
  /**
   * The value where the source's is NULL. An expression, such as `now()`, is given to rows that are made; one
   * that is there already keeps its value.
   */
  readonly orElse?: Constant | Sql<'target'>
  /** The value is an old key, and becomes the new one that this identity knows. */
  readonly identity?: string
  /** The time zone in which the source's naive timestamps are meant, e.g. `UTC` or `Asia/Shanghai`. */
  readonly zone?: string
  /** The unit of the source's epoch numbers. */
  readonly epoch?: 's' | 'ms' | 'us'
  /** `strip`: NUL bytes, which PostgreSQL cannot store in text, are removed. */
  readonly nul?: 'strip'
  /** `replace`: bytes that are no valid UTF-8 become U+FFFD. */
  readonly invalidUtf8?: 'replace'
  /** `null`: the empty text becomes NULL. */
  readonly empty?: 'null'
}
