import { createHash } from 'node:crypto'
import { printPath } from '../config/path.ts'
import { ident, literal, nameParts } from '../connection/quote.ts'
import type { FoundIdentity } from './mapped-keys.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import { asked } from './mapped-origin.ts'
import { columnOf, findTable, findView, type MappedTable } from './mapped-tables.ts'
import { fitting } from './mapped-types.ts'
import type { IdentityMap } from './mapping.ts'

/** Columns of a map that Landfall makes. */
const OLD = 'old_key'
const NEW = 'new_key'

/** PostgreSQL cuts longer names in silence. */
const MOST_BYTES = 63

/** Where the identity keeps its keys; what is wrong with a table that is there becomes a blocker. */
export async function identityMap(
  mapping: Mapping,
  { said, path, oldType, newType }: FoundIdentity,
): Promise<IdentityMap> {
  const { settings, target } = mapping
  const { keptIn } = said
  if (keptIn.kind === 'landfall') {
    const table = shortened(`identity_${settings.name}_${said.name}`)
    return { schema: 'landfall', table, oldKey: OLD, newKey: NEW, existing: false, drop: keptIn.drop }
  }
  const at = [...path, 'keptIn']
  const table = findTable(target, keptIn.table, settings.targetSchema)
  const [oldKey, newKey] = [keptIn.oldKey ?? OLD, keptIn.newKey ?? NEW]
  if (table === null) {
    const view = findView(target, keptIn.table, settings.targetSchema)
    if (view !== null)
      block(mapping, { name: keptIn.table }, null, `${printPath(at)}: ${view} of the target is no table`, [
        choice(at, "'…'", 'name another table'),
      ])
    const [schema, name] = await schemaAndName(mapping, keptIn.table, at)
    return {
      schema,
      table: name,
      oldKey,
      newKey,
      existing: false,
      drop: false,
    }
  }
  const map = { schema: table.schema, table: table.name, oldKey, newKey, existing: true, drop: false }
  if (
    keptIn.oldKey === null &&
    ![oldKey, newKey].every((name) => table.columns.some((one) => one.name === name))
  ) {
    block(mapping, table, null, `${table.name} is there already, and has no columns ${OLD} and ${NEW}`, [
      choice(at, `{ table: '${table.name}', oldKey: '…', newKey: '…' }`, 'name its two columns'),
      choice(at, "'…'", 'name another table'),
    ])
    return map
  }
  const found: MappedTable = { table, base: new Map() }
  const sides = [
    [columnOf(found, oldKey, [...at, 'oldKey']), oldType],
    [columnOf(found, newKey, [...at, 'newKey']), newType],
  ] as const
  for (const [column, type] of sides)
    if (fitting(type, column.declared) === 'asked')
      block(
        mapping,
        table,
        column.name,
        `${table.name}.${column.name} is ${column.declared}, and the keys are ${type}`,
        [choice(at, "'…'", 'name another table')],
      )
  for (const column of table.columns)
    if (
      column.notNull &&
      column.default === null &&
      column.identity === null &&
      column.generated === null &&
      column.name !== oldKey &&
      column.name !== newKey
    )
      block(
        mapping,
        table,
        column.name,
        `nothing fills ${table.name}.${column.name}, which must have a value`,
        [choice(at, "'…'", 'name another table')],
      )
  return map
}

/** Of a table that is to be made: the schema may stand before it, and must be there. Errors: LF005. */
async function schemaAndName(
  { settings, columnsOfTarget }: Mapping,
  said: string,
  path: Path,
): Promise<[schema: string, name: string]> {
  const [schema, name, ...others] = nameParts(said)
  if (schema === undefined || name === undefined || others.length > 0) return [settings.targetSchema, said]
  if (columnsOfTarget !== undefined)
    await asked(columnsOfTarget, `SELECT ${literal(ident(schema))}::pg_catalog.regnamespace AS found`, path)
  return [schema, name]
}

/** Names that agree in what is left of them stay apart. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MOST_BYTES) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  let start = name
  while (Buffer.byteLength(start) > MOST_BYTES - 9) start = [...start].slice(0, -1).join('')
  return `${start}_${hash}`
}
