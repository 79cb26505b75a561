import { ident, literal } from '../connection/quote.ts'
import type { Move } from '../plan/model.ts'
import { stagedKey } from './key.ts'
import { type RejectsOf, type Shaped, STAGE_ROW, type Staged, WRONG } from './model.ts'
import type { Split } from './split.ts'

/** Writes the shaped rows that have a reason to `landfall.rejects`. Returns how many. */
export async function setAside(
  { session, stage }: Staged,
  { move, relation, reasons }: Split,
  { run }: RejectsOf,
): Promise<number> {
  const name = literal(move.source)
  const { rowCount } = await session.query(
    `INSERT INTO landfall.rejects (run, move, seq, "table", key, "column", reason, content)
      SELECT $1::pg_catalog.int8, ${name}, 0, ${name}, ${stagedKey(move)}, r."column", r.reason, (${contentOf(move)})
      FROM ${relation} AS w JOIN ${stage} AS s ON s.${STAGE_ROW} = w.${STAGE_ROW} ${reasonsAs('r', reasons)} ON r.at = w.${WRONG}
      ORDER BY w.${STAGE_ROW}`,
    [run],
  )
  return rowCount
}

/** SELECT of a staged row `s` as it is written down. */
export function contentOf(move: Move): string {
  const cells = move.columns.map(
    ({ source, target }) => `(${literal(source)}, s.${ident(target)}::pg_catalog.text)`,
  )
  return `SELECT pg_catalog.json_object_agg(v.name,
      CASE WHEN v.value IS NOT NULL THEN pg_catalog.json_build_object('text', v.value) END)
    FROM (VALUES ${cells.join(', ')}) AS v (name, value)`
}

/** JOIN of the reasons by their numbers: `at`, `"column"` and `reason`. */
export function reasonsAs(alias: string, reasons: Shaped['reasons']): string {
  const rows = reasons.map(
    ({ column, text }, at) => `(${at}, ${literal(column)}::pg_catalog.text, ${literal(text)})`,
  )
  return `JOIN (VALUES ${rows.join(', ')}) AS ${alias} (at, "column", reason)`
}
