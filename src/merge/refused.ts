import type { Session } from '../connection/postgres.ts'
import { literal, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { Counts } from './count.ts'
import { halving, RANGE } from './halving.ts'
import { stagedKey } from './key.ts'
import { CHANGED, STAGE_ROW, type Staged, THERE, WRITES, WRONG } from './model.ts'
import { contentOf } from './set-aside.ts'
import type { Split } from './split.ts'
import { BY_ITSELF } from './values.ts'
import { writeStatements } from './write.ts'

/** Of the reasons for which rows are set aside: what only writing them brings to light. */
const REFUSED = 'is refused by the target: '

const TABLE = '"landfall_refused"'
/** So few rows are tried one by one. */
const FEW = 16

/** Rows that the target does not take, by their numbers, with the server's words. */
export type Refused = readonly { readonly row: string; readonly reason: string }[]

/** A row may be to blame: its values, a constraint, a trigger that raises an exception. */
export const isRefusal = (error: unknown): error is LandfallError =>
  error instanceof LandfallError && /^(22|23|P0001)/.test(String(error.details?.sqlstate))

/** What the server refused with the move, the table, and all that the server says; anything else as it is. */
export function refusal(error: unknown, { session, move }: Staged): unknown {
  if (!(error instanceof LandfallError) || error.code !== 'LF304') return error
  const { code, message, hint, details } = error
  const into = qualified(move.target.schema, move.target.name)
  const said = message.replace(`${session.label}: `, '')
  return new LandfallError(code, `${move.source}: rows could not be written to ${into}: ${said}`, {
    hint: [
      ...(typeof details?.detail === 'string' ? [details.detail] : []),
      ...(hint === undefined ? [] : [hint]),
      'The target’s tables are as they were.',
    ].join('\n'),
    place: { table: move.source },
    ...(details === undefined ? {} : { details }),
    cause: error,
  })
}

/**
 * Rows that the target refuses for a reason that could not be foreseen: a trigger, columns that are not
 * mapped. The rows are written by halves, and what fails by halves again; what fails on its own is tried
 * again when others are there, for as long as that helps. What was written is left for the caller to roll back.
 */
export async function findRefused(session: Session, shaped: Split, counts: Counts): Promise<Refused> {
  const { relation } = shaped
  const write = (where: string): string =>
    writeStatements(shaped, counts)
      .map((sql) => `${sql(` AND w.${STAGE_ROW} ${where}`)};`)
      .join('\n')
  const caught = 'data_exception OR integrity_constraint_violation OR raise_exception'
  const sql = halving({
    rows: `${relation} WHERE ${WRITES}`,
    attempt: write(RANGE),
    caught,
    few: FEW,
    inFew: `INSERT INTO ${TABLE} SELECT ${STAGE_ROW}, NULL, NULL FROM ${relation} WHERE ${WRITES} AND ${STAGE_ROW} ${RANGE};`,
    atEnd: `DECLARE landfall_one int8; landfall_again boolean := true; landfall_detail text;
      BEGIN
        WHILE landfall_again LOOP
          landfall_again := false;
          FOR landfall_one IN SELECT ${STAGE_ROW} FROM ${TABLE} ORDER BY ${STAGE_ROW} LOOP
            BEGIN
              ${write('= landfall_one')}
              DELETE FROM ${TABLE} AS f WHERE f.${STAGE_ROW} = landfall_one;
              landfall_again := true;
            EXCEPTION WHEN ${caught} THEN
              GET STACKED DIAGNOSTICS landfall_detail = PG_EXCEPTION_DETAIL;
              UPDATE ${TABLE} AS f SET reason = SQLERRM, detail = nullif(landfall_detail, '') WHERE f.${STAGE_ROW} = landfall_one;
            END;
          END LOOP;
        END LOOP;
      END;`,
  })
  await session.query(`CREATE TEMPORARY TABLE ${TABLE} (${STAGE_ROW} pg_catalog.int8 PRIMARY KEY, reason pg_catalog.text, detail pg_catalog.text) ON COMMIT DROP;
    CREATE INDEX ON ${relation} (${STAGE_ROW}); ANALYZE ${relation}; ${sql}`)
  const { rows } = await session.query<{ row: string; reason: string }>(
    `SELECT ${STAGE_ROW} AS row, pg_catalog.concat_ws(' ', reason, '(' || detail || ')') AS reason FROM ${TABLE} ORDER BY 1`,
  )
  return rows
}

/** Gives such rows their reason. */
export async function markRefused(
  session: Session,
  { relation, reasons }: Split,
  refused: Refused,
): Promise<void> {
  const numbers = new Map<string, number>()
  for (const { reason } of refused)
    if (!numbers.has(reason))
      numbers.set(reason, reasons.push({ column: null, text: REFUSED + reason, ...BY_ITSELF }) - 1)
  const rows = refused.map(({ row, reason }) => ({ row, wrong: numbers.get(reason) }))
  await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = r.wrong
      FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS r (row pg_catalog.int8, wrong pg_catalog.int4)
      WHERE u.${STAGE_ROW} = r.row`,
    [JSON.stringify(rows)],
  )
}

/**
 * Without writing, nobody knows that the target refuses a row: those that were set aside for that, and are
 * still the same, are taken to be refused again.
 */
export async function markKnownRefused({ session, stage, move }: Staged, shaped: Split): Promise<void> {
  const known = await session.query<{ there: boolean }>(
    "SELECT pg_catalog.to_regclass('landfall.rejects') IS NOT NULL AS there",
  )
  if (shaped.rows === 0 || !known.rows[0]!.there) return
  const own = `r."table" = ${literal(move.source)} AND pg_catalog.starts_with(r.reason, ${literal(REFUSED)})`
  const { rows } = await session.query(`SELECT FROM landfall.rejects AS r WHERE ${own} LIMIT 1`)
  if (rows.length === 0) return
  const wrong = shaped.reasons.push({ column: null, text: `${REFUSED}as it was`, ...BY_ITSELF }) - 1
  await session.query(
    `UPDATE ${shaped.relation} AS u SET ${WRONG} = ${wrong} FROM ${stage} AS s
      WHERE s.${STAGE_ROW} = u.${STAGE_ROW} AND u.${WRONG} IS NULL AND (NOT u.${THERE} OR u.${CHANGED})
        AND EXISTS (SELECT FROM landfall.rejects AS r WHERE ${own} AND r.key = ${stagedKey(shaped.move)}
          AND r.content::pg_catalog.text = (${contentOf(move)})::pg_catalog.text)`,
  )
}
