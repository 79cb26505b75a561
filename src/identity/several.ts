import { literal } from '../connection/quote.ts'
import { gather } from './ambiguous.ts'
import { inOrder, shown } from './equal.ts'
import { keyText, noteSetAside, PEOPLE, type Resolving, temporary } from './people.ts'

/** Rows that mean the same row of the target as another: of each new key all but one. */
export const OTHERS = 'pg_temp.landfall_others'

/**
 * Several old keys have found one new key, by whatever rules. What the map knew before is decided and
 * comes first; then the lowest old key.
 */
export async function severalOld(on: Resolving): Promise<void> {
  const { session, identity, oldType, newType } = on
  const old = inOrder('p.old', oldType)
  const count = await temporary(
    session,
    OTHERS,
    `SELECT nr, first FROM (
      SELECT p.nr, p.way, pg_catalog.first_value(p.old) OVER w AS first, pg_catalog.row_number() OVER w AS nth
        FROM ${PEOPLE} p WHERE p.new IS NOT NULL WINDOW w AS (PARTITION BY p.new ORDER BY p.way = 'known' DESC, ${old})
      ) s WHERE nth > 1 AND way <> 'known'`,
  )
  if (count === 0) return
  const which = `p.nr IN (SELECT nr FROM ${OTHERS})`
  const rows = (n: number): string =>
    n === 1 ? '1 key means the same row as another' : `${n} keys mean the same row as another`
  if (identity.severalOld === 'fail') {
    await gather(
      session,
      on.ambiguous,
      `SELECT pg_catalog.string_agg(${keyText(on)}, ', ' ORDER BY ${old}) || ' find ' || ${shown('p.new', newType)} AS text
        FROM ${PEOPLE} p WHERE p.new IN (SELECT q.new FROM ${PEOPLE} q JOIN ${OTHERS} USING (nr))
        GROUP BY p.new ORDER BY pg_catalog.min(p.nr)`,
    )
  } else if (identity.severalOld === 'join') await noteSetAside(on, which, (n) => `${rows(n)}: joined`)
  else {
    await noteSetAside(on, which, (n) => `${rows(n)}, whose key is the lowest: set aside`)
    await session.query(
      `UPDATE ${PEOPLE} p SET way = 'set aside', new = NULL,
        reason = ${literal(`means the same row as ${identity.key.column} = `)} || ${shown('o.first', oldType)}
        FROM ${OTHERS} o WHERE o.nr = p.nr`,
    )
  }
}
