import type { Session } from '../connection/postgres.ts'
import { STAGE_ROW, WRONG } from './model.ts'

/** Of `markWanting`'s SELECT: the shaped row without which the row cannot be written. */
export const NEEDED = 'landfall_needed'

const NEEDS = '"landfall_needs"'
const WANTING = '"landfall_wanting"'

/** Settings of a statement that goes from row to row by an index, and would else read everything each time. */
export const BY_INDEX = 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off'
export const AS_BEFORE = 'SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT'

/**
 * Gives a reason to the rows that need what is not there, and to those that need such rows, to any depth.
 *
 * @param needs SELECT of `STAGE_ROW` and `NEEDED`, which is NULL where what the row needs is not there; a row may have
 * several needs.
 */
export async function markWanting(
  session: Session,
  relation: string,
  reason: number,
  needs: string,
): Promise<number> {
  await session.query(
    `DROP TABLE IF EXISTS pg_temp.${NEEDS}, pg_temp.${WANTING}; CREATE TEMPORARY TABLE ${NEEDS} ON COMMIT DROP AS ${needs}`,
  )
  const { rows } = await session.query(`SELECT FROM ${NEEDS} WHERE ${NEEDED} IS NULL LIMIT 1`)
  if (rows.length === 0) return 0
  await session.query(`CREATE INDEX ON ${NEEDS} (${NEEDED}); ANALYZE ${NEEDS}; ${BY_INDEX};
    CREATE TEMPORARY TABLE ${WANTING} ON COMMIT DROP AS
      WITH RECURSIVE wanting AS (SELECT ${STAGE_ROW} FROM ${NEEDS} WHERE ${NEEDED} IS NULL
        UNION SELECT n.${STAGE_ROW} FROM wanting AS w JOIN ${NEEDS} AS n ON n.${NEEDED} = w.${STAGE_ROW})
      SELECT ${STAGE_ROW} FROM wanting;
    ${AS_BEFORE}`)
  const { rowCount } = await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = ${reason} FROM ${WANTING} AS w WHERE u.${STAGE_ROW} = w.${STAGE_ROW}`,
  )
  return rowCount
}
