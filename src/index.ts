/** The public library: the verbs, what they take and what they return. */
export { type BootOptions, boot, bootStatus } from './boot.ts'
export { defineMigration } from './config/define.ts'
export { type Env, type EnvOptions, env } from './config/env.ts'
export { type ExportedBy, exportedBy } from './config/exported-by.ts'
export type {
  BootConfig,
  ColumnConfig,
  Constant,
  GrantConfig,
  IdentityConfig,
  MigrationConfig,
  MoveConfig,
  MovesConfig,
  Settings,
  TargetSettings,
  Verification,
} from './config/model.ts'
export { loadSettings, loadTargetSettings, makeSettings, type Options } from './config/settings.ts'
export { type Sql, sql } from './config/sql.ts'
export type { BootCount, BootReport, BootState, BootStatusReport } from './contract/boot.ts'
export type { CheckResult } from './contract/check.ts'
export type { ProgressEvent, ProgressListener } from './contract/progress.ts'
export type { MigrateReport, RejectSummary, StatusReport, TableReport } from './contract/report.ts'
export type {
  ColumnDifference,
  RepairReport,
  RowDifference,
  VerifiedTable,
  VerifyReport,
  VerifyScope,
} from './contract/verify.ts'
export { type ErrorCode, LandfallError, type Place } from './errors.ts'
export {
  type ExportEvent,
  type Exporter,
  type ExportOptions,
  type ExportReport,
  exportEnv,
} from './exporter/export.ts'
export { migrate, plan, status } from './migrate.ts'
export type { Blocker, LeftOut, Move, MoveColumn, Plan } from './plan/model.ts'
export { renderBoot, renderBootStatus } from './report/boot.ts'
export { type ConfigEnds, renderConfig } from './report/config-file.ts'
export { renderMigrate } from './report/migrate.ts'
export { renderPlan } from './report/plan.ts'
export { renderStatus } from './report/status.ts'
export { renderVerify } from './report/verify.ts'
export { verify } from './verify.ts'
