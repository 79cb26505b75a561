import { extname } from 'node:path'
import { LandfallError } from '../errors.ts'
import type { CompareInput } from './model.ts'
import type { Deletable, Repaired, RepairRecord } from './repair.ts'
import { type Group, groupsOf } from './unordered-localise.ts'
import type { RepairArgs } from './unordered-repair-job.ts'
import { choiceOf, scanning, sumUp } from './unordered-scan.ts'

const JOB = new URL(`./unordered-repair-job${extname(import.meta.url)}`, import.meta.url).href

/**
 * Rows of both sides whose digests are held at once. More than in a comparison, since only one thread is at
 * work, and every group takes another scan of both sides.
 */
const GROUP_ROWS = 384 * 1024

interface RepairInput extends CompareInput {
  readonly deletable: Deletable
  readonly record: RepairRecord
}

/**
 * Makes the target's table equal to the source, but for extra rows unless they are to be deleted. Rows are
 * mended in groups, each in one transaction that keeps other writers of the table out. Stops between them
 * when time is up.
 *
 * Errors: LF204 a value of the source does not fit any more; LF304 the target refuses a row, for example
 * because of an extra one or a foreign key. Its group is then as it was, and the others are mended.
 */
export async function repairUnordered(input: RepairInput, groupRows = GROUP_ROWS): Promise<Repaired> {
  const { source, target, stopped } = await scanning(input, (scan) => sumUp(scan, input.progress))
  if (stopped?.error) throw stopped.error
  const total = { inserted: 0, deleted: 0, extraLeft: 0, updated: 0 }
  if (stopped !== null) return total
  let groups = groupsOf(source.differing(target), source, target, groupRows)
  for (;;) {
    const refused: { readonly group: Group; readonly error: LandfallError }[] = []
    for (const group of groups) {
      if (input.isOver()) return total
      try {
        const done = await repairGroup(input, group, groupRows)
        for (const name of Object.keys(total) as (keyof Repaired)[]) total[name] += done[name]
      } catch (error) {
        if (!(error instanceof LandfallError) || error.code !== 'LF304') throw error
        refused.push({ group, error })
      }
    }
    if (refused.length === 0) return total
    // Rows may refer to rows of another group of the same table, and those may be there now.
    if (refused.length === groups.length) throw refused[0]!.error
    groups = refused.map(({ group }) => group)
  }
}

function repairGroup(input: RepairInput, group: Group, groupRows: number): Promise<Repaired> {
  const { comparison, access, ranges, deletable, record } = input
  const args: RepairArgs = {
    comparison,
    access,
    ranges,
    choice: choiceOf(input, group.mask),
    // A bucket of more rows than that mostly has many that are alike.
    rows: Math.min(group.rows, groupRows),
    deletable,
    record,
  }
  return input.source.run<Repaired>({ module: JOB, export: 'repairBuckets', args })
}
