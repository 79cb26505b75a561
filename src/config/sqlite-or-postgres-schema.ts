import type { SchemaDialect } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import { loadConfig } from './load.ts'
import type { MigrationConfig, SchemaSqlSettings } from './model.ts'
import { declarationOf, type SchemaOptions } from './schema-settings.ts'
import { type Surroundings, sourceOf, surroundings } from './settings.ts'

/** What the command line can say to `schema sql`; no target need be named. */
export interface SchemaSqlOptions extends Pick<SchemaOptions, 'config' | 'name' | 'targetSchema'> {
  readonly dialect?: SchemaDialect
  /** For SQLite: the database whose missing parts are written. */
  readonly from?: string
}

/** Like `loadSchemaSettings`, for `schemaSql`. */
export async function loadSchemaSqlSettings(
  options: SchemaSqlOptions = {},
  where: Surroundings = surroundings(),
): Promise<SchemaSqlSettings> {
  const loaded = await loadConfig(options.config, where.cwd)
  return makeSchemaSqlSettings(loaded?.config ?? {}, options, where)
}

/** A config and options as `schemaSql` takes them. The config must be a valid one. */
export function makeSchemaSqlSettings(
  config: MigrationConfig,
  options: SchemaSqlOptions = {},
  where: Surroundings = surroundings(),
): SchemaSqlSettings {
  const dialect = options.dialect ?? 'postgres'
  if (dialect === 'postgres' && options.from !== undefined)
    throw new LandfallError('LF001', '--from: only --dialect sqlite looks at a database', {
      hint: 'The file for PostgreSQL looks by itself when it is run.',
    })
  return {
    declaration: declarationOf(config, options),
    dialect,
    sqlite: dialect === 'sqlite' ? sqliteFile(config, options, where) : null,
  }
}

function sqliteFile(config: MigrationConfig, options: SchemaSqlOptions, where: Surroundings): string {
  const from = sourceOf(config, options, where)
  if (from.engine === 'sqlite') return from.path
  throw new LandfallError('LF001', `--from: ${from.label} is not a SQLite database`, {
    hint: '--from sqlite:app.db   the database whose missing parts are written',
  })
}
