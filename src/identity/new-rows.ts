import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import { columnFacts } from '../merge/facts.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import { reasonOf } from '../merge/reasons.ts'
import { uniqueReason } from '../merge/uniques.ts'
import { BY_ITSELF } from '../merge/values.ts'
import type { TargetRules } from '../plan/mapping.ts'
import { bare, NEW_VALUES } from './tables.ts'
import { clashing, type Newness, newness } from './unique-rules.ts'

export interface NewRows {
  readonly session: Session
  readonly shaped: Shaped
  readonly into: { readonly schema: string; readonly name: string }
  /** SELECT of `nr` and `ord`: of several rows with one unique value the lowest stays. */
  readonly order: string
}

/**
 * Finds the new rows that the target would refuse because of others: a parent that is not there, unique
 * values that a row of the target has, or another new row that comes first. What is set aside leaves its
 * values to the next.
 */
export async function judgeNewRows(rows: NewRows, rules: TargetRules): Promise<void> {
  if (rows.shaped.rows === 0) return
  await markOrphans(rows, rules)
  if (rules.uniques.length === 0) return
  const { session, shaped, into, order } = rows
  const ways = await newness(session, qualified(into.schema, into.name), rules.uniques)
  await session.query(`DROP TABLE IF EXISTS ${NEW_VALUES}`)
  await session.query(
    `CREATE TEMPORARY TABLE ${bare(NEW_VALUES)} AS SELECT s.*, o.ord
      FROM (SELECT ${STAGE_ROW} AS nr, ${ways.map(({ list }) => list).join(', ')} FROM ${shaped.relation} WHERE ${WRONG} IS NULL) s
      JOIN (${order}) o ON o.nr = s.nr`,
  )
  await session.query(`ANALYZE ${NEW_VALUES}`)
  for (const [at, way] of ways.entries()) {
    const taken = `SELECT nr FROM (${clashing(way, NEW_VALUES, qualified(into.schema, into.name))}) t`
    await mark(
      rows,
      taken,
      reasonOf(shaped, uniqueReason(rules.uniques[at]!, 'is taken by a row of the target')),
    )
  }
  for (let found = 1; found > 0; ) {
    found = 0
    for (const [at, way] of ways.entries())
      found += await mark(
        rows,
        shared(way),
        reasonOf(shaped, uniqueReason(rules.uniques[at]!, 'is that of a row before it')),
      )
  }
}

const shared = (way: Newness): string =>
  `SELECT nr FROM (SELECT nr, pg_catalog.row_number() OVER (PARTITION BY ${way.parts.join(', ')} ORDER BY ord) AS nth
    FROM ${NEW_VALUES} WHERE ${way.applies}) d WHERE nth > 1`

/** `which` is a SELECT of `nr`. */
async function mark({ session, shaped }: NewRows, which: string, reason: number): Promise<number> {
  const { rowCount } = await session.query(
    `WITH marked AS (UPDATE ${shaped.relation} SET ${WRONG} = ${reason}
        WHERE ${STAGE_ROW} IN (${which}) RETURNING ${STAGE_ROW} AS nr)
      DELETE FROM ${NEW_VALUES} v USING marked m WHERE m.nr = v.nr`,
  )
  return rowCount
}

async function markOrphans({ session, shaped, into }: NewRows, { parents }: TargetRules): Promise<void> {
  const { relation } = shaped
  const facts = await columnFacts(session, qualified(into.schema, into.name))
  for (const { columns, refSchema, refTable, refColumns } of parents) {
    const reason = reasonOf(shaped, {
      column: columns.length === 1 ? columns[0]! : null,
      text: `has no parent in ${refTable}`,
      ...BY_ITSELF,
      parent: true,
    })
    const same = columns.map(
      (name, at) => `p.${ident(refColumns[at]!)} ${facts.get(name)?.equals ?? '='} c.${ident(name)}`,
    )
    const given = columns.map((name) => `c.${ident(name)} IS NOT NULL`)
    await session.query(
      `UPDATE ${relation} c SET ${WRONG} = ${reason} WHERE c.${WRONG} IS NULL AND ${given.join(' AND ')}
        AND NOT EXISTS (SELECT FROM ${qualified(refSchema, refTable)} p WHERE ${same.join(' AND ')})`,
    )
  }
}
