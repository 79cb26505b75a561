import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { Statement } from '../journal/model.ts'
import type { Staging } from './staging.ts'

/** Rows of the target that a repair touched. */
export interface Repaired {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  /** Rows that only the target has and that stay. */
  readonly extraLeft: number
}

/**
 * Name of a snapshot of the target that is older than what is seen of the source. Only its rows are deleted:
 * one that came later may have come to both sides, where the source is not looked at again. Null: none are.
 */
export type Deletable = string | null

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

/** SQLSTATE of a row that has no parent, or of a parent that still has rows. */
const NO_PARENT = '23503'

/**
 * Writes what is staged. An extra row may hold a unique value that a changed one needs, and a changed one
 * that of a missing one. But in a table that refers to itself it is the other way round: a changed row may
 * need a missing one as its parent, and lets go of an extra one only then.
 */
export async function writeStaged(
  session: Session,
  staging: Staging,
  deleteExtra: () => Promise<number>,
): Promise<Omit<Repaired, 'extraLeft'>> {
  await staging.end()
  await session.query('SAVEPOINT landfall_repair')
  try {
    const deleted = await deleteExtra()
    const updated = await staging.updateChanged()
    return { deleted, updated, inserted: await staging.insertMissing() }
  } catch (error) {
    if (!(error instanceof LandfallError) || error.details?.sqlstate !== NO_PARENT) throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_repair')
    const inserted = await staging.insertMissing()
    const updated = await staging.updateChanged()
    return { inserted, updated, deleted: await deleteExtra() }
  }
}
