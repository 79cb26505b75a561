import type { DatabaseSync } from 'node:sqlite'
import { ranges } from '../connection/sqlite-ranges-job.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { BoundariesAsk } from './select.ts'

export interface Boundary {
  readonly bounds: ChunkBounds
  readonly rows: number
}

/**
 * Cuts a table into chunks, on a reader thread. The first is open below and the last one above, so
 * that together they cover whatever the table holds; an empty table has none.
 */
export function boundaries(context: { readonly database: DatabaseSync }, ask: BoundariesAsk): Boundary[] {
  const found = ranges(context, {
    table: ask.table,
    keys: ask.keys,
    step: ask.chunkRows ?? Number.MAX_SAFE_INTEGER,
  })
  return found.map(({ after, upTo, rows }) => ({ bounds: { after, upTo }, rows }))
}
