import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import { knownMap } from './map.ts'
import { type Resolving, studyPeople, temporary } from './people.ts'
import { OWED, PEOPLE } from './tables.ts'

/** What the journal knows of this identity, as `c`. */
function own({ staged: { move }, identity }: Resolving): string {
  return `c.map = ${literal(knownMap(move).relation)} AND c.identity = ${literal(identity.name)}`
}

const FOUND = `c.old_key = p.old::pg_catalog.text AND c.new_key = p.new::pg_catalog.text AND p.way IN ('known', 'matched')`

/** SELECT of the rows `nr` that get a row of a table: those created now, and those for which it was set aside. */
export function goingWith(on: Resolving, table: string): string {
  return `SELECT nr FROM ${PEOPLE} WHERE way = 'created' UNION ALL
    SELECT p.nr FROM ${PEOPLE} p JOIN landfall.created c ON ${FOUND} WHERE ${own(on)} AND ${literal(table)} = ANY (c.owed)`
}

/** Writes down for the next run, and for who verifies, what was created and what could not be. */
export async function recordCreated(on: Resolving): Promise<void> {
  const { session, staged, identity } = on
  await session.query(
    `UPDATE landfall.created c SET fresh = false, owed = '{}' WHERE ${own(on)} AND (c.fresh OR c.owed <> '{}')`,
  )
  await session.query(
    `DELETE FROM landfall.created c USING ${PEOPLE} p WHERE ${own(on)} AND c.old_key = p.old::pg_catalog.text
      AND (p.way = 'created' OR p.nr IN (SELECT nr FROM ${OWED}))`,
  )
  await session.query(
    `INSERT INTO landfall.created (map, identity, old_key, new_key, fresh, owed)
      SELECT $1, $2, p.old, p.new, p.way = 'created', coalesce(o.owed, '{}')
      FROM ${PEOPLE} p LEFT JOIN (SELECT nr, pg_catalog.array_agg(tbl) AS owed FROM ${OWED} GROUP BY nr) o ON o.nr = p.nr
      WHERE p.way = 'created' OR o.nr IS NOT NULL`,
    [knownMap(staged.move).relation, identity.name],
  )
  await session.query('ANALYZE landfall.created')
}

/**
 * Marks the rows that were created when the identity was applied last, and lists what they lack. False where
 * there is no journal that could tell.
 */
export async function findCreated(on: Resolving): Promise<boolean> {
  const { session } = on
  if (!(await isThere(session))) return false
  await session.query(
    `UPDATE ${PEOPLE} p SET fresh = true FROM landfall.created c WHERE ${own(on)} AND ${FOUND} AND c.fresh`,
  )
  await studyPeople(on)
  await temporary(
    session,
    OWED,
    `SELECT p.nr, pg_catalog.unnest(c.owed) AS tbl FROM ${PEOPLE} p JOIN landfall.created c ON ${FOUND} WHERE ${own(on)}`,
  )
  return true
}

async function isThere(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ there: boolean }>(
    `SELECT pg_catalog.to_regclass('landfall.created') IS NOT NULL AS there`,
  )
  return rows[0]!.there
}

/** SQL over `p`: the row of the target that it means is one that this identity has created, in whatever run. */
export async function madeByUs(on: Resolving): Promise<string | null> {
  if (!(await isThere(on.session))) return null
  return `(p.new::pg_catalog.text IN (SELECT c.new_key FROM landfall.created c WHERE ${own(on)}))`
}
