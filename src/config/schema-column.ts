import type { DeclaredAction } from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import type { Constant } from './column.ts'
import { isSql, type Sql } from './sql.ts'

/** What a column of the config's `schema` was told so far. */
export interface ColumnSaid {
  /** As SQL; null: that of the column it refers to. */
  readonly type: string | null
  /** `'now'` as a default means the moment of the transaction. */
  readonly isTime: boolean
  readonly identity: boolean
  readonly notNull: boolean
  readonly default: { readonly constant: Constant } | { readonly now: true } | Sql<'target'> | null
  readonly comment: string | null
  readonly unique: boolean
  readonly check: Sql<'target'> | null
  readonly references: ReferenceSaid | null
}

export interface ReferenceSaid {
  readonly table: string
  readonly schema: string | null
  readonly column: string | null
  readonly onDelete: DeclaredAction
  readonly onUpdate: DeclaredAction
}

export interface ReferenceOptions {
  /** The column that is referred to. Default: the table's primary key. */
  readonly column?: string
  /** The schema of the table, where it is not the target schema. */
  readonly schema?: string
}

/**
 * A column that the schema must have; every method gives a new one. `Value` is what its default may be,
 * `Refers` whether it refers to another table.
 */
export class Column<Value = never, Refers extends boolean = false> {
  readonly said: ColumnSaid
  /** Never there; it tells apart for the compiler what may be said next. */
  declare protected readonly can: { readonly default: Value; readonly refers: Refers }

  constructor(said: ColumnSaid) {
    this.said = said
  }

  /** NULL is refused. Default: NULL is allowed. */
  notNull(): Column<Value, Refers> {
    return this.#with({ notNull: true })
  }

  /** The value where none is given. Of times `'now'` is the moment of the transaction. */
  default(value: Value | Sql<'target'>): Column<Value, Refers> {
    if (isSql(value)) {
      if (value.side !== 'target') throw wrong('default: an expression of the target is sql.target`…`')
      return this.#with({ default: value as Sql<'target'> })
    }
    const constant = value as Constant
    if (constant === null || constant === undefined)
      throw wrong('default: a column without a default has NULL already')
    return this.#with({ default: this.said.isTime && constant === 'now' ? { now: true } : { constant } })
  }

  /** What people read about it in the database. */
  comment(text: string): Column<Value, Refers> {
    return this.#with({ comment: text })
  }

  /** No two rows have the same value. Of several columns: `unique` of the table. */
  unique(): Column<Value, Refers> {
    return this.#with({ unique: true })
  }

  /** Must not be false of any row: sql.target`…`. */
  check(condition: Sql<'target'>): Column<Value, Refers> {
    if (!isSql(condition) || condition.side !== 'target') throw wrong('check: must be sql.target`…`')
    if (this.said.check !== null) throw wrong('check: there is one already; others go to checks of the table')
    return this.#with({ check: condition })
  }

  /** Its values are keys of that table. */
  references(table: string, options: ReferenceOptions = {}): Column<Value, true> {
    return new Column<Value, true>({ ...this.said, references: reference(table, options) })
  }

  /** What becomes of the row when the one it refers to is deleted. Default: `no action`, which refuses that. */
  onDelete(this: Column<Value, true>, action: DeclaredAction): Column<Value, true> {
    return new Column<Value, true>({
      ...this.said,
      references: { ...referring(this.said), onDelete: action },
    })
  }

  /** What becomes of the row when the key it refers to changes. Default: `no action`. */
  onUpdate(this: Column<Value, true>, action: DeclaredAction): Column<Value, true> {
    return new Column<Value, true>({
      ...this.said,
      references: { ...referring(this.said), onUpdate: action },
    })
  }

  #with(more: Partial<ColumnSaid>): Column<Value, Refers> {
    return new Column<Value, Refers>({ ...this.said, ...more })
  }
}

function referring({ references: said }: ColumnSaid): ReferenceSaid {
  if (said === null) throw wrong('onDelete and onUpdate stand behind references(…)')
  return said
}

function reference(table: string, { column, schema }: ReferenceOptions): ReferenceSaid {
  return {
    table,
    schema: schema ?? null,
    column: column ?? null,
    onDelete: 'no action',
    onUpdate: 'no action',
  }
}

const PLAIN: ColumnSaid = {
  type: null,
  isTime: false,
  identity: false,
  notNull: false,
  default: null,
  comment: null,
  unique: false,
  check: null,
  references: null,
}

const of = <Value>(type: string, more: Partial<ColumnSaid> = {}) =>
  new Column<Value>({ ...PLAIN, type, ...more })

/** Texts of at most so many characters; without a number, of any length. */
export const varchar = (length?: number) =>
  of<string>(length === undefined ? 'varchar' : `varchar(${whole('varchar', length, 1, 10_485_760)})`)
export const text = () => of<string>('text')
export const smallint = () => of<number>('smallint')
export const integer = () => of<number>('integer')
export const bigint = () => of<number | bigint>('bigint')
export const boolean = () => of<boolean>('boolean')
/** `numeric(12, 2)`: 12 digits, 2 of them behind the point; without numbers, any. */
export const numeric = (precision?: number, scale = 0) =>
  of<number | bigint | string>(
    precision === undefined
      ? 'numeric'
      : `numeric(${whole('numeric', precision, 1, 1000)}, ${whole('numeric', scale, -1000, 1000)})`,
  )
export const real = () => of<number>('real')
export const doublePrecision = () => of<number>('double precision')
export const date = () => of<'now' | (string & {})>('date', { isTime: true })
/** Without a time zone. */
export const timestamp = () => of<'now' | (string & {})>('timestamp', { isTime: true })
/** An instant, with a time zone. */
export const timestamptz = () => of<'now' | (string & {})>('timestamptz', { isTime: true })
export const uuid = () => of<string>('uuid')
export const jsonb = () => of<Constant>('jsonb')
export const bytea = () => of<string>('bytea')
/** Any type of the target, as SQL: `type('citext')`, `type('text[]')`. */
export const type = (name: string) => of<Constant>(name)
/** Numbers that the server gives. Alone in a table it is the primary key, unless that is said. */
export const identity = (as: 'smallint' | 'integer' | 'bigint' = 'bigint') =>
  of<never>(as, { identity: true, notNull: true })
/** A column of the type of the key that it refers to. */
export const references = (table: string, options: ReferenceOptions = {}) =>
  new Column<Constant, true>({ ...PLAIN, references: reference(table, options) })

function whole(what: string, n: number, least: number, most: number): number {
  if (Number.isInteger(n) && n >= least && n <= most) return n
  throw wrong(`${what}: must be a whole number from ${least} to ${most}`)
}

function wrong(message: string): LandfallError {
  return new LandfallError('LF002', message)
}
