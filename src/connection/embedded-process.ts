import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { totalmem } from 'node:os'
import { LandfallError } from '../errors.ts'
import { program } from './embedded-binaries.ts'
import { type Home, makePrivate } from './embedded-home.ts'

export const SUPERUSER = 'postgres'

/** The server's programs must not be led astray by PGDATA, PGPORT and the like. */
const ENV = { PATH: process.env.PATH, LC_ALL: 'C' }

/**
 * Makes the data folder, or leaves it when it is there: it gets its name only when it is complete. The
 * password is never an argument; the file that initdb reads is the one that keeps it.
 */
export function initialise(home: Home, more: readonly string[] = []): void {
  if (existsSync(home.data)) return
  const half = `${home.data}.new`
  rmSync(half, { recursive: true, force: true })
  makePrivate(half, home.user)
  writeFileSync(home.password, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (home.user) chownSync(home.password, home.user.uid, home.user.gid)
  const args = ['-D', half, '-U', SUPERUSER, '-A', 'scram-sha-256', '--pwfile', home.password, '-E', 'UTF8']
  args.push('--no-locale', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', ...more)
  try {
    const initdb = program(home.binaries, 'initdb')
    execFileSync(initdb, args, { ...home.user, cwd: '/', env: ENV, stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new LandfallError('LF307', 'The embedded PostgreSQL could not make its data folder.', {
      hint: said,
    })
  }
  if (home.user) chownSync(home.password, 0, 0)
  renameSync(half, home.data)
}

/** Starts the server in a process group of its own, so that Ctrl-C in our terminal does not reach it. */
export function launch(home: Home, port: number, socket: string): ChildProcess {
  const args = Object.entries(serverSettings(port, socket)).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  if ((statSync(home.log, { throwIfNoEntry: false })?.size ?? 0) > 10_000_000) rmSync(home.log)
  const log = openSync(home.log, 'a', 0o600)
  try {
    const server = spawn(program(home.binaries, 'postgres'), ['-D', home.data, ...args], {
      ...home.user,
      cwd: '/',
      env: ENV,
      detached: true,
      stdio: ['ignore', log, log],
    })
    server.on('error', () => {})
    server.unref()
    return server
  } finally {
    closeSync(log)
  }
}

/** For loading; what protects the data (fsync, full page writes, synchronous commit) stays on. */
function serverSettings(port: number, socket: string): Readonly<Record<string, string | number>> {
  const small = totalmem() < 3e9
  return {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: `"${socket.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    cluster_name: 'landfall',
    max_connections: 100,
    shared_buffers: small ? '128MB' : '256MB',
    maintenance_work_mem: small ? '128MB' : '256MB',
    work_mem: '16MB',
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    // Indexes built after loading then go to disk once, and not through the log as well.
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_parallel_maintenance_workers: 2,
    random_page_cost: 1.1,
    jit: 'off',
    ...(hasLittleSharedMemory() ? { dynamic_shared_memory_type: 'mmap' } : {}),
  }
}

/** Containers give /dev/shm 64 MB as a rule, which parallel workers outgrow. */
function hasLittleSharedMemory(): boolean {
  if (process.platform !== 'linux') return false
  try {
    const { blocks, bsize } = statfsSync('/dev/shm')
    return blocks * bsize < 1e9
  } catch {
    return true
  }
}

/** What `postmaster.pid` says, when the process that it names runs this very data folder. */
export function runningServer(data: string): { pid: number; port: number; socket: string } | null {
  let lines: string[]
  try {
    lines = readFileSync(`${data}/postmaster.pid`, 'utf8').split('\n')
  } catch {
    return null
  }
  const pid = Number(lines[0])
  if (!isServer(pid, data)) return null
  return { pid, port: Number(lines[3]), socket: lines[4] ?? '' }
}

/** A number is given to another process some day, so the command line must be that of our server. */
function isServer(pid: number, data: string): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false
  try {
    if (process.platform === 'linux') {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return command[1] === '-D' && command[2] === data
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      `-D ${data}`,
    )
  } catch {
    return false
  }
}

/**
 * The number of a server that was killed may belong to some other program by now, which PostgreSQL takes
 * for itself and refuses to start. Only then is the pid file removed: in all other cases it protects the
 * data from what is left of the old server.
 */
export function removeRecycledPid(data: string): void {
  if (process.platform !== 'linux') return
  try {
    const pid = Number.parseInt(readFileSync(`${data}/postmaster.pid`, 'utf8'), 10)
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
    if (!name.startsWith('postgres')) rmSync(`${data}/postmaster.pid`)
  } catch {
    // No pid file or no such process: nothing is in the way.
  }
}

/** Fast shutdown: open transactions are rolled back. Waits until the process is gone. */
export async function shutDown(data: string): Promise<boolean> {
  const server = runningServer(data)
  if (server === null) return false
  const deadline = Date.now() + 60_000
  signal(server.pid)
  while (isServer(server.pid, data)) {
    if (Date.now() > deadline)
      throw new LandfallError('LF307', `The embedded PostgreSQL (process ${server.pid}) does not stop.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGINT')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** `wanted` when nothing listens there, else any free port of 127.0.0.1. */
export function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', () => (wanted === 0 ? reject(new Error('no free port')) : resolve(freePort(0))))
    probe.listen(wanted, '127.0.0.1', () => {
      const address = probe.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
