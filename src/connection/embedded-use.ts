import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LandfallError } from '../errors.ts'
import { type EmbeddedServer, startEmbedded, stopEmbedded } from './embedded.ts'
import { inFolder, makeFolder } from './embedded-folder.ts'
import { isBusy, taken } from './embedded-lock.ts'

/** The embedded server while a process works with it. */
export interface EmbeddedUse {
  readonly server: EmbeddedServer
  /**
   * Stops the server, unless another process works with it or a person wants it to go on. A server that
   * a killed process left behind is stopped by the next one that leaves.
   */
  leave(keepRunning: boolean): Promise<void>
}

/**
 * Starts the embedded server or finds it running, and says that this process needs it: by a shared lock
 * of SQLite's on a file, which dies with the process. Errors: those of `startEmbedded`.
 */
export async function useEmbedded(folder: string): Promise<EmbeddedUse> {
  makeFolder(folder)
  const users = enter(folder)
  try {
    const server = await startEmbedded({ folder })
    return {
      server,
      async leave(keepRunning) {
        users.close()
        if (keepRunning) keepEmbedded(folder)
        else if (!existsSync(keepFile(folder))) await stopUnlessUsed(folder)
      },
    }
  } catch (error) {
    users.close()
    throw error
  }
}

/** Until it is stopped by name, the server goes on whoever leaves it. Errors: LF307. */
export function keepEmbedded(folder: string): void {
  const text = 'The server was started to stay; `landfall embedded stop` ends it.\n'
  inFolder(folder, () => writeFileSync(keepFile(folder), text))
}

/** Stops it whatever was wanted before; returns whether there was one to stop. Errors: LF307. */
export async function endEmbedded(folder: string): Promise<boolean> {
  inFolder(folder, () => rmSync(keepFile(folder), { force: true }))
  return await stopEmbedded({ folder })
}

/** Takes the shared lock; it is waited for while another process stops the server. */
function enter(folder: string): DatabaseSync {
  return inFolder(folder, () => {
    const users = open(folder, 60_000)
    try {
      users.exec('BEGIN')
      users.prepare('SELECT count(*) FROM sqlite_schema').get()
      return users
    } catch (error) {
      users.close()
      if (!isBusy(error)) throw error
      throw new LandfallError(
        'LF307',
        `Another process has been stopping the server in ${folder} for a minute.`,
        { hint: 'Try again when it has ended.' },
      )
    }
  })
}

async function stopUnlessUsed(folder: string): Promise<void> {
  const users = inFolder(folder, () => open(folder, 0))
  try {
    if (inFolder(folder, () => taken(users))) await stopEmbedded({ folder })
  } finally {
    users.close()
  }
}

function open(folder: string, timeout: number): DatabaseSync {
  return new DatabaseSync(join(folder, 'embedded.users'), { timeout })
}

function keepFile(folder: string): string {
  return join(folder, 'embedded.keep')
}
