import { ident } from '../connection/quote.ts'
import type { TargetForeignKey } from '../plan/model.ts'
import { containsKey, lowestFirst, sameKey } from './key.ts'
import { CHANGED, STAGE_ROW, type Staged, THERE, WRONG } from './model.ts'
import { markWanting, NEEDED } from './needs.ts'
import { reasonOf } from './reasons.ts'
import type { Split } from './split.ts'
import { listed, markShared, markTaken } from './uniques.ts'
import { BY_ITSELF } from './values.ts'
import { findWaits } from './waits.ts'

/**
 * Finds the rows that the target would refuse because of others, and gives each its reason: all but the
 * lowest of several with one key, values that must be unique and are taken, children of a parent in the same
 * table that is not there. What is set aside leaves its place to others, and takes its children with it: so
 * until nothing more is found. Returns whether rows have to be updated in an order, see `waits.ts`.
 */
export async function applyRules(staged: Staged, shaped: Split, mayWrite: boolean): Promise<boolean> {
  const { rules, key, ifThere } = shaped.move.mapping
  if (shaped.rows === 0) return false
  const repeated = shaped.repeated ? await markRepeated(staged, shaped) : null
  const uniques = rules.uniques.filter((rule) => !containsKey(rule, key))
  const parents = rules.parents.filter((one) => isOwn(one, shaped))
  if (uniques.length === 0 && parents.length === 0) return false
  for (;;) {
    let found = 0
    for (const rule of uniques) {
      found += await markTaken(staged, shaped, rule)
      found += await markShared(staged, shaped, rule)
    }
    if (found > 0) continue
    // Where the row that was to stay is refused, the next one with its key may be taken.
    if (repeated !== null && (await reconsider(staged, shaped, repeated))) {
      await markRepeated(staged, shaped)
      continue
    }
    for (const parent of parents) found += await markOrphans(staged, shaped, parent)
    if (found > 0) continue
    if (ifThere !== 'update' || uniques.length === 0) return false
    const waits = await findWaits(staged, shaped, uniques, mayWrite)
    if (waits.setAside === 0) return waits.any
  }
}

/**
 * Of one key the row with the lowest key of the source stays, among those that have nothing wrong. Returns the
 * number of the reason that the others are given.
 */
async function markRepeated({ session, stage }: Staged, shaped: Split): Promise<number> {
  const { relation, key, move } = shaped
  const names = key.map(({ name }) => `w.${ident(name)}`).join(', ')
  const reason = reasonOf(shaped, {
    column: key.length === 1 ? key[0]!.name : null,
    text: `has the same ${listed(key.map(({ name }) => name))} as a row before it`,
    ...BY_ITSELF,
  })
  await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = ${reason} FROM (
        SELECT w.${STAGE_ROW}, pg_catalog.row_number() OVER (PARTITION BY ${names} ORDER BY ${lowestFirst(move)}) AS place
        FROM ${relation} AS w JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW} WHERE w.${WRONG} IS NULL AND w.landfall_twice) AS r
      WHERE r.place > 1 AND u.${STAGE_ROW} = r.${STAGE_ROW}`,
  )
  return reason
}

/** Takes the reason from rows with a key of which no row is left. Returns whether there were some. */
async function reconsider({ session }: Staged, { relation, key }: Split, repeated: number): Promise<boolean> {
  const names = key.map(({ name }) => ident(name)).join(', ')
  const { rowCount } = await session.query(
    `UPDATE ${relation} AS u SET ${WRONG} = NULL FROM (
        SELECT ${names} FROM ${relation} WHERE landfall_twice GROUP BY ${names}
          HAVING pg_catalog.bool_and(${WRONG} IS NOT NULL) AND pg_catalog.bool_or(${WRONG} = ${repeated})) AS r
      WHERE u.${WRONG} = ${repeated} AND ${sameKey(key, 'u', 'r')}`,
  )
  return rowCount > 0
}

/** Rows whose parent, in the same table, is neither in the target nor to be written. */
async function markOrphans(
  { session }: Staged,
  shaped: Split,
  { columns, refColumns, refSchema, refTable }: TargetForeignKey,
): Promise<number> {
  const { relation, target, facts } = shaped
  const same = (alias: string): string =>
    columns
      .map((name, at) => {
        const equals = facts.find((fact) => fact.name === name)?.equals ?? '='
        return `c.${ident(name)} ${equals} ${alias}.${ident(refColumns[at]!)}`
      })
      .join(' AND ')
  const mapped = refColumns.every((name) => facts.some((fact) => fact.name === name))
  const reason = reasonOf(shaped, {
    column: columns.length === 1 ? columns[0]! : null,
    text: `has no parent in ${refTable}`,
    parent: true,
    lacks: { schema: refSchema, table: refTable, columns, refColumns },
    fails: false,
  })
  const given = columns.map((name) => `c.${ident(name)} IS NOT NULL`).join(' AND ')
  return markWanting(
    session,
    relation,
    reason,
    `SELECT c.${STAGE_ROW}, ${mapped ? `p.${STAGE_ROW}` : 'NULL::pg_catalog.int8'} AS ${NEEDED} FROM ${relation} AS c
      ${mapped ? `LEFT JOIN ${relation} AS p ON p.${WRONG} IS NULL AND (NOT p.${THERE} OR p.${CHANGED}) AND ${same('p')}` : ''}
      WHERE c.${WRONG} IS NULL AND (NOT c.${THERE} OR c.${CHANGED}) AND ${given} AND NOT EXISTS (SELECT FROM ${target} AS p WHERE ${same('p')})`,
  )
}

const isOwn = ({ refSchema, refTable }: TargetForeignKey, { move: { target } }: Split): boolean =>
  refSchema === target.schema && refTable === target.name
