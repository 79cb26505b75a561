import type { DatabaseSync } from 'node:sqlite'

/** One value as SQLite stores it. Text is kept as its bytes in UTF-8, which need not be valid. */
export type Cell =
  | null
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'text'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly bytes: Uint8Array }

export const text = (value: string): Cell => ({ kind: 'text', bytes: Buffer.from(value) })

/** Binds a cell so that it arrives in a column without affinity exactly as it is. */
export function insertCell(database: DatabaseSync, table: string, id: number, cell: Cell): void {
  const statement = database.prepare(
    `INSERT INTO ${table} VALUES (?, ${cell?.kind === 'text' ? 'CAST(? AS TEXT)' : '?'})`,
  )
  if (cell === null) statement.run(id, null)
  else statement.run(id, 'bytes' in cell ? cell.bytes : cell.value)
}

/** Row by row, the values of the column `v` by `id`: what the column's affinity has made of them. */
export function readCells(database: DatabaseSync, table: string): Map<number, Cell> {
  const statement = database.prepare(
    `SELECT id, typeof(v) AS kind, CASE typeof(v) WHEN 'text' THEN CAST(v AS BLOB) ELSE v END AS value FROM ${table}`,
  )
  statement.setReadBigInts(true)
  const cells = new Map<number, Cell>()
  for (const { id, kind, value } of statement.iterate())
    cells.set(
      Number(id),
      kind === 'null'
        ? null
        : value instanceof Uint8Array
          ? { kind: kind === 'text' ? 'text' : 'blob', bytes: value }
          : typeof value === 'bigint'
            ? { kind: 'integer', value }
            : { kind: 'real', value: Number(value) },
    )
  return cells
}

export function show(cell: Cell): string {
  if (cell === null) return 'NULL'
  if (!('bytes' in cell)) return `${cell.kind} ${Object.is(cell.value, -0) ? '-0' : cell.value}`
  return `${cell.kind} x'${Buffer.from(cell.bytes).toString('hex')}' ${JSON.stringify(Buffer.from(cell.bytes).toString())}`
}
