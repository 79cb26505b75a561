import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LandfallError } from '../errors.ts'
import { folderError, inFolder, makeFolder } from './embedded-folder.ts'

const SQLITE_BUSY = 5

/**
 * Lets one process at a time start or stop the server of a folder. An exclusive transaction of SQLite on
 * an empty file is a lock that every system has and that dies with its holder.
 * Errors: LF307 when the folder cannot be written or the lock is not to be had; those of `work`.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  makeFolder(folder)
  const lock = inFolder(folder, () => new DatabaseSync(join(folder, 'embedded.lock')))
  const deadline = Date.now() + 120_000
  try {
    while (!taken(lock)) {
      if (Date.now() > deadline)
        throw new LandfallError(
          'LF307',
          `Another process has been starting or stopping the server in ${folder} for two minutes.`,
        )
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return await work()
  } catch (error) {
    throw folderError(error, folder)
  } finally {
    lock.close()
  }
}

/** Whether the exclusive transaction was to be had; false when another connection works with the file. */
export function taken(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw error
  }
}

export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
