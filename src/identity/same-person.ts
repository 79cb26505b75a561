import type { MatchRule } from '../plan/mapping.ts'
import { gather } from './ambiguous.ts'
import { alike, columnTypes, folded, inOrder, of } from './equal.ts'
import { onTarget, ruleValues } from './match.ts'
import { keyText, noteSetAside, type Resolving } from './people.ts'
import { PEOPLE, VALUES } from './tables.ts'

/**
 * Of the rows that found nobody, several may be one person: where a rule that looks in the target table
 * itself would find the row that is created for one of them for another, too. The lowest old key stands for
 * all of them, rule by rule.
 */
export async function samePerson(on: Resolving): Promise<void> {
  const { session } = on
  for (const rule of on.identity.match) {
    if (!onTarget(on, rule) || (await ruleValues(on, rule)) < 2) continue
    await session.query(
      `UPDATE ${PEOPLE} p SET first = g.first FROM (
        SELECT p.nr, pg_catalog.first_value(p.nr) OVER w AS first, pg_catalog.row_number() OVER w AS nth
          FROM ${VALUES} v JOIN ${PEOPLE} p ON p.nr = v.nr
          WINDOW w AS (PARTITION BY ${(await sameValues(on, rule)).join(', ')} ORDER BY ${inOrder('p.old', on.oldType)})
        ) g WHERE g.nr = p.nr AND g.nth > 1`,
    )
    // Whoever stood for others until now takes them along.
    await session.query(
      `UPDATE ${PEOPLE} p SET first = q.first FROM ${PEOPLE} q WHERE p.first = q.nr AND q.first IS NOT NULL`,
    )
  }
  await decide(on)
}

async function sameValues(on: Resolving, rule: MatchRule): Promise<string[]> {
  const types = await columnTypes(on.session, VALUES)
  return rule.pairs.map(({ column }, at) => {
    const sql = `v.v${at}`
    if (rule.ignoreCase) return folded(sql)
    return alike(
      { sql, type: types.get(`v${at}`)! },
      { sql: of('t', column), type: on.targetTypes.get(column)! },
    )
  })
}

async function decide(on: Resolving): Promise<void> {
  const { session, identity, oldType } = on
  const which = 'p.first IS NOT NULL'
  const rows = (n: number): string =>
    n === 1
      ? '1 row that is to be created means the same as another'
      : `${n} rows that are to be created mean the same as another`
  if (identity.severalOld === 'fail')
    await gather(
      session,
      on.ambiguous,
      `SELECT pg_catalog.string_agg(${keyText(on)}, ', ' ORDER BY p.first IS NOT NULL, ${inOrder('p.old', oldType)})
          || ' are the same and none of them is there' AS text
        FROM ${PEOPLE} p WHERE p.first IS NOT NULL OR p.nr IN (SELECT first FROM ${PEOPLE} WHERE first IS NOT NULL)
        GROUP BY coalesce(p.first, p.nr) ORDER BY coalesce(p.first, p.nr)`,
    )
  else if (identity.severalOld === 'join') await noteSetAside(on, which, (n) => `${rows(n)}: joined`)
  else {
    await noteSetAside(on, which, (n) => `${rows(n)}, whose key is the lowest: set aside`)
    await session.query(
      `UPDATE ${PEOPLE} p SET way = 'set aside',
        reason = 'means the same row as ' || ${keyText(on, 'q')}
        FROM ${PEOPLE} q WHERE q.nr = p.first`,
    )
  }
}
