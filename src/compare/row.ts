/** One row in COPY's binary form, without header and trailer: a count, then each field with its length. */
export type RowBytes = Uint8Array

/** A field's bytes; null is NULL. */
export type Field = Uint8Array | null

/** The fields of one row. Throws where the bytes are no whole row. */
export function fieldsOf(row: RowBytes): Field[] {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  const fields: Field[] = []
  let at = 2
  for (let left = view.getInt16(0); left > 0; left -= 1) {
    const length = view.getInt32(at)
    at += 4
    if (length === -1) fields.push(null)
    else {
      if (length < 0 || at + length > row.byteLength) throw new RangeError('a field goes beyond its row')
      fields.push(row.subarray(at, at + length))
      at += length
    }
  }
  if (at !== row.byteLength) throw new RangeError('a row goes on behind its fields')
  return fields
}

export function sameField(a: Field, b: Field): boolean {
  if (a === null || b === null) return a === b
  return Buffer.compare(a, b) === 0
}

/** Positions of the fields that differ. */
export function differingFields(a: readonly Field[], b: readonly Field[]): number[] {
  return a.flatMap((field, at) => (sameField(field, b[at] ?? null) ? [] : [at]))
}
