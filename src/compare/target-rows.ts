import { ident } from '../connection/quote.ts'
import type { Comparison } from './model.ts'

/** `COPY` of the target's rows in the form in which they are compared. */
export function targetCopy(
  comparison: Comparison,
  { where = 'true', order = '', extra = [] as readonly string[] } = {},
): string {
  const values = [...comparison.columns.map((column) => column.select), ...extra]
  return `COPY (SELECT ${values.join(', ')} FROM ${comparison.target} AS t WHERE ${where}${order === '' ? '' : ` ORDER BY ${order}`}) TO STDOUT WITH (FORMAT binary)`
}

/** The target's column, of the table as `targetCopy` names it. */
export const targetColumn = (name: string): string => `t.${ident(name)}`
