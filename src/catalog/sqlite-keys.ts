import type { FkAction, ForeignKey, Table } from './model.ts'
import { parseCreateTable } from './sqlite-ddl.ts'
import type { PragmaForeignKey, PragmaReader } from './sqlite-pragmas.ts'
import { foldName } from './sqlite-tokens.ts'

/**
 * A table's foreign keys in the order of its text. SQLite accepts keys to tables and columns that
 * do not exist, and matches names without case: names of the parent come as the parent spells them.
 *
 * @param byName all tables of the catalog, by folded name
 */
export function readForeignKeys(
  pragmas: PragmaReader,
  table: Table,
  byName: ReadonlyMap<string, Table>,
): ForeignKey[] {
  const keys = Map.groupBy(pragmas.foreignKeys(table.name), (part) => part.id)
  const written = parseCreateTable(table.sql ?? '').foreignKeys
  return [...keys.values()].map((parts, i) => {
    const [first] = parts as [PragmaForeignKey]
    const parent = byName.get(foldName(first.table))
    // The text gives what the pragma does not tell, if both speak of the same key.
    const match = written.length === keys.size && written[i]?.refTable === foldName(first.table)
    return {
      name: (match && written[i]?.name) || null,
      columns: parts.map((part) => part.from),
      refTable: parent?.name ?? first.table,
      refSchema: 'main',
      refColumns: parentColumns(parts, parent),
      onUpdate: first.on_update.toLowerCase() as FkAction,
      onDelete: first.on_delete.toLowerCase() as FkAction,
      deferrable: (match && written[i]?.deferrable) || 'no',
    }
  })
}

/** Empty when the parent, or what the key names in it, is missing. */
function parentColumns(parts: readonly PragmaForeignKey[], parent: Table | undefined): string[] {
  const implicit = parts.every((part) => part.to === null)
  const names = implicit
    ? (parent?.primaryKey?.columns ?? [])
    : parts.map((part) => parent?.columns.find((c) => foldName(c.name) === foldName(part.to ?? ''))?.name)
  const found = names.filter((name) => name !== undefined)
  return found.length === parts.length ? found : []
}
