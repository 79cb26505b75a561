import type { FieldDef, QueryResult } from 'pg'

/** A column that a SELECT yields. */
export interface SelectedColumn {
  readonly name: string
  /** As `format_type` prints it; of a domain the type beneath. A type that is not built in has its schema. */
  readonly type: string
}

/**
 * Asks the server what a SELECT would yield; no row is made. `query` sends a statement and gives its whole
 * answer.
 */
export async function selectedColumns(
  select: string,
  query: (sql: string) => Promise<QueryResult>,
): Promise<SelectedColumn[]> {
  // A comment at the end must not swallow the bracket.
  const { fields } = await query(`SELECT * FROM (${select}\n) AS landfall_select LIMIT 0`)
  if (fields.length === 0) return []
  const { rows } = await query(typesOf(fields))
  return fields.map(({ name }, at) => ({ name, type: (rows[at] as { type: string }).type }))
}

/** Types of extensions and of the application are qualified, whatever the session's `search_path`. */
function typesOf(fields: readonly FieldDef[]): string {
  const asked = fields.map((field, at) => `(${at}, ${field.dataTypeID}::oid, ${field.dataTypeModifier})`)
  return `SELECT CASE WHEN t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
      THEN pg_catalog.format_type(f.type, f.mod)
      ELSE pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) END AS type
    FROM (VALUES ${asked.join(', ')}) AS f (nr, type, mod)
    JOIN pg_catalog.pg_type t ON t.oid = f.type
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace ORDER BY f.nr`
}
