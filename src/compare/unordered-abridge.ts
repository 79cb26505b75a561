import { digestOf } from './digest.ts'
import type { ComparedColumn } from './model.ts'
import { fieldsOf, type RowBytes } from './row.ts'

/** More than is ever shown of a text. */
const KEPT = 512
const LONG: readonly string[] = ['text', 'json', 'textBytes', 'bytea']

/**
 * A copy of the row whose long fields are cut, with the digest of the whole field behind what is left: it
 * is shown as the row would be, and differs from another in the same columns.
 */
export function abridged(row: RowBytes, columns: readonly Pick<ComparedColumn, 'carrier'>[]): RowBytes {
  const parts: Uint8Array[] = [row.subarray(0, 2)]
  for (const [at, field] of fieldsOf(row).entries()) {
    const length = Buffer.allocUnsafe(4)
    const whole = field === null || field.length <= KEPT || !LONG.includes(columns[at]!.carrier)
    const kept = whole
      ? field
      : Buffer.concat([field.subarray(0, KEPT), Buffer.from(digestOf(field), 'latin1')])
    length.writeInt32BE(kept?.length ?? -1)
    parts.push(length, ...(kept === null ? [] : [kept]))
  }
  return Buffer.concat(parts)
}
