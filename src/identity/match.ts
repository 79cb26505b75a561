import { ident, literal, qualified } from '../connection/quote.ts'
import { STAGE_ROW } from '../merge/model.ts'
import type { MatchRule } from '../plan/mapping.ts'
import { gather } from './ambiguous.ts'
import { columnTypes, equal, folded, inOrder, of, type ValueType } from './equal.ts'
import { keyText, noteSetAside, type Resolving, studyPeople, temporary } from './people.ts'
import { HITS, PEOPLE, VALUES } from './tables.ts'

/** Applies the rules in order: what one has matched, no later one sees. */
export async function matchByRules(on: Resolving): Promise<void> {
  for (const rule of on.identity.match) {
    if ((await ruleValues(on, rule)) === 0) continue
    await hits(on, rule)
    await severalNew(on, rule)
    await on.session.query(
      `UPDATE ${PEOPLE} p SET new = h.new, way = 'matched', rule = ${literal(rule.label)}
        FROM (SELECT DISTINCT ON (nr) nr, new FROM ${HITS} ORDER BY nr, ${inOrder('new', on.newType)}) h
        WHERE p.nr = h.nr AND p.way IS NULL`,
    )
    await studyPeople(on)
  }
}

/** Rows that have a value for every pair: neither NULL nor the empty text. Returns how many. */
export async function ruleValues(on: Resolving, rule: MatchRule): Promise<number> {
  const values = rule.pairs.map(({ value }, at) => `(${value}) AS v${at}`)
  const given = rule.pairs.map((_, at) =>
    rule.ignoreCase ? `${folded(`v${at}`)} IS NOT NULL` : `v${at}::text <> ''`,
  )
  return await temporary(
    on.session,
    VALUES,
    `SELECT s.* FROM (SELECT ${ident(STAGE_ROW)} AS nr, ${values.join(', ')} FROM ${on.staged.stage}) s
      JOIN ${PEOPLE} p ON p.nr = s.nr WHERE p.way IS NULL AND p.first IS NULL AND ${given.join(' AND ')}`,
  )
}

/** Equality of a rule between its table as `r` and the values as `v`. */
function compared(
  rule: MatchRule,
  table: ReadonlyMap<string, ValueType>,
  values: ReadonlyMap<string, ValueType>,
): string {
  return rule.pairs
    .map(({ column }, at) => {
      const name = `v${at}`
      if (rule.ignoreCase) return `${folded(of('r', column))} OPERATOR(pg_catalog.=) ${folded(`v.${name}`)}`
      return equal(
        { sql: of('r', column), type: table.get(column)! },
        { sql: `v.${name}`, type: values.get(name)! },
      )
    })
    .join(' AND ')
}

/** A third table may name keys that the target does not have: only rows that are there can be meant. */
async function hits(on: Resolving, rule: MatchRule): Promise<void> {
  const { session, identity, target, newType } = on
  const relation = qualified(rule.table.schema, rule.table.name)
  const types = await columnTypes(session, relation)
  const toKey = of('t', identity.toKey.column)
  const itself = onTarget(on, rule)
  const join = itself
    ? ''
    : `JOIN ${target} t ON ${equal({ sql: of('r', rule.gives), type: types.get(rule.gives)! }, { sql: toKey, type: newType })}`
  await temporary(
    session,
    HITS,
    `SELECT DISTINCT v.nr, ${itself ? of('r', rule.gives) : toKey} AS new
      FROM ${VALUES} v JOIN ${relation} r ON ${compared(rule, types, await columnTypes(session, VALUES))} ${join}`,
  )
}

/** The rule looks in the target table itself, so it will find what is created, too. */
export function onTarget({ identity, target }: Resolving, rule: MatchRule): boolean {
  return qualified(rule.table.schema, rule.table.name) === target && rule.gives === identity.toKey.column
}

/** One old key finds several new ones by one rule. */
async function severalNew(on: Resolving, rule: MatchRule): Promise<void> {
  const { session, identity } = on
  const many = `SELECT nr FROM ${HITS} GROUP BY nr HAVING pg_catalog.count(*) > 1`
  const which = `p.way IS NULL AND p.nr IN (${many})`
  const rows = (n: number): string => (n === 1 ? '1 row matches several' : `${n} rows match several`)
  if (identity.severalNew === 'fail') {
    await gather(
      session,
      on.ambiguous,
      `SELECT ${keyText(on)} || ' finds ' || pg_catalog.string_agg(h.new::text, ', ' ORDER BY h.new)
          || ${literal(` (${rule.label})`)} AS text
        FROM ${PEOPLE} p JOIN ${HITS} h ON h.nr = p.nr WHERE ${which} GROUP BY p.nr, p.old ORDER BY p.nr`,
    )
    return
  }
  if (identity.severalNew === 'first') {
    await noteSetAside(on, which, (n) => `${rows(n)} by ${rule.label}: the lowest new key was taken`)
    return
  }
  await noteSetAside(on, which, (n) => `${rows(n)} by ${rule.label}: set aside`)
  await session.query(
    `UPDATE ${PEOPLE} p SET way = 'set aside', reason = ${literal(`matches several rows by ${rule.label}: `)} || f.found
      FROM (SELECT nr, pg_catalog.string_agg(new::text, ', ' ORDER BY new) AS found FROM ${HITS}
        GROUP BY nr HAVING pg_catalog.count(*) > 1) f WHERE f.nr = p.nr AND p.way IS NULL`,
  )
}
