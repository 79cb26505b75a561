import { statfsSync, statSync } from 'node:fs'
import { embeddedStatus } from '../connection/embedded.ts'
import { walBytes } from '../connection/sqlite-fingerprint.ts'
import type { Blocker } from '../plan/model.ts'

/** PostgreSQL's rows have larger heads than SQLite's, and its log is written besides. */
const GROWTH = 2

/**
 * What the rows will need on the embedded server's disk, before it is full half-way. A server elsewhere
 * does not tell how much room it has.
 */
export function spaceBlockers(path: string, folder: string): Blocker[] {
  const needed = (statSync(path).size + walBytes(path)) * GROWTH
  const { bavail, bsize } = statfsSync(embeddedStatus({ folder }).folder)
  const free = bavail * bsize
  if (free >= needed) return []
  return [
    {
      code: 'LF207',
      table: null,
      column: null,
      message: `the copy needs about ${gigabytes(needed)} where the embedded PostgreSQL lives, and ${gigabytes(free)} are free`,
      examples: [],
      choices: ['free some room', '--to postgres://…   a server that has it'],
    },
  ]
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
