/** PostgreSQL cuts longer names in silence, and two names may then be one. */
export const MOST_BYTES = 63

/**
 * The name that PostgreSQL itself would give: `orders_customer_id_fkey`. Where it is too long, the
 * longer one of table and columns is cut first.
 */
export function madeName(table: string, columns: readonly string[], kind: string): string {
  let [first, second] = [table, columns.join('_')]
  const suffix = `${second === '' ? '' : '_'}${second}`
  if (Buffer.byteLength(`${first}${suffix}_${kind}`) <= MOST_BYTES) return `${first}${suffix}_${kind}`
  const room = MOST_BYTES - Buffer.byteLength(`_${kind}`) - (second === '' ? 0 : 1)
  const bytes = (text: string): number => Buffer.byteLength(text)
  if (bytes(first) > room / 2 && bytes(second) > room / 2) {
    first = cut(first, Math.floor(room / 2))
    second = cut(second, room - bytes(first))
  } else if (bytes(first) > bytes(second)) first = cut(first, room - bytes(second))
  else second = cut(second, room - bytes(first))
  return [first, ...(second === '' ? [] : [second]), kind].join('_')
}

/** The longest beginning of at most `bytes` bytes in UTF-8 that ends between two characters. */
export function cut(text: string, bytes: number): string {
  let length = 0
  let end = 0
  for (const character of text) {
    length += Buffer.byteLength(character)
    if (length > bytes) break
    end += character.length
  }
  return text.slice(0, end)
}
