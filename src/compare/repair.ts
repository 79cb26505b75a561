import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { Statement } from '../journal/model.ts'

/** Rows of the target that a repair touched. */
export interface Repaired {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  /** Rows that only the target has and that stay. */
  readonly extraLeft: number
}

/** What makes a repairing transaction one of its run. */
export interface RepairRecord {
  /** `epochCheck` of the journal: one row, or the lock is another's by now. */
  readonly before: Statement
  /** `repairDone` of the journal: inserted, updated and deleted are appended. */
  readonly after: Statement
}

/** Rows and their record are there together or not at all. LF402 when another process took the lock. */
export async function inRepair(
  session: Session,
  record: RepairRecord,
  work: () => Promise<Repaired>,
): Promise<Repaired> {
  return await session.transaction(async () => {
    const { rowCount } = await session.query(record.before.sql, record.before.values)
    if (rowCount !== 1)
      throw new LandfallError('LF402', 'another process took over this migration', {
        hint: 'Look at it with: landfall status',
      })
    const done = await work()
    const { inserted, updated, deleted } = done
    if (inserted + updated + deleted > 0)
      await session.query(record.after.sql, [...record.after.values, inserted, updated, deleted])
    return done
  })
}
