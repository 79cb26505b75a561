import type { Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { BackupReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import type { ChunkRecord, RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import type { PostgresSource } from './postgres-source.ts'
import type { Attempt } from './run.ts'

/** What a plan is made of. */
export interface PostgresPlanning {
  readonly settings: Settings
  readonly tools: Tools
  readonly from: PostgresSource
  /** Null: a target that does not exist yet. */
  readonly session: Session | null
  readonly targetLabel: string
}

/** An attempt with its PostgreSQL source. */
export interface PostgresStart extends Attempt {
  readonly from: PostgresSource
}

/** A run of it that may go on. */
export interface PostgresBegun {
  readonly kind: 'run'
  readonly run: RunRecord
  readonly plan: Plan
  readonly chunks: readonly ChunkRecord[]
  readonly resumed: boolean
  readonly backups: readonly BackupReport[]
}
