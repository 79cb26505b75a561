import type { Declaration } from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import { loadConfig } from './load.ts'
import type { MigrationConfig, SchemaSettings } from './model.ts'
import { resolveSchema } from './resolve-schema.ts'
import { type Surroundings, schemaOf, surroundings, targetSettings } from './settings.ts'

/** What the command line can say to the schema verbs; it wins over the config. */
export interface SchemaOptions {
  readonly config?: string
  readonly name?: string
  readonly to?: string
  readonly targetSchema?: string
  /** Milliseconds, as `SchemaSettings` explains them. */
  readonly lockTimeout?: number
  readonly retryFor?: number
  readonly indexWait?: number
  readonly invariantTime?: number
  readonly dryRun?: boolean
  readonly keepRunning?: boolean
}

/** Nobody behind a statement that waits for its lock waits longer than this because of it. */
export const MOST_LOCK_TIMEOUT_MS = 250
/** With the way to the server and back it stays below. */
export const LOCK_TIMEOUT_MS = 200

/** A statement whose locks are not to be had is tried again for so long when nothing is said. */
export const DEFAULT_RETRY_FOR_MS = 5 * 60_000

/**
 * Finds and reads the config, which must declare something, and merges it with the options. A source need
 * not be named.
 * @throws LandfallError LF001 to LF004
 */
export async function loadSchemaSettings(
  options: SchemaOptions = {},
  where: Surroundings = surroundings(),
): Promise<SchemaSettings> {
  const loaded = await loadConfig(options.config, where.cwd)
  return makeSchemaSettings(loaded?.config ?? {}, options, where)
}

/** A config and options as the schema verbs of the library take them. The config must be a valid one. */
export function makeSchemaSettings(
  config: MigrationConfig,
  options: SchemaOptions = {},
  where: Surroundings = surroundings(),
): SchemaSettings {
  const declaration = declarationOf(config, options)
  const lockTimeoutMs = options.lockTimeout ?? LOCK_TIMEOUT_MS
  if (lockTimeoutMs > MOST_LOCK_TIMEOUT_MS)
    throw new LandfallError('LF001', `--lock-timeout: at most ${MOST_LOCK_TIMEOUT_MS}ms`, {
      hint: 'Everybody who wants the table waits behind a statement that waits. --retry-for 1h tries for longer.',
    })
  return {
    ...targetSettings(config, options, where),
    declaration,
    lockTimeoutMs,
    retryForMs: options.retryFor ?? DEFAULT_RETRY_FOR_MS,
    indexWaitMs: options.indexWait ?? 30 * 60_000,
    invariantMs: options.invariantTime ?? 5 * 60_000,
    dryRun: options.dryRun ?? false,
    keepRunning: options.keepRunning ?? false,
  }
}

/** What the config declares. Errors: LF001 where it is nothing. */
export function declarationOf(config: MigrationConfig, options: SchemaOptions): Declaration {
  if (config.schema === undefined && config.invariants === undefined)
    throw new LandfallError('LF001', 'no schema is declared', {
      hint: "schema: { users: { columns: { role: varchar(32).default('user') } } }   in landfall.config.ts",
    })
  const schema = schemaOf(options.targetSchema ?? config.targetSchema ?? 'public')
  return resolveSchema(config, options.name ?? config.name ?? 'schema', schema)
}
