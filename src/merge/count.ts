import type { Session } from '../connection/postgres.ts'
import { CHANGED, type Shaped, THERE, WRONG } from './model.ts'

export interface Counts {
  readonly wrong: number
  readonly added: number
  readonly changed: number
}

/** How many shaped rows are to be set aside, inserted and updated. */
export async function countShaped(session: Session, { relation, rows }: Shaped): Promise<Counts> {
  if (rows === 0) return { wrong: 0, added: 0, changed: 0 }
  const count = (where: string): string => `pg_catalog.count(*) FILTER (WHERE ${where})::pg_catalog.float8`
  const found = await session.query<Record<keyof Counts, number>>(
    `SELECT ${count(`${WRONG} IS NOT NULL`)} AS wrong, ${count(`${WRONG} IS NULL AND NOT ${THERE}`)} AS added,
      ${count(`${WRONG} IS NULL AND ${CHANGED}`)} AS changed FROM ${relation}`,
  )
  return found.rows[0]!
}
