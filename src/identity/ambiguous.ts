import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'

/** Cases that a config wants to fail, gathered over all rules so that one attempt shows them all. */
export interface Ambiguous {
  count: number
  /** The first ones, a line each. */
  readonly cases: string[]
}

const KEPT = 10_000
const LISTED = 20

/** `select` yields a column `text`, a row for each case. */
export async function gather(session: Session, into: Ambiguous, select: string): Promise<void> {
  const { rows } = await session.query<{ text: string; total: string }>(
    `SELECT text, (pg_catalog.count(*) OVER ())::text AS total FROM (${select}) c LIMIT ${KEPT}`,
  )
  into.count += Number(rows[0]?.total ?? 0)
  into.cases.push(...rows.slice(0, KEPT - into.cases.length).map(({ text }) => text))
}

/** Error LF210 where there is a case. */
export function failWhereAmbiguous(identity: string, { count, cases }: Ambiguous): void {
  if (count === 0) return
  const more = count > LISTED ? [`… and ${count - LISTED} more`] : []
  throw new LandfallError(
    'LF210',
    `identity ${identity}: ${count === 1 ? '1 case is' : `${count} cases are`} ambiguous`,
    {
      hint: [
        ...cases.slice(0, LISTED),
        ...more,
        `identities.${identity}.severalOld: 'join' lets several old keys mean one row, 'first' only the lowest;`,
        `severalNew: 'first' takes the lowest new key, 'set-aside' none.`,
      ].join('\n'),
      details: { identity, count, cases },
    },
  )
}
