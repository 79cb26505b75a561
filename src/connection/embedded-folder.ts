import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LandfallError } from '../errors.ts'

/**
 * Makes the folder of an embedded server when it is not there. A new one tells Git to leave it alone:
 * it lies in the user's project. Errors: LF307.
 */
export function makeFolder(folder: string): void {
  inFolder(folder, () => {
    const made = mkdirSync(folder, { recursive: true })
    if (made !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n')
  })
}

/** Runs `work` on files of the folder. Errors: LF307 with what the system or SQLite says. */
export function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw folderError(error, folder)
  }
}

/** Wraps errors of the system and of SQLite about files of the folder; others come back as they are. */
export function folderError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error || 'errcode' in error)) return error
  return new LandfallError(
    'LF307',
    `The embedded PostgreSQL lives in ${folder}, and that failed: ${error.message}`,
    {
      hint: `${folder} must be a folder that this user may write, on a disk with room.\nOr name a server of your own with --to.`,
    },
  )
}
