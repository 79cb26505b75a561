import { ident, literal } from '../connection/quote.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import { BY_ITSELF } from '../merge/values.ts'
import type { MappedColumn, TargetRules } from '../plan/mapping.ts'
import { inOrder } from './equal.ts'
import { type Resolving, temporary } from './people.ts'
import { MAYBE, NUMBERED, PEOPLE, WANTING } from './tables.ts'
import { clashing, type Newness, textNewness } from './unique-rules.ts'

/** More texts at a time than this would not be tried for a group, unless it has as many rows. */
const FIRST_WINDOW = 16

/**
 * Makes the texts of a column new. A text that is free goes to the lowest old key that wants it, before
 * any number is put behind another; where it is taken, the smallest free number from `_2` on is,
 * rows in the order of their old keys. What is too long for the column is cut, not the number. Returns how
 * many were taken; `NUMBERED` has them.
 */
export async function uniqueTexts(
  on: Resolving,
  shaped: Shaped,
  column: MappedColumn,
  rules: TargetRules,
): Promise<number> {
  const { session, target } = on
  const ways = await textNewness(session, target, column.name, rules.uniques)
  let open = await findWanting(on, shaped, column, ways)
  const wanting = await temporary(session, NUMBERED, `SELECT nr FROM ${WANTING}`)
  for (let from = 2, window = FIRST_WINDOW; open > 0; ) {
    const tried = await tryTexts(on, shaped, column, ways, from, window)
    if (tried === 0) {
      await giveUp(on, shaped, column)
      break
    }
    const given = await giveTexts(on, shaped, column)
    open -= given
    // Texts that were left to another group, which had no need of them, are asked for again.
    if (given > 0) continue
    from += window
    window *= 2
  }
  return wanting
}

const keys = (ways: readonly Newness[]): string => ways.map(({ list }) => list).join(', ')
const parts = (ways: readonly Newness[]): string[] => ways.flatMap((way) => [...way.parts, way.applies])

async function findWanting(
  on: Resolving,
  { relation }: Shaped,
  { name }: MappedColumn,
  ways: readonly Newness[],
): Promise<number> {
  const { session, oldType } = on
  await temporary(
    session,
    MAYBE,
    `SELECT s.*, pg_catalog.row_number() OVER (ORDER BY ${inOrder('p.old', oldType)}) AS ord
      FROM (SELECT ${STAGE_ROW} AS nr, ${keys(ways)} FROM ${relation}
        WHERE ${WRONG} IS NULL AND ${ident(name)} IS NOT NULL) s JOIN ${PEOPLE} p ON p.nr = s.nr`,
  )
  const not = ways.flatMap((way) => [
    `SELECT nr FROM (${clashing(way, MAYBE, on.target)}) t`,
    `SELECT nr FROM (SELECT nr, pg_catalog.row_number() OVER (PARTITION BY ${way.parts.join(', ')} ORDER BY ord) AS nth
      FROM ${MAYBE} WHERE ${way.applies}) d WHERE nth > 1`,
  ])
  return await temporary(
    session,
    WANTING,
    `SELECT m.nr, m.ord, pg_catalog.min(m.ord) OVER (PARTITION BY ${parts(ways)
      .map((part) => `m.${part}`)
      .join(', ')}) AS grp
      FROM ${MAYBE} m WHERE m.nr IN (${not.join(' UNION ALL ')})`,
  )
}

/** The text of a row of `s` with the number `k` behind it; NULL where not a letter of the text would be left. */
function numbered({ name, type, maxLength }: MappedColumn, k: string): string {
  const text = `pg_catalog.rtrim(s.${ident(name)}::pg_catalog.text)`
  const suffix = `('_' || ${k})`
  if (maxLength === null) return `(${text} || ${suffix})::${type}`
  const room = `${maxLength} - pg_catalog.length(${suffix})`
  return `CASE WHEN ${room} > 0 THEN (pg_catalog.left(${text}, ${room}) || ${suffix})::${type} END`
}

/** Leaves in `MAYBE` what is free of the next texts for each group. Returns how many texts were possible at all. */
async function tryTexts(
  on: Resolving,
  { relation }: Shaped,
  column: MappedColumn,
  ways: readonly Newness[],
  from: number,
  window: number,
): Promise<number> {
  const { session } = on
  const own = ident(column.name)
  // The group's first row speaks for all of them; the other columns of an index are theirs, too.
  const others = await shapedColumns(on, relation, column.name)
  const possible = await temporary(
    session,
    MAYBE,
    `SELECT landfall_grp AS grp, landfall_k AS k, ${keys(ways)} FROM (
      SELECT g.grp AS landfall_grp, n.k AS landfall_k, ${[...others.map((name) => `s.${ident(name)}`), `${numbered(column, 'n.k')} AS ${own}`].join(', ')}
        FROM (SELECT w.grp, pg_catalog.count(*) AS members, pg_catalog.min(f.nr) AS nr
          FROM ${WANTING} w JOIN (SELECT DISTINCT ON (grp) grp, nr FROM ${WANTING} ORDER BY grp, ord) f USING (grp)
          GROUP BY w.grp) g
        JOIN ${relation} s ON s.${STAGE_ROW} = g.nr
        CROSS JOIN LATERAL pg_catalog.generate_series(${from}, ${from} + greatest(${window}, g.members) - 1) n (k)
      ) landfall_texts WHERE ${own} IS NOT NULL`,
  )
  for (const way of ways) {
    await session.query(
      `DELETE FROM ${MAYBE} m USING (
        SELECT grp, k FROM (${clashing(way, MAYBE, on.target)}) t
        UNION SELECT grp, k FROM (${clashing(
          way,
          MAYBE,
          `${relation} WHERE ${WRONG} IS NULL
          AND ${STAGE_ROW} NOT IN (SELECT nr FROM ${WANTING})`,
        )}) t
        UNION SELECT grp, k FROM (SELECT grp, k, pg_catalog.row_number() OVER (
            PARTITION BY ${way.parts.join(', ')} ORDER BY grp, k) AS nth FROM ${MAYBE} WHERE ${way.applies}) d WHERE nth > 1
      ) gone WHERE gone.grp = m.grp AND gone.k = m.k`,
    )
  }
  return possible
}

async function shapedColumns({ session }: Resolving, relation: string, but: string): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_catalog.pg_attribute
      WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped AND attname <> $2`,
    [relation, but],
  )
  return rows.map(({ name }) => name)
}

/** Rows of a group take its free texts in order. Returns how many did. */
async function giveTexts(
  { session }: Resolving,
  { relation }: Shaped,
  column: MappedColumn,
): Promise<number> {
  const { rowCount } = await session.query(
    `WITH given AS (
      SELECT w.nr, m.k FROM
        (SELECT nr, grp, pg_catalog.row_number() OVER (PARTITION BY grp ORDER BY ord) AS nth FROM ${WANTING}) w
        JOIN (SELECT grp, k, pg_catalog.row_number() OVER (PARTITION BY grp ORDER BY k) AS nth FROM ${MAYBE}) m
          ON m.grp = w.grp AND m.nth = w.nth),
    written AS (
      UPDATE ${relation} s SET ${ident(column.name)} = ${numbered(column, 'g.k')}
        FROM given g WHERE g.nr = s.${STAGE_ROW} RETURNING g.nr)
    DELETE FROM ${WANTING} w USING written d WHERE d.nr = w.nr`,
  )
  return rowCount
}

async function giveUp(
  { session }: Resolving,
  { relation, reasons }: Shaped,
  { name }: MappedColumn,
): Promise<void> {
  const reason =
    reasons.push({ column: name, text: 'is taken, and so is every number behind it', ...BY_ITSELF }) - 1
  await session.query(
    `UPDATE ${relation} SET ${WRONG} = ${literal(reason)} WHERE ${STAGE_ROW} IN (SELECT nr FROM ${WANTING})`,
  )
}
