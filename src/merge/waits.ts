import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { UniqueRule } from '../plan/mapping.ts'
import { sameKey } from './key.ts'
import { CHANGED, STAGE_ROW, type Staged, WRONG } from './model.ts'
import type { Split } from './split.ts'
import { holders, reasonOf, uniqueReason } from './uniques.ts'

/** Rows that wait for others to give up a value, and in which wave of updates it is their turn. */
export const WAVES = '"landfall_waves"'
const WAITS = '"landfall_waits"'

/**
 * The server compares unique values row by row: a row that takes the value of another, which is to have a
 * new one itself, has to come after it. Writes down the waves in which such rows are updated; those that
 * do not wait are the first and are not written down. Rows that wait for each other in a circle give up
 * the value beforehand where it may be NULL, else they are set aside.
 *
 * @param mayWrite false: nothing is given up; it is assumed that this would succeed.
 */
export async function findWaits(
  staged: Staged,
  shaped: Split,
  rules: readonly UniqueRule[],
  mayWrite: boolean,
): Promise<{ readonly any: boolean; readonly setAside: number }> {
  const { session } = staged
  const { relation, key } = shaped
  await session.query(`DROP TABLE IF EXISTS pg_temp.${WAITS}, pg_temp.${WAVES};
    CREATE TEMPORARY TABLE ${WAITS} (waits pg_catalog.int8, held_by pg_catalog.int8, rule pg_catalog.int4) ON COMMIT DROP`)
  let any = 0
  for (const [at, rule] of rules.entries()) {
    const same = key.map(({ name, equals }, i) => `o.${ident(name)} ${equals} r.landfall_key_${i}`)
    const { rowCount } = await session.query(
      `INSERT INTO ${WAITS} SELECT r.${STAGE_ROW}, o.${STAGE_ROW}, ${at} FROM (${await holders(session, shaped, rule, CHANGED)}) AS r
        JOIN ${relation} AS o ON ${same.join(' AND ')}
        WHERE o.${WRONG} IS NULL AND o.${CHANGED} AND o.${STAGE_ROW} <> r.${STAGE_ROW}`,
    )
    any += rowCount
  }
  if (any === 0) return { any: false, setAside: 0 }
  await session.query(`CREATE INDEX ON ${WAITS} (waits); CREATE INDEX ON ${WAITS} (held_by); ANALYZE ${WAITS};
    CREATE TEMPORARY TABLE ${WAVES} (waits pg_catalog.int8 PRIMARY KEY, wave pg_catalog.int4) ON COMMIT DROP`)
  await countWaves(session)
  const { rows: circling } = await session.query<{ rule: number }>(
    `SELECT DISTINCT x.rule FROM ${WAITS} AS x WHERE x.waits NOT IN (SELECT v.waits FROM ${WAVES} AS v)`,
  )
  if (circling.length === 0) return { any: true, setAside: 0 }
  const circle = circling.map((row) => rules[row.rule]!)
  if (await giveUp(session, shaped, circle, mayWrite)) {
    await session.query(`INSERT INTO ${WAVES} SELECT DISTINCT x.waits, 1 FROM ${WAITS} AS x
      WHERE x.waits NOT IN (SELECT v.waits FROM ${WAVES} AS v)`)
    return { any: true, setAside: 0 }
  }
  const reason = reasonOf(
    shaped,
    uniqueReason(circle[0]!, 'is exchanged with another row, which the target refuses row by row'),
  )
  const { rowCount } = await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = ${reason} FROM (SELECT DISTINCT x.waits FROM ${WAITS} AS x) AS x
      WHERE u.${STAGE_ROW} = x.waits AND x.waits NOT IN (SELECT v.waits FROM ${WAVES} AS v)`,
  )
  return { any: true, setAside: rowCount }
}

/** A row's turn comes when none of those that it waits for is still to come. */
async function countWaves(session: Session): Promise<void> {
  const free = (waiting: string): string =>
    `NOT EXISTS (SELECT FROM ${WAITS} AS x JOIN ${WAITS} AS y ON y.waits = x.held_by
      WHERE x.waits = ${waiting} AND NOT EXISTS (SELECT FROM ${WAVES} AS v WHERE v.waits = y.waits))`
  const first = `SELECT DISTINCT w.waits, 1 FROM ${WAITS} AS w WHERE ${free('w.waits')}`
  let { rowCount } = await session.query(`INSERT INTO ${WAVES} ${first}`)
  for (let wave = 1; rowCount > 0; wave += 1) {
    const after =
      await session.query(`INSERT INTO ${WAVES} SELECT DISTINCT w.waits, ${wave + 1} FROM ${WAVES} AS f
      JOIN ${WAITS} AS w ON w.held_by = f.waits
      WHERE f.wave = ${wave} AND NOT EXISTS (SELECT FROM ${WAVES} AS v WHERE v.waits = w.waits) AND ${free('w.waits')}`)
    rowCount = after.rowCount
  }
}

/** Whether rows in circles have no values of these rules any more, or could have none. */
async function giveUp(
  session: Session,
  shaped: Split,
  rules: readonly UniqueRule[],
  mayWrite: boolean,
): Promise<boolean> {
  const { relation, target, key, facts } = shaped
  const { rows: referred } = await session.query<{ name: string }>(
    `SELECT DISTINCT a.attname::text AS name FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey)
      WHERE c.contype = 'f' AND c.confrelid = ${literal(target)}::pg_catalog.regclass`,
  )
  const columns = rules.map(({ parts }) =>
    facts.find(
      (fact) =>
        parts.includes(ident(fact.name)) &&
        !fact.notNull &&
        !key.includes(fact) &&
        // Whatever refers to it would follow.
        !referred.some(({ name }) => name === fact.name),
    ),
  )
  const given = columns.filter((column) => column !== undefined)
  if (given.length < rules.length || rules.some(({ nullsNotDistinct }) => nullsNotDistinct)) return false
  if (!mayWrite) return true
  await session.query('SAVEPOINT landfall_give_up')
  try {
    await session.query(
      `UPDATE ${target} AS t SET ${[...new Set(given)].map(({ name }) => `${ident(name)} = NULL`).join(', ')}
        FROM ${relation} AS w JOIN ${WAITS} AS x ON x.waits = w.${STAGE_ROW}
        WHERE ${sameKey(key, 't', 'w')} AND x.waits NOT IN (SELECT v.waits FROM ${WAVES} AS v)`,
    )
    return true
  } catch (error) {
    if (!(error instanceof LandfallError) || !String(error.details?.sqlstate).startsWith('23')) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_give_up')
    return false
  }
}
