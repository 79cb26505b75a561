import type { Session } from '../connection/postgres.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import { MEMORY } from '../merge/facts.ts'
import { lowestFirst, named, sourceKey } from '../merge/key.ts'
import { STAGE_ROW, type Staged } from '../merge/model.ts'
import { refuseUnstorable } from '../merge/unstorable.ts'
import type { Identity } from '../plan/mapping.ts'
import type { Ambiguous } from './ambiguous.ts'
import { columnTypes, type ValueType } from './equal.ts'
import { bare, PEOPLE, WORKING } from './tables.ts'

/** An identity that is being resolved. */
export interface Resolving {
  readonly session: Session
  readonly staged: Staged
  readonly identity: Identity
  /** The target table, quoted. */
  readonly target: string
  readonly targetTypes: ReadonlyMap<string, ValueType>
  readonly oldType: ValueType
  readonly newType: ValueType
  /** What was decided by a stated rule. */
  readonly notes: string[]
  /** Cases that the config wants to fail. */
  readonly ambiguous: Ambiguous
}

export async function resolving(staged: Staged): Promise<Resolving> {
  const { session, move, stage } = staged
  const identity = move.mapping
  if (identity?.kind !== 'identity') throw new TypeError(`${move.source} is no identity`)
  await session.query(`${MEMORY}; ANALYZE ${stage}`)
  const target = qualified(move.target.schema, move.target.name)
  const stageTypes = await columnTypes(session, stage)
  const targetTypes = await columnTypes(session, target)
  return {
    session,
    staged,
    identity,
    target,
    targetTypes,
    oldType: stageTypes.get(identity.key.column)!,
    newType: targetTypes.get(identity.toKey.column)!,
    notes: [],
    ambiguous: { count: 0, cases: [] },
  }
}

/** Makes a temporary table of a SELECT, in place of one that is there, and learns how large it is. */
export async function temporary(session: Session, name: string, select: string): Promise<number> {
  await session.query(`DROP TABLE IF EXISTS ${name}`)
  const { rowCount } = await session.query(`CREATE TEMPORARY TABLE ${bare(name)} AS ${select}`)
  await session.query(`ANALYZE ${name}`)
  return rowCount
}

/** All staged rows; those without a key, and all but the lowest of those that share one, are set aside. */
export async function startPeople(on: Resolving): Promise<void> {
  const { session, staged, identity } = on
  const key = ident(identity.key.column)
  // Of one row there is no order to be worked out.
  const own = sourceKey(staged.move)
  const order = own.length === 1 && own[0]!.column === key ? `s.${STAGE_ROW}` : lowestFirst(staged.move)
  await temporary(
    session,
    PEOPLE,
    `SELECT nr, old, NULL::${identity.toKey.type} AS new, NULL::text AS rule, false AS updated, false AS stale, false AS fresh,
      NULL::pg_catalog.int8 AS first,
      CASE WHEN old IS NULL OR nth > 1 THEN 'set aside' END AS way,
      CASE WHEN old IS NULL THEN ${literal(`has no key: ${identity.key.column} is NULL`)}
        WHEN nth > 1 THEN 'another row of the source has the same key' END AS reason,
      CASE WHEN old IS NULL OR nth > 1 THEN ${literal(identity.key.column)} END AS "column"
      FROM (SELECT ${ident(STAGE_ROW)} AS nr, ${key} AS old,
        pg_catalog.row_number() OVER (PARTITION BY ${key} ORDER BY ${order}) AS nth
        FROM ${staged.stage} AS s) s`,
  )
  await refuseUnstorable(staged, {
    into: staged.move.target,
    rows: `SELECT ${keyText(on)} AS key, p."column", p.reason, p.nr AS ord FROM ${PEOPLE} p WHERE p.reason IS NOT NULL`,
  })
  await noteSetAside(on, `"column" IS NOT NULL AND old IS NOT NULL`, (rows) =>
    rows === 1
      ? '1 row has the key of another and was set aside'
      : `${rows} rows have the key of another and were set aside`,
  )
}

/** Lets the planner know what has been found out: it would take the keys for unknown, and go row by row. */
export async function studyPeople({ session }: Resolving): Promise<void> {
  await session.query(`ANALYZE ${PEOPLE}`)
}

/** Drops the working tables: another identity of the transaction needs their names. */
export async function endPeople({ session }: Resolving): Promise<void> {
  await session.query(`DROP TABLE IF EXISTS ${WORKING.join(', ')}`)
}

/** `id = 3`, as SQL over `p`, a row of the working table. */
export function keyText(on: Resolving, p = 'p'): string {
  return named([[sourceName(on), `${p}.old`]])
}

/** What the source calls the key. */
export function sourceName({
  staged,
  identity,
}: {
  readonly staged: Pick<Staged, 'move'>
  readonly identity: Identity
}): string {
  const column = staged.move.columns.find(({ target }) => target === identity.key.column)
  return column?.source ?? identity.key.column
}

/** Says how many rows, and up to five of them, where there are any. `where` is SQL over `p`. */
export async function noteSetAside(
  on: Resolving,
  where: string,
  say: (rows: number) => string,
): Promise<void> {
  const {
    rows: [found],
  } = await on.session.query<{ rows: string; examples: string[] | null }>(
    `SELECT pg_catalog.count(*)::text AS rows,
      (pg_catalog.array_agg(k ORDER BY nr) FILTER (WHERE nth <= 5))::text[] AS examples
      FROM (SELECT p.nr, ${keyText(on)} AS k, pg_catalog.row_number() OVER (ORDER BY p.nr) AS nth
        FROM ${PEOPLE} p WHERE ${where}) e`,
  )
  const rows = Number(found!.rows)
  if (rows === 0) return
  const more = rows > 5 ? ' …' : ''
  on.notes.push(`${say(rows)} (${(found!.examples ?? []).join(', ')}${more})`)
}
