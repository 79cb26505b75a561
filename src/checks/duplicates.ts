import type { Session } from '../connection/postgres.ts'
import type { TargetIndex } from '../plan/model.ts'
import { columnValues, NAMED, rowName } from './row-name.ts'
import { valuesOf } from './same-indexes.ts'
import type { Subject } from './subject.ts'

export interface Duplicates {
  /** Decimal text: how many keys more than one row has, and how many rows those are. */
  readonly keys: string
  readonly rows: string
  /** e.g. `id = 3 and id = 7`; at most ten. */
  readonly examples: readonly string[]
}

/** Reads the whole table. Errors: LF304 when a value has no equality, or the role may not read. */
export async function findDuplicates(
  session: Session,
  { found, table }: Subject,
  key: TargetIndex,
): Promise<Duplicates> {
  const values = valuesOf(key)
  // A row that only the key itself could name is named by where it is.
  const isKey = key.columns !== null && key.columns.join('\0') === found.primaryKey?.columns.join('\0')
  const name = rowName(found, 't')
  const first = `pg_catalog.min((${name}) COLLATE pg_catalog."C")`
  const last = `pg_catalog.max((${name}) COLLATE pg_catalog."C")`
  const rows = `' (' || pg_catalog.count(*) || ' rows)'`
  const shown = isKey
    ? `${columnValues(values.map((value, at) => [key.columns![at]!, value] as const))} || ${rows}`
    : `${first} || ' and ' || ${last} || CASE WHEN pg_catalog.count(*) > 2 THEN ${rows} ELSE '' END`
  const present = values.map((value) => `(${value}) IS NOT NULL`)
  const where = [...present, ...(key.where === null ? [] : [`(${key.where})`])].join(' AND ')
  const {
    rows: [result],
  } = await session.query<{ keys: string; rows: string; examples: string[] | null }>(
    `SELECT pg_catalog.count(*)::text AS keys, coalesce(pg_catalog.sum(rows), 0)::text AS rows,
        pg_catalog.array_agg(shown ORDER BY n) FILTER (WHERE n <= ${NAMED}) AS examples
      FROM (
        SELECT pg_catalog.row_number() OVER (ORDER BY ${first}) AS n, pg_catalog.count(*) AS rows, ${shown} AS shown
        FROM ${table} AS t WHERE ${where}
        GROUP BY ${values.map((value) => `(${value})`).join(', ')} HAVING pg_catalog.count(*) > 1
      ) AS found`,
  )
  return { keys: result!.keys, rows: result!.rows, examples: result!.examples ?? [] }
}
