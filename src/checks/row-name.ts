import type { Table } from '../catalog/model.ts'
import { ident, literal } from '../connection/quote.ts'

/** How many rows or keys are named. */
export const NAMED = 10

const LONGEST = 60

/**
 * SQL that names a row of the target: by its primary key (`id = 2`), else by where it is. Never by other
 * values.
 *
 * @param alias of the table in the query.
 */
export function rowName(table: Table, alias: string): string {
  return table.primaryKey === null
    ? `'ctid = ' || ${alias}.ctid::text`
    : columnValues(table.primaryKey.columns.map((name) => [name, `${alias}.${ident(name)}`] as const))
}

/** SQL text such as `a = 1, b = x` of labels and expressions. */
export function columnValues(values: readonly (readonly [string, string])[]): string {
  const parts = values.map(
    ([label, sql]) => `${literal(`${label} = `)} || pg_catalog.left((${sql})::text, ${LONGEST})`,
  )
  return `pg_catalog.concat_ws(', ', ${parts.join(', ')})`
}
