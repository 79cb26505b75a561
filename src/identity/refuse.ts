import { literal } from '../connection/quote.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../merge/model.ts'
import { refuseUnstorable } from '../merge/unstorable.ts'
import { keyText, type Resolving } from './people.ts'
import { PEOPLE } from './tables.ts'

/** Rows with something wrong, as FROM: `s`, and its reason as `r` with the columns `reason` and `col`. */
export function refused({ relation, reasons }: Shaped): string {
  const rows = reasons.map(
    ({ text, column }, at) => `(${at}, ${literal(text)}, ${literal(column)}::pg_catalog.text)`,
  )
  return `${relation} s JOIN (VALUES ${rows.join(', ')}) r (nr, reason, col) ON r.nr = s.${WRONG}`
}

/** LF204 with the rows in which something is wrong, where the config wants to stop at them. */
export async function refuseWrong(
  on: Resolving,
  shaped: Shaped,
  into: { readonly schema: string; readonly name: string },
): Promise<void> {
  if (shaped.reasons.length === 0) return
  await refuseUnstorable(on.staged, {
    into,
    rows: `SELECT ${keyText(on)} AS key, r.col AS "column", r.reason, p.nr AS ord
      FROM ${refused(shaped)} JOIN ${PEOPLE} p ON p.nr = s.${STAGE_ROW}`,
  })
}

/**
 * Sets aside the rows in which something is wrong. One that found its new key keeps it: only what it would
 * have written is left out.
 */
export async function refuse(on: Resolving, shaped: Shaped): Promise<void> {
  const { session, staged } = on
  if (shaped.reasons.length === 0) return
  await refuseWrong(on, shaped, staged.move.target)
  await session.query(
    `UPDATE ${PEOPLE} p SET reason = r.reason, "column" = r.col, way = coalesce(p.way, 'set aside')
      FROM ${refused(shaped)} WHERE s.${STAGE_ROW} = p.nr AND p.reason IS NULL`,
  )
}
