import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { TargetRules } from '../plan/mapping.ts'
import { halving, RANGE } from './halving.ts'
import { type Shaped, STAGE_ROW, WRONG } from './model.ts'
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
    if (!isMisfit(error)) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_shape')
    const shaped = await attemptOthers(session, values, checks, attempt, error)
    const { rows } = await session.query<{ row: string; reason: string }>(
      `SELECT ${STAGE_ROW} AS row, reason FROM ${MISFITS}`,
    )
    const numbers = new Map<string, number>()
    for (const { reason } of rows)
      if (!numbers.has(reason))
        numbers.set(
          reason,
          shaped.reasons.push({ column: null, text: `cannot be stored: ${reason}`, ...BY_ITSELF }) - 1,
        )
    const { rowCount } = await session.query(
      `INSERT INTO ${shaped.relation} (${STAGE_ROW}, ${WRONG}) SELECT r.row, r.wrong
        FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS r (row pg_catalog.int8, wrong pg_catalog.int4)`,
      [JSON.stringify(rows.map(({ row, reason }) => ({ row, wrong: numbers.get(reason) })))],
    )
    return { ...shaped, rows: shaped.rows + rowCount }
  }
}

/**
 * Looks for the rows that fail without the identities, which have as many rows as there are people; should
 * others fail, once more with them.
 */
async function attemptOthers<T extends Shaped>(
  session: Session,
  values: Values,
  checks: TargetRules['checks'],
  attempt: (values: Values) => Promise<T>,
  first: LandfallError,
): Promise<T> {
  const fits = `s.${STAGE_ROW} NOT IN (SELECT ${STAGE_ROW} FROM ${MISFITS})`
  const others = {
    ...values,
    where: values.where === undefined ? fits : `(${values.where}) AND ${fits}`,
  }
  await session.query(`DROP TABLE IF EXISTS pg_temp.${MISFITS}; CREATE TEMPORARY TABLE ${MISFITS} (${STAGE_ROW} pg_catalog.int8, reason pg_catalog.text) ON COMMIT DROP;
    CREATE INDEX ON ${values.stage} (${STAGE_ROW}); ANALYZE ${values.stage}`)
  const known = values.columns.filter(({ identity }) => identity !== null)
  const own = values.columns.filter((column) => !known.includes(column))
  const probes =
    known.length === 0
      ? [await typedRows(session, values, checks)]
      : [
          ...(own.length === 0 ? [] : [await typedRows(session, { ...values, columns: own })]),
          {
            sql: `SELECT s.${STAGE_ROW}, ${known.map(({ value }, at) => `${value} AS landfall_old_${at}`).join(', ')} FROM ${values.stage} AS s
              WHERE ${values.where ?? 'true'}`,
          },
        ]
  let found = await findMisfits(
    session,
    values.stage,
    probes.map(({ sql }) => sql),
  )
  if (found > 0) {
    await session.query('SAVEPOINT landfall_others')
    try {
      return await attempt(others)
    } catch (error) {
      if (known.length === 0 || !isMisfit(error)) throw error
      await session.query('ROLLBACK TO SAVEPOINT landfall_others')
    }
  }
  if (known.length > 0)
    found += await findMisfits(session, values.stage, [(await typedRows(session, others, checks)).sql])
  // Then it was something else.
  if (found === 0) throw first
  return attempt(others)
}

const isMisfit = (error: unknown): error is LandfallError =>
  error instanceof LandfallError && /^2[23]/.test(String(error.details?.sqlstate))

/** So few rows are tried one by one. */
const FEW = 100

/**
 * Halves the rows, and the half that fails, until few are left, which are tried one by one. Returns how many
 * fail on their own. The table of them stays, since queries of the others name it.
 */
async function findMisfits(session: Session, stage: string, probes: readonly string[]): Promise<number> {
  const probe = (where: string): string =>
    probes
      .map((sql) => `PERFORM pg_catalog.count(w) FROM (${sql}) AS w WHERE w.${STAGE_ROW} ${where};`)
      .join(' ')
  const caught = 'data_exception OR integrity_constraint_violation'
  const sql = halving({
    rows: stage,
    attempt: probe(RANGE),
    caught,
    few: FEW,
    inFew: `FOR landfall_one IN landfall_low .. landfall_high LOOP
            BEGIN
              ${probe('= landfall_one')}
            EXCEPTION WHEN ${caught} THEN
              INSERT INTO ${MISFITS} VALUES (landfall_one, SQLERRM);
            END;
          END LOOP;`,
  })
  await session.query(sql)
  const { rows } = await session.query<{ rows: number }>(
    `SELECT pg_catalog.count(*)::pg_catalog.int4 AS rows FROM ${MISFITS}`,
  )
  return rows[0]!.rows
}
