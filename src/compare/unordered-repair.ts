import { extname } from 'node:path'
import type { CompareInput } from './model.ts'
import type { Repaired, RepairRecord } from './repair.ts'
import { groupsOf } from './unordered-localise.ts'
import type { RepairArgs } from './unordered-repair-job.ts'
import { choiceOf, scanning, sumUp } from './unordered-scan.ts'

const JOB = new URL(`./unordered-repair-job${extname(import.meta.url)}`, import.meta.url).href

/**
 * Rows of both sides whose digests are held at once. More than in a comparison, since only one thread is at
 * work, and every group takes another scan of both sides.
 */
const GROUP_ROWS = 384 * 1024

/**
 * Makes the target's table equal to the source, but for extra rows unless they are to be deleted. Rows are
 * mended in groups, each in one transaction that keeps other writers of the table out. Stops between them
 * when time is up.
 *
 * Errors: LF204 a value of the source does not fit any more; LF304 the target refuses a row, for example
 * because of an extra one or a foreign key. The group is then as it was, and those before it are mended.
 */
export async function repairUnordered(
  input: CompareInput & { readonly deleteExtra: boolean; readonly record: RepairRecord },
  groupRows = GROUP_ROWS,
): Promise<Repaired> {
  const { source, target, stopped } = await scanning(input, (scan) => sumUp(scan, input.progress))
  if (stopped?.error) throw stopped.error
  const total = { inserted: 0, deleted: 0, extraLeft: 0, updated: 0 }
  if (stopped !== null) return total
  for (const group of groupsOf(source.differing(target), source, target, groupRows)) {
    if (input.isOver()) break
    const args: RepairArgs = {
      comparison: input.comparison,
      access: input.access,
      ranges: input.ranges,
      choice: choiceOf(input, group.mask),
      rows: group.rows,
      deleteExtra: input.deleteExtra,
      record: input.record,
    }
    const done = await input.source.run<Repaired>({ module: JOB, export: 'repairBuckets', args })
    for (const name of Object.keys(total) as (keyof Repaired)[]) total[name] += done[name]
  }
  return total
}
