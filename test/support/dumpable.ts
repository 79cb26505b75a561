import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lookForPostgresTools } from '../../src/connection/postgres-tools.ts'
import { type VersionedServer, versionedServer } from './versions.ts'

export type DumpableServer = VersionedServer

/** A server and the pg_dump that knows it; null where there is none. */
const tools = lookForPostgresTools(140_000)

/** True when `dumpableServer` can start one. */
export const canDump = tools !== null && existsSync(join(dirname(tools.dump), 'initdb'))

/**
 * A private PostgreSQL of the version of the pg_dump that is installed: the one that all tests share may be
 * newer, and pg_dump refuses that.
 */
export async function dumpableServer(): Promise<DumpableServer> {
  if (tools === null) throw new Error('there is no pg_dump')
  const { version, major } = tools
  return await versionedServer({ folder: dirname(dirname(tools.dump)), version, major })
}
