import type { Applied } from '../plan/mapping.ts'
import { PEOPLE, type Resolving } from './people.ts'

/** What became of the staged rows. Where several mean one row, it counts for the lowest key. */
export async function countPeople(on: Resolving): Promise<Applied> {
  const {
    rows: [row],
  } = await on.session.query<Record<keyof Applied, string>>(
    `SELECT pg_catalog.count(*) FILTER (WHERE way = 'created') AS created,
      pg_catalog.count(*) FILTER (WHERE way <> 'set aside' AND updated) AS updated,
      pg_catalog.count(*) FILTER (WHERE way IN ('known', 'matched', 'joined') AND NOT updated) AS unchanged,
      pg_catalog.count(*) FILTER (WHERE way = 'skipped' OR way IS NULL) AS skipped,
      pg_catalog.count(*) FILTER (WHERE way = 'set aside') AS "setAside" FROM ${PEOPLE}`,
  )
  return {
    created: Number(row!.created),
    updated: Number(row!.updated),
    unchanged: Number(row!.unchanged),
    skipped: Number(row!.skipped),
    setAside: Number(row!.setAside),
  }
}
