import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { SchemaObject } from '../contract/schema.ts'
import { objectName } from './checks.ts'
import { rowCondition } from './definition.ts'
import { relation } from './postgres-sql.ts'

/**
 * Rows of others that refer to these: with ON DELETE CASCADE they would go along, without it the server
 * would refuse in the middle.
 */
export async function rowsReferring(
  session: Session,
  objects: readonly SchemaObject[],
): Promise<readonly string[]> {
  const found: string[] = []
  for (const row of objects) {
    const { rows: keys } = await session.query<{
      name: string
      child: string
      columns: string[]
      to: string[]
    }>(REFERRING, [relation(row)])
    for (const { name, child, columns, to } of keys) {
      const on = columns.map((column, n) => `c.${ident(column)} = t.${ident(to[n]!)}`).join(' AND ')
      const { rows } = await session.query<{ some: boolean }>(
        `SELECT EXISTS (SELECT FROM ${relation(row)} t JOIN ${child} c ON ${on}
          WHERE ${rowCondition(row.name)}) AS some`,
      )
      if (rows[0]!.some) found.push(`rows of ${child} refer to ${objectName(row)} (${name})`)
    }
  }
  return found
}

const REFERRING = `SELECT con.conname AS name, con.conrelid::regclass::text AS child,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.n) FROM pg_catalog.unnest(con.conkey) WITH ORDINALITY AS k (num, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.num) AS columns,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.n) FROM pg_catalog.unnest(con.confkey) WITH ORDINALITY AS k (num, n)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.num) AS "to"
  FROM pg_catalog.pg_constraint con WHERE con.contype = 'f' AND con.confrelid = $1::regclass AND con.conparentid = 0`
