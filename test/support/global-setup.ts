import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { findBinaries, program } from '../../src/connection/embedded-binaries.ts'
import { prepareHome, socketFolder } from '../../src/connection/embedded-home.ts'
import { freePort, initialise, SUPERUSER } from '../../src/connection/embedded-process.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the run's PostgreSQL 18: superuser, database `postgres`. */
    postgresUrl: string
  }
}

/** The run's one PostgreSQL; see `startServer`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startServer()
  project.provide('postgresUrl', url)
  return stop
}

/**
 * Starts a PostgreSQL, fast and careless of its data; `stop` ends it and removes its folder. Unlike a
 * user's embedded server it belongs to our process group and ends with Ctrl-C.
 */
export async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-test-'))
  chmodSync(folder, 0o711)
  const home = prepareHome(folder, findBinaries())
  initialise(home, ['--no-sync'])
  const port = await freePort(0)
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketFolder(home),
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: 200,
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    wal_level: 'logical',
    log_min_messages: 'panic',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(program(home.binaries, 'postgres'), ['-D', home.data, ...args], {
    ...home.user,
    cwd: '/',
    stdio: 'ignore',
  })
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const stop = async (): Promise<void> => {
    server.kill('SIGQUIT')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  const password = readFileSync(home.password, 'utf8')
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`
  try {
    await accepting(url, () => server.exitCode === null)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}

async function accepting(url: string, runs: () => boolean): Promise<void> {
  const connection = parseConnection(url)
  if (connection.engine !== 'postgres') throw new TypeError('not PostgreSQL')
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      return await (await openPostgres(connection.settings, { applicationName: 'landfall test' })).close()
    } catch (error) {
      if (!runs() || Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
