import { extname } from 'node:path'
import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkBounds } from '../journal/model.ts'
import {
  allSame,
  type CompareInput,
  type Comparison,
  differing,
  type Outcome,
  type TableOutcome,
} from './model.ts'
import type { OrderedArgs } from './ordered-job.ts'
import type { RepairRangeArgs } from './ordered-repair-job.ts'
import type { Repaired } from './repair.ts'
import { inSample } from './sample.ts'

const here = (file: string): string => new URL(`./${file}${extname(import.meta.url)}`, import.meta.url).href
const JOB = here('ordered-job')
const REPAIR_JOB = here('ordered-repair-job')

/** What to call a limit of time in a report. */
export const TIME_IS_UP = 'time was up (--max-time)'

/** An outcome with the ranges in which something differed; null where differences have no place. */
export interface PlacedOutcome extends TableOutcome {
  readonly suspects: readonly ChunkBounds[] | null
}

/**
 * Compares a table whose rows both sides hold in the order of one integer, range by range, as many at
 * once as there are readers. `order` is the target's SQL of that integer.
 */
export async function compareOrdered(input: CompareInput, order: string): Promise<PlacedOutcome> {
  const { source, ranges, sample, listing, memory } = input
  const comparison = sample === null ? input.comparison : sampled(input.comparison, sample)
  const outcomes: (Outcome | undefined)[] = []
  let incomplete: string | null = null
  let listed = 0
  const compareAt = async (at: number): Promise<void> => {
    const bounds = ranges[at]!
    const where = whereOf(order, bounds, sample)
    const known = (await memory?.recall(bounds, { table: comparison.target, where })) ?? null
    if (known !== null) {
      outcomes[at] = allSame(known)
      input.progress(known)
      return
    }
    const args: Omit<OrderedArgs, 'loaded'> = {
      comparison,
      access: input.access,
      order,
      where,
      bounds,
      listing,
    }
    const loaded = sample === null && comparison.asLoaded ? (bounds.loaded ?? null) : null
    const outcome = await source.run<Outcome>({
      module: JOB,
      export: 'compareRange',
      args: { ...args, loaded },
    })
    outcomes[at] = outcome
    listed += outcome.differences.length
    if (listed > listing.most * 2) listed = dropBehind(outcomes, listing.most)
    if (differing(outcome) === 0) memory?.remember(bounds, outcome.sourceRows)
    input.progress(outcome.sourceRows)
  }
  let next = 0
  const work = async (): Promise<void> => {
    while (incomplete === null && next < ranges.length) {
      if (input.isOver()) {
        incomplete = TIME_IS_UP
        return
      }
      try {
        await compareAt(next++)
      } catch (error) {
        // A value that does not fit any more; whatever else went wrong concerns the whole verification.
        if (!(error instanceof LandfallError) || error.code !== 'LF204') throw error
        incomplete ??= error.message
      }
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: input.jobs }, work))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  const suspects = ranges.filter((_, at) => {
    const outcome = outcomes[at]
    return outcome !== undefined && differing(outcome) > 0
  })
  return { ...total(outcomes, listing.most), incomplete, suspects }
}

/** Makes one range of the target equal to the source; see `repairRange`. */
export async function repairOrdered(
  { source, access, comparison }: CompareInput,
  order: string,
  bounds: ChunkBounds,
  more: Pick<RepairRangeArgs, 'deletable' | 'record'>,
): Promise<Repaired> {
  const where = whereOf(order, bounds, null)
  const args: RepairRangeArgs = { comparison, access, order, where, bounds, ...more }
  return await source.run<Repaired>({ module: REPAIR_JOB, export: 'repairRange', args })
}

/** The integers of a range, in the target. Bounds of a rowid are literals of both databases. */
export function whereOf(order: string, { after, upTo }: ChunkBounds, sample: number | null): string {
  const parts = [
    ...(after === null ? [] : [`${order} > ${integer(after)}`]),
    ...(upTo === null ? [] : [`${order} <= ${integer(upTo)}`]),
    ...(sample === null ? [] : [inSample(`${order}::pg_catalog.int8`, sample)]),
  ]
  return parts.length === 0 ? 'true' : parts.join(' AND ')
}

/** Without the cast, one that is no integer of 4 bytes with its sign would be a numeric to the server. */
const integer = (bound: readonly string[]): string => `${literal(bound[0]!)}::pg_catalog.int8`

function sampled(comparison: Comparison, sample: number): Comparison {
  const { excluded, keys } = comparison.read
  return {
    ...comparison,
    read: { ...comparison.read, excluded: `(${excluded}) OR NOT (${inSample(keys[0]!, sample)})` },
  }
}

/** Only the first differences are listed: others are not kept. Returns how many are. */
function dropBehind(outcomes: (Outcome | undefined)[], most: number): number {
  let kept = 0
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome === undefined || outcome.differences.length === 0) continue
    const differences = outcome.differences.slice(0, most - kept)
    outcomes[at] = { ...outcome, differences }
    kept += differences.length
  }
  return kept
}

function total(outcomes: readonly (Outcome | undefined)[], most: number): Outcome {
  const sum = { sourceRows: 0, targetRows: 0, missing: 0, extra: 0, changed: 0 }
  const differences: Outcome['differences'][number][] = []
  for (const outcome of outcomes) {
    if (outcome === undefined) continue
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += outcome[name]
    differences.push(...outcome.differences)
  }
  return { ...sum, exact: true, differences: differences.slice(0, most) }
}
