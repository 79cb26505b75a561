import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import { prepareHome } from '../../src/connection/embedded-home.ts'
import { freePort } from '../../src/connection/embedded-process.ts'
import { lookForPostgresTools } from '../../src/connection/postgres-tools.ts'

export interface DumpableServer {
  /** Superuser, database `postgres`; the password holds what has to be escaped. */
  readonly url: string
  readonly password: string
  stop(): Promise<void>
}

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
  const bin = dirname(tools.dump)
  const folder = mkdtempSync(join(tmpdir(), 'landfall-dump-'))
  chmodSync(folder, 0o755)
  const { user } = prepareHome(folder, { folder: dirname(bin), version: tools.version, major: tools.major })
  const options = { ...user, cwd: '/', stdio: 'ignore' } as const
  const password = `s3cret '"@:/%\\`
  const file = join(folder, 'password')
  writeFileSync(file, password, { mode: 0o644 })
  const data = join(folder, 'postgres', 'data')
  chmodSync(join(folder, 'postgres'), 0o777)
  const init = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', file, '--no-sync']
  execFileSync(join(bin, 'initdb'), [...init, '-E', 'UTF8', '--locale=C'], options)
  rmSync(file)
  const port = await freePort(0)
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...args], options)
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`
  await accepting(url)
  return {
    url,
    password,
    async stop() {
      server.kill('SIGQUIT')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function accepting(url: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const client = new Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
