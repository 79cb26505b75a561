import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'

/** Unique constraints of a table that are tested when all rows are written, by their names; as `SET CONSTRAINTS` takes them. */
export async function deferrableUniques(
  session: Session,
  target: string,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname::text AS schema, c.conname::text AS name FROM pg_catalog.pg_constraint AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace
      WHERE c.conrelid = $1::pg_catalog.regclass AND c.contype IN ('p', 'u') AND c.condeferrable`,
    [target],
  )
  return new Map(rows.map(({ schema, name }) => [name, qualified(schema, name)]))
}
