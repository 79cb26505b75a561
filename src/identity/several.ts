import { named } from '../merge/key.ts'
import { gather } from './ambiguous.ts'
import { inOrder } from './equal.ts'
import { keyText, noteSetAside, type Resolving, sourceName, temporary } from './people.ts'
import { OTHERS, PEOPLE } from './tables.ts'

/**
 * Several old keys have found one new key, by whatever rules. What the map knew before is decided and
 * comes first; then the lowest old key.
 */
export async function severalOld(on: Resolving): Promise<void> {
  const { session, identity, oldType } = on
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
      `SELECT pg_catalog.string_agg(${keyText(on)}, ', ' ORDER BY ${old}) || ' find ' || p.new AS text
        FROM ${PEOPLE} p WHERE p.new IN (SELECT q.new FROM ${PEOPLE} q JOIN ${OTHERS} USING (nr))
        GROUP BY p.new ORDER BY pg_catalog.min(p.nr)`,
    )
  } else if (identity.severalOld === 'join') await noteSetAside(on, which, (n) => `${rows(n)}: joined`)
  else {
    await noteSetAside(on, which, (n) => `${rows(n)}, whose key is the lowest: set aside`)
    await session.query(
      `UPDATE ${PEOPLE} p SET way = 'set aside', new = NULL,
        reason = 'means the same row as ' || ${named([[sourceName(on), 'o.first']])}
        FROM ${OTHERS} o WHERE o.nr = p.nr`,
    )
  }
}
