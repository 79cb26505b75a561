import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LandfallError } from '../errors.ts'
import { readingSource } from './sqlite-error.ts'
import { registerFunctions } from './sqlite-functions.ts'

/** How long SQLite waits for a lock before it gives up, milliseconds. */
const LOCK_TIMEOUT = 8_000
/** Page cache of one connection, KiB: inner pages of the b-trees stay, leaves are read once. */
const CACHE_KIB = 8_192

/**
 * Checks without opening it that there is a file to read. Plain opening and closing is avoided on
 * purpose: closing any descriptor of a file drops all POSIX locks that this process has on it, also
 * those of SQLite connections that the application itself may hold.
 */
export function checkFile(path: string): void {
  let stats: Stats
  try {
    stats = statSync(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EACCES') throw denied(path)
    throw new LandfallError('LF101', `there is no file ${path}`, {
      hint: 'Check the path; a relative one starts at the current folder.',
    })
  }
  if (stats.isDirectory()) {
    throw new LandfallError('LF101', `${path} is a folder`, { hint: 'Name the database file inside it.' })
  }
  try {
    accessSync(path, constants.R_OK)
  } catch {
    throw denied(path)
  }
  if (stats.size === 0) {
    throw new LandfallError('LF102', `${path} is empty`, {
      hint: 'An empty file often comes from a tool that was started in another folder. Check the path.',
    })
  }
}

function denied(path: string): LandfallError {
  return new LandfallError('LF101', `${path} may not be read by this user`, {
    hint: 'Run as the user who owns the database, or allow this user to read it.',
  })
}

/**
 * A read-only connection with what Landfall's SELECTs need. The path is made absolute, so that
 * SQLite never takes it for a `file:` URI: any name is taken literally. Errors name `source`, the user's file.
 */
export function openReadOnly(path: string, source = path): DatabaseSync {
  return readingSource(source, () => {
    const database = new DatabaseSync(resolve(path), { readOnly: true, timeout: LOCK_TIMEOUT })
    try {
      database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
      registerFunctions(database, encodingOf(database))
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

/** `UTF-8`, `UTF-16le` or `UTF-16be`. */
export function encodingOf(database: DatabaseSync): string {
  return String(database.prepare('PRAGMA encoding').get()?.encoding)
}
