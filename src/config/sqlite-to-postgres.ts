import { basename, extname } from 'node:path'
import type { Connection, PostgresConnection, SqliteConnection } from '../connection/settings.ts'
import { parseConnection } from '../connection/url.ts'
import { LandfallError } from '../errors.ts'
import type { Environment } from './env.ts'

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
