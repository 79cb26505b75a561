import type { DatabaseSync } from 'node:sqlite'

/** Rows of one statement: SQLite's parser is quickest with statements of moderate length. */
const ROWS = 500

export interface Marks {
  /** Quoted, in the schema temp. */
  readonly table: string
  /** How many parts a key has. */
  readonly width: number
  /** The reason's number, then the key's parts as literals. */
  readonly rows: readonly (readonly string[])[]
}

/**
 * Remembers the keys of rows that will be set aside, in a temporary table of this reader's connection:
 * SQLite keeps it outside the source and on disk when it grows. The first reason of a row stays.
 */
export function mark(context: { readonly database: DatabaseSync }, marks: Marks): null {
  const keys = Array.from({ length: marks.width }, (_, i) => `landfall_k${i + 1}`)
  context.database.exec(
    `CREATE TABLE IF NOT EXISTS ${marks.table} (${keys.join(', ')}, landfall_reason INTEGER, PRIMARY KEY (${keys.join(', ')})) WITHOUT ROWID`,
  )
  for (let i = 0; i < marks.rows.length; i += ROWS) {
    const values = marks.rows.slice(i, i + ROWS).map(([reason, ...key]) => `(${key.join(', ')}, ${reason})`)
    context.database.exec(`INSERT OR IGNORE INTO ${marks.table} VALUES ${values.join(', ')}`)
  }
  return null
}
