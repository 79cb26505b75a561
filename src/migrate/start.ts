import type { ReachedSettings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { MigrateReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import type { Epoch } from '../journal/fence.ts'
import type { OpenSource } from './sqlite-source.ts'

/** What every part of an attempt works with. */
export interface Under {
  readonly settings: ReachedSettings
  readonly tools: Tools
  readonly target: Target
  readonly session: Session
  readonly lock: Epoch
}

/** Writes what else belongs into the transaction that ends a run; what it throws lets nothing be written. */
export type Seal = (session: Session, report: MigrateReport) => Promise<void>

/** The same, with a SQLite source. */
export interface Start extends Under {
  readonly from: OpenSource
  readonly seal?: Seal
}
