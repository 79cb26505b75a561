import type { CheckResult } from './check.ts'
import type { RowDifference, VerifiedTable } from './verify.ts'
import { REPORT_VERSION } from './version.ts'

export { REPORT_VERSION }

/** What one table's journey came to. `read = loaded + setAside`, always checked. */
export interface TableReport {
  readonly source: string
  readonly target: string
  /** Rows; decimal strings are not needed, no table reaches 2^53 rows. */
  readonly read: number
  readonly loaded: number
  readonly setAside: number
  /** Time from the first chunk's start to the last one's end, in this attempt. */
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly bytes: number
  /** Of a mapped move: what became of the rows that were not set aside; their sum is `loaded`. */
  readonly merged?: {
    readonly created: number
    readonly updated: number
    readonly unchanged: number
    /** Left as they are because the configuration says so. */
    readonly skipped: number
  }
}

export interface PhaseReport {
  readonly name: 'snapshot' | 'profile' | 'schema' | 'copy' | 'apply' | 'finish' | 'check' | 'verify'
  readonly seconds: number
}

/** What `migrate` returns and `migrate --json` prints. */
export interface MigrateReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'migrate'
  readonly migration: string
  /** Its number in the journal, `landfall.runs.id`; absent in a dry run. */
  readonly run?: string
  /** `done` everything is there; `nothing-to-do` it was done before; `dry-run` only planned. */
  readonly outcome: 'done' | 'nothing-to-do' | 'dry-run'
  readonly exitCode: 0 | 1
  readonly source: string
  readonly target: string
  readonly resumed: boolean
  readonly startedAt: string
  readonly seconds: number
  readonly phases: readonly PhaseReport[]
  readonly tables: readonly TableReport[]
  /** The first rejects of each reason; all of them are in `landfall.rejects`. */
  readonly rejects: readonly RejectSummary[]
  readonly checks: readonly CheckResult[]
  /** What comparing all rows afterwards found; null when they were not compared. */
  readonly verification: {
    readonly tables: readonly VerifiedTable[]
    /** The first ones, as in `VerifyReport`. */
    readonly differences: readonly RowDifference[]
  } | null
  /** What is in the source and was not carried over: views, triggers and the like. */
  readonly leftOut?: readonly { readonly kind: string; readonly name: string; readonly why: string }[]
  /** The backups that were asked for, made before anything was written. */
  readonly backups?: readonly BackupReport[]
  readonly notes: readonly string[]
}

/** A backup of one of the databases, complete and checked. */
export interface BackupReport {
  readonly of: 'source' | 'target'
  /** The database's label, without secrets. */
  readonly database: string
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  /** Tables in it. */
  readonly tables: number
  readonly seconds: number
  /** A command for a shell that puts the database back; it holds no password. */
  readonly restore: string
  /** What to know before it is used. */
  readonly restoreNote: string
}

export interface RejectSummary {
  readonly table: string
  readonly column: string | null
  readonly reason: string
  readonly rows: number
  readonly examples: readonly string[]
}

/** What `status` returns and `status --json` prints. */
export interface StatusReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'status'
  readonly target: string
  readonly migrations: readonly {
    readonly migration: string
    readonly state: 'running' | 'interrupted' | 'failed' | 'done'
    readonly source: string
    readonly startedAt: string
    readonly finishedAt: string | null
    /** Set while a run holds the lock: host, process, since when. */
    readonly holder: string | null
    readonly error: string | null
    readonly phase: string
    readonly tables: readonly {
      readonly table: string
      readonly rows: number
      readonly loaded: number
      readonly setAside: number
      readonly chunks: number
      readonly chunksDone: number
    }[]
    readonly steps: { readonly all: number; readonly done: number }
  }[]
}
