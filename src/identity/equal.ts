import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { ValueType } from '../merge/equal.ts'

export { alike, equal, type Typed, type ValueType } from '../merge/equal.ts'

/** The types of a relation's columns, by name. `relation` is quoted. */
export async function columnTypes(
  session: Session,
  relation: string,
): Promise<ReadonlyMap<string, ValueType>> {
  const { rows } = await session.query<ValueType & { name: string }>(
    `WITH RECURSIVE base (name, type) AS (
        SELECT attname::text, atttypid FROM pg_catalog.pg_attribute
          WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT b.name, t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT b.name, pg_catalog.format_type(t.oid, NULL) AS base, t.typcategory::text AS category,
        coalesce((SELECT pg_catalog.format('OPERATOR(%I.=)', n.nspname) FROM pg_catalog.pg_operator o
          JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
          WHERE o.oprname = '=' AND o.oprleft = t.oid AND o.oprright = t.oid LIMIT 1),
          'OPERATOR(pg_catalog.=)') AS operator
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'`,
    [relation],
  )
  return new Map(rows.map(({ name, ...type }) => [name, type]))
}

/** What texts are that differ only in case; `null` in SQL for the empty one. */
export function folded(sql: string): string {
  return `nullif(pg_catalog.lower((${sql})::pg_catalog.text), '')`
}

/** Sorts keys by bytes where they are texts, so that no collation has a say in which is the lowest. */
export function inOrder(sql: string, type: ValueType): string {
  return type.category === 'S' ? `(${sql})::pg_catalog.text COLLATE pg_catalog."C"` : sql
}

/** Quoted names of columns with a relation before them. */
export function of(alias: string, name: string): string {
  return `${alias}.${ident(name)}`
}
