import type { MigrateReport } from './report.ts'
import type { REPORT_VERSION } from './version.ts'

/** What the state table says of a migration at start-up. Times are ISO 8601 in UTC. */
export interface BootState {
  /** `pending`: begun, interrupted, and to be gone on with by the next start. */
  readonly status: 'pending' | 'running' | 'done' | 'failed'
  /** Machine and process of the instance that wrote it. */
  readonly instance: string
  /** How often it was begun. */
  readonly attempts: number
  readonly startedAt: string
  readonly finishedAt: string | null
  /** Rows by table, when it is done. */
  readonly counts: readonly BootCount[] | null
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

export interface BootCount {
  readonly table: string
  readonly read: number
  readonly loaded: number
  readonly setAside: number
}

/** What `boot` returns. */
export interface BootReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'boot'
  /** `not-asked`: `boot.onlyIf` is empty, and no database was touched. */
  readonly outcome: 'not-asked' | 'done-before' | 'done-by-another' | 'migrated'
  /** Null where it was not asked for. */
  readonly migration: string | null
  readonly target: string | null
  readonly state: BootState | null
  /** It is done, and the config says something else by now: that is reported and not carried out. */
  readonly configChanged: boolean
  /** Of the instance that migrated. */
  readonly migrate: MigrateReport | null
  readonly seconds: number
}

/** What `bootStatus` returns and `boot --check --json` prints. */
export interface BootStatusReport {
  readonly version: typeof REPORT_VERSION
  readonly command: 'boot --check'
  /** 0 where an application may start: it is done, or was not asked for. */
  readonly exitCode: 0 | 1
  /** `absent`: nobody has begun. `interrupted`: who ran it is gone, and the next start goes on. */
  readonly status: 'not-asked' | 'absent' | 'interrupted' | BootState['status']
  readonly migration: string | null
  readonly target: string | null
  readonly state: BootState | null
  readonly configChanged: boolean
}
