import { ident, literal } from '../connection/quote.ts'
import { type RejectsOf, STAGE_ROW } from '../merge/model.ts'
import { keyText, type Resolving } from './people.ts'
import { PEOPLE } from './tables.ts'

/** Rows to write down. */
interface Rejected {
  /** As messages call it. */
  readonly table: string
  /** SELECT of `nr`, `reason` and `column`. */
  readonly rows: string
}

/** Writes down the rows that were set aside, with their reason and content. */
export async function setAsidePeople(on: Resolving, rejects: RejectsOf): Promise<void> {
  await writeRejects(on, rejects, {
    table: on.staged.move.source,
    rows: `SELECT nr, reason, "column" FROM ${PEOPLE} WHERE reason IS NOT NULL`,
  })
}

/** Returns how many. */
export async function writeRejects(
  on: Resolving,
  { run }: RejectsOf,
  { table, rows }: Rejected,
): Promise<number> {
  const { session, staged } = on
  const cells = staged.move.columns.map(
    ({ target, source }) => `(${literal(source)}, s.${ident(target)}::pg_catalog.text)`,
  )
  const { rowCount } = await session.query(
    `INSERT INTO landfall.rejects (run, move, seq, "table", key, "column", reason, content)
      SELECT $1::pg_catalog.int8, $2, 0, $3, ${keyText(on)}, r."column", r.reason, c.content
      FROM (${rows}) r JOIN ${PEOPLE} p ON p.nr = r.nr JOIN ${staged.stage} s ON s.${STAGE_ROW} = r.nr
      CROSS JOIN LATERAL (SELECT pg_catalog.json_object_agg(v.name,
          CASE WHEN v.value IS NOT NULL THEN pg_catalog.json_build_object('text', v.value) END) AS content
        FROM (VALUES ${cells.join(', ')}) v (name, value)) c
      ORDER BY r.nr`,
    [run, staged.move.source, table],
  )
  return rowCount
}
