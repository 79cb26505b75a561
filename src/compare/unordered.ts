import type { CompareInput, Outcome, TableOutcome } from './model.ts'
import { DEPTH, type Depth, Localiser } from './unordered-localise.ts'
import { scanning, sumUp } from './unordered-scan.ts'

/** While one table's differences are looked for, others wait: their memory adds up to too much. */
let last: Promise<unknown> = Promise.resolve()

/**
 * Compares a table as a multiset of rows: without regard to their order, each as often as it is there.
 * Rows are summed up by their digests, bucket by bucket, on both sides; only the buckets that differ are
 * read again, and then the rows that are to be shown. What a sample leaves out is not counted.
 *
 * Errors: LF304 and LF305 of the target, LF104 and LF403 of the source. A value of the source that does not
 * fit any more makes the outcome incomplete.
 */
export async function compareUnordered(input: CompareInput, depth: Depth = DEPTH): Promise<TableOutcome> {
  return await scanning(input, async (scan) => {
    const { source, target, stopped } = await sumUp(scan, input.progress)
    const rows = { sourceRows: source.rows, targetRows: target.rows }
    const none = { missing: 0, extra: 0, changed: 0, differences: [] }
    if (stopped !== null) return { ...rows, ...none, exact: false, incomplete: stopped.message }
    const buckets = source.differing(target)
    if (buckets.length === 0) return { ...rows, ...none, exact: true, incomplete: null }
    const localiser = new Localiser(input, scan, { source, target }, depth)
    const localising = last.then(() => localiser.localise(buckets))
    last = localising.catch(() => {})
    const { incomplete, ...found } = await localising
    return { ...atLeastOne({ ...rows, ...found }, input.comparison.key.length > 0), incomplete }
  })
}

/** That something differs is known before it is known what. */
function atLeastOne(outcome: Outcome, keyed: boolean): Outcome {
  const { sourceRows, targetRows, missing, extra, changed } = outcome
  if (missing + extra + changed > 0) return outcome
  if (sourceRows !== targetRows)
    return {
      ...outcome,
      missing: Math.max(0, sourceRows - targetRows),
      extra: Math.max(0, targetRows - sourceRows),
    }
  return keyed ? { ...outcome, changed: 1 } : { ...outcome, missing: 1, extra: 1 }
}
