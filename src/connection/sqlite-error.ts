import { basename } from 'node:path'
import { LandfallError } from '../errors.ts'

/** What `node:sqlite` throws: `errcode` is SQLite's extended result code. */
interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR'
  readonly errcode: number
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error
}

/** SQLite's result codes, https://sqlite.org/rescode.html; the extended ones where they tell more. */
const ERROR = 1
const BUSY = 5
const LOCKED = 6
const NOMEM = 7
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const READONLY_ROLLBACK = 776

/** Wraps an error of SQLite about the source in `path`; anything else comes back as it is. */
export function sourceError(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error
  const name = basename(path)
  const fail = (code: ConstructorParameters<typeof LandfallError>[0], message: string, hint: string) =>
    new LandfallError(code, message, { hint, details: { sqlite: error.errcode }, cause: error })
  if (error.errcode === READONLY_ROLLBACK) {
    return fail(
      'LF103',
      `${name} has an unfinished transaction of a program that crashed (${name}-journal)`,
      `Landfall never writes the source, so it cannot undo it.\nOpen the database once with its application or with: sqlite3 ${name} 'select 1'`,
    )
  }
  switch (error.errcode & 0xff) {
    case BUSY:
    case LOCKED:
      return fail(
        'LF103',
        `${name} stayed locked by another program`,
        'Stop the program that writes it, or try again when it is idle.',
      )
    case READONLY:
    case CANTOPEN:
      return fail(
        'LF101',
        `${name} cannot be opened`,
        `A database in WAL mode needs ${name}-wal and ${name}-shm beside it: let Landfall run as a user who may write in the folder, or copy the database (with its -wal file) to another one.`,
      )
    case CORRUPT:
      return fail(
        'LF102',
        `${name} is damaged or truncated: ${error.message}`,
        `Look at it with: sqlite3 ${name} 'pragma integrity_check'\nWhat can be saved, \`.recover\` of the sqlite3 shell saves.`,
      )
    case NOTADB:
      return fail(
        'LF102',
        `${name} is no SQLite database, or it is encrypted`,
        'Check the path; decrypt an encrypted database first.',
      )
    case IOERR:
    case NOMEM:
      return fail('LF104', `reading ${name} failed: ${error.message}`, 'Check the disk and the memory.')
    case FULL:
      return fail(
        'LF104',
        `reading ${name} failed: ${error.message}`,
        'The disk for temporary files is full. Make room, or set SQLITE_TMPDIR to a folder with more.',
      )
    case ERROR:
      return fail(
        'LF104',
        `reading ${name} failed: ${error.message}`,
        'SQL of the configuration may be wrong, or the database needs functions, collations or modules that only its application has: leave such tables out with --exclude.',
      )
    default:
      return fail(
        'LF104',
        `reading ${name} failed: ${error.message}`,
        `Look at it with: sqlite3 ${name} 'pragma integrity_check'`,
      )
  }
}

/** Runs `work` and wraps SQLite's errors. */
export function readingSource<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw sourceError(error, path)
  }
}

/** The source was told to stop: there is no answer, which is not the same as an empty one. */
export function readingInterrupted(): LandfallError {
  return new LandfallError('LF403', 'reading the source was interrupted', {
    hint: 'Run the same command again: it goes on where this one stopped.',
  })
}
