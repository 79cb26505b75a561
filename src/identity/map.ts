import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { KnownMap } from '../merge/model.ts'
import type { Identity } from '../plan/mapping.ts'
import type { Move } from '../plan/model.ts'
import { columnTypes, equal, type ValueType } from './equal.ts'
import { noteSetAside, type Resolving, studyPeople } from './people.ts'
import { PEOPLE } from './tables.ts'

/** Tells our maps, which say more than the two keys, from an application's. */
const COMMENT = 'Landfall: old and new keys of '

export function identityOf(move: Move): Identity {
  if (move.mapping?.kind !== 'identity') throw new TypeError(`${move.source} is no identity`)
  return move.mapping
}

/** Where other moves look up the new keys of an identity. */
export function knownMap(move: Move): KnownMap {
  const { map, unmatched } = identityOf(move)
  return {
    relation: qualified(map.schema, map.table),
    oldKey: ident(map.oldKey),
    newKey: ident(map.newKey),
    ignoresCase: ignoresCase(move),
    unknownFails: unmatched.kind === 'fail',
    remedies: remedies(identityOf(move)),
  }
}

/** The source's key is of a type of an extension, whose text is staged. */
export function ignoresCase(move: Move): boolean {
  const { column } = identityOf(move).key
  return move.columns.some(({ target, declared }) => target === column && /(?:^|\.)citext$/.test(declared))
}

function remedies({ name, match, map }: Identity): string[] {
  const rules = match.map(({ label }) => label).join('; ')
  const inMap = `write both keys into ${qualified(map.schema, map.table)} (${ident(map.oldKey)}, ${ident(map.newKey)})`
  return [
    `Let the identity ${name} find them (${rules})${map.existing ? `, or ${inMap}` : ''},`,
    `or make them: identities.${name}.unmatched: { create: … },`,
  ]
}

/** A map that is there. */
export interface MapFacts extends KnownMap {
  /** It has `how` and `known_since` as well. */
  readonly ours: boolean
  readonly oldType: ValueType
  readonly newType: ValueType
}

/** Null where the map is not there. Error LF005 where it lacks a column. */
export async function findMap(session: Session, move: Move): Promise<MapFacts | null> {
  const known = knownMap(move)
  const { map } = identityOf(move)
  const {
    rows: [found],
  } = await session.query<{ ours: boolean | null }>(
    `SELECT pg_catalog.starts_with(pg_catalog.obj_description(c.oid, 'pg_class'), ${literal(COMMENT)}) AS ours
      FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)`,
    [known.relation],
  )
  if (found === undefined) return null
  const types = await columnTypes(session, known.relation)
  const [oldType, newType] = [types.get(map.oldKey), types.get(map.newKey)]
  if (oldType === undefined || newType === undefined)
    throw new LandfallError(
      'LF005',
      `The map ${known.relation} has no column ${oldType === undefined ? known.oldKey : known.newKey}.`,
      { hint: 'keptIn takes { table, oldKey, newKey } where the columns have other names.' },
    )
  return {
    ...known,
    oldType,
    newType,
    ours: found.ours === true && types.has('how') && types.has('known_since'),
  }
}

export async function makeMap(on: Resolving): Promise<MapFacts> {
  const { session, identity, staged } = on
  const { map, key, toKey } = identity
  const there = await findMap(session, staged.move)
  if (there) return there
  const relation = qualified(map.schema, map.table)
  await session.query(`CREATE TABLE ${relation} (
    ${ident(map.oldKey)} ${key.type} PRIMARY KEY,
    ${ident(map.newKey)} ${toKey.type} NOT NULL,
    how text,
    known_since timestamptz NOT NULL DEFAULT pg_catalog.now())`)
  const about = `${COMMENT}${staged.move.source} (${key.column}) and ${on.target} (${toKey.column})`
  await session.query(`COMMENT ON TABLE ${relation} IS ${literal(about)}`)
  const made = await findMap(session, staged.move)
  return made!
}

/** `m` is the map, `p` the working table, `t` the target. */
const sameOld = (on: Resolving, map: MapFacts): string =>
  equal({ sql: `m.${map.oldKey}`, type: map.oldType }, { sql: 'p.old', type: on.oldType })

const sameNew = (on: Resolving, map: MapFacts): string =>
  equal(
    { sql: `m.${map.newKey}`, type: map.newType },
    { sql: `t.${ident(on.identity.toKey.column)}`, type: on.newType },
  )

/** What the map has already counts before all rules, as long as the row it names is there. */
export async function honourMap(on: Resolving, map: MapFacts): Promise<void> {
  const { session, target, identity } = on
  const column = ident(identity.toKey.column)
  await session.query(
    `UPDATE ${PEOPLE} p SET new = t.${column}, way = 'known'${map.ours ? ', rule = m.how' : ''}
      FROM ${map.relation} m JOIN ${target} t ON ${sameNew(on, map)}
      WHERE p.way IS NULL AND ${sameOld(on, map)}`,
  )
  await studyPeople(on)
  await session.query(
    `UPDATE ${PEOPLE} p SET stale = true FROM ${map.relation} m WHERE p.way IS NULL AND ${sameOld(on, map)}`,
  )
  await noteSetAside(
    on,
    'p.stale',
    (rows) =>
      `${rows === 1 ? '1 key was' : `${rows} keys were`} in the map, but the row it names is gone: resolved anew`,
  )
}

/**
 * Writes what was found out. Of our own maps the entries of staged keys that name a row that is gone do not
 * stay; those of an application are its own, and nobody looks them up (`liveMap`).
 */
export async function writeMap(on: Resolving, map: MapFacts): Promise<void> {
  const { session } = on
  const value = (sql: string, from: ValueType, to: ValueType): string =>
    from.base === to.base ? sql : `${sql}::text::${to.base}`
  const newKey = value('p.new', on.newType, map.newType)
  const found = `p.way IN ('matched', 'created', 'joined')`
  const how = `CASE p.way WHEN 'matched' THEN 'matched: ' || p.rule ELSE p.way END`
  await session.query(
    `UPDATE ${map.relation} m SET ${map.newKey} = ${newKey}${map.ours ? `, how = ${how}, known_since = pg_catalog.now()` : ''}
      FROM ${PEOPLE} p WHERE ${sameOld(on, map)} AND p.stale AND ${found}`,
  )
  if (map.ours)
    await session.query(
      `DELETE FROM ${map.relation} m USING ${PEOPLE} p WHERE ${sameOld(on, map)} AND p.stale AND p.new IS NULL`,
    )
  await session.query(
    `INSERT INTO ${map.relation} (${map.oldKey}, ${map.newKey}${map.ours ? ', how' : ''})
      SELECT ${value('p.old', on.oldType, map.oldType)}, ${newKey}${map.ours ? `, ${how}` : ''}
      FROM ${PEOPLE} p WHERE ${found} AND NOT p.stale`,
  )
  // Other moves join it at once.
  await session.query(`ANALYZE ${map.relation}`)
}

/** Removes a map that the config does not keep. */
export async function dropMap(session: Session, move: Move): Promise<void> {
  if (identityOf(move).map.drop) await session.query(`DROP TABLE IF EXISTS ${knownMap(move).relation}`)
}
