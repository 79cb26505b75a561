import { ident, literal } from '../connection/quote.ts'
import { type RejectsOf, STAGE_ROW } from '../merge/model.ts'
import { keyText, PEOPLE, type Resolving } from './people.ts'

/** Writes down the rows that were set aside, with their reason and content. */
export async function setAsidePeople(on: Resolving, { run }: RejectsOf): Promise<void> {
  const { session, staged } = on
  const move = literal(staged.move.source)
  const content = staged.move.columns.map(
    ({ target, source }) =>
      `${literal(source)}, CASE WHEN s.${ident(target)} IS NOT NULL THEN pg_catalog.json_build_object('text', s.${ident(target)}::text) END`,
  )
  await session.query(
    `INSERT INTO landfall.rejects (run, move, seq, "table", key, "column", reason, content)
      SELECT $1::bigint, ${move}, 0, ${move}, ${keyText(on)}, p."column", p.reason,
        pg_catalog.json_build_object(${content.join(', ')})
      FROM ${PEOPLE} p JOIN ${staged.stage} s ON s.${ident(STAGE_ROW)} = p.nr
      WHERE p.way = 'set aside' ORDER BY p.nr`,
    [run],
  )
}
