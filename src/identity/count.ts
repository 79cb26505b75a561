import type { Applied } from '../plan/mapping.ts'
import type { Resolving } from './people.ts'
import { PEOPLE } from './tables.ts'

/** What became of the staged rows. Where several mean one row, it counts for the lowest key. */
export async function countPeople(on: Resolving): Promise<Applied> {
  const {
    rows: [row],
  } = await on.session.query<Record<keyof Applied, string>>(
    `SELECT pg_catalog.count(*) FILTER (WHERE reason IS NOT NULL) AS "setAside",
      pg_catalog.count(*) FILTER (WHERE reason IS NULL AND way = 'created') AS created,
      pg_catalog.count(*) FILTER (WHERE reason IS NULL AND way <> 'created' AND updated) AS updated,
      pg_catalog.count(*) FILTER (WHERE reason IS NULL AND way IN ('known', 'matched', 'joined') AND NOT updated) AS unchanged,
      pg_catalog.count(*) FILTER (WHERE reason IS NULL AND way = 'skipped') AS skipped FROM ${PEOPLE}`,
  )
  return {
    created: Number(row!.created),
    updated: Number(row!.updated),
    unchanged: Number(row!.unchanged),
    skipped: Number(row!.skipped),
    setAside: Number(row!.setAside),
  }
}
