import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findBinaries, program } from '../src/connection/embedded-binaries.ts'
import { makePrivate, prepareHome } from '../src/connection/embedded-home.ts'
import { freePort } from '../src/connection/embedded-process.ts'

/** A private PostgreSQL for measuring; it trusts every local client, since pgloader cannot do more. */
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

/** @param bin the folder of the server's programs; default: the embedded PostgreSQL's. */
export async function startServer(bin?: string): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-bench-server-'))
  // As root the server runs as another user, who has to get through to its data.
  chmodSync(folder, 0o711)
  const home = prepareHome(folder, findBinaries())
  const at = (name: 'initdb' | 'postgres'): string =>
    bin === undefined ? program(home.binaries, name) : join(bin, name)
  makePrivate(home.data, home.user)
  const as = { ...home.user, cwd: home.data }
  const initdb = ['-D', home.data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--no-locale']
  execFileSync(at('initdb'), initdb, { ...as, stdio: ['ignore', 'ignore', 'inherit'] })
  const port = await freePort(0)
  const settings = Object.entries({ ...SETTINGS, port, unix_socket_directories: home.data })
  const server = spawn(
    at('postgres'),
    ['-D', home.data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...as, stdio: 'ignore' },
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
