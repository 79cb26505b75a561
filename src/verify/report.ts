import { rowsCheck } from '../compare/rows-check.ts'
import type { Settings } from '../config/model.ts'
import type { CheckResult } from '../contract/check.ts'
import { REPORT_VERSION } from '../contract/report.ts'
import type { RepairReport, RowDifference, VerifiedTable, VerifyReport } from '../contract/verify.ts'

export interface VerifyParts {
  readonly settings: Settings
  readonly source: string
  readonly target: string
  readonly startedAt: Date
  readonly tables: readonly VerifiedTable[]
  readonly differences: readonly RowDifference[]
  /** Beside those of the rows. */
  readonly checks: readonly CheckResult[]
  readonly repair: RepairReport | null
  readonly mapped?: boolean
  readonly notes: readonly string[]
}

/** An empty comparison proves nothing, whatever the reason is. */
const NOTHING: CheckResult = {
  name: 'there is something to compare',
  result: 'incomplete',
  expected: 'one table at least',
  found: 'none',
}

/** One object for people and machines. Status 0 only when all in the scope was compared and is equal. */
export function verifyReport(parts: VerifyParts): VerifyReport {
  const { settings, tables, startedAt } = parts
  const { sample, counts, maxDiffs } = settings.verification
  const checks = [...tables.map((table) => rowsCheck(table, sample)), ...parts.checks]
  if (tables.length === 0) checks.push(NOTHING)
  const results = checks.map((check) => check.result)
  const outcome = results.includes('fail')
    ? 'different'
    : results.includes('incomplete')
      ? 'incomplete'
      : 'same'
  return {
    version: REPORT_VERSION,
    command: 'verify',
    migration: settings.name,
    outcome,
    exitCode: outcome === 'same' ? 0 : 1,
    source: parts.source,
    target: parts.target,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    scope: {
      tables:
        settings.tables !== null || settings.exclude.length > 0 ? tables.map((one) => one.source) : null,
      sample,
      counts,
    },
    tables,
    differences: parts.differences.slice(0, maxDiffs),
    checks,
    repair: parts.repair,
    ...(parts.mapped === true ? { mapped: true } : {}),
    notes: parts.notes,
  }
}

/** A limited verification says nothing of the rest, and must not take the place of a whole one. */
export function isWhole({ tables, exclude, verification: { sample, counts } }: Settings): boolean {
  return tables === null && exclude.length === 0 && sample === null && !counts
}
