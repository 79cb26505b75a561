import type { Session } from '../connection/postgres.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import { targetSession } from '../copy/target-session.ts'
import { LandfallError } from '../errors.ts'
import { integerAt } from './merge.ts'
import { mergedRange, type OrderedArgs, sessionsFor } from './ordered-job.ts'
import { inRepair, type Repaired, type RepairRecord } from './repair.ts'
import { openStaging, type Staging } from './staging.ts'

/** Keys of one DELETE. */
const DELETED = 10_000

export interface RepairRangeArgs extends Omit<OrderedArgs, 'listing' | 'loaded'> {
  readonly deleteExtra: boolean
  readonly record: RepairRecord
}

/**
 * Makes one range of the target equal to the source, in one transaction; rows that only the target has
 * stay, unless they are to be deleted. What is read while it runs may be old by the end of it, so whoever
 * needs to know compares again.
 *
 * Errors: LF204 a value of the source does not fit any more; LF304 the target refuses a row; LF402.
 */
export async function repairRange(context: JobContext, args: RepairRangeArgs): Promise<Repaired> {
  const { comparison, access } = args
  const { session, forms } = await sessionsFor(context, args)
  const writing = await targetSession(context, { ...access, applicationName: 'landfall repair' })
  return await inRepair(writing, args.record, async () => {
    const staging = await openStaging(writing, comparison)
    const extra: bigint[] = []
    try {
      for await (const { source, target, same } of mergedRange(context, args, session, forms)) {
        if (same) continue
        if (source !== null) await staging.write(target === null ? 'missing' : 'changed', [source])
        else extra.push(integerAt(target!, comparison.key[0]!))
      }
      await staging.end()
      const unwanted = args.deleteExtra ? extra : []
      const done = await inTheirOrder(writing, staging, () => deleteKeys(writing, args, unwanted))
      return { ...done, extraLeft: extra.length - unwanted.length }
    } catch (error) {
      await staging.abort()
      throw error
    }
  })
}

/** SQLSTATE of a row that has no parent, or of a parent that still has rows. */
const NO_PARENT = '23503'

/**
 * An extra row may hold a unique value that a changed one needs, and a changed one that of a missing one.
 * But in a table that refers to itself it is the other way round: a changed row may need a missing one as
 * its parent, and lets go of an extra one only then.
 */
async function inTheirOrder(
  session: Session,
  staging: Staging,
  deleteExtra: () => Promise<number>,
): Promise<Omit<Repaired, 'extraLeft'>> {
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

async function deleteKeys(
  session: Session,
  { comparison, order }: Pick<RepairRangeArgs, 'comparison' | 'order'>,
  keys: readonly bigint[],
): Promise<number> {
  let deleted = 0
  for (let at = 0; at < keys.length; at += DELETED) {
    const { rowCount } = await session.query(
      `DELETE FROM ${comparison.target} AS t WHERE ${order} = ANY ($1::pg_catalog.int8[])`,
      [keys.slice(at, at + DELETED).map(String)],
    )
    deleted += rowCount
  }
  return deleted
}
