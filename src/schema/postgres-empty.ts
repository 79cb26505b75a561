import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'

/**
 * What stands in schemas, and what belongs to the database as a whole; without what extensions made.
 * `kind` and `name` are what DROP takes.
 */
const HELD = (schemas: readonly string[]): string => `
  SELECT o.type AS kind, o.identity AS name
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_namespace n ON n.oid = d.refobjid
  CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) o
  WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.deptype = 'n'
    AND n.nspname = ANY (ARRAY[${schemas.map(literal).join(', ')}]::pg_catalog.text[])
    AND o.type NOT IN ('index', 'default acl', 'extension', 'toast table')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
      WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
  UNION ALL SELECT 'event trigger', pg_catalog.quote_ident(evtname) FROM pg_catalog.pg_event_trigger t
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
      WHERE e.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND e.objid = t.oid AND e.deptype = 'e')
  UNION ALL SELECT 'publication', pg_catalog.quote_ident(pubname) FROM pg_catalog.pg_publication`

/** What would be in the way of a schema that is made as a whole, e.g. `table public.orders`. */
export async function heldObjects(session: Session, schemas: readonly string[]): Promise<string[]> {
  const { rows } = await session.query<Held>(`${HELD(schemas)} ORDER BY 1, 2`)
  return rows.map(({ kind, name }) => `${kind} ${name}`)
}

interface Held {
  readonly kind: string
  readonly name: string
}

/** Words of `pg_identify_object` for which DROP has another one. */
const DROPPED_AS: Readonly<Record<string, string>> = {
  'composite type': 'type',
  'statistics object': 'statistics',
}

/**
 * Drops everything that stands in the schemas, which stay. Inside a transaction; only for schemas in which
 * nothing stood before.
 */
export async function dropAll(session: Session, schemas: readonly string[]): Promise<void> {
  for (const { kind, name } of (await session.query<Held>(HELD(schemas))).rows)
    await session.query(`DROP ${DROPPED_AS[kind] ?? kind} IF EXISTS ${name} CASCADE`)
}
