import type { Column, Table } from '../catalog/model.ts'
import { qualified } from '../connection/quote.ts'
import { asText, canonicalPair, isInteger, isPlain, sideColumn } from './postgres-canonical.ts'
import { type HashedType, type HashedValue, hashedType } from './postgres-hash.ts'

export interface ColumnPair {
  readonly source: Column
  readonly target: Column
}

/** Two tables that should hold the same rows, and their columns in pairs. */
export interface TablePair {
  /** What reports call it: the source's name, with the schema where that is not `public`. */
  readonly table: string
  readonly source: Table
  readonly target: Table
  readonly columns: readonly ColumnPair[]
  /** Both databases keep texts in the same encoding. */
  readonly sameEncoding: boolean
  /** Its rows are those of other tables, in which they are found through it. */
  readonly parents: { readonly source: boolean; readonly target: boolean }
}

/** SQL of one side over its table as `t`. */
export interface SideSql {
  /** What stands behind FROM. */
  readonly from: string
  /** The values that are compared, the key's first. */
  readonly fields: readonly string[]
  /** The same for a hash of the row. */
  readonly hashed: readonly HashedValue[]
  /** The same as people read them. */
  readonly texts: readonly string[]
  /** The column itself, where the key is one integer, so that its index is of use; else null. */
  readonly number: string | null
}

export interface PostgresComparison {
  readonly table: string
  readonly source: SideSql
  readonly target: SideSql
  /** Names in the source, in the order of the fields; `plain` values need no quotes. */
  readonly columns: readonly { readonly name: string; readonly plain: boolean }[]
  /** So many fields are the key that tells the rows of both sides apart; 0: rows are told apart as a whole. */
  readonly key: number
  /** The key is one integer, by whose index rows come in order. */
  readonly integer: boolean
  readonly notes: readonly string[]
}

/** How the rows of two tables are compared. */
export function postgresComparison(pair: TablePair): PostgresComparison {
  const key = sharedKey(pair)
  const rest = pair.columns.filter((one) => !key.includes(one))
  const columns = [...key, ...rest]
  const integer = key.length === 1 && isInteger(key[0]!.source) && isInteger(key[0]!.target)
  const typeOf = typeIn(pair.sameEncoding)
  const pairs = columns.map(({ source, target }, at) => {
    const forms = canonicalPair(source, target)
    if (!integer || at > 0) return forms
    const wide = (column: Column): string => `(${sideColumn(column)})::pg_catalog.int8`
    return { source: wide(source), target: wide(target), note: null }
  })
  const sideOf = (side: 'source' | 'target'): SideSql => ({
    from: `${pair.parents[side] ? '' : 'ONLY '}${qualified(pair[side].schema, pair[side].name)}`,
    fields: pairs.map((one) => one[side]),
    hashed: pairs.map((one, at) => ({
      sql: one[side],
      type: typeOf(columns[at]!, integer && at === 0),
      notNull: columns[at]![side].notNull,
    })),
    texts: columns.map((one) => asText(sideColumn(one[side]))),
    number: integer ? sideColumn(columns[0]![side]) : null,
  })
  return {
    table: pair.table,
    source: sideOf('source'),
    target: sideOf('target'),
    columns: columns.map(({ source }) => ({ name: source.name, plain: isPlain(source) })),
    key: key.length,
    integer,
    notes: pairs.flatMap(({ note }) => (note === null ? [] : [`${pair.table}.${note}`])),
  }
}

/** Texts of another encoding have other bytes within the server. */
function typeIn(sameEncoding: boolean): (column: ColumnPair, widened: boolean) => HashedType | null {
  return ({ source, target }, widened) => {
    if (widened) return 'bigint'
    const type = hashedType(source.declared)
    return type !== hashedType(target.declared) || (type === 'text' && !sameEncoding) ? null : type
  }
}

/**
 * Columns that are unique and never NULL on both sides; none where one side allows the same key twice, for
 * then no row of the one belongs to a certain row of the other.
 */
function sharedKey({ source, target, columns }: TablePair): TablePair['columns'] {
  const theirs = keysOf(target)
  for (const key of keysOf(source)) {
    const found = key.map((name) => columns.find((one) => one.source.name === name))
    const whole = found.filter((one) => one !== undefined)
    if (whole.length < key.length) continue
    const names = new Set(whole.map((one) => one.target.name))
    if (theirs.some((other) => other.length === names.size && other.every((name) => names.has(name))))
      return whole
  }
  return []
}

/** The primary key, then valid unique indexes without NULLs. */
function keysOf(table: Table): (readonly string[])[] {
  const never = new Set(table.columns.filter((column) => column.notNull).map((column) => column.name))
  return [
    ...(table.primaryKey === null ? [] : [table.primaryKey.columns]),
    ...table.indexes
      .filter(({ unique, where, valid }) => unique && valid && where === null)
      .map(({ parts }) => parts.map(({ column }) => column ?? ''))
      .filter((names) => names.every((name) => never.has(name))),
  ]
}
