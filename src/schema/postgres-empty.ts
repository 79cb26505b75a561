import type { Session } from '../connection/postgres.ts'
import { literal, qualified } from '../connection/quote.ts'

/** An object of a database as its catalog knows it. */
export interface Held {
  readonly class: number
  readonly object: number
  /** `kind` and `name` are what DROP takes, but for `DROPPED_AS`. */
  readonly kind: string
  readonly name: string
}

const FIRST_OF_USERS = 16_384

const NO_EXTENSION = (classOf: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = ${classOf} AND e.objid = ${oid} AND e.deptype = 'e')`

const ofCatalog = (catalog: string): string => `
  UNION ALL SELECT '${catalog}'::pg_catalog.regclass, t.oid FROM ${catalog} t
    WHERE t.oid >= ${FIRST_OF_USERS} AND ${NO_EXTENSION(`'${catalog}'::pg_catalog.regclass`, 't.oid')}`

const SELECTED = (ids: string): string => `
  SELECT i.class::pg_catalog.oid AS class, i.object, o.type AS kind, o.identity AS name
  FROM (${ids}) AS i (class, object)
  CROSS JOIN LATERAL pg_catalog.pg_identify_object(i.class, i.object, 0) o`

/** What stands in schemas, and what belongs to the database as a whole and acts on all of it. */
const STANDING = (schemas: readonly string[]): string => `
  SELECT d.classid, d.objid
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_namespace n ON n.oid = d.refobjid
  WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.deptype = 'n'
    AND n.nspname = ANY (ARRAY[${schemas.map(literal).join(', ')}]::pg_catalog.text[])
    AND ${NO_EXTENSION('d.classid', 'd.objid')}
  ${ofCatalog('pg_catalog.pg_event_trigger')}${ofCatalog('pg_catalog.pg_publication')}`

/** What else a schema that is made as a whole may bring along. */
const BROUGHT = [
  'pg_catalog.pg_namespace',
  'pg_catalog.pg_extension',
  'pg_catalog.pg_cast',
  'pg_catalog.pg_language',
  'pg_catalog.pg_am',
  'pg_catalog.pg_transform',
  'pg_catalog.pg_foreign_data_wrapper',
  'pg_catalog.pg_foreign_server',
]

const NO_OBJECT = `WHERE o.type NOT IN ('index', 'default acl', 'toast table')`

/**
 * What would be in the way of a schema that is made as a whole; without what extensions made.
 *
 * @param own a table that Landfall keeps there itself
 */
export async function heldObjects(
  session: Session,
  schemas: readonly string[],
  own: { readonly schema: string; readonly name: string },
): Promise<Held[]> {
  const { rows } = await session.query<Held>(
    `${SELECTED(STANDING(schemas))} ${NO_OBJECT} AND o.type <> 'extension'
      AND (i.class, i.object) IS DISTINCT FROM ('pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid,
        pg_catalog.to_regclass(${literal(qualified(own.schema, own.name))})::pg_catalog.oid) ORDER BY 3, 4`,
  )
  return rows
}

/** All that the database holds by now in these schemas and beside them. */
export async function allObjects(session: Session, schemas: readonly string[]): Promise<Held[]> {
  const ids = `SELECT * FROM (${STANDING(schemas)}${BROUGHT.map(ofCatalog).join('')}) AS a GROUP BY 1, 2`
  return (await session.query<Held>(`${SELECTED(ids)} ${NO_OBJECT} AND o.identity <> 'landfall'`)).rows
}

/** Words of `pg_identify_object` for which DROP has another one. */
const DROPPED_AS: Readonly<Record<string, string>> = {
  'composite type': 'type',
  'statistics object': 'statistics',
}

/** SQLSTATE of a DROP that something else needs. */
const NEEDED = '2BP01'

/**
 * Drops these objects and nothing else, in a transaction: what is needed by others of them goes after those.
 * Returns what could not be dropped, each with what needs it.
 */
export async function dropObjects(session: Session, made: readonly Held[]): Promise<string[]> {
  let left = await thoseThere(session, made)
  await dropForeignKeys(session, left)
  for (;;) {
    const needed: { held: Held; why: string }[] = []
    for (const held of left) {
      const why = await drop(session, held)
      if (why !== null) needed.push({ held, why })
    }
    if (needed.length === 0) return []
    if (needed.length === left.length) return needed.map(({ why }) => why)
    left = needed.map(({ held }) => held)
  }
}

/** By today's names, the newest first; schemas last, and extensions before them. */
async function thoseThere(session: Session, made: readonly Held[]): Promise<Held[]> {
  const ids = `SELECT m.class, m.object FROM pg_catalog.json_to_recordset(${literal(JSON.stringify(made))}::pg_catalog.json)
    AS m(class pg_catalog.oid, object pg_catalog.oid)`
  const { rows } = await session.query<Held>(
    `${SELECTED(ids)} WHERE o.identity IS NOT NULL
      ORDER BY o.type = 'schema', o.type = 'extension', i.object DESC`,
  )
  return rows
}

/** Tables may refer to each other in a circle. */
async function dropForeignKeys(session: Session, made: readonly Held[]): Promise<void> {
  const tables = made.filter(({ kind }) => kind === 'table').map(({ object }) => object)
  const { rows } = await session.query<{ schema: string; table: string; name: string }>(
    `SELECT n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS table, pg_catalog.quote_ident(k.conname) AS name
      FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY ($1::pg_catalog.oid[])`,
    [`{${tables.join(',')}}`],
  )
  for (const { schema, table, name } of rows)
    await session.query(`ALTER TABLE ${qualified(schema, table)} DROP CONSTRAINT ${name}`)
}

/** Null when it is gone, else why it cannot go yet. */
async function drop(session: Session, { kind, name }: Held): Promise<string | null> {
  const sql = `DROP ${DROPPED_AS[kind] ?? kind} IF EXISTS ${name}`
  try {
    await session.query(`SAVEPOINT landfall_drop; ${sql}; RELEASE SAVEPOINT landfall_drop`)
    return null
  } catch (error) {
    const { sqlstate, detail } = detailsOf(error)
    if (sqlstate !== NEEDED) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_drop')
    return detail ?? `${kind} ${name}`
  }
}

function detailsOf(error: unknown): { readonly sqlstate?: string; readonly detail?: string } {
  return error instanceof Error && 'details' in error ? ((error.details ?? {}) as object) : {}
}
