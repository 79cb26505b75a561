import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type EmbeddedServer, startEmbedded, stopEmbedded } from './embedded.ts'

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
  mkdirSync(folder, { recursive: true })
  const users = open(folder, 60_000)
  users.exec('BEGIN')
  users.prepare('SELECT count(*) FROM sqlite_schema').get()
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

/** Until it is stopped by name, the server goes on whoever leaves it. */
export function keepEmbedded(folder: string): void {
  writeFileSync(keepFile(folder), 'The server was started to stay; `landfall embedded stop` ends it.\n')
}

/** Stops it whatever was wanted before; returns whether there was one to stop. */
export async function endEmbedded(folder: string): Promise<boolean> {
  rmSync(keepFile(folder), { force: true })
  return await stopEmbedded({ folder })
}

async function stopUnlessUsed(folder: string): Promise<void> {
  const users = open(folder, 0)
  try {
    users.exec('BEGIN EXCLUSIVE')
  } catch {
    users.close()
    return
  }
  try {
    await stopEmbedded({ folder })
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
