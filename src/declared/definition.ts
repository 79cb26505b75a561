import { ident, literal, qualified } from '../connection/quote.ts'
import type { SchemaObject, SchemaObjectKind } from '../contract/schema.ts'

/** Names as SQL: literals, or variables of plpgsql. */
export interface NamesSql {
  readonly schema: string
  readonly table: string
  readonly name: string
}

/**
 * SQL, one value: what the server says of an object, NULL where it is missing. Equal texts mean that it is
 * as it was. It names everything in full, so that it can stand in any statement, also of plpgsql.
 */
export function definitionOf(object: SchemaObject): string {
  const { kind, schema, table, name } = object
  if (kind === 'row') return rowDefinition(schema, table, name)
  return definitionSql(kind, { schema: literal(schema), table: literal(table), name: literal(name) })
}

/** The same for names that are only known when it is run. */
export function definitionSql(
  kind: Exclude<SchemaObjectKind, 'row'>,
  { schema, table, name }: NamesSql,
): string {
  const relation = relationSql(schema, table)
  if (kind === 'schema') return `(SELECT 'schema' FROM pg_catalog.pg_namespace WHERE nspname = ${schema})`
  // One that was dropped and made anew by others is not the one that was made.
  if (kind === 'table') return `('table ' || ${relation})`
  if (kind === 'column') return columnDefinition(relation, name)
  if (kind === 'index')
    return `(SELECT pg_catalog.pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      WHERE i.indrelid = ${relation} AND x.relname = ${name})`
  if (kind === 'comment') return commentSql(relation, name)
  // Only what it says: that it is validated later on is no change of it.
  return `(SELECT pg_catalog.replace(pg_catalog.pg_get_constraintdef(c.oid), ' NOT VALID', '')
      FROM pg_catalog.pg_constraint c WHERE c.conrelid = ${relation} AND c.conname = ${name})`
}

/** SQL: the table's oid, NULL where it is missing. */
export function relationOf(schema: string, table: string): string {
  return relationSql(literal(schema), literal(table))
}

function relationSql(schema: string, table: string): string {
  return `(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${schema} AND c.relname = ${table} AND c.relkind IN ('r', 'p'))`
}

/** SQL: the comment of a column, or of the table where the name is empty; NULL: none. */
function commentSql(relation: string, column: string): string {
  return `CASE ${column} WHEN '' THEN pg_catalog.obj_description(${relation}, 'pg_class')
      ELSE (SELECT pg_catalog.col_description(a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = ${relation} AND a.attname = ${column} AND NOT a.attisdropped) END`
}

/** With its number: one that was dropped and added anew has another. */
function columnDefinition(relation: string, name: string): string {
  return `(SELECT 'number ' || a.attnum || ', ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE a.attidentity WHEN '' THEN '' ELSE ' identity' END
        || coalesce(' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), '')
      FROM pg_catalog.pg_attribute a
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = ${relation} AND a.attname = ${name} AND NOT a.attisdropped)`
}

/** A row in the record: its key, column to SQL, and the other columns that were declared. */
export interface RowName {
  readonly key: { readonly [column: string]: string }
  readonly columns: readonly string[]
}

export function rowName(row: RowName): string {
  return JSON.stringify({ key: row.key, columns: row.columns })
}

function rowDefinition(schema: string, table: string, name: string): string {
  const { key, columns }: RowName = JSON.parse(name)
  const values = [...Object.keys(key), ...columns].map(
    (column) => `${literal(column)}, t.${ident(column)}::pg_catalog.text`,
  )
  return `(SELECT pg_catalog.json_build_object(${values.join(', ')})::pg_catalog.text
      FROM ${qualified(schema, table)} t WHERE ${rowCondition(name)} LIMIT 1)`
}

/** SQL: it is the row of this name. Aliased `t`. */
export function rowCondition(name: string): string {
  const { key }: RowName = JSON.parse(name)
  return Object.entries(key)
    .map(([column, sql]) => `t.${ident(column)} = ${sql}`)
    .join(' AND ')
}
