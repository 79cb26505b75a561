import type { Table } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import { equality } from './equality.ts'
import { NAMED, rowName } from './row-name.ts'

export interface Reference {
  readonly columns: readonly string[]
  readonly refSchema: string
  readonly refTable: string
  readonly refColumns: readonly string[]
}

export interface Orphans {
  /** Decimal text. */
  readonly rows: string
  /** e.g. `id = 2`; at most ten. */
  readonly examples: readonly string[]
}

/**
 * Rows of a table whose parent is missing, in one query. As for a foreign key, a row with NULL among its
 * columns needs no parent.
 *
 * Errors: LF304 when the columns cannot be compared, a table is missing, or the role may not read it.
 */
export async function findOrphans(session: Session, child: Table, key: Reference): Promise<Orphans> {
  const values = key.columns.map((name) => `c.${ident(name)}`)
  const types = key.columns.map((name) => child.columns.find((column) => column.name === name)?.declared)
  const equal = await Promise.all(types.map((type) => equality(session, type)))
  const match = key.refColumns.map((name, at) => `p.${ident(name)} ${equal[at]} ${values[at]}`)
  const {
    rows: [found],
  } = await session.query<{ rows: string; examples: string[] | null }>(
    `SELECT pg_catalog.count(*)::text AS rows, pg_catalog.array_agg(name) FILTER (WHERE n <= ${NAMED}) AS examples
      FROM (
        SELECT pg_catalog.row_number() OVER () AS n, ${rowName(child, 'c')} AS name
        FROM ${qualified(child.schema, child.name)} AS c
        WHERE ${values.map((value) => `${value} IS NOT NULL`).join(' AND ')}
          AND NOT EXISTS (SELECT FROM ${qualified(key.refSchema, key.refTable)} AS p WHERE ${match.join(' AND ')})
      ) AS found`,
  )
  return { rows: found!.rows, examples: found!.examples ?? [] }
}
