import { ident, qualified } from '../connection/quote.ts'
import type { TargetColumn, TargetForeignKey, TargetTable } from '../plan/model.ts'

/**
 * The statements that make a table ready to be loaded: columns with NOT NULL, defaults, identity and
 * generated values. Keys, indexes and checks are quicker after loading; see `finishSteps`. The schema
 * must be there.
 */
export function createStatements(table: TargetTable): string[] {
  const columns = table.columns.map((column) => `\n  ${columnDefinition(column, table.schema)}`).join(',')
  return [`create table ${qualified(table.schema, table.name)} (${columns}${columns === '' ? '' : '\n'})`]
}

function columnDefinition(column: TargetColumn, schema: string): string {
  const parts = [ident(column.name), column.type]
  if (column.collation !== undefined) parts.push(`collate ${column.collation}`)
  if (column.generated !== null) parts.push(`generated always as (${column.generated}) stored`)
  else if (column.identity) {
    // Naming the sequence keeps it from taking the name of a table or index that is made later.
    const sequence =
      column.sequenceName === undefined ? '' : ` (sequence name ${qualified(schema, column.sequenceName)})`
    parts.push(`generated ${column.always ? 'always' : 'by default'} as identity${sequence}`)
  } else if (column.default !== null) parts.push(`default ${bracketed(column.default)}`)
  if (column.notNull) parts.push('not null')
  return parts.join(' ')
}

/** A default is an operand: `1 = 2` needs brackets, and a literal reads better without. */
function bracketed(sql: string): string {
  return /^(-?[\d.]+|'(?:[^']|'')*'|true|false|now\(\))$/.test(sql) ? sql : `(${sql})`
}

/** What builds the indexes of a table, with those that `keysStatement` makes keys of. */
export function indexStatements(table: TargetTable): { readonly index: string; readonly sql: string }[] {
  const on = qualified(table.schema, table.name)
  const built = table.indexes.map(({ name, unique, constraint, parts, columns, where }) => {
    // A constraint takes an index only in the columns' own order and collation.
    const of = constraint && columns !== null ? names(columns) : parts.join(', ')
    return {
      index: name,
      sql: `create ${unique ? 'unique ' : ''}index ${ident(name)} on ${on} (${of})${where === null ? '' : ` where ${where}`}`,
    }
  })
  const key = table.primaryKey
  if (key === null) return built
  const sql = `create unique index ${ident(key.name)} on ${on} (${names(key.columns)})`
  return [{ index: key.name, sql }, ...built]
}

/** Makes the primary key and the UNIQUE constraints of indexes that are there; null where it has none. */
export function keysStatement(table: TargetTable): string | null {
  const add = (name: string, kind: string) =>
    `add constraint ${ident(name)} ${kind} using index ${ident(name)}`
  const added = [
    ...(table.primaryKey === null ? [] : [add(table.primaryKey.name, 'primary key')]),
    ...table.indexes
      .filter((index) => index.constraint && index.columns !== null)
      .map((index) => add(index.name, 'unique')),
  ]
  return added.length === 0 ? null : `${alter(table)} ${added.join(', ')}`
}

/** All checks of a table in one statement, which reads the table once. */
export function checksStatement(table: TargetTable): string {
  return `${alter(table)} ${table.checks.map((check) => `add constraint ${ident(check.name)} check (${check.expression})`).join(', ')}`
}

export function foreignKeyStatement(table: TargetTable, key: TargetForeignKey): string {
  const deferrable = { no: '', immediate: ' deferrable', deferred: ' deferrable initially deferred' }[
    key.deferrable
  ]
  const parent = qualified(key.refSchema, key.refTable)
  return `${alter(table)} add constraint ${ident(key.name)} foreign key (${names(key.columns)}) references ${parent} (${names(key.refColumns)}) on update ${key.onUpdate} on delete ${key.onDelete}${deferrable}`
}

function alter(table: TargetTable): string {
  return `alter table ${qualified(table.schema, table.name)}`
}

function names(columns: readonly string[]): string {
  return columns.map(ident).join(', ')
}
