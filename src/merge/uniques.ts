import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { UniqueRule } from '../plan/mapping.ts'
import { comparisons } from './facts.ts'
import { lowestFirst, sameKey } from './key.ts'
import { CHANGED, type Reason, STAGE_ROW, type Staged, THERE, WRITES, WRONG } from './model.ts'
import { markWanting, NEEDED } from './needs.ts'
import { reasonOf } from './reasons.ts'
import type { Split } from './split.ts'
import { BY_ITSELF } from './values.ts'

/** Values that a row of the target has which is not changed, or cannot be changed for the same reason. */
export async function markTaken({ session }: Staged, shaped: Split, rule: UniqueRule): Promise<number> {
  const { relation, key } = shaped
  const reason = reasonOf(shaped, uniqueReason(rule, 'is taken by another row of the target'))
  const same = key.map(({ name, equals }, at) => `o.${ident(name)} ${equals} r.landfall_key_${at}`)
  return markWanting(
    session,
    relation,
    reason,
    `SELECT r.${STAGE_ROW}, o.${STAGE_ROW} AS ${NEEDED} FROM (${await holders(session, shaped, rule, 'true')}) AS r
      LEFT JOIN ${relation} AS o ON o.${WRONG} IS NULL AND o.${CHANGED} AND ${same.join(' AND ')}
      WHERE o.${STAGE_ROW} IS DISTINCT FROM r.${STAGE_ROW}`,
  )
}

/**
 * SELECT of rows that are to be written as `c` and rows of the target as `h` that have now what the rule wants
 * to be unique; a WHERE may follow. Those of `only` are looked at.
 */
export async function holders(
  session: Session,
  { relation, target, key }: Split,
  rule: UniqueRule,
  only: string,
): Promise<string> {
  const keys = key.map(({ name }) => ident(name)).join(', ')
  const where = rule.where === null ? '' : ` (${rule.where})`
  const rows = (from: string, more: string, only: string): string =>
    `(SELECT ${keys}, ${more}${made(rule)} FROM ${from}${only})`
  const same = rule.nullsNotDistinct
    ? // Records with NULLs in the same places are equal.
      'c.landfall_unique OPERATOR(pg_catalog.=) h.landfall_unique'
    : (
        await comparisons(
          session,
          rule.parts.map((part) => [
            { sql: part, relation: target },
            { sql: part, relation: target },
          ]),
        )
      )
        .map((equal, at) => equal(`c.landfall_unique_${at}`, `h.landfall_unique_${at}`))
        .join(' AND ')
  return `SELECT DISTINCT c.${STAGE_ROW}, ${key.map(({ name }, at) => `h.${ident(name)} AS landfall_key_${at}`).join(', ')}
    FROM ${rows(relation, `${STAGE_ROW}, `, ` WHERE ${WRITES} AND ${only}${where && ` AND${where}`}`)} AS c
    JOIN ${rows(target, '', where && ` WHERE${where}`)} AS h ON ${same}`
}

/** What the rule wants to be unique, as columns of a SELECT. */
function made({ parts, nullsNotDistinct }: UniqueRule): string {
  return nullsNotDistinct
    ? `ROW(${parts.join(', ')}) AS landfall_unique`
    : parts.map((part, at) => `${part} AS landfall_unique_${at}`).join(', ')
}

/** Values that several rows are to have: the row that has it in the target already stays, else the lowest. */
export async function markShared(
  { session, stage }: Staged,
  shaped: Split,
  rule: UniqueRule,
): Promise<number> {
  const { relation, target, key, move } = shaped
  const parts = rule.parts.map((part, at) => `${part} AS landfall_part_${at}`).join(', ')
  const names = rule.parts.map((_, at) => `landfall_part_${at}`)
  const keys = key.map(({ name }) => ident(name)).join(', ')
  const where = [
    WRITES,
    ...(rule.where === null ? [] : [`(${rule.where})`]),
    ...(rule.nullsNotDistinct ? [] : rule.parts.map((part) => `(${part}) IS NOT NULL`)),
  ].join(' AND ')
  const reason = reasonOf(shaped, uniqueReason(rule, 'is that of a row before it'))
  const record = (alias: string): string => `ROW(${names.map((name) => `${alias}.${name}`).join(', ')})`
  const held = `SELECT ${keys}, ROW(${rule.parts.join(', ')}) AS landfall_held FROM ${target}`
  const { rowCount } = await session.query(
    `WITH claims AS NOT MATERIALIZED (SELECT ${STAGE_ROW}, ${THERE}, ${keys}, ${parts} FROM ${relation} WHERE ${where}),
      several AS MATERIALIZED (SELECT ROW(${names.join(', ')}) AS several FROM claims GROUP BY ${names.join(', ')} HAVING pg_catalog.count(*) > 1)
      UPDATE ${relation} AS u SET ${WRONG} = ${reason} FROM (
        SELECT c.${STAGE_ROW}, pg_catalog.row_number() OVER (PARTITION BY ${record('c')} ORDER BY NOT (c.${THERE} AND EXISTS (
            SELECT FROM (${held}) AS h WHERE ${sameKey(key, 'h', 'c')} AND h.landfall_held OPERATOR(pg_catalog.=) ${record('c')})), ${lowestFirst(move)}) AS place
        FROM claims AS c JOIN several AS m ON ${record('c')} OPERATOR(pg_catalog.=) m.several
        JOIN ${stage} AS s ON s.${STAGE_ROW} = c.${STAGE_ROW}) AS r
      WHERE r.place > 1 AND u.${STAGE_ROW} = r.${STAGE_ROW}`,
  )
  return rowCount
}

export function uniqueReason({ name, parts, where }: UniqueRule, what: string): Reason {
  const column = parts.length === 1 && isName(parts[0]!) ? unquoted(parts[0]!) : null
  const which = [
    ...(column === null ? [listed(parts.map(unquoted))] : []),
    ...(where === null ? [] : [`where ${where}`]),
  ]
  return { column, text: [...which, what, `(${name})`].join(' '), ...BY_ITSELF }
}

const isName = (part: string): boolean => /^"(?:[^"]|"")*"$/.test(part)

const unquoted = (part: string): string => (isName(part) ? part.slice(1, -1).replaceAll('""', '"') : part)

export const listed = (names: readonly string[]): string =>
  names.length === 1 ? names[0]! : `(${names.join(', ')})`
