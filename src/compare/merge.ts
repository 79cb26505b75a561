import type { DatabaseSync } from 'node:sqlite'
import type { Session } from '../connection/postgres.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { Comparison } from './model.ts'
import type { RowBytes } from './row.ts'
import { sourceRows } from './source-rows.ts'
import type { TargetRows } from './target-rows.ts'

/** One key: the row of each side, or null where it lacks one. Good until the next is asked for. */
export interface Merged {
  readonly source: RowBytes | null
  readonly target: RowBytes | null
  readonly same: boolean
}

/** Goes through both sides in step, by the one integer that is the key of both. */
export async function* mergeRows(
  comparison: Comparison,
  database: DatabaseSync,
  bounds: ChunkBounds,
  forms: Session,
  target: TargetRows,
): AsyncGenerator<Merged> {
  const at = comparison.key[0]!
  let theirs = await target.next()
  let theirKey = theirs === null ? null : integerAt(theirs, at)
  const forward = async (): Promise<void> => {
    theirs = await target.next()
    theirKey = theirs === null ? null : integerAt(theirs, at)
  }
  for await (const batch of sourceRows(database, comparison, bounds, forms)) {
    for (const ours of batch) {
      const key = integerAt(ours, at)
      while (theirKey !== null && theirKey < key) {
        yield { source: null, target: theirs, same: false }
        await forward()
      }
      if (theirKey === key) {
        yield { source: ours, target: theirs, same: Buffer.compare(ours, theirs!) === 0 }
        await forward()
      } else yield { source: ours, target: null, same: false }
    }
  }
  while (theirs !== null) {
    yield { source: null, target: theirs, same: false }
    await forward()
  }
}

/** A field of 2, 4 or 8 bytes; never NULL, since it is a key. */
export function integerAt(row: RowBytes, position: number): bigint {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
  let at = 2
  for (let field = 0; field < position; field += 1) at += 4 + Math.max(0, view.getInt32(at))
  const length = view.getInt32(at)
  if (length === 8) return view.getBigInt64(at + 4)
  return BigInt(length === 4 ? view.getInt32(at + 4) : view.getInt16(at + 4))
}
