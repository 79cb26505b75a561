/** Parts for each connection, so that none waits long for the last one. */
const PARTS_EACH = 4

/**
 * Conditions over the table as `t` that divide its blocks among connections, none smaller or larger than
 * `size` says but the last. That one is open, so that every row is in one of them however the table grows.
 */
export function blockParts(
  blocks: number,
  jobs: number,
  size: { readonly least: number; readonly most: number },
): string[] {
  const each = Math.min(size.most, Math.max(size.least, Math.ceil(blocks / (jobs * PARTS_EACH))))
  const parts: string[] = []
  for (let first = 0; first === 0 || first < blocks; first += each) {
    const bounds = [
      ...(first === 0 ? [] : [`t.ctid >= '(${first},0)'::pg_catalog.tid`]),
      ...(first + each >= blocks ? [] : [`t.ctid < '(${first + each},0)'::pg_catalog.tid`]),
    ]
    parts.push(bounds.length === 0 ? 'true' : bounds.join(' AND '))
  }
  return parts
}
