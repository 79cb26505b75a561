import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { TargetRules } from '../plan/mapping.ts'
import { CHANGED, type Shaped, STAGE_ROW, THERE, WRONG } from './model.ts'
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
  const rows = await typedRows(session, request, request.checks)
  return writeShaped(session, request, rows, rows.sql)
}

/** `sql` yields the columns of `rows`, `THERE` and `CHANGED` among them where they are known. */
export async function writeShaped(
  session: Session,
  request: Pick<ShapeRequest, 'name' | 'into' | 'columns'>,
  rows: TypedRows,
  sql: string,
): Promise<Shaped> {
  const relation = `pg_temp.${ident(request.name)}`
  const names = request.columns.map(({ name }) => ident(name))
  const { into } = request
  // A table made of the target's own columns has their types and collations.
  await session.query(`CREATE TEMPORARY TABLE ${ident(request.name)} ON COMMIT DROP AS
    SELECT NULL::pg_catalog.int8 AS ${STAGE_ROW}, ${[...names.map((name) => `t.${name}`), `NULL::pg_catalog.int4 AS ${WRONG}`].join(', ')},
      NULL::pg_catalog.bool AS ${THERE}, NULL::pg_catalog.bool AS ${CHANGED}
    FROM ${qualified(into.schema, into.name)} AS t WITH NO DATA`)
  const marks = sql === rows.sql ? [] : [THERE, CHANGED]
  const list = [STAGE_ROW, ...names, WRONG, ...marks].join(', ')
  const { rowCount } = await session.query(
    `INSERT INTO ${relation} (${list}) SELECT ${list} FROM (${sql}) AS landfall_shaped`,
  )
  await session.query(`ANALYZE ${relation}`)
  return { relation, rows: rowCount, reasons: rows.reasons }
}
