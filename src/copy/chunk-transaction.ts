import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkResult, Statement } from '../journal/model.ts'

/** What makes a chunk's transaction the run's own, and its rows known. */
export interface ChunkMarks {
  /**
   * Runs first in the chunk's transaction. Each must give exactly one row, or the run is no longer
   * this process's (LF402): `epochCheck` of the journal.
   */
  readonly before: readonly Statement[]
  /** `chunkDone` of the journal: read, loaded, setAside, bytes and digest are appended. One row. */
  readonly after: Statement
}

/** Loads one chunk in one transaction, with its mark in the journal. Errors: LF402, and those of `load`. */
export async function chunkTransaction(
  session: Session,
  { before, after }: ChunkMarks,
  load: () => Promise<ChunkResult>,
): Promise<ChunkResult> {
  return await session.transaction(async () => {
    // A commit need not wait for the disk: rows and their mark in the journal commit together, so a
    // crash of the server loses both or none, and the chunk is simply copied again.
    await session.query('SET LOCAL synchronous_commit = off')
    for (const { sql, values } of before) {
      const { rowCount } = await session.query(sql, values)
      if (rowCount !== 1) throw lockLost()
    }
    const result = await load()
    const { read, loaded, setAside, bytes, digest } = result
    const { rowCount } = await session.query(after.sql, [
      ...after.values,
      ...[read, loaded, setAside, bytes, digest],
    ])
    if (rowCount !== 1) throw lockLost()
    return result
  })
}

function lockLost(): LandfallError {
  return new LandfallError('LF402', 'another process took over this run', {
    hint: 'Look at it with: landfall status',
  })
}
