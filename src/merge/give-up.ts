import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { UniqueRule } from '../plan/mapping.ts'
import { type ColumnFacts, columnFacts } from './facts.ts'
import { sameKey } from './key.ts'
import { STAGE_ROW } from './model.ts'
import type { Split } from './split.ts'

/** Rows, as `waits`, that give up unique values for a while. */
export const GIVING = '"landfall_giving"'

/**
 * A column for each of the wanted rules by which the rows of `GIVING`, once it is NULL, let go of what must be
 * unique, and break no CHECK; none for rules without such a column.
 */
export async function freeing(
  session: Session,
  shaped: Split,
  rules: readonly UniqueRule[],
  wanted: readonly number[],
): Promise<Map<number, ColumnFacts>> {
  const { target, key, facts } = shaped
  const relation = `${literal(target)}::pg_catalog.regclass`
  const { rows: referred } = await session.query<{ name: string }>(
    `SELECT DISTINCT a.attname::text AS name FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey)
      WHERE c.contype = 'f' AND c.confrelid = ${relation}`,
  )
  const { rows: checks } = await session.query<{ sql: string }>(
    `SELECT pg_catalog.pg_get_expr(conbin, conrelid) AS sql FROM pg_catalog.pg_constraint WHERE contype = 'c' AND conrelid = ${relation}`,
  )
  const broken = checks.map(({ sql }) => `(${sql}) IS FALSE`)
  const columns = [...(await columnFacts(session, target)).keys()]
  const candidates = facts.filter(
    (fact) =>
      !fact.notNull &&
      !key.includes(fact) &&
      // Whatever refers to it would follow.
      !referred.some(({ name }) => name === fact.name),
  )
  const found = new Map<number, ColumnFacts>()
  for (const at of wanted) {
    const rule = rules[at]!
    if (rule.nullsNotDistinct) continue
    const isPart = ({ name }: ColumnFacts): boolean => rule.parts.includes(ident(name))
    for (const one of [...candidates.filter(isPart), ...candidates.filter((fact) => !isPart(fact))]) {
      // All NULLs at once must not be in each other's way.
      const free = rules.filter((other) => other === rule || names(other, one.name)).map(isFree)
      const values = columns.map((name) =>
        name === one.name ? `NULL::${one.type} AS ${ident(name)}` : `t.${ident(name)}`,
      )
      const test = `SELECT FROM (SELECT ${values.join(', ')} FROM ${giving(shaped)}) AS landfall_t
        WHERE NOT (${free.join(' AND ')})${broken.map((sql) => ` OR ${sql}`).join('')} LIMIT 1`
      if ((await attempt(session, test)) !== 0) continue
      found.set(at, one)
      break
    }
  }
  return found
}

/** SQL: whatever other rows have, the rule does not mind. */
function isFree({ parts, where, nullsNotDistinct }: UniqueRule): string {
  const tests = [
    ...(nullsNotDistinct ? [] : parts.map((part) => `(${part}) IS NULL`)),
    ...(where === null ? [] : [`(${where}) IS NOT TRUE`]),
  ]
  return `(${tests.join(' OR ') || 'false'})`
}

function names({ parts, where }: UniqueRule, column: string): boolean {
  const text = [...parts, where ?? ''].join(' ')
  return text.includes(ident(column)) || text.split(/[^\p{L}\p{N}_$]+/u).includes(column)
}

/** Returns false when the target does not let go of the values after all. */
export async function giveUp(
  session: Session,
  shaped: Split,
  columns: readonly ColumnFacts[],
): Promise<boolean> {
  const { relation, target, key } = shaped
  const set = [...new Set(columns)].map(({ name }) => `${ident(name)} = NULL`).join(', ')
  const rows = await attempt(
    session,
    `UPDATE ${target} AS t SET ${set} FROM ${relation} AS w JOIN ${GIVING} AS g ON g.waits = w.${STAGE_ROW} WHERE ${sameKey(key, 't', 'w')}`,
  )
  return rows !== null
}

const giving = ({ relation, target, key }: Split): string =>
  `${target} AS t JOIN ${relation} AS w ON ${sameKey(key, 't', 'w')} JOIN ${GIVING} AS g ON g.waits = w.${STAGE_ROW}`

/** The number of rows, null where the server refuses. */
async function attempt(session: Session, sql: string): Promise<number | null> {
  await session.query('SAVEPOINT landfall_attempt')
  try {
    return (await session.query(sql)).rowCount
  } catch (error) {
    if (!(error instanceof LandfallError) || !/^2[23]/.test(String(error.details?.sqlstate))) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_attempt')
    return null
  }
}
