import type { Session } from '../connection/postgres.ts'
import type { CheckResult } from '../contract/check.ts'
import type { RejectSummary } from '../contract/report.ts'
import { storable } from './statements.ts'

/** Makes steps known before they are done, so that `status` can say how many there are. */
export async function announceSteps(session: Session, run: string, names: readonly string[]): Promise<void> {
  await session.query(
    `INSERT INTO landfall.steps (run, name)
      SELECT $1, s.value FROM json_array_elements_text($2::json) WITH ORDINALITY AS s(value, nr)
      ORDER BY s.nr ON CONFLICT (run, name) DO NOTHING`,
    [run, JSON.stringify(names.map(storable))],
  )
}

/**
 * Records a step as done. Call it inside `fenced`, with the step itself, so that both happen or neither.
 * `created` is the table that the step made: `--restart` drops those and no others.
 */
export async function recordStep(
  session: Session,
  run: string,
  name: string,
  created?: { readonly schema: string; readonly name: string },
): Promise<void> {
  await session.query(
    `INSERT INTO landfall.steps (run, name, created_schema, created_table, done_at)
      VALUES ($1, $2, $3, $4, clock_timestamp())
      ON CONFLICT (run, name) DO UPDATE SET done_at = excluded.done_at,
        created_schema = excluded.created_schema, created_table = excluded.created_table`,
    [run, storable(name), created?.schema ?? null, created?.name ?? null],
  )
}

export async function doneSteps(session: Session, run: string): Promise<ReadonlySet<string>> {
  const { rows } = await session.query<{ name: string }>(
    'SELECT name FROM landfall.steps WHERE run = $1 AND done_at IS NOT NULL',
    [run],
  )
  return new Set(rows.map((row) => row.name))
}

/** The tables that the run itself made, the newest first. */
export async function createdTables(
  session: Session,
  run: string,
): Promise<readonly { readonly schema: string; readonly name: string }[]> {
  const { rows } = await session.query<{ schema: string; name: string }>(
    `SELECT created_schema AS schema, created_table AS name FROM landfall.steps
      WHERE run = $1 AND done_at IS NOT NULL AND created_table IS NOT NULL ORDER BY position DESC`,
    [run],
  )
  return rows
}

/** The rejects of a run by table, column and reason, in the order they were met; ten examples each. */
export async function rejectSummaries(session: Session, run: string): Promise<readonly RejectSummary[]> {
  const { rows } = await session.query<{
    table: string
    column: string | null
    reason: string
    rows: string
    examples: string
  }>(
    `SELECT "table", "column", reason, count(*)::text AS rows,
        (json_agg(key ORDER BY id) FILTER (WHERE nr <= 10))::text AS examples
      FROM (SELECT *, row_number() OVER (PARTITION BY "table", "column", reason ORDER BY id) AS nr
        FROM (SELECT id, "table", "column", reason, key FROM landfall.rejects WHERE run = $1) r) n
      GROUP BY "table", "column", reason ORDER BY min(id)`,
    [run],
  )
  return rows.map((row) => ({
    table: row.table,
    column: row.column,
    reason: row.reason,
    rows: Number(row.rows),
    examples: JSON.parse(row.examples) as string[],
  }))
}

/**
 * Writes check results in place of those that an earlier attempt left, in a transaction. Two at once take
 * turns, or the results of both would stay.
 */
export async function addChecks(
  session: Session,
  run: string,
  checks: readonly CheckResult[],
): Promise<void> {
  const rows = checks.map((check) => ({
    name: storable(check.name),
    result: check.result,
    expected: storable(check.expected),
    found: storable(check.found),
    evidence: check.evidence?.map(storable) ?? null,
  }))
  await session.query('SELECT FROM landfall.runs WHERE id = $1 FOR NO KEY UPDATE', [run])
  await session.query('DELETE FROM landfall.checks WHERE run = $1', [run])
  await session.query(
    `INSERT INTO landfall.checks (run, name, result, expected, found, evidence)
      SELECT $1, c.name, c.result, c.expected, c.found, c.evidence FROM json_to_recordset($2::json)
        AS c(name text, result text, expected text, found text, evidence json)`,
    [run, JSON.stringify(rows)],
  )
}

/** The check results of a run, in the order they were made. */
export async function readChecks(session: Session, run: string): Promise<readonly CheckResult[]> {
  const { rows } = await session.query<Omit<CheckResult, 'evidence'> & { evidence: string | null }>(
    `SELECT name, result, expected, found, evidence::text AS evidence FROM landfall.checks
      WHERE run = $1 ORDER BY id`,
    [run],
  )
  return rows.map(({ evidence, ...check }) =>
    evidence === null ? check : { ...check, evidence: JSON.parse(evidence) as string[] },
  )
}
