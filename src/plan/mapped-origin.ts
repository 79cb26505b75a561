import type { Table } from '../catalog/model.ts'
import { printPath } from '../config/path.ts'
import { ident, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { bracketed, type ColumnsOf, type MapInput, type Path } from './mapped-model.ts'
import { findTable, findView, noTable } from './mapped-tables.ts'
import type { MoveKey } from './model.ts'
import { tableLabel } from './postgres-clone.ts'

/** Where a move's rows come from. */
export interface Origin {
  /** What people call it; not yet unique. */
  readonly label: string
  /** What stands behind FROM: quoted, or a SELECT in brackets. */
  readonly relation: string
  readonly key: MoveKey
  /** Columns of the primary key; none where it has none that is unique among all rows. */
  readonly primaryKey: readonly string[]
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

interface Asked {
  readonly from: string | null
  readonly select: string | null
  readonly filter?: string | null
  /** The target table's name: what the source's is called where nothing else is said. */
  readonly name: string
}

/**
 * Null: the source has no such table.
 * Errors: LF005 and LF002 for SQL that the source refuses.
 */
export async function originOf(input: MapInput, asked: Asked, path: Path): Promise<Origin | null> {
  const { source, settings } = input
  const filter = asked.filter ?? null
  if (asked.select !== null) {
    const select = asked.select.replace(/[\s;]+$/, '')
    const relation = filtered(bracketed(select), filter)
    const columns = await described(input, relation, select, filter, path)
    return { label: `SELECT for ${asked.name}`, relation, key: NO_KEY, primaryKey: [], columns }
  }
  const name = asked.from ?? asked.name
  const schema = settings.sourceSchema ?? 'public'
  const table = findTable(source, name, schema)
  const view = table === null ? findView(source, name, schema) : null
  if (table === null && view === null) return null
  const whole = table === null ? view! : qualified(table.schema, table.name)
  const relation = filtered(whole, filter)
  const columns = await described(input, relation, null, filter, path)
  return table === null
    ? { label: name, relation, key: NO_KEY, primaryKey: [], columns }
    : {
        label: tableLabel(table),
        relation,
        key: keyOf(table),
        primaryKey: table.heirs ? [] : (table.primaryKey?.columns ?? []),
        columns,
      }
}

/** Errors: LF005. */
export function missingTable(input: MapInput, name: string, path: Path): LandfallError {
  return noTable(input.source, 'source', name, path)
}

const NO_KEY: MoveKey = { kind: 'none', expressions: [], names: [] }

/** A single column cuts the rows into ranges. */
function keyOf({ primaryKey }: Table): MoveKey {
  const [name, ...others] = primaryKey?.columns ?? []
  if (name === undefined || others.length > 0) return NO_KEY
  return { kind: 'columns', expressions: [ident(name)], names: [name] }
}

/** Inside its own brackets, so that the filter may name the table. */
function filtered(relation: string, filter: string | null): string {
  if (filter === null) return relation
  const from = relation.startsWith('(') ? `${relation} AS t` : relation
  return `(SELECT * FROM ${from} WHERE ${bracketed(filter)})`
}

async function described(
  { columnsOf }: MapInput,
  relation: string,
  select: string | null,
  filter: string | null,
  path: Path,
): Promise<Origin['columns']> {
  if (select !== null) await asked(columnsOf, `SELECT * FROM ${bracketed(select)} AS t`, [...path, 'from'])
  const columns = await asked(
    columnsOf,
    `SELECT * FROM ${relation} AS t`,
    filter === null ? path : [...path, 'filter'],
  )
  const twice = columns.find(({ name }, at) => columns.findIndex((one) => one.name === name) < at)
  if (twice === undefined) return columns
  throw new LandfallError('LF002', `${printPath([...path, 'from'])}: yields two columns ${twice.name}`, {
    hint: 'Name the columns one by one, and give one of the two another name: AS.',
  })
}

/** Asks a database about SQL of the config. Errors: LF005 for names that are not there, LF002 for the rest. */
export async function asked(
  columnsOf: ColumnsOf,
  select: string,
  path: Path,
): Promise<readonly { readonly name: string; readonly type: string }[]> {
  try {
    return await columnsOf(select)
  } catch (error) {
    const state = error instanceof LandfallError ? error.details?.sqlstate : undefined
    if (typeof state !== 'string' || !/^(42|22|0A|3F)/.test(state)) throw error
    const code = ['42703', '42P01', '42883', '42704', '3F000'].includes(state) ? 'LF005' : 'LF002'
    throw new LandfallError(code, `${printPath(path)}: ${(error as LandfallError).message}`, { cause: error })
  }
}
