import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'

/**
 * The operator by which the target compares values of a type. Types of extensions have operators of their
 * own (citext takes two cases for one), which no path finds; domains have those of what they are made of.
 */
export async function equality(session: Session, type: string | undefined): Promise<string> {
  const {
    rows: [own],
  } = await session.query<{ schema: string }>(
    `WITH RECURSIVE base (type) AS (
        SELECT pg_catalog.to_regtype($1)::pg_catalog.oid UNION ALL
        SELECT t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT n.nspname::text AS schema FROM base JOIN pg_catalog.pg_operator o ON o.oprleft = base.type
      JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
      WHERE o.oprname = '=' AND o.oprright = o.oprleft AND n.nspname <> 'pg_catalog' LIMIT 1`,
    [type ?? ''],
  )
  return own === undefined ? '=' : `OPERATOR(${ident(own.schema)}.=)`
}
