import type { CheckResult } from './check.ts'
import type { REPORT_VERSION } from './version.ts'

/** What `verify` returns and `verify --json` prints. */
export interface VerifyReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'verify'
  readonly migration: string
  /**
   * `same` everything in the scope was compared and is equal; `different` something is not; `incomplete`
   * no difference was found, but something in the scope could not be compared. Only `same` is status 0.
   */
  readonly outcome: 'same' | 'different' | 'incomplete'
  readonly exitCode: 0 | 1
  readonly source: string
  readonly target: string
  readonly startedAt: string
  readonly seconds: number
  readonly scope: VerifyScope
  readonly tables: readonly VerifiedTable[]
  /** The first ones of each table, at most `--max-diffs` in all; the tables hold the numbers. */
  readonly differences: readonly RowDifference[]
  readonly checks: readonly CheckResult[]
  /** What `--repair` did; null when it was not asked for. The tables and checks are those of afterwards. */
  readonly repair: RepairReport | null
  /** Rows are mapped into tables that held others: migrating again mends them, and no repair does. */
  readonly mapped?: true
  readonly notes: readonly string[]
}

/** What the user limited the verification to. Limits are no gaps: a result within them can be `same`. */
export interface VerifyScope {
  /** Source tables; null: all. */
  readonly tables: readonly string[] | null
  /** Share of the rows, chosen by their keys; null: all. */
  readonly sample: number | null
  /** Only numbers of rows. */
  readonly counts: boolean
}

export interface VerifiedTable {
  readonly source: string
  readonly target: string
  /** `rows` all columns of all rows in the scope; `counts` only how many there are. */
  readonly compared: 'rows' | 'counts'
  /** Rows in the scope that were looked at on each side; the source's without those set aside. */
  readonly sourceRows: number
  readonly targetRows: number
  /** Rows of the source that are in `landfall.rejects` and need not be in the target. */
  readonly setAside: number
  /** In the source and not in the target. */
  readonly missing: number
  /** In the target and not in the source. */
  readonly extra: number
  /** Same key, other values. */
  readonly changed: number
  /** False: there are at least so many differences; counting stopped early. */
  readonly exact: boolean
  /** Why the table was not compared to its end; null when it was. */
  readonly incomplete: string | null
  readonly seconds: number
}

export interface RowDifference {
  /** The source table. */
  readonly table: string
  readonly kind: 'missing' | 'extra' | 'changed'
  /** Printable, e.g. `id = 2`; of a table without a key null. */
  readonly key: string | null
  /** The columns that differ; of a missing or extra row all of them, where values are to be shown, else none. */
  readonly columns: readonly ColumnDifference[]
}

export interface ColumnDifference {
  readonly column: string
  /** The values' text, not quoted, and null for NULL; absent unless they were asked for (`--show-values`). */
  readonly source?: string | null
  readonly target?: string | null
}

export interface RepairReport {
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
  /** Extra rows that were left: without `--delete-extra`, or because they came while it was at work. */
  readonly extraLeft: number
  /** Differences that could not be repaired, with the reason. */
  readonly failed: readonly { readonly table: string; readonly reason: string }[]
}
