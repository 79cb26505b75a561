/** The public library: the verbs, what they take and what they return. */
export { defineMigration } from './config/define.ts'
export { type Env, type EnvOptions, env } from './config/env.ts'
export type {
  ColumnConfig,
  Constant,
  GrantConfig,
  IdentityConfig,
  MigrationConfig,
  MoveConfig,
  MovesConfig,
  SchemaSettings,
  Settings,
  TargetSettings,
  Verification,
} from './config/model.ts'
export type {
  ForeignKeyConfig,
  IndexConfig,
  IndexPart,
  RowsConfig,
  SchemaConfig,
  TableConfig,
} from './config/schema.ts'
export {
  bigint,
  boolean,
  bytea,
  Column,
  date,
  doublePrecision,
  identity,
  integer,
  jsonb,
  numeric,
  real,
  references,
  smallint,
  text,
  timestamp,
  timestamptz,
  type,
  uuid,
  varchar,
} from './config/schema-column.ts'
export { loadSchemaSettings, makeSchemaSettings, type SchemaOptions } from './config/schema-settings.ts'
export { loadSettings, loadTargetSettings, makeSettings, type Options } from './config/settings.ts'
export { type Sql, sql } from './config/sql.ts'
export type { CheckResult } from './contract/check.ts'
export type { Declaration } from './contract/declaration.ts'
export type { ProgressEvent, ProgressListener } from './contract/progress.ts'
export type { MigrateReport, RejectSummary, StatusReport, TableReport } from './contract/report.ts'
export type {
  AppliedStatement,
  Finding,
  LockMode,
  SchemaApplyReport,
  SchemaLoss,
  SchemaObject,
  SchemaPlanReport,
  SchemaStatement,
  SchemaUndoReport,
  SchemaVerifyReport,
  TableLock,
} from './contract/schema.ts'
export type {
  ColumnDifference,
  RepairReport,
  RowDifference,
  VerifiedTable,
  VerifyReport,
  VerifyScope,
} from './contract/verify.ts'
export { schemaApply, schemaPlan, schemaUndo, schemaVerify } from './declared.ts'
export { type ErrorCode, LandfallError, type Place } from './errors.ts'
export { migrate, plan, status } from './migrate.ts'
export type { Blocker, LeftOut, Move, MoveColumn, Plan } from './plan/model.ts'
export { type ConfigEnds, renderConfig } from './report/config-file.ts'
export { renderMigrate } from './report/migrate.ts'
export { renderPlan } from './report/plan.ts'
export { renderSchema } from './report/schema.ts'
export { renderStatus } from './report/status.ts'
export { renderVerify } from './report/verify.ts'
export { verify } from './verify.ts'
