import { basename, extname } from 'node:path'
import type { Connection, PostgresConnection, Source, SqliteConnection } from '../connection/settings.ts'
import { parseConnection } from '../connection/url.ts'
import { LandfallError } from '../errors.ts'
import type { Environment } from './env.ts'
import type { ColumnConfig, MigrationConfig, MoveConfig } from './model.ts'
import { printPath } from './path.ts'

/** The source's connection. Errors: LF003. */
export function readSource(text: string, environment: Environment): Connection {
  return parseConnection(text, environment)
}

/** The source of a verb that reads SQLite only. Errors: LF001 for another engine. */
export function sqliteOnly(connection: Connection): SqliteConnection {
  if (connection.engine === 'sqlite') return connection
  throw new LandfallError('LF001', `the source ${connection.label} is not a SQLite database`, {
    hint: '--from sqlite:app.db names a SQLite file; --to takes the PostgreSQL database',
  })
}

/** The target's connection. Errors: LF003, LF001 for an engine that cannot be a target. */
export function readTarget(text: string, environment: Environment): PostgresConnection {
  const connection = parseConnection(text, environment)
  if (connection.engine === 'postgres') return connection
  throw new LandfallError('LF001', `the target ${connection.label} is not a PostgreSQL database`, {
    hint: '--to postgres://user@host/database, or leave it out to use the embedded PostgreSQL',
  })
}

/** The name of a migration that the config does not name: two sources moved into one target stay apart. */
export function migrationName(from: Connection): string {
  if (from.engine === 'postgres') return from.settings.database
  const file = basename(from.path)
  return file.slice(0, file.length - extname(file).length) || 'migration'
}

/** Keys that only rows of a PostgreSQL source can follow, by where they stand. */
const POSTGRES_ONLY = {
  config: ['identities', 'zone', 'sourceSchema'],
  move: ['key', 'filter', 'ifSourceMissing', 'ifThere', 'ifParentMissing', 'setByTriggers'],
  column: ['value', 'orElse', 'identity'],
} as const satisfies {
  config: readonly (keyof MigrationConfig)[]
  move: readonly (keyof MoveConfig)[]
  column: readonly (keyof ColumnConfig)[]
}

/**
 * Rows of a SQLite source are loaded into their tables as they are.
 * Errors: LF001 naming the first key that asks for more.
 */
export function refuseForSqlite(from: Source, config: MigrationConfig): void {
  if (from.engine !== 'sqlite') return
  for (const path of postgresOnly(config))
    throw new LandfallError(
      'LF001',
      `${printPath(path)}: only rows of a PostgreSQL source can be mapped; ${from.label} is a SQLite database`,
      { hint: 'move it into a PostgreSQL database of its own first; that one can then be the source' },
    )
}

function* postgresOnly(config: MigrationConfig): Generator<readonly PropertyKey[]> {
  for (const key of POSTGRES_ONLY.config) if (config[key] !== undefined) yield [key]
  for (const [name, said] of Object.entries(config.moves ?? {})) {
    if (said === undefined || said === false) continue
    if (Array.isArray(said)) yield ['moves', name, 1]
    for (const move of [said].flat()) {
      for (const key of POSTGRES_ONLY.move) if (move[key] !== undefined) yield ['moves', name, key]
      if (typeof move.from === 'object') yield ['moves', name, 'from']
      yield* columnsOf(['moves', name, 'columns'], move.columns ?? {})
    }
  }
}

function* columnsOf(
  path: readonly PropertyKey[],
  columns: NonNullable<MoveConfig['columns']>,
): Generator<readonly PropertyKey[]> {
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column !== 'object') continue
    for (const key of POSTGRES_ONLY.column) if (column[key] !== undefined) yield [...path, name, key]
    if (column.convert?.side === 'target') yield [...path, name, 'convert']
  }
}
