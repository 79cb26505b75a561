import type { Session } from '../connection/postgres.ts'
import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { TargetRules } from '../plan/mapping.ts'
import { type Shaped, STAGE_ROW, WRONG } from './model.ts'
import { reasonOf } from './reasons.ts'
import { BY_ITSELF, typedRows, type Values } from './values.ts'

const MISFITS = '"landfall_misfits"'

/**
 * Shapes rows, and should the server refuse to make a value (a number out of range, a domain's CHECK, an
 * expression that fails), finds every such row, sets it aside with the server's words, and shapes the
 * others. As long as all goes well it costs nothing.
 *
 * @param attempt shapes the rows of `values`.
 */
export async function sparingMisfits<T extends Shaped>(
  session: Session,
  values: Values,
  checks: TargetRules['checks'],
  attempt: (values: Values) => Promise<T>,
): Promise<T> {
  await session.query('SAVEPOINT landfall_shape')
  try {
    return await attempt(values)
  } catch (error) {
    if (!(error instanceof LandfallError) || !/^2[23]/.test(String(error.details?.sqlstate))) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_shape')
    const { sql } = await typedRows(session, values, checks)
    await findMisfits(session, values.stage, sql)
    const { rows } = await session.query<{ row: string; reason: string }>(
      `SELECT ${STAGE_ROW} AS row, reason FROM ${MISFITS}`,
    )
    // Then it was something else.
    if (rows.length === 0) throw error
    const fits = `s.${STAGE_ROW} NOT IN (SELECT ${STAGE_ROW} FROM ${MISFITS})`
    const shaped = await attempt({
      ...values,
      where: values.where === undefined ? fits : `(${values.where}) AND ${fits}`,
    })
    const { rowCount } = await session.query(
      `INSERT INTO ${shaped.relation} (${STAGE_ROW}, ${WRONG}) SELECT r.row, r.wrong
        FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS r (row pg_catalog.int8, wrong pg_catalog.int4)`,
      [
        JSON.stringify(
          rows.map(({ row, reason }) => ({
            row,
            wrong: reasonOf(shaped, { column: null, text: `cannot be stored: ${reason}`, ...BY_ITSELF }),
          })),
        ),
      ],
    )
    return { ...shaped, rows: shaped.rows + rowCount }
  }
}

/**
 * Halves the rows, and the half that fails, until the rows are found that fail on their own. The table of
 * them stays, since queries of the others name it.
 */
async function findMisfits(session: Session, stage: string, sql: string): Promise<void> {
  const body = `#variable_conflict use_column
    DECLARE landfall_from int8[]; landfall_to int8[]; landfall_low int8; landfall_high int8; landfall_middle int8;
    BEGIN
      SELECT ARRAY[pg_catalog.min(${STAGE_ROW})], ARRAY[pg_catalog.max(${STAGE_ROW})] INTO landfall_from, landfall_to FROM ${stage};
      WHILE pg_catalog.cardinality(landfall_from) > 0 LOOP
        landfall_low := landfall_from[pg_catalog.cardinality(landfall_from)];
        landfall_high := landfall_to[pg_catalog.cardinality(landfall_to)];
        landfall_from := pg_catalog.trim_array(landfall_from, 1);
        landfall_to := pg_catalog.trim_array(landfall_to, 1);
        BEGIN
          PERFORM pg_catalog.count(w) FROM (${sql}) AS w WHERE w.${STAGE_ROW} BETWEEN landfall_low AND landfall_high;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
          IF landfall_low = landfall_high THEN
            INSERT INTO ${MISFITS} VALUES (landfall_low, SQLERRM);
          ELSE
            landfall_middle := landfall_low + (landfall_high - landfall_low) / 2;
            landfall_from := landfall_from || landfall_middle + 1 || landfall_low;
            landfall_to := landfall_to || landfall_high || landfall_middle;
          END IF;
        END;
      END LOOP;
    END`
  await session.query(`DROP TABLE IF EXISTS pg_temp.${MISFITS}; CREATE TEMPORARY TABLE ${MISFITS} (${STAGE_ROW} pg_catalog.int8, reason pg_catalog.text) ON COMMIT DROP;
    CREATE INDEX ON ${stage} (${STAGE_ROW}); ANALYZE ${stage}; DO ${literal(body)}`)
}
