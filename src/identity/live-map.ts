import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import { named } from '../merge/key.ts'
import type { KnownMap } from '../merge/model.ts'
import type { Move } from '../plan/model.ts'
import { type Ambiguous, failWhereAmbiguous, gather } from './ambiguous.ts'
import { columnTypes, equal } from './equal.ts'
import { findMap, identityOf, type MapFacts } from './map.ts'
import { sourceName } from './people.ts'

/**
 * What other moves may look up in the map of an identity, null where it is not there: entries whose new key is
 * in the target, each once. Where the map holds more, it is a temporary table that goes with the
 * transaction. `at` tells it from those of other identities. Errors: LF210 where an old key has several new keys, LF005 where the map lacks a column.
 */
export async function liveMap(session: Session, move: Move, at: number): Promise<KnownMap | null> {
  const map = await findMap(session, move)
  if (map === null) return null
  const ambiguous = { count: 0, cases: [] }
  await gatherAmbiguous(session, move, map, ambiguous)
  failWhereAmbiguous(identityOf(move).name, ambiguous)
  const { relation, oldKey, newKey } = map
  const live = await isLive(session, move, map)
  const {
    rows: [found],
  } = await session.query<{ rest: boolean }>(
    `SELECT EXISTS (SELECT FROM ${relation} m WHERE (${live}) IS NOT TRUE)${map.ours ? '' : ` OR EXISTS (SELECT FROM ${relation} m GROUP BY m.${oldKey} HAVING pg_catalog.count(*) > 1)`} AS rest`,
  )
  if (!found!.rest) return map
  const name = `landfall_live_${at}`
  await session.query(`DROP TABLE IF EXISTS pg_temp.${name}`)
  await session.query(
    `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS SELECT DISTINCT ON (m.${oldKey}) m.${oldKey}, m.${newKey} FROM ${relation} m
      WHERE m.${oldKey} IS NOT NULL AND ${live} ORDER BY m.${oldKey}, m.${newKey}`,
  )
  await session.query(`ANALYZE pg_temp.${name}`)
  return { ...map, relation: `pg_temp.${name}` }
}

/** SQL that is true of an entry `m` whose new key is there. */
async function isLive(session: Session, move: Move, map: MapFacts): Promise<string> {
  const target = qualified(move.target.schema, move.target.name)
  const { column } = identityOf(move).toKey
  const type = (await columnTypes(session, target)).get(column)!
  return `EXISTS (SELECT FROM ${target} t WHERE ${equal(
    { sql: `m.${map.newKey}`, type: map.newType },
    { sql: `t.${ident(column)}`, type },
  )})`
}

/**
 * An old key with several new ones is ambiguous whatever the config says: who looks it up would find all of
 * them. Of keys that the source does not have any more, too: rows may refer to them.
 */
export async function gatherAmbiguous(
  session: Session,
  move: Move,
  map: MapFacts,
  into: Ambiguous,
): Promise<void> {
  if (map.ours) return
  const { relation, oldKey, newKey } = map
  const source = sourceName({ staged: { move }, identity: identityOf(move) })
  await gather(
    session,
    into,
    `SELECT ${named([[source, 'o.old']])} || ' is ' || pg_catalog.string_agg(o.new::text, ' and ' ORDER BY o.new)
        || ${literal(` in the map ${relation}: leave one of them`)} AS text
      FROM (SELECT DISTINCT m.${oldKey} AS old, m.${newKey} AS new FROM ${relation} m
        WHERE m.${oldKey} IS NOT NULL AND ${await isLive(session, move, map)}) o
      GROUP BY o.old HAVING pg_catalog.count(*) > 1 ORDER BY o.old`,
  )
}
