import type { Connection, PostgresConnection, Source } from '../connection/settings.ts'
import type { Declaration } from '../contract/declaration.ts'
import type { SchemaDialect } from '../contract/schema.ts'
import type { BootChoice, BootConfig } from './boot.ts'
import type { BackupChoice, IdentityChoice, MoveChoices } from './choices.ts'
import type { ColumnConfig } from './column.ts'
import type { Env } from './env.ts'
import type { ExportedBy } from './exported-by.ts'
import type { IdentityConfig } from './mapping.ts'
import type { SchemaConfig } from './schema.ts'
import type { Sql } from './sql.ts'

export type { BootChoice, BootConfig } from './boot.ts'
export type { BackupChoice, ColumnChoice, IdentityChoice, MoveChoices, TableChoice } from './choices.ts'
export type { ColumnConfig, Constant } from './column.ts'
export type { IdentityConfig } from './mapping.ts'

/** What a user writes in `landfall.config.ts`. Everything that is not said goes by name. */
export interface MigrationConfig {
  /** The migration's name in the target's journal. Default: the source file's name without its ending. */
  readonly name?: string
  /**
   * The database to read, e.g. `sqlite:app.db`. A relative path starts at the working directory.
   * `exportedBy(…)`: the PostgreSQL database whose settings an exporter hands over.
   */
  readonly source?: string | Env | ExportedBy
  /** The database to fill, e.g. `postgres://user@host/db`. Default: `embedded`, a server under `.landfall/`. */
  readonly target?: string | Env
  /** The target's schema. Default: `public`. */
  readonly targetSchema?: string
  /** `keep` (default): names are spelled as in the source; `snake`: snake_case. */
  readonly names?: 'keep' | 'snake'
  /** `stop` (default): rows that do not fit are refused before writing; `set-aside`: they go to `landfall.rejects`. */
  readonly badRows?: 'stop' | 'set-aside'
  /** How many tables and chunks are worked on at once. Default: the number of processors. */
  readonly jobs?: number
  /** Rows of one chunk, the unit of work and of resuming. */
  readonly batchSize?: number
  /** The schema of a PostgreSQL source in which names without schema are looked for. Default: `public`. */
  readonly sourceSchema?: string
  /** The time zone in which naive timestamps are meant where a column says nothing else. */
  readonly zone?: string
  /** Old key to new key, by name; columns refer to it with `{ identity: name }`. */
  readonly identities?: { readonly [name: string]: IdentityConfig }
  /** A backup of the target (`true`: in `backups/`) before anything is written; `source`: of the source, too. */
  readonly backup?: boolean | { readonly folder?: string; readonly source?: boolean }
  /** Absent: all tables. Present: only those listed, plus `'*'` for the rest. Keys are target names. */
  readonly moves?: MovesConfig
  /** What must be true of the target's schema, for `landfall schema`: tables, by name. */
  readonly schema?: SchemaConfig
  /** Queries of the target that must return nothing, by what they would prove: sql.target`…`. */
  readonly invariants?: { readonly [name: string]: Sql<'target'> | undefined }
  /** How the migration behaves when an application starts. */
  readonly boot?: BootConfig
  /** The role that owns what is made in the target. Default: the role that connects. */
  readonly owner?: string
  /** Rights given on every table that is made. */
  readonly grants?: readonly GrantConfig[]
}

export interface MovesConfig {
  /** All tables that are not named by another key. */
  readonly '*'?: Readonly<Record<string, never>> | false
  /** A target table's name; `false` under a source table's name leaves it out. */
  readonly [table: string]: MoveConfig | readonly MoveConfig[] | false | undefined
}

export interface MoveConfig {
  /** The source table, where its name differs; of a PostgreSQL source also a SELECT: sql`…`. */
  readonly from?: string | Sql<'source'>
  /** Target columns that tell which row is there already. Default: the target's primary key. */
  readonly key?: string | readonly string[]
  /** Only rows for which this is true. */
  readonly filter?: Sql<'source'>
  /** What to do when the source has no such table. Default: `fail`. */
  readonly ifSourceMissing?: 'fail' | 'skip'
  /** What to do with a row that is there already: `update` (default) what changed, `keep` it, or `fail`. */
  readonly ifThere?: 'update' | 'keep' | 'fail'
  /** What to do with a row whose parent is unknown. Default: `fail`. Where the parent is set aside, so is the row. */
  readonly ifParentMissing?: 'fail' | 'set-aside'
  /** Target columns whose values triggers may change; of rows that are there they are not compared. */
  readonly setByTriggers?: string | readonly string[]
  /** Keys are target columns; `false` leaves the column out, a text names the source column. */
  readonly columns?: { readonly [column: string]: false | string | ColumnConfig }
}

export interface GrantConfig {
  readonly role: string
  readonly rights: readonly TableRight[]
}

export const TABLE_RIGHTS = [
  'select',
  'insert',
  'update',
  'delete',
  'truncate',
  'references',
  'trigger',
] as const
export type TableRight = (typeof TABLE_RIGHTS)[number]

/** What every verb needs to find the journal. */
export interface TargetSettings {
  readonly to: PostgresConnection | 'embedded'
  /** Absolute path of the folder that holds the embedded server. */
  readonly embeddedFolder: string
}

/** Everything that `schemaPlan`, `schemaApply`, `schemaVerify` and `schemaUndo` are told. */
export interface SchemaSettings extends TargetSettings {
  readonly declaration: Declaration
  /** No attempt waits longer for a lock on a table, in milliseconds; at most 250. */
  readonly lockTimeoutMs: number
  /** A statement whose locks are not to be had is tried again for so long, in milliseconds. */
  readonly retryForMs: number
  /** So long an index may take to be built while it waits for others' transactions, in milliseconds. */
  readonly indexWaitMs: number
  /** So long each invariant may take, in milliseconds; one that takes longer is incomplete. */
  readonly invariantMs: number
  readonly dryRun: boolean
  readonly keepRunning: boolean
}

/** What `schemaSql` is told. */
export interface SchemaSqlSettings {
  readonly declaration: Declaration
  readonly dialect: SchemaDialect
  /** Of SQLite the absolute path of the database that is looked at. */
  readonly sqlite: string | null
}

/** Config and command line after defaults: everything the library's verbs are told. */
export interface Settings extends TargetSettings {
  readonly name: string
  /** Of an exported source only the way to its exporter; `reachSource` asks that. */
  readonly from: Source
  readonly moves: MoveChoices
  readonly identities: readonly IdentityChoice[]
  /** The time zone of naive timestamps whose column says nothing else. */
  readonly zone: string | null
  /** What is backed up before anything is written; null: nothing. */
  readonly backup: BackupChoice | null
  readonly boot: BootChoice
  readonly names: 'keep' | 'snake'
  readonly badRows: 'stop' | 'set-aside'
  readonly targetSchema: string
  /**
   * Only this schema of a PostgreSQL source is looked at, and names without schema are looked for in it;
   * null: all schemas. Never null where moves are mapped.
   */
  readonly sourceSchema: string | null
  readonly jobs: number
  readonly batchSize: number
  /** Only so many rows of each table are profiled; null: all. */
  readonly profileRows: number | null
  /** Source tables to which the run is limited; null: all. */
  readonly tables: readonly string[] | null
  readonly exclude: readonly string[]
  /** Absolute path of the readable copy of the progress, or null. */
  readonly checkpoint: string | null
  readonly restart: boolean
  readonly dryRun: boolean
  readonly keepRunning: boolean
  readonly record: boolean
  /** `migrate` verifies what it has moved. */
  readonly verify: boolean
  readonly verification: Verification
  /** How one consistent view of the source is held. */
  readonly snapshot: 'auto' | 'hold' | 'backup'
  readonly owner?: string
  readonly grants?: readonly GrantConfig[]
}

/** Settings whose source can be opened: where it was exported, it has been asked for. */
export interface ReachedSettings extends Settings {
  readonly from: Connection
}

/** How much is verified, and what becomes of the differences. */
export interface Verification {
  /** Share of the rows that is compared, above 0 and at most 1; null: all. */
  readonly sample: number | null
  /** Only numbers of rows are compared. */
  readonly counts: boolean
  /** So many differences are listed; all are counted. */
  readonly maxDiffs: number
  /** After so many seconds no other range is begun; null: no limit. */
  readonly maxSeconds: number | null
  /** Differences are listed with their values. */
  readonly showValues: boolean
  /** Rows that are missing or changed are written to the target. */
  readonly repair: boolean
  /** With `repair`: rows that only the target has are deleted. */
  readonly deleteExtra: boolean
}
