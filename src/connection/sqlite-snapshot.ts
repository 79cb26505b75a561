import { basename } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { LandfallError } from '../errors.ts'
import { fileFingerprint, lastingFingerprint, settle } from './sqlite-fingerprint.ts'
import { openReadOnly } from './sqlite-open.ts'
import type { Reader } from './sqlite-reader.ts'

/** Each takes a few milliseconds; a writer that commits without any pause is a script. */
const TRIES = 200

/**
 * Opens a read transaction in `database` and in every reader such that all see the same moment, and
 * returns the fingerprint of that moment. A sentinel connection tells whether anybody committed in
 * between: then all start again. `path` is what is read, `source` the user's file, for messages.
 */
export async function enterSnapshot(
  path: string,
  source: string,
  database: DatabaseSync,
  readers: readonly Reader[],
): Promise<string> {
  const sentinel = openReadOnly(path, source)
  const version = () => sentinel.prepare('PRAGMA data_version').get()?.data_version
  try {
    await Promise.all(readers.map((reader) => reader.request({ kind: 'rollback' })))
    await settle(path)
    for (let tries = 0; tries < TRIES; tries += 1) {
      const before = version()
      const stamps = fileFingerprint(path)
      database.exec('BEGIN')
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
      await Promise.all(readers.map((reader) => reader.request({ kind: 'begin' })))
      const lasting = lastingFingerprint(path)
      if (stamps === fileFingerprint(path) && before === version()) return lasting
      database.exec('ROLLBACK')
      await Promise.all(readers.map((reader) => reader.request({ kind: 'rollback' })))
      await sleep(Math.random() * 10)
    }
  } finally {
    sentinel.close()
  }
  throw new LandfallError('LF103', `${basename(source)} is written without a pause`, {
    hint: 'Stop the program that writes it, or try again when it is idle.',
  })
}
