import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { TargetRules } from '../plan/mapping.ts'
import { sparingMisfits } from './misfits.ts'
import type { Shaped } from './model.ts'
import { type TypedRows, typedRows, type Values } from './values.ts'

export interface ShapeRequest extends Values {
  /** Of the temporary table, not quoted. */
  readonly name: string
  /** CHECK constraints that are to be tested, too. */
  readonly checks?: TargetRules['checks']
}

/**
 * Writes staged rows in the target's columns and types into a temporary table that goes with the
 * transaction, each row once, with what is wrong with it by itself.
 */
export async function shape(session: Session, request: ShapeRequest): Promise<Shaped> {
  const { name, checks = [] } = request
  return sparingMisfits(session, request, checks, async (values) => {
    const rows = await typedRows(session, values, checks)
    return writeShaped(session, name, rows, rows.sql)
  })
}

/** Writes what `sql` yields, which are the columns of `rows` and maybe more. */
export async function writeShaped(
  session: Session,
  name: string,
  rows: TypedRows,
  sql: string,
): Promise<Shaped> {
  const relation = `pg_temp.${ident(name)}`
  // Not an INSERT: this one may be worked out by several processes, and fills pages one after the other. The
  // planner expects that all rows are handed over, and would not begin.
  await session.query('SET LOCAL parallel_tuple_cost = 0.01; SET LOCAL parallel_setup_cost = 100')
  const { rowCount } = await session.query(`CREATE TEMPORARY TABLE ${ident(name)} ON COMMIT DROP AS ${sql}`)
  await session.query(`ANALYZE ${relation}`)
  return { relation, rows: rowCount, reasons: rows.reasons }
}
