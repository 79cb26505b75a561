import type { Catalog, Table } from '../catalog/model.ts'
import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import { nameParts, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { block, type MapInput, type Mapping, type Path } from './mapped-model.ts'
import { tableLabel } from './postgres-clone.ts'

/** A table of the target, with the types that its columns have beneath their domains. */
export interface MappedTable {
  readonly table: Table
  readonly base: ReadonlyMap<string, string>
}

/** By its name in the schema, or with the schema before it. */
export function findTable(catalog: Catalog, name: string, schema: string): Table | null {
  return (
    catalog.tables.find((table) => table.schema === schema && table.name === name) ??
    catalog.tables.find((table) => tableLabel(table) === name || `${table.schema}.${table.name}` === name) ??
    null
  )
}

/** A view, quoted and qualified, that is named like a table. */
export function findView({ others }: Catalog, name: string, schema: string): string | null {
  const kinds = ['view', 'materialized view', 'foreign table']
  const found = others.find((other) => {
    const [itsSchema, itsName] = nameParts(other.name)
    return (
      kinds.includes(other.kind) &&
      ((itsSchema === schema && itsName === name) || `${itsSchema}.${itsName}` === name)
    )
  })
  return found?.name ?? null
}

/** LF005, with a suggestion. `side`: `source` or `target`. */
export function noTable(
  catalog: Catalog,
  side: 'source' | 'target',
  name: string,
  path: Path,
): LandfallError {
  const labels = catalog.tables.map(tableLabel)
  const shown = labels.slice(0, 20).join(', ')
  return new LandfallError(
    'LF005',
    `${printPath(path)}: the ${side} has no table ${name}${didYouMean(name, labels)}`,
    {
      place: { table: name },
      hint: `The ${side}'s tables: ${shown}${labels.length > 20 ? ', …' : ''}`,
    },
  )
}

/** LF005, with a suggestion. */
export function noColumn(
  table: string,
  column: string,
  columns: readonly { readonly name: string }[],
  path: Path,
): LandfallError {
  const names = columns.map(({ name }) => name)
  return new LandfallError(
    'LF005',
    `${printPath(path)}: ${table} has no column ${column}${didYouMean(column, names)}`,
    { place: { table, column }, hint: `Its columns: ${names.join(', ')}` },
  )
}

/** A table of the target that rows go to; null for a view, which is a blocker. Errors: LF005. */
export async function targetTable(mapping: Mapping, name: string, path: Path): Promise<MappedTable | null> {
  const { target, settings } = mapping
  const table = findTable(target, name, settings.targetSchema)
  if (table !== null) return { table, base: await baseTypes(mapping, table) }
  const view = findView(target, name, settings.targetSchema)
  if (view === null) throw noTable(target, 'target', name, path)
  block(mapping, { name }, null, `${printPath(path)}: ${view} of the target is no table`, [
    'name the table that is behind it, and its columns',
  ])
  return null
}

async function baseTypes({ columnsOfTarget }: MapInput, table: Table): Promise<Map<string, string>> {
  const declared = table.columns.map(({ name, declared: type }) => ({ name, type }))
  const found = await columnsOfTarget?.(`SELECT * FROM ${qualified(table.schema, table.name)}`)
  return new Map((found ?? declared).map(({ name, type }) => [name, type]))
}

/** The column, which must be there. Errors: LF005. */
export function columnOf({ table }: MappedTable, name: string, path: Path): Table['columns'][number] {
  const found = table.columns.find((column) => column.name === name)
  if (found === undefined) throw noColumn(tableLabel(table), name, table.columns, path)
  return found
}

/** What fires when rows of the table are written. */
export function triggerNotes({ target }: MapInput, { schema, name }: Table): string[] {
  return target.others
    .filter((other) => {
      if (other.kind !== 'trigger' || other.disabled || !/\b(INSERT|UPDATE)\b/i.test(other.sql ?? ''))
        return false
      const [itsSchema, itsTable] = nameParts(other.table ?? '')
      return itsSchema === schema && itsTable === name
    })
    .map((other) => `the trigger ${other.name} of ${name} fires for what is written, and may change it`)
}
