import { literal } from '../connection/quote.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import type { Resolving } from './people.ts'
import { PEOPLE } from './tables.ts'

/** Rows with something wrong, as FROM: `s`, and its reason as `r` with the columns `reason` and `col`. */
export function refused({ relation, reasons }: Shaped): string {
  const rows = reasons.map(
    ({ text, column }, at) => `(${at}, ${literal(text)}, ${literal(column)}::pg_catalog.text)`,
  )
  return `${relation} s JOIN (VALUES ${rows.join(', ')}) r (nr, reason, col) ON r.nr = s.${WRONG}`
}

/**
 * Sets aside the rows in which something is wrong. One that found its new key keeps it: only what it would
 * have written is left out.
 */
export async function refuse({ session }: Resolving, shaped: Shaped): Promise<void> {
  if (shaped.reasons.length === 0) return
  await session.query(
    `UPDATE ${PEOPLE} p SET reason = r.reason, "column" = r.col, way = coalesce(p.way, 'set aside')
      FROM ${refused(shaped)} WHERE s.${STAGE_ROW} = p.nr AND p.reason IS NULL`,
  )
}
