import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LandfallError } from '../errors.ts'

const SQLITE_BUSY = 5

/**
 * Lets one process at a time start or stop the server of a folder. An exclusive transaction of SQLite on
 * an empty file is a lock that every system has and that dies with its holder.
 * Errors: LF307 when the folder cannot be written or the lock is not to be had; those of `work`.
 */
export async function exclusively<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = open(folder)
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
    // Full disks, missing rights: what the system says names the path.
    if (error instanceof Error && 'syscall' in error) throw new LandfallError('LF307', error.message)
    throw error
  } finally {
    lock.close()
  }
}

function open(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true })
    return new DatabaseSync(join(folder, 'embedded.lock'))
  } catch {
    throw new LandfallError(
      'LF307',
      `The folder ${folder} cannot be written, and the embedded PostgreSQL lives there.`,
    )
  }
}

function taken(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  }
}
