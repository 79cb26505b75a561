import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import type { UniqueRule } from '../plan/mapping.ts'
import { deferrableUniques } from './deferrable.ts'
import { freeing, GIVING, giveUp } from './give-up.ts'
import { CHANGED, STAGE_ROW, type Staged, WRONG } from './model.ts'
import { AS_BEFORE, BY_INDEX } from './needs.ts'
import { reasonOf } from './reasons.ts'
import type { Split } from './split.ts'
import { holders, uniqueReason } from './uniques.ts'

/** Rows that wait for others to give up a value, and in which wave of updates it is their turn. */
export const WAVES = '"landfall_waves"'
const WAITS = '"landfall_waits"'

/**
 * The server compares unique values row by row: a row that takes the value of another, which is to have a
 * new one itself, has to come after it. Writes down the waves in which such rows are updated; those that
 * do not wait are the first and are not written down, and what is tested at the end is not waited for. Rows that wait for each other in a circle give up
 * the value beforehand where it may be NULL for a while, else they are set aside.
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
  await session.query(`DROP TABLE IF EXISTS pg_temp.${WAITS}, pg_temp.${WAVES}, pg_temp.${GIVING};
    CREATE TEMPORARY TABLE ${WAITS} (waits pg_catalog.int8, held_by pg_catalog.int8, rule pg_catalog.int4) ON COMMIT DROP`)
  let any = 0
  const atTheEnd = await deferrableUniques(session, shaped.target)
  for (const [at, rule] of rules.entries()) {
    if (atTheEnd.has(rule.name)) continue
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
    CREATE TEMPORARY TABLE ${WAVES} (waits pg_catalog.int8 PRIMARY KEY, wave pg_catalog.int4) ON COMMIT DROP;
    CREATE INDEX ON ${WAVES} (wave)`)
  let last = await countWaves(session, 1)
  // What is left waits for itself.
  const circling = `x.waits NOT IN (SELECT v.waits FROM ${WAVES} AS v)`
  const { rows: circle } = await session.query<{ rule: number }>(
    `SELECT DISTINCT x.rule FROM ${WAITS} AS x WHERE ${circling}`,
  )
  if (circle.length === 0) return { any: true, setAside: 0 }
  await session.query(
    `CREATE TEMPORARY TABLE ${GIVING} ON COMMIT DROP AS SELECT DISTINCT x.waits FROM ${WAITS} AS x WHERE ${circling}`,
  )
  const free = await freeing(
    session,
    shaped,
    rules,
    circle.map(({ rule }) => rule),
  )
  const given = [...free.keys()]
  const columns = [...free.values()]
  if (given.length > 0) {
    await session.query(`DELETE FROM ${WAITS} AS x WHERE ${circling} AND x.rule IN (${given.join(', ')})`)
    last = await countWaves(session, last + 1)
  }
  let { rows: stuck } = await session.query(`SELECT FROM ${WAITS} AS x WHERE ${circling} LIMIT 1`)
  let aside = `SELECT DISTINCT x.waits FROM ${WAITS} AS x WHERE ${circling}`
  if (stuck.length === 0 && mayWrite && !(await giveUp(session, shaped, columns))) {
    stuck = [{}]
    aside = `SELECT waits FROM ${GIVING}`
  }
  if (stuck.length === 0) return { any: true, setAside: 0 }
  const reason = reasonOf(
    shaped,
    uniqueReason(
      rules[circle[0]!.rule]!,
      'is exchanged with another row, which the target refuses row by row',
    ),
  )
  const { rowCount } = await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = ${reason} FROM (${aside}) AS x WHERE u.${STAGE_ROW} = x.waits`,
  )
  return { any: true, setAside: rowCount }
}

/**
 * A row's turn comes when none of those that it waits for is still to come. Returns the number of the last
 * wave.
 */
async function countWaves(session: Session, from: number): Promise<number> {
  // OFFSET has the server look them up for each row, of which a wave may have one.
  const free = `NOT EXISTS (SELECT FROM ${WAVES} AS v WHERE v.waits = w.waits OFFSET 0)
    AND NOT EXISTS (SELECT FROM ${WAITS} AS x JOIN ${WAITS} AS y ON y.waits = x.held_by
      WHERE x.waits = w.waits AND NOT EXISTS (SELECT FROM ${WAVES} AS v WHERE v.waits = y.waits OFFSET 0) OFFSET 0)`
  const body = `DECLARE landfall_wave pg_catalog.int4 := ${from};
    BEGIN
      INSERT INTO ${WAVES} SELECT DISTINCT w.waits, landfall_wave FROM ${WAITS} AS w WHERE ${free};
      WHILE FOUND LOOP
        INSERT INTO ${WAVES} SELECT DISTINCT w.waits, landfall_wave + 1 FROM ${WAVES} AS f
          JOIN ${WAITS} AS w ON w.held_by = f.waits WHERE f.wave = landfall_wave AND ${free};
        landfall_wave := landfall_wave + 1;
      END LOOP;
    END`
  await session.query(`${BY_INDEX}; DO ${literal(body)}; ${AS_BEFORE}`)
  const { rows } = await session.query<{ last: number }>(
    `SELECT coalesce(pg_catalog.max(wave), ${from}) AS last FROM ${WAVES}`,
  )
  return rows[0]!.last
}
