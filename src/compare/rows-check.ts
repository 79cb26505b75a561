import type { CheckResult } from '../contract/check.ts'
import type { VerifiedTable } from '../contract/verify.ts'
import { differing } from './model.ts'

/** The outcome of a table as a Check. */
export function rowsCheck(table: VerifiedTable, sample: number | null): CheckResult {
  const { source, sourceRows, targetRows, missing, extra, changed, exact, incomplete, compared } = table
  const total = differing(table)
  const what =
    compared === 'counts' ? 'number of rows' : sample === null ? 'every row' : 'every row of the sample'
  const number = (n: number): string => n.toLocaleString('en')
  const parts = [
    ...(missing > 0 ? [`${number(missing)} missing`] : []),
    ...(extra > 0 ? [`${number(extra)} that only the target has`] : []),
    ...(changed > 0 ? [`${number(changed)} with other values`] : []),
  ]
  const same =
    compared === 'counts' ? `${number(targetRows)} rows` : `${number(sourceRows)} rows, all the same`
  return {
    name: `${source}: ${what} as in the source`,
    result: total > 0 ? 'fail' : incomplete !== null ? 'incomplete' : 'pass',
    expected: `${number(sourceRows)} rows of the source`,
    found: total === 0 ? (incomplete ?? same) : `${exact ? '' : 'at least '}${parts.join(', ')}`,
    ...(total > 0 && incomplete !== null ? { evidence: [`not compared to the end: ${incomplete}`] } : {}),
  }
}
