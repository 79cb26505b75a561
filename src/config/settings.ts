import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { isExported, type Source } from '../connection/settings.ts'
import { LandfallError } from '../errors.ts'
import { isAskedFor, resolveBoot } from './boot.ts'
import { type Env, type Environment, resolveEnv } from './env.ts'
import { isExportedBy, readExportedBy } from './exported-by.ts'
import { loadConfig, readConfig } from './load.ts'
import type { MigrationConfig, Settings, TargetSettings } from './model.ts'
import { isMapped, resolveBackup, resolveIdentities, resolveMoves } from './resolve.ts'
import { migrationName, readSource, readTarget, refuseForSqlite } from './sqlite-to-postgres.ts'
import { validateConfig } from './validate.ts'

/** What the command line can say; it wins over the config. */
export interface Options {
  readonly config?: string
  readonly name?: string
  readonly from?: string
  readonly to?: string
  readonly tables?: readonly string[]
  readonly exclude?: readonly string[]
  readonly targetSchema?: string
  readonly jobs?: number
  readonly badRows?: 'stop' | 'set-aside'
  readonly names?: 'keep' | 'snake'
  readonly batchSize?: number
  readonly profileRows?: number
  readonly checkpoint?: string
  readonly restart?: boolean
  readonly dryRun?: boolean
  readonly keepRunning?: boolean
  readonly record?: boolean
  readonly verify?: boolean
  readonly sample?: number
  readonly counts?: boolean
  readonly maxDiffs?: number
  readonly maxSeconds?: number
  readonly showValues?: boolean
  readonly repair?: boolean
  readonly deleteExtra?: boolean
  readonly snapshot?: 'auto' | 'hold' | 'backup'
  /** How long to wait for another instance, e.g. `30m`. */
  readonly wait?: string
  /** Before anything is written; a text names the folder. */
  readonly backup?: boolean | string
}

/** Differences that are listed when nothing is said. */
export const DEFAULT_MAX_DIFFS = 100

/** Where options and config are understood: relative paths start at `cwd`. */
export interface Surroundings {
  readonly cwd: string
  readonly environment: Environment
  /** The verb of the command line, for hints; absent in the library. */
  readonly command?: string
}

/** Rows of a chunk when nothing is said: small enough to resume soon, large enough for COPY to run well. */
export const DEFAULT_BATCH_SIZE = 50_000

export const surroundings = (): Surroundings => ({ cwd: process.cwd(), environment: process.env })

/**
 * Finds and reads the config, and merges it with the options.
 * @throws LandfallError LF001 to LF004
 */
export async function loadSettings(
  options: Options = {},
  where: Surroundings = surroundings(),
): Promise<Settings> {
  const loaded = await loadConfig(options.config, where.cwd)
  return makeSettings(loaded?.config ?? {}, options, where)
}

/** What the start of an application needs to know while nothing is to be moved. */
export interface StartSettings extends Omit<Settings, 'from'> {
  /** The source, too, which may well be gone and forgotten when all is done. Errors: LF001 to LF004. */
  readonly complete: () => Settings
}

/**
 * Like `loadSettings`, for the start of an application. `config` is a config, or a file of one. Null: the
 * config asks for nothing to be done, whatever else it says.
 */
export async function loadBootSettings(
  config: MigrationConfig | string | undefined,
  options: Options = {},
  where: Surroundings = surroundings(),
): Promise<StartSettings | null> {
  const found =
    typeof config === 'object' ? { file: 'config', value: config } : await readConfig(config, where.cwd)
  if (found !== null && !isAskedFor(found.value, where.environment)) return null
  const valid = found === null ? {} : validateConfig(found.value, basename(found.file))
  return {
    ...withoutSource(valid, options, where, () => nameOf(sourceOf(valid, options, where))),
    complete: () => makeSettings(valid, options, where),
  }
}

/** Like `loadSettings` for verbs that only read the journal: the source need not be known. */
export async function loadTargetSettings(
  options: Options = {},
  where: Surroundings = surroundings(),
): Promise<TargetSettings> {
  const loaded = await loadConfig(options.config, where.cwd)
  return targetSettings(loaded?.config ?? {}, options, where)
}

/** A config and options as the verbs of the library take them. The config must be a valid one. */
export function makeSettings(
  config: MigrationConfig,
  options: Options = {},
  where: Surroundings = surroundings(),
): Settings {
  const from = sourceOf(config, options, where)
  refuseForSqlite(from, config)
  return { ...withoutSource(config, options, where, () => nameOf(from)), from }
}

/** @param name what the migration is called where nobody has said it */
function withoutSource(
  config: MigrationConfig,
  options: Options,
  where: Surroundings,
  name: () => string,
): Omit<Settings, 'from'> {
  const targetSchema = schemaOf(options.targetSchema ?? config.targetSchema ?? 'public')
  const moves = resolveMoves(config.moves)
  const identities = resolveIdentities(config.identities)
  // Tables that keep their names keep their schema; mapped ones say where they come from.
  const found = isMapped({ moves, identities }) ? 'public' : (options.targetSchema ?? config.targetSchema)
  return {
    ...targetSettings(config, options, where),
    name: options.name ?? config.name ?? name(),
    moves,
    identities,
    zone: config.zone ?? null,
    backup: resolveBackup(config.backup, options.backup, where.cwd),
    boot: resolveBoot(config.boot, targetSchema, options.wait),
    names: options.names ?? config.names ?? 'keep',
    badRows: options.badRows ?? config.badRows ?? 'stop',
    targetSchema,
    sourceSchema: config.sourceSchema ?? found ?? null,
    jobs: options.jobs ?? config.jobs ?? availableParallelism(),
    batchSize: options.batchSize ?? config.batchSize ?? DEFAULT_BATCH_SIZE,
    profileRows: options.profileRows ?? null,
    tables: options.tables ?? null,
    exclude: options.exclude ?? [],
    checkpoint: options.checkpoint === undefined ? null : resolve(where.cwd, options.checkpoint),
    restart: options.restart ?? false,
    dryRun: options.dryRun ?? false,
    keepRunning: options.keepRunning ?? false,
    record: options.record ?? true,
    verify: options.verify ?? true,
    verification: {
      sample: options.sample ?? null,
      counts: options.counts ?? false,
      maxDiffs: options.maxDiffs ?? DEFAULT_MAX_DIFFS,
      maxSeconds: options.maxSeconds ?? null,
      showValues: options.showValues ?? false,
      repair: options.repair ?? false,
      deleteExtra: options.deleteExtra ?? false,
    },
    snapshot: options.snapshot ?? 'auto',
    ...(config.owner === undefined ? {} : { owner: config.owner }),
    ...(config.grants === undefined ? {} : { grants: config.grants }),
  }
}

/** Errors: LF003, LF004, LF001 for an engine that cannot be a target. */
export function targetSettings(
  config: MigrationConfig,
  options: { readonly to?: string },
  where: Surroundings,
): TargetSettings {
  const text = options.to ?? textOf(config.target, 'target', where) ?? 'embedded'
  return {
    to: text === 'embedded' ? 'embedded' : readTarget(text, where.environment),
    embeddedFolder: resolve(where.cwd, '.landfall'),
  }
}

export function sourceOf(config: MigrationConfig, options: Options, where: Surroundings): Source {
  const { source } = config
  if (options.from === undefined && isExportedBy(source)) return readExportedBy(source, where.environment)
  const text = options.from ?? (isExportedBy(source) ? undefined : textOf(source, 'source', where))
  if (text !== undefined) return readSource(text, where.environment)
  throw new LandfallError('LF001', 'no source is named', {
    hint: `landfall ${where.command ?? 'migrate'} --from sqlite:app.db\nor source: … in landfall.config.ts`,
  })
}

/** What an exporter will name is not known yet, and asking it is not for settings to do. */
function nameOf(from: Source): string {
  if (!isExported(from)) return migrationName(from)
  throw new LandfallError('LF002', 'name: is missing, and a source that is exported gives it none', {
    hint: "name: 'plugin_db_to_backend'   in the config, or --name NAME",
  })
}

/** PostgreSQL cuts longer names off without a word, and keeps its own schemas to itself. */
export function schemaOf(name: string): string {
  const why =
    name === ''
      ? 'its name is empty'
      : Buffer.byteLength(name) > 63
        ? 'its name is longer than the 63 bytes that PostgreSQL keeps'
        : name === 'landfall'
          ? 'the journal is kept there'
          : name.startsWith('pg_') || name === 'information_schema'
            ? 'it is one of PostgreSQL’s own'
            : null
  if (why === null) return name
  throw new LandfallError(
    'LF001',
    `the tables cannot be made in the schema ${JSON.stringify(name)}: ${why}`,
    {
      hint: '--target-schema NAME   another one; without it: public',
    },
  )
}

function textOf(value: string | Env | undefined, path: string, where: Surroundings): string | undefined {
  return typeof value === 'object' ? resolveEnv(value, path, where.environment) : value
}
