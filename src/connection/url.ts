import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { LandfallError } from '../errors.ts'
import { parsePostgres } from './postgres-url.ts'
import type { Connection, SqliteConnection } from './settings.ts'

export type { Connection, PostgresConnection, PostgresSettings, SqliteConnection } from './settings.ts'

const FORMS = [
  'sqlite:app.db                        a SQLite file (sqlite:/absolute/app.db works too)',
  'postgres://user:password@host/name   a PostgreSQL database',
  'host=… dbname=… user=…               the same, as libpq writes it',
].join('\n')

/**
 * Reads a connection string: a SQLite file or a PostgreSQL database, with libpq's environment variables
 * and password file filling what a PostgreSQL string leaves out. No connection is made.
 *
 * Errors: LF003. They never repeat the text, for it may hold a password.
 */
export function parseConnection(
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Connection {
  const trimmed = text.trim()
  if (trimmed === '') throw new LandfallError('LF003', 'The connection string is empty.', { hint: FORMS })
  if (trimmed.includes('\0'))
    throw new LandfallError('LF003', 'The connection string holds a NUL character.', { hint: FORMS })
  const sqlite = /^(?:sqlite3?(?:\+[a-z0-9_]+)?|file):/i.exec(trimmed)
  if (sqlite) return parseSqlite(trimmed.slice(sqlite[0].length))
  if (/^postgres(?:ql)?(?:\+[a-z0-9_]+)?:\/\//i.test(trimmed)) return parsePostgres(trimmed, env)
  const scheme = /^([a-z][a-z0-9]{1,20})(?:\+[a-z0-9_]+)?:\/\//i.exec(trimmed)?.[1]
  if (scheme !== undefined)
    throw new LandfallError('LF003', `Landfall does not know databases of the kind ${scheme}://.`, {
      hint: FORMS,
    })
  if (/\.(?:db|sqlite3?)$/i.test(trimmed) && existsSync(trimmed)) return sqliteFile(trimmed, [])
  if (/^\s*[a-z_]+\s*=/i.test(trimmed)) return parsePostgres(trimmed, env)
  if (/\.(?:db|sqlite3?)$/i.test(trimmed))
    throw new LandfallError(
      'LF003',
      'The connection string looks like a SQLite file, but there is no such file.',
      {
        hint: `Look at the path and the current folder, or write one of\n${FORMS}`,
      },
    )
  throw new LandfallError('LF003', 'The connection string cannot be understood.', { hint: FORMS })
}

/**
 * `rest` is what follows `sqlite:`. As SQLAlchemy means them, `///name` is relative and `////name`
 * absolute. A name may hold `?` and `%`: an existing file of that very name wins over decoding.
 */
function parseSqlite(rest: string): SqliteConnection {
  let path = rest
  if (rest.startsWith('//')) {
    path = rest.slice(2)
    if (path.startsWith('/')) path = path.slice(1)
    else if (/[@:]/.test(path) && !existsSync(path))
      throw new LandfallError('LF003', 'A SQLite file has no host, user or password.', { hint: FORMS })
  }
  const bare = path.replace(/\?(?:[^?=]+=[^?]*)?$/, '')
  if (bare === '' || bare === ':memory:')
    throw new LandfallError('LF003', 'The connection string names no SQLite file.', { hint: FORMS })
  const notes: string[] = []
  const candidates = [path, decoded(path), bare, decoded(bare)]
  let found = candidates.find(existsSync)
  if (found === undefined && rest.startsWith('///') && !path.startsWith('/')) {
    found = [`/${bare}`, `/${decoded(bare)}`].find(existsSync)
    if (found !== undefined)
      notes.push(
        `sqlite:/// means a relative path, and there is none; ${found} was taken (sqlite:////… is absolute)`,
      )
  }
  const chosen = found ?? decoded(bare)
  if (bare !== path && chosen !== path && chosen !== decoded(path))
    notes.push('the parameters after ? in the path of the SQLite file are not used')
  return sqliteFile(chosen, notes)
}

function sqliteFile(path: string, notes: readonly string[]): SqliteConnection {
  return { engine: 'sqlite', path: resolve(path), label: `sqlite:${path}`, notes }
}

/** The path as it stands when it is no valid percent-encoding. */
function decoded(path: string): string {
  try {
    const result = decodeURIComponent(path)
    return result.includes('\0') ? path : result
  } catch {
    return path
  }
}
