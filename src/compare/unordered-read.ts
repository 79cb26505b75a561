import { type Session, WholeRows } from '../connection/postgres.ts'
import { readingInterrupted } from '../connection/sqlite-error.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { Comparison, TargetAccess } from './model.ts'
import { sessionsFor } from './ordered-job.ts'
import type { RowBytes } from './row.ts'
import { sourceRows } from './source-rows.ts'
import { targetCopy } from './target-rows.ts'
import { atSnapshot } from './target-snapshot.ts'

/** Some rows of one side. `where` is target SQL over the table as `t`. */
export type Part =
  | { readonly side: 'source'; readonly bounds: ChunkBounds }
  | { readonly side: 'target'; readonly where: string }

export interface PartReading {
  readonly comparison: Comparison
  readonly access: TargetAccess
  /** Name of the snapshot in which the target is read. */
  readonly snapshot: string
  readonly part: Part
}

/** Passes on each row of a part. Its bytes are good during the call only. */
export async function readPart(
  context: JobContext,
  { comparison, access, snapshot, part }: PartReading,
  take: (row: RowBytes) => void,
): Promise<void> {
  const { session, forms } = await sessionsFor(context, { access, comparison })
  if (part.side === 'source') {
    await readSource(context, comparison, part.bounds, forms, (rows) => rows.forEach(take))
    return
  }
  const copy = targetCopy(comparison, { where: part.where })
  await atSnapshot(session, snapshot, () => readTarget(context, session, copy, take))
}

/** Passes on the source's rows of a range, a batch at a time. */
export async function readSource(
  context: JobContext,
  comparison: Comparison,
  bounds: ChunkBounds,
  forms: Session,
  take: (rows: readonly RowBytes[]) => Promise<void> | void,
): Promise<void> {
  for await (const rows of sourceRows(context.database, comparison, bounds, forms)) {
    if (context.signal.aborted) throw readingInterrupted()
    await take(rows)
  }
}

/** Passes on each row of a COPY; whatever happens, the session is free afterwards. */
export async function readTarget(
  context: JobContext,
  session: Session,
  copy: string,
  take: (row: RowBytes) => void,
): Promise<void> {
  const out = await session.copyTo(copy)
  const whole = new WholeRows()
  let failed = false
  try {
    for (let rows = await next(); rows !== null; rows = await next()) {
      if (context.signal.aborted) throw readingInterrupted()
      for (const row of rows) take(row)
    }
  } catch (error) {
    if (!failed) await out.drain()
    throw error
  }

  async function next(): Promise<readonly RowBytes[] | null> {
    try {
      const block = await out.next()
      return block === null ? null : whole.take(block)
    } catch (error) {
      failed = true
      throw error
    }
  }
}
