import { ident } from '../connection/quote.ts'
import type { Move } from '../plan/model.ts'
import { STAGE_ROW } from './model.ts'

/**
 * DDL of a move's stage: its columns, all of which may be NULL, and the number of a row.
 *
 * @param stage quoted; a temporary one without schema.
 * @param kind `unlogged` outlives its transaction and is dropped by the caller; `temp` goes with it.
 */
export function stageStatements(stage: string, move: Move, kind: 'unlogged' | 'temp'): string[] {
  const columns = move.columns.map((column) => `${ident(column.target)} ${column.type}`)
  // Numbers come from a sequence; taken one by one they would be a tenth of the time that a row takes.
  const row = `${ident(STAGE_ROW)} pg_catalog.int8 GENERATED ALWAYS AS IDENTITY (CACHE 1000)`
  const body = [...columns, row].join(', ')
  return kind === 'temp'
    ? [`CREATE TEMPORARY TABLE ${stage} (${body}) ON COMMIT DROP`]
    : [`CREATE UNLOGGED TABLE ${stage} (${body}) WITH (autovacuum_enabled = false)`]
}

/** The stage's columns that hold values, for COPY and INSERT. */
export function stageColumns(move: Move): string {
  return move.columns.map((column) => ident(column.target)).join(', ')
}

/** Fills a stage from the move's table or SELECT, which is of the same database. */
export function stageFromSelect(stage: string, move: Move): string {
  const values = move.columns.map((column) => column.read[0]!).join(', ')
  if (move.relation === undefined) throw new TypeError(`${move.source} is no move of a PostgreSQL table`)
  return `INSERT INTO ${stage} (${stageColumns(move)}) SELECT ${values} FROM ${move.relation} AS t`
}

/** After rows came into a stage, and before they are read: the planner knows nothing of them yet. */
export function stageFilled(stage: string): string {
  return `ANALYZE ${stage}`
}
