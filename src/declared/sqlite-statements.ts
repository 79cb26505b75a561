import { ident, literal } from '../connection/quote.ts'
import type {
  Declaration,
  DeclaredColumn,
  DeclaredForeignKey,
  DeclaredIndex,
  DeclaredTable,
} from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import { list } from './postgres-sql.ts'
import type { SqliteType } from './sqlite-types.ts'

/** The pieces of SQLite's statements. It has no schemas, no comments, and one kind of number that it gives. */

export function columnSql(column: DeclaredColumn, type: SqliteType, table: DeclaredTable): string {
  if (column.identity) {
    if (table.primaryKey?.columns.join('\0') === column.name)
      return `${ident(column.name)} INTEGER PRIMARY KEY`
    throw new LandfallError(
      'LF002',
      `schema.${table.name}.columns.${column.name}: SQLite numbers a column only where it is the primary key`,
      {
        hint: 'primaryKey: that column, or another type',
      },
    )
  }
  const value = defaultSql(column)
  return [
    ident(column.name),
    type.sql,
    ...(column.notNull ? ['NOT NULL'] : []),
    ...(value === null ? [] : [`DEFAULT ${value}`]),
  ].join(' ')
}

export function defaultSql({ default: said, type }: DeclaredColumn): string | null {
  if (said === null) return null
  if (said.kind === 'now')
    return type.kind === 'named' && type.sql === 'date' ? 'CURRENT_DATE' : 'CURRENT_TIMESTAMP'
  return said.kind === 'constant' ? said.sql : `(${said.sql})`
}

export function createTable(table: DeclaredTable, types: ReadonlyMap<string, SqliteType>): string {
  const numbered = table.columns.some(({ identity }) => identity)
  const lines = [
    ...table.columns.map((column) => columnSql(column, types.get(column.name)!, table)),
    ...(table.primaryKey === null || numbered
      ? []
      : [`CONSTRAINT ${ident(table.primaryKey.name)} PRIMARY KEY (${list(table.primaryKey.columns)})`]),
    ...table.uniques.map((key) => `CONSTRAINT ${ident(key.name)} UNIQUE (${list(key.columns)})`),
    ...table.checks.map(checkSql),
    ...table.foreignKeys.map(
      (key) => `CONSTRAINT ${ident(key.name)} FOREIGN KEY (${list(key.columns)}) ${referencesSql(key)}`,
    ),
  ]
  return `CREATE TABLE IF NOT EXISTS ${ident(table.name)} (\n  ${lines.join(',\n  ')}\n)`
}

export function checkSql({ name, sql }: { readonly name: string; readonly sql: string }): string {
  return `CONSTRAINT ${ident(name)} CHECK (${sql})`
}

export function referencesSql(key: DeclaredForeignKey): string {
  const to = key.refColumns === null ? '' : ` (${list(key.refColumns)})`
  const act = (when: string, action: string): string =>
    action === 'no action' ? '' : ` ON ${when} ${action.toUpperCase()}`
  return `REFERENCES ${ident(key.refers.table)}${to}${act('DELETE', key.onDelete)}${act('UPDATE', key.onUpdate)}`
}

export function indexSql(
  table: string,
  { name, parts, unique, where }: Pick<DeclaredIndex, 'name' | 'parts' | 'unique' | 'where'>,
): string {
  const on = parts.map(
    (part) => ('column' in part ? ident(part.column) : `(${part.sql})`) + (part.descending ? ' DESC' : ''),
  )
  return `CREATE ${unique ? 'UNIQUE ' : ''}INDEX IF NOT EXISTS ${ident(name)} ON ${ident(table)} (${on.join(', ')})${where === null ? '' : ` WHERE ${where}`}`
}

type Row = { readonly [column: string]: string }

/** SQL: the row of this key is there, with these values. `CAST` is not needed: both have the column's affinity. */
export function rowIsThere(table: string, row: Row, columns: readonly string[]): string {
  const same = columns.map((column) => `${ident(column)} IS ${row[column]}`)
  return `EXISTS (SELECT 1 FROM ${ident(table)} WHERE ${same.join(' AND ')})`
}

export function insertRow(table: string, row: Row, key: readonly string[]): string {
  return `INSERT INTO ${ident(table)} (${list(Object.keys(row))})\n  SELECT ${Object.values(row).join(', ')} WHERE NOT ${rowIsThere(table, row, key)}`
}

/** Something that must be so at the end: its name, and SQL that is 1 then. */
export interface SqliteCheck {
  readonly name: string
  readonly sql: string
}

/** What the finished schema must have, as SQLite's own catalog tells it. */
export function checksOf({ tables }: Declaration): SqliteCheck[] {
  return tables.flatMap((table) => [
    {
      name: `table ${table.name}`,
      sql: `EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ${literal(table.name)} COLLATE NOCASE)`,
    },
    ...table.columns.map((column) => ({
      name: `column ${table.name}.${column.name}`,
      sql: `EXISTS (SELECT 1 FROM pragma_table_xinfo(${literal(table.name)}) WHERE name = ${literal(column.name)} COLLATE NOCASE AND ${
        column.identity
          ? 'pk = 1'
          : `"notnull" = ${Number(column.notNull)} AND dflt_value IS ${column.default === null ? '' : 'NOT '}NULL`
      })`,
    })),
    ...table.indexes.map(({ name, unique }) => ({
      name: `index ${name} of ${table.name}`,
      sql: `EXISTS (SELECT 1 FROM pragma_index_list(${literal(table.name)}) WHERE name = ${literal(name)} COLLATE NOCASE AND "unique" = ${Number(unique)})`,
    })),
    ...table.uniques.map((key) => ({
      name: `unique ${key.name} of ${table.name}`,
      sql: uniqueIsThere(table.name, key.columns),
    })),
    ...table.foreignKeys.map((key) => ({
      name: `foreign key ${key.name} of ${table.name}`,
      sql: `EXISTS (SELECT 1 FROM pragma_foreign_key_list(${literal(table.name)}) WHERE "table" = ${literal(key.refers.table)} COLLATE NOCASE AND "from" = ${literal(key.columns[0]!)} COLLATE NOCASE)`,
    })),
    ...(table.rows?.rows ?? []).map((row) => ({
      name: `row ${table.rows!.key.map((column) => `${column} = ${row[column]}`).join(', ')} of ${table.name}`,
      sql: rowIsThere(table.name, row, Object.keys(row)),
    })),
  ])
}

function uniqueIsThere(table: string, columns: readonly string[]): string {
  const own = columns.map((column) => `${literal(column)}`).join(', ')
  return `EXISTS (SELECT 1 FROM pragma_index_list(${literal(table)}) AS l WHERE l."unique" AND NOT l.partial
    AND (SELECT count(*) FROM pragma_index_info(l.name)) = ${columns.length}
    AND (SELECT count(*) FROM pragma_index_info(l.name) AS i WHERE i.name COLLATE NOCASE IN (${own})) = ${columns.length})`
}
