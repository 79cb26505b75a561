import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries, program } from '../../src/connection/embedded-binaries.ts'
import { prepareHome, socketFolder } from '../../src/connection/embedded-home.ts'
import { freePort, initialise, SUPERUSER } from '../../src/connection/embedded-process.ts'
import { ident } from '../../src/connection/quote.ts'
import { ask } from './state.ts'

/** A PostgreSQL of the test's own, which may be treated badly. */
export interface PrivateServer {
  /** Superuser, database `postgres`. */
  readonly url: string
  /** An empty database. */
  database(): Promise<string>
  /** Starts it (again) and waits until it answers. */
  start(how?: { readonly largestFileMb?: number }): Promise<void>
  /** `fast` and `immediate` as in pg_ctl; `kill`: every process at once, without a chance to write. */
  stop(how: 'fast' | 'immediate' | 'kill'): Promise<void>
  remove(): Promise<void>
}

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** Makes the server's data; it is not running yet. */
export async function privateServer(): Promise<PrivateServer> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-server-'))
  chmodSync(folder, 0o711)
  const home = prepareHome(folder, findBinaries())
  initialise(home, ['--no-sync', '--wal-segsize=1'])
  const port = await freePort(0)
  const password = readFileSync(home.password, 'utf8')
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: socketFolder(home),
    // What has been committed and not yet written goes with a crash: the worst that a database may do.
    synchronous_commit: 'off',
    wal_writer_delay: '200ms',
    log_min_messages: 'panic',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  let server: ChildProcess | null = null
  let databases = 0
  const ended = async (): Promise<void> => {
    const leaving = server
    if (leaving === null || leaving.exitCode !== null || leaving.signalCode !== null) return
    await new Promise<void>((resolve) => leaving.once('exit', () => resolve()))
  }
  return {
    url,
    async database() {
      const name = `d${++databases}`
      await ask(url, `CREATE DATABASE ${ident(name)}`)
      const made = new URL(url)
      made.pathname = `/${name}`
      return made.href
    },
    async start({ largestFileMb } = {}) {
      const postgres = [program(home.binaries, 'postgres'), '-D', home.data, ...args]
      // The shell counts in blocks of 512 bytes.
      const limit = largestFileMb === undefined ? 'unlimited' : String(largestFileMb * 2048)
      server = spawn('/bin/sh', ['-c', `ulimit -f ${limit}; exec "$@"`, 'sh', ...postgres], {
        ...home.user,
        cwd: '/',
        stdio: 'ignore',
      })
      for (const deadline = Date.now() + 30_000; ; await sleep(30)) {
        try {
          await ask(url, 'SELECT 1')
          return
        } catch (error) {
          if (server.exitCode !== null || Date.now() > deadline) throw error
        }
      }
    },
    async stop(how) {
      if (how === 'kill') await killAll(server!.pid!, url)
      else server!.kill(SIGNALS[how])
      await ended()
    },
    async remove() {
      server?.kill('SIGQUIT')
      await ended()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Every backend is a process group of its own, so that they have to be named one by one. */
async function killAll(postmaster: number, url: string): Promise<void> {
  const backends = await ask<{ pid: number }>(url, 'SELECT pid FROM pg_stat_activity')
  process.kill(postmaster, 'SIGKILL')
  for (const { pid } of backends) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone by itself.
    }
  }
}
