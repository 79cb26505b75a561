import { DatabaseSync } from 'node:sqlite'
import { ident } from '../src/connection/quote.ts'

/** Reads all columns of all rows of a SQLite file, as an application would that wants them quickly. */
const ROWS = 1_000n
const database = new DatabaseSync(process.argv[2]!, { readOnly: true })
const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
for (const { name } of tables) {
  const table = ident(String(name))
  const bounds = database.prepare(`SELECT min(rowid) AS least, max(rowid) AS most FROM ${table}`)
  bounds.setReadBigInts(true)
  const { least, most } = bounds.get() as { least: bigint | null; most: bigint | null }
  if (least === null || most === null) continue
  const rows = database.prepare(`SELECT * FROM ${table} WHERE rowid BETWEEN ? AND ?`)
  rows.setReturnArrays(true)
  for (let at = least; at <= most; at += ROWS) rows.all(at, at + ROWS - 1n)
}
