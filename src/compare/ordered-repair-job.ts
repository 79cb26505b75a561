import type { Session } from '../connection/postgres.ts'
import type { JobContext } from '../connection/sqlite-source.ts'
import { targetSession } from '../copy/target-session.ts'
import { integerAt } from './merge.ts'
import { mergedRange, type OrderedArgs, sessionsFor } from './ordered-job.ts'
import { type Deletable, inRepair, type Repaired, type RepairRecord, writeStaged } from './repair.ts'
import { openStaging, type Staging } from './staging.ts'
import { TargetRows } from './target-rows.ts'
import { atSnapshot } from './target-snapshot.ts'

export interface RepairRangeArgs extends Omit<OrderedArgs, 'listing' | 'loaded'> {
  readonly deletable: Deletable
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
    try {
      const extra = await withEarlierKeys(context, args, (isEarlier) =>
        stageRange(context, args, { session, forms, staging, isEarlier }),
      )
      const done = await writeStaged(writing, staging, () => staging.deleteExtra())
      return { ...done, extraLeft: extra - done.deleted }
    } catch (error) {
      await staging.abort()
      throw error
    }
  })
}

type IsEarlier = (key: bigint) => Promise<boolean>

/** Returns how many rows only the target has. */
async function stageRange(
  context: JobContext,
  args: RepairRangeArgs,
  to: {
    readonly session: Session
    readonly forms: Session
    readonly staging: Staging
    readonly isEarlier: IsEarlier
  },
): Promise<number> {
  const { staging } = to
  const isSetAside = setAside(context, args)
  let extra = 0
  for await (const { source, target, same } of mergedRange(context, args, to.session, to.forms)) {
    if (same) continue
    if (source !== null) await staging.write(target === null ? 'missing' : 'changed', [source])
    else {
      extra += 1
      const key = integerAt(target!, args.comparison.key[0]!)
      if (!isSetAside(key) && (await to.isEarlier(key))) await staging.write('extra', [target!])
    }
  }
  return extra
}

/**
 * Tells whether the source has a row of that key which was set aside. What the target has of it somebody
 * has put there in its place, and it is never deleted.
 */
function setAside(
  { database }: JobContext,
  { comparison: { read } }: RepairRangeArgs,
): (key: bigint) => boolean {
  if (read.excluded === '0') return () => false
  const find = database.prepare(
    `SELECT 1 FROM ${read.from} WHERE ${read.keys[0]!} = ? AND (${read.excluded})`,
  )
  return (key) => find.get(key) !== undefined
}

/** Tells of keys in rising order whether a row of the range that may be deleted has them. */
async function withEarlierKeys<T>(
  context: JobContext,
  { access, comparison, order, where, deletable }: RepairRangeArgs,
  work: (isEarlier: IsEarlier) => Promise<T>,
): Promise<T> {
  if (deletable === null) return await work(async () => false)
  const session = await targetSession(context, { ...access, applicationName: 'landfall repair earlier' })
  return await atSnapshot(session, deletable, async () => {
    const keys = keysOf(session, comparison, { where, order })
    let next: IteratorResult<bigint, void> | undefined
    try {
      return await work(async (key) => {
        next ??= await keys.next()
        while (!next.done && next.value < key) next = await keys.next()
        return !next.done && next.value === key
      })
    } finally {
      await keys.return()
    }
  })
}

/** Read from the first one that is asked for. */
async function* keysOf(
  session: Session,
  comparison: RepairRangeArgs['comparison'],
  selection: Pick<RepairRangeArgs, 'where' | 'order'>,
): AsyncGenerator<bigint, void> {
  const columns = [comparison.columns[comparison.key[0]!]!]
  const rows = await TargetRows.open(session, { ...comparison, columns }, selection)
  try {
    for (let row = await rows.next(); row !== null; row = await rows.next()) yield integerAt(row, 0)
  } finally {
    await rows.drain()
  }
}
