import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import type { Counts } from './count.ts'
import { deferrableUniques } from './deferrable.ts'
import { sameKey } from './key.ts'
import { CHANGED, STAGE_ROW, THERE, WRONG } from './model.ts'
import { withParentsHeld } from './parents.ts'
import type { Split } from './split.ts'
import { WAVES } from './waits.ts'

export interface Written {
  readonly created: number
  readonly updated: number
}

/**
 * Updates the shaped rows that are there and inserts the others. The update comes first, since new rows may
 * have unique values that others give up. Where rows refer to rows of their own table, both are one
 * statement, at whose end the server looks for the parents: a row that is there may have a new one.
 *
 * @param waits rows are updated in the order of `waits.ts`.
 */
export async function writeRows(
  session: Session,
  shaped: Split,
  counts: Counts,
  waits: boolean,
): Promise<Written> {
  const uniques = [...(await deferrableUniques(session, shaped.target)).values()].join(', ')
  if (uniques === '') return await write(session, shaped, counts, waits)
  await session.query(`SET CONSTRAINTS ${uniques} DEFERRED`)
  const written = await write(session, shaped, counts, waits)
  await session.query(`SET CONSTRAINTS ${uniques} IMMEDIATE`)
  return written
}

async function write(
  session: Session,
  shaped: Split,
  { added, changed }: Counts,
  waits: boolean,
): Promise<Written> {
  const updates = changed === 0 ? [] : await updateStatements(session, shaped, waits)
  const inserts = added === 0 ? [] : [insertStatement(shaped)]
  const late = waits ? await countLate(session) : 0
  if (late === 0 && updates.length + inserts.length > 1 && (await refersToItself(session, shaped)))
    return atOnce(session, updates, inserts)
  const written = { created: 0, updated: 0 }
  for (const sql of updates) written.updated += (await session.query(sql(''))).rowCount
  if (late > 0) written.updated += await updateOneByOne(session, shaped)
  for (const sql of inserts)
    written.created += await withParentsHeld(
      session,
      shaped,
      async () => (await session.query(sql(''))).rowCount,
    )
  return written
}

/** A statement, made with a further condition over a shaped row `w`: empty, or `AND …`. */
export type Statement = (condition: string) => string

async function atOnce(
  session: Session,
  updates: readonly Statement[],
  inserts: readonly Statement[],
): Promise<Written> {
  const done = (at: number): string => `(SELECT pg_catalog.count(*) FROM landfall_done_${at})`
  const all = [...updates, ...inserts]
  // Each asks how many rows the one before it wrote, which makes it wait for all of them.
  const parts = all.map(
    (sql, at) =>
      `landfall_done_${at} AS (${sql(at === 0 ? '' : ` AND ${done(at - 1)} >= 0`)} RETURNING 1 AS done)`,
  )
  const sum = (some: readonly Statement[]): string =>
    [...some.map((one) => done(all.indexOf(one))), '0'].join(' + ')
  const { rows } = await session.query<Written>(
    `WITH ${parts.join(',\n')} SELECT (${sum(updates)})::pg_catalog.float8 AS updated, (${sum(inserts)})::pg_catalog.float8 AS created`,
  )
  return rows[0]!
}

/** The same without an order of the updates. */
export function writeStatements(shaped: Split, { added, changed }: Counts): Statement[] {
  return [
    ...(changed === 0 ? [] : [updateStatement(shaped, '', '')]),
    ...(added === 0 ? [] : [insertStatement(shaped)]),
  ]
}

async function refersToItself(session: Session, { target }: Split): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT FROM pg_catalog.pg_constraint
      WHERE contype = 'f' AND conrelid = $1::pg_catalog.regclass AND confrelid = conrelid LIMIT 1`,
    [target],
  )
  return rows.length > 0
}

function insertStatement({ relation, target, facts, key }: Split): Statement {
  const names = facts.map(({ name }) => ident(name)).join(', ')
  // The key's index grows from one end to the other. Texts take longer to sort than that saves.
  const order = key.some(({ type }) => !/^(uuid|smallint|integer|bigint|date|timestamp)/.test(type))
    ? ''
    : ` ORDER BY ${key.map(({ name }) => ident(name)).join(', ')}`
  const overriding = facts.some(({ identity }) => identity) ? ' OVERRIDING SYSTEM VALUE' : ''
  return (condition) =>
    `INSERT INTO ${target} (${names})${overriding} SELECT ${names} FROM ${relation} AS w WHERE ${WRONG} IS NULL AND NOT ${THERE}${condition}${order}`
}

function updateStatement({ relation, target, others, key }: Split, join: string, where: string): Statement {
  const set = settable(others, 'w')
  return (condition) =>
    `UPDATE ${target} AS t SET ${set} FROM ${relation} AS w ${join}
      WHERE w.${WRONG} IS NULL AND w.${CHANGED} AND ${sameKey(key, 't', 'w')}${where}${condition}`
}

/** Rows that wait for others to give up unique values come after them. */
async function updateStatements(session: Session, shaped: Split, waits: boolean): Promise<Statement[]> {
  if (!waits) return [updateStatement(shaped, '', '')]
  const { rows: waves } = await session.query<{ wave: number }>(
    `SELECT DISTINCT v.wave FROM ${WAVES} AS v WHERE v.wave <= ${WHOLE_WAVES} ORDER BY v.wave`,
  )
  return [
    updateStatement(shaped, '', ` AND w.${STAGE_ROW} NOT IN (SELECT v.waits FROM ${WAVES} AS v)`),
    ...waves.map(({ wave }) =>
      updateStatement(shaped, `JOIN ${WAVES} AS v ON v.waits = w.${STAGE_ROW}`, ` AND v.wave = ${wave}`),
    ),
  ]
}

/** Rows of so many waves are updated a wave at a time, those of later ones one by one. */
const WHOLE_WAVES = 10

async function countLate(session: Session): Promise<number> {
  const { rows } = await session.query<{ rows: number }>(
    `SELECT pg_catalog.count(*)::pg_catalog.float8 AS rows FROM ${WAVES} WHERE wave > ${WHOLE_WAVES}`,
  )
  return rows[0]!.rows
}

/** Values that move along a chain, each to the next row, make as many waves as there are rows. */
async function updateOneByOne(session: Session, { relation, target, others, key }: Split): Promise<number> {
  const set = settable(others, 'landfall_w')
  const body = `#variable_conflict use_column
    DECLARE landfall_w record; landfall_rows pg_catalog.int8; landfall_all pg_catalog.int8 := 0;
    BEGIN
      FOR landfall_w IN SELECT w.* FROM ${WAVES} AS v JOIN ${relation} AS w ON w.${STAGE_ROW} = v.waits
          WHERE v.wave > ${WHOLE_WAVES} ORDER BY v.wave LOOP
        UPDATE ${target} AS t SET ${set} WHERE ${sameKey(key, 't', 'landfall_w')};
        GET DIAGNOSTICS landfall_rows = ROW_COUNT;
        landfall_all := landfall_all + landfall_rows;
      END LOOP;
      PERFORM pg_catalog.set_config('landfall.rows', landfall_all::pg_catalog.text, true);
    END`
  await session.query(`DO ${literal(body)}`)
  const { rows } = await session.query<{ rows: number }>(
    "SELECT pg_catalog.current_setting('landfall.rows')::pg_catalog.float8 AS rows",
  )
  return rows[0]!.rows
}

/** What nobody may change is equal, or the row has been given a reason. */
const settable = (others: Split['others'], from: string): string =>
  others
    .filter(({ always }) => !always)
    .map(({ name }) => `${ident(name)} = ${from}.${ident(name)}`)
    .join(', ')
