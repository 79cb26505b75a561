/** The public library: the verbs, what they take and what they return. */
import type { BootOptions } from './boot.ts'
import type {
  MigrationConfig,
  SchemaSettings,
  SchemaSqlSettings,
  Settings,
  TargetSettings,
} from './config/model.ts'
import type { Options, Surroundings } from './config/settings.ts'
import type { BootReport, BootStatusReport } from './contract/boot.ts'
import type { MigrateReport, StatusReport } from './contract/report.ts'
import type {
  SchemaApplyReport,
  SchemaPlanReport,
  SchemaSqlReport,
  SchemaUndoReport,
  SchemaVerifyReport,
} from './contract/schema.ts'
import type { Tools } from './contract/tools.ts'
import type { VerifyReport } from './contract/verify.ts'
import type { Exporter, ExportOptions } from './exporter/export.ts'
import type { Plan } from './plan/model.ts'

export type { BootOptions } from './boot.ts'
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
  SchemaSettings,
  SchemaSqlSettings,
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
export {
  loadSchemaSettings,
  makeSchemaSettings,
  type SchemaOptions,
} from './config/schema-settings.ts'
export { loadSettings, loadTargetSettings, makeSettings, type Options } from './config/settings.ts'
export { type Sql, sql } from './config/sql.ts'
export {
  loadSchemaSqlSettings,
  makeSchemaSqlSettings,
  type SchemaSqlOptions,
} from './config/sqlite-or-postgres-schema.ts'
export type { BootCount, BootReport, BootState, BootStatusReport } from './contract/boot.ts'
export type { CheckResult } from './contract/check.ts'
export type { Declaration } from './contract/declaration.ts'
export type { ProgressEvent, ProgressListener } from './contract/progress.ts'
export type { MigrateReport, RejectSummary, StatusReport, TableReport } from './contract/report.ts'
export type {
  AppliedStatement,
  Finding,
  LockMode,
  SchemaApplyReport,
  SchemaDialect,
  SchemaLoss,
  SchemaObject,
  SchemaPlanReport,
  SchemaSqlReport,
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
export { type ErrorCode, LandfallError, type Place } from './errors.ts'
export type { ExportEvent, Exporter, ExportOptions, ExportReport } from './exporter/export.ts'
export type { Blocker, LeftOut, Move, MoveColumn, Plan } from './plan/model.ts'
export { renderBoot, renderBootStatus } from './report/boot.ts'
export { type ConfigEnds, renderConfig } from './report/config-file.ts'
export { renderMigrate } from './report/migrate.ts'
export { renderPlan } from './report/plan.ts'
export { renderSchema } from './report/schema.ts'
export { renderStatus } from './report/status.ts'
export { renderVerify } from './report/verify.ts'

// Every config imports this file: what only a verb needs is loaded when that is called.

/** Every decision, and every row that does not fit. Writes nothing. Errors: LF001 to LF005, LF1xx, LF3xx. */
export async function plan(settings: Settings, tools: Tools = {}): Promise<Plan> {
  const verbs = await import('./migrate.ts')
  return await verbs.plan(settings, tools)
}

/**
 * Moves the source into the target, or goes on where an earlier attempt stopped. Errors: those of `plan`;
 * LF2xx refused before writing; LF401 another run is at work; LF403 when `tools.signal` was aborted.
 */
export async function migrate(settings: Settings, tools: Tools = {}): Promise<MigrateReport> {
  const verbs = await import('./migrate.ts')
  return await verbs.migrate(settings, tools)
}

/** Where every migration of the target stands, by its journal. Writes nothing. */
export async function status(settings: TargetSettings): Promise<StatusReport> {
  const verbs = await import('./migrate.ts')
  return await verbs.status(settings)
}

/**
 * Compares the source with the target, all rows and all columns, and names every difference; with
 * `settings.verification.repair` the target is made equal. Errors: those of `plan`; of a repair LF208 and
 * LF401; LF403 when `tools.signal` was aborted.
 */
export async function verify(settings: Settings, tools: Tools = {}): Promise<VerifyReport> {
  const verbs = await import('./verify.ts')
  return await verbs.verify(settings, tools)
}

/**
 * The migration at the start of an application: returns when its data is there, and throws where it is not.
 * As a module of its own, which loads faster: `landfall/boot`.
 *
 * @param config a config, or the path of one; missing: `landfall.config.ts` in the working directory
 */
export async function boot(
  config?: MigrationConfig | string,
  options: BootOptions = {},
  where?: Surroundings,
): Promise<BootReport> {
  const verbs = await import('./boot.ts')
  return await verbs.boot(config, options, where)
}

/** Where the migration at start-up stands, for a readiness probe. Writes nothing. */
export async function bootStatus(
  config?: MigrationConfig | string,
  options: Options = {},
  where?: Surroundings,
): Promise<BootStatusReport> {
  const verbs = await import('./boot.ts')
  return await verbs.bootStatus(config, options, where)
}

/**
 * Hands the connection settings of a database, which are in its environment, to callers with the token.
 * Resolves when it listens. Errors: LF001, LF002, LF004, LF008.
 */
export async function exportEnv(options: ExportOptions = {}): Promise<Exporter> {
  const verbs = await import('./exporter/export.ts')
  return await verbs.exportEnv(options)
}

/**
 * What is declared beside what the target has, and the statements that would make it so, with their locks.
 * Writes nothing. Errors: LF001 to LF005, LF3xx. What is there in another form is part of the report.
 */
export async function schemaPlan(settings: SchemaSettings): Promise<SchemaPlanReport> {
  const verbs = await import('./declared.ts')
  return await verbs.schemaPlan(settings)
}

/**
 * Makes what is declared true, on a database that is in use, and verifies it. Errors: those of `schemaPlan`;
 * LF213 something is there in another form, and nothing was changed; LF312 a lock was not to be had; LF313
 * rows do not allow it; LF401; LF403.
 */
export async function schemaApply(settings: SchemaSettings, tools: Tools = {}): Promise<SchemaApplyReport> {
  const verbs = await import('./declared.ts')
  return await verbs.schemaApply(settings, tools)
}

/** Whether all that is declared is so, and the invariants hold. Writes nothing. Errors: those of `schemaPlan`. */
export async function schemaVerify(settings: SchemaSettings): Promise<SchemaVerifyReport> {
  const verbs = await import('./declared.ts')
  return await verbs.schemaVerify(settings)
}

/**
 * Drops what this declaration has made, and nothing else. Errors: LF206 nobody agreed; LF212 something was
 * changed since, or others have built upon it; LF312; LF401; LF403.
 */
export async function schemaUndo(settings: SchemaSettings, tools: Tools = {}): Promise<SchemaUndoReport> {
  const verbs = await import('./declared.ts')
  return await verbs.schemaUndo(settings, tools)
}

/**
 * The declaration as one file of SQL, for those who may only run SQL. Errors: LF001 to LF004; of SQLite also
 * LF005, LF1xx, and LF213 for what is there in another form.
 */
export async function schemaSql(settings: SchemaSqlSettings): Promise<SchemaSqlReport> {
  const verbs = await import('./declared/sql-file.ts')
  return await verbs.schemaSql(settings)
}
