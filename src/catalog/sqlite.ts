import type { DatabaseSync } from 'node:sqlite'
import { readingSource } from '../connection/sqlite-error.ts'
import type { Catalog, OtherObject, Table } from './model.ts'
import { readForeignKeys } from './sqlite-keys.ts'
import { PragmaReader, type SchemaRow } from './sqlite-pragmas.ts'
import { readTable } from './sqlite-table.ts'
import { foldName } from './sqlite-tokens.ts'

/**
 * Reads everything that the schema `main` holds, in one read transaction; rows are never looked at.
 * `sqlite_…` tables are SQLite's own and are not listed. Tables come in the order of their creation.
 * Errors name `path`: the user's file when `database` is a private copy of it.
 *
 * @throws LandfallError LF102 damaged, encrypted or no database; LF103 locked; LF104 a definition
 *   that cannot be read.
 */
export function readSqliteCatalog(database: DatabaseSync, path = database.location() ?? ':memory:'): Catalog {
  return readingSource(path, () => {
    // One snapshot: another process may change the schema between two pragmas.
    const own = !database.isTransaction
    if (own) database.exec('BEGIN')
    try {
      return readSchema(new PragmaReader(database))
    } finally {
      if (own && database.isTransaction) database.exec('ROLLBACK')
    }
  })
}

function readSchema(pragmas: PragmaReader): Catalog {
  const schema = pragmas.schema().filter((row) => !foldName(row.name).startsWith('sqlite_'))
  const kinds = new Map(pragmas.tableList().map((row) => [row.name, row]))
  const virtual = schema.filter((row) => kinds.get(row.name)?.type === 'virtual').map((row) => row.name)
  const indexSql = new Map(
    schema.flatMap((row): [string, string][] =>
      row.type === 'index' && row.sql ? [[row.name, row.sql]] : [],
    ),
  )
  const spelling = new Map(schema.map((row) => [foldName(row.name), row.name]))
  const tables: Table[] = []
  const others: OtherObject[] = []
  for (const row of schema) {
    const kind = kinds.get(row.name)
    if (row.type === 'view') others.push(other('view', row))
    else if (row.type === 'trigger') others.push(other('trigger', row, spelling.get(foldName(row.tbl_name))))
    else if (row.type !== 'table') continue
    else if (kind?.type === 'virtual') others.push(other('virtual table', row))
    else if (kind?.type === 'shadow') others.push(other('shadow table', row, ownerOf(row.name, virtual)))
    else tables.push(readTable(pragmas, row, kind, indexSql))
  }
  const byName = new Map(tables.map((table) => [foldName(table.name), table]))
  return {
    engine: 'sqlite',
    version: pragmas.version(),
    encoding: pragmas.encoding(),
    tables: tables.map((table) => ({ ...table, foreignKeys: readForeignKeys(pragmas, table, byName) })),
    others,
  }
}

function other(kind: OtherObject['kind'], row: SchemaRow, table?: string): OtherObject {
  return { kind, name: row.name, ...(table && { table }), ...(row.sql !== null && { sql: row.sql }) }
}

/** A shadow table is named after its virtual table: the longest name that fits. */
function ownerOf(shadow: string, virtual: readonly string[]): string | undefined {
  return virtual
    .filter((name) => foldName(shadow).startsWith(`${foldName(name)}_`))
    .toSorted((a, b) => b.length - a.length)[0]
}
