import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeBackend, makePlugin } from '../../recipes/plugin-to-backend/sample.ts'
import { ident } from '../../src/connection/quote.ts'
import { BIN } from '../cli/run.ts'
import { type PrivateServer, privateServer } from '../faults/private-server.ts'
import { ask } from '../faults/state.ts'

export const CONFIG = fileURLToPath(new URL('start.config.ts', import.meta.url))
export const STATE = 'plugin_db_migration_states'

/** An application that says when it was started, and ends. */
const APPLICATION = 'date +%s%N > "$0"'

/** One of the processes that start. */
export interface Started {
  readonly number: number
  readonly pid: number
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** When its application was started, in nanoseconds since 1970; null: it was not. */
  readonly application: bigint | null
}

export interface Round {
  readonly backend: string
  readonly started: readonly Started[]
  readonly seconds: number
}

/** Whom to kill: any process, or the one that migrates; a random number of milliseconds after it can be. */
export interface Victim {
  readonly who: 'anyone' | 'runner'
  readonly after: number
}

/** Running, with room for many processes; it knows when transactions committed. */
export async function startsServer(): Promise<PrivateServer> {
  const server = await privateServer()
  await server.start()
  await ask(server.url, 'ALTER SYSTEM SET track_commit_timestamp = on')
  await ask(server.url, 'ALTER SYSTEM SET max_connections = 200')
  await server.stop('fast')
  await server.start()
  return server
}

/** Databases from which every round gets its own. */
export class Starts {
  readonly #url: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'landfall-starts-'))
  #rounds = 0
  plugin = ''

  /** @param url a superuser's, of a server that tracks when transactions commit */
  constructor(url: string) {
    this.#url = url
  }

  async prepare(accounts: number): Promise<void> {
    for (const name of ['starts_plugin', 'starts_backend'])
      await ask(this.#url, `CREATE DATABASE ${ident(name)}`)
    const sizes = { users: 60, accounts, kiro: true, strangers: false }
    this.plugin = this.#database('starts_plugin')
    await makePlugin(this.plugin, sizes)
    await makeBackend(this.#database('starts_backend'), sizes)
  }

  /** A backend before any start. */
  async backend(): Promise<string> {
    const name = `starts_${++this.#rounds}`
    await ask(this.#url, `CREATE DATABASE ${ident(name)} TEMPLATE starts_backend`)
    return this.#database(name)
  }

  async drop(url: string): Promise<void> {
    await ask(this.#url, `DROP DATABASE ${ident(new URL(url).pathname.slice(1))} WITH (FORCE)`)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** So many processes, started together, and waited for. */
  async round(processes: number, backend: string, victim: Victim | null): Promise<Round> {
    const began = performance.now()
    const folder = mkdtempSync(join(this.#folder, 'round-'))
    const children = Array.from({ length: processes }, (_, number) =>
      startOne(backend, this.plugin, join(folder, `application-${number}`)),
    )
    if (victim !== null) await kill(victim, backend, children)
    const ended = await Promise.all(children.map((child) => child.ended))
    const times = new Map(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8').trim()]),
    )
    const started = ended.map((one, number): Started => {
      const time = times.get(`application-${number}`)
      return { ...one, number, application: time ? BigInt(time) : null }
    })
    return { backend, started, seconds: (performance.now() - began) / 1000 }
  }

  #database(name: string): string {
    const url = new URL(this.#url)
    url.pathname = `/${name}`
    return url.href
  }
}

interface Child {
  readonly process: ChildProcess
  readonly ended: Promise<Pick<Started, 'pid' | 'status' | 'signal' | 'stderr'>>
}

function startOne(backend: string, plugin: string, file: string): Child {
  const { FORCE_COLOR: _, ...inherited } = process.env
  const child = spawn(
    process.execPath,
    [BIN, 'boot', '--config', CONFIG, '--', 'sh', '-c', APPLICATION, file],
    {
      env: { ...inherited, DATABASE_URL: backend, PLUGIN_DATABASE_URL: plugin },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let stderr = ''
  child.stderr.on('data', (part: Buffer) => {
    stderr += part
  })
  return {
    process: child,
    ended: new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (status, signal) => resolve({ pid: child.pid!, status, signal, stderr }))
    }),
  }
}

/** Whoever holds the lock says so in the journal. */
async function kill({ who, after }: Victim, backend: string, children: readonly Child[]): Promise<void> {
  if (who === 'anyone') {
    await sleep(after)
    children[Math.floor(Math.random() * children.length)]!.process.kill('SIGKILL')
    return
  }
  for (let looks = 0; looks < 2000; looks++) {
    const held = await ask<{ process: number }>(
      backend,
      'SELECT process::int FROM landfall.migrations',
    ).catch(() => [])
    const runner = children.find(({ process: one }) => one.pid === held[0]?.process)
    if (runner !== undefined) {
      await sleep(after)
      runner.process.kill('SIGKILL')
      return
    }
    await sleep(10)
  }
  throw new Error('nobody has taken the lock')
}

const MAP = 'plugin_user_mappings'

/** What the backend holds of the plugin, without the numbers and times that it gives itself. */
export async function contentsOf(backend: string): Promise<string> {
  const digest = (table: string): string =>
    `SELECT '${table} ' || count(*) || ' ' || md5(string_agg(t::text, '|' ORDER BY t::text)) AS line
      FROM (SELECT to_jsonb(t) ${table === MAP ? "- 'created_at'" : "- 'id'"} AS t FROM ${table} t) t`
  const tables = [
    'users',
    MAP,
    'antigravity_accounts',
    'antigravity_model_quotas',
    'kiro_accounts',
    'kiro_subscription_models',
  ]
  const rows = await ask<{ line: string }>(backend, tables.map(digest).join(' UNION ALL '))
  return rows.map(({ line }) => line).join('\n')
}

/** What is wrong after a round in which at most one process was killed; empty: nothing. */
export async function wrongIn({ backend, started }: Round, expected: string): Promise<string[]> {
  const wrong: string[] = []
  const killed = started.filter(({ signal }) => signal === 'SIGKILL')
  if (killed.length > 1) wrong.push(`${killed.length} were killed`)
  for (const one of started) {
    if (one.signal === 'SIGKILL') continue
    if (one.status !== 0)
      wrong.push(`process ${one.number} ended with ${one.status ?? one.signal}: ${one.stderr}`)
    if (one.application === null) wrong.push(`process ${one.number} did not start its application`)
  }
  const [state] = await ask<{ status: string; committed: string }>(
    backend,
    `SELECT status, trunc(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::text || '000' AS committed FROM ${STATE}`,
  )
  if (state?.status !== 'done') return [...wrong, `the state is ${state?.status}`]
  for (const { number, application } of started)
    if (application !== null && application < BigInt(state.committed))
      wrong.push(`process ${number} started its application before the migration was done`)
  const [found] = await ask<Record<'done' | 'applied' | 'stages' | 'others' | 'locks', number>>(
    backend,
    `SELECT (SELECT count(*)::int FROM landfall.runs WHERE state = 'done') AS done,
        (SELECT count(DISTINCT run)::int FROM landfall.moves WHERE applied_at IS NOT NULL) AS applied,
        (SELECT count(*)::int FROM pg_tables WHERE schemaname = 'landfall' AND tablename LIKE 'stage%') AS stages,
        (SELECT count(*)::int FROM antigravity_model_quotas WHERE pg_xact_commit_timestamp(xmin) <> (SELECT pg_xact_commit_timestamp(xmin) FROM ${STATE})) AS others,
        (SELECT count(*)::int FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE l.locktype = 'advisory' AND d.datname = current_database()) AS locks`,
  )
  const right = { done: 1, applied: 1, stages: 0, others: 0, locks: 0 }
  for (const [name, value] of Object.entries(right))
    if (found![name as keyof typeof right] !== value)
      wrong.push(`${name}: expected ${value}, found ${found![name as keyof typeof right]}`)
  const contents = await contentsOf(backend)
  if (contents !== expected) wrong.push(`the rows are others:\n${contents}\nexpected\n${expected}`)
  return wrong
}
