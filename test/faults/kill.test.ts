import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ended, landfall } from '../cli/run.ts'
import { startProxy } from '../support/kill-proxy.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { BATCH, makeLibrary } from './sample.ts'
import { ask, type EndState, endState, leftInServer } from './state.ts'

/** Killed once at so many places, and twice at so many more. */
const PLACES = 64
const TWICE = 8
const AT_ONCE = 2

const folder = mkdtempSync(join(tmpdir(), 'landfall-kill-'))
let server: TestServer
let reference: EndState
let status: number | null
let messages: number

beforeAll(async () => {
  server = await testServer()
  const round = await newRound()
  const proxy = await startProxy(address(round.url))
  const ended = await migrate(round, proxy.port)
  messages = proxy.count()
  await proxy.close()
  expect(ended.stderr).not.toContain('error')
  status = ended.status
  reference = await endState(round.url)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

test('the undisturbed run has everything in it', () => {
  expect(status).toBe(1)
  expect(reference['rows of books']).toHaveLength(157)
  expect(reference['rows of no key: a log']).toHaveLength(130)
  expect(reference.rejects).toHaveLength(6)
  expect(reference.chunks!.length).toBeGreaterThan(12)
  expect(reference.indexes!.length).toBeGreaterThan(6)
  expect(reference.sequences).toContainEqual(
    expect.objectContaining({ sequencename: 'authors_id_seq', last_value: '210' }),
  )
  expect(messages).toBeGreaterThan(PLACES * 10)
})

test('killed anywhere and started again, a run ends as if nothing had happened', async () => {
  const phases: Record<string, number> = {}
  const outcomes: Record<string, number> = {}
  await eachOf(PLACES, async (place) => {
    // The last messages close the connections; a run may have a few less of them than the counted one.
    const n = Math.max(1, Math.round((place + 0.5) * (messages / PLACES)))
    const action = place % 2 === 0 ? 'before' : 'after'
    const round = await newRound()
    const where = `killed ${action} message ${n} of ${messages}`
    const cut = await killedAt(round, n, action)
    const phase = cut ? await phaseOf(round.url) : 'none'
    phases[phase] = (phases[phase] ?? 0) + 1
    const outcome = await endsWell(round, where)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  })
  const killed = Object.entries(phases).reduce((sum, [phase, n]) => sum + (phase === 'none' ? 0 : n), 0)
  console.info(`killed ${killed} times in`, phases, 'then', outcomes)
  expect(killed).toBeGreaterThanOrEqual(60)
  expect(Object.keys(phases)).toEqual(expect.arrayContaining(['begin', 'schema', 'copy', 'finish', 'verify']))
  expect(outcomes.done).toBeGreaterThan(50)
}, 600_000)

test('killed twice', async () => {
  await eachOf(TWICE, async (place) => {
    const round = await newRound()
    const first = Math.round(((place + 0.7) * messages) / TWICE)
    // What is left to do has fewer messages.
    const second = Math.round(((TWICE - place) * (messages - first) * 0.3) / TWICE) + 30
    await killedAt(round, first, 'after')
    await killedAt(round, second, 'before')
    await endsWell(round, `killed after message ${first} and again before message ${second}`)
  })
}, 120_000)

interface Round {
  readonly cwd: string
  readonly url: string
}

let made = 0
/** A fresh database, a source of the same content, and a folder for temporary files to look into. */
async function newRound(): Promise<Round> {
  const cwd = join(folder, String(made++))
  mkdirSync(join(cwd, 'tmp'), { recursive: true })
  // One file for all: its fingerprint is part of what is compared.
  if (made === 1) makeLibrary(folder)
  return { cwd, url: await server.database() }
}

function migrate({ cwd, url }: Round, port: number, onStart?: (child: ChildProcess) => void): Promise<Ended> {
  const to = new URL(url)
  to.port = String(port)
  const from = `sqlite:${join(folder, 'library.db')}`
  const args = ['migrate', '--from', from, '--to', to.href, '--batch-size', String(BATCH), '--jobs', '2']
  return landfall([...args, '--bad-rows', 'set-aside', '--json'], {
    cwd,
    // Compiled once for all rounds.
    env: { TMPDIR: join(cwd, 'tmp'), NODE_COMPILE_CACHE: join(folder, 'compiled') },
    ...(onStart === undefined ? {} : { onStart }),
  })
}

/** False when the run was over before its n-th message. */
async function killedAt(round: Round, n: number, action: 'before' | 'after'): Promise<boolean> {
  const proxy = await startProxy(address(round.url))
  let cut = false
  const ended = await migrate(round, proxy.port, (child) => {
    proxy.onMessage(n, action, () => {
      cut = child.kill('SIGKILL')
    })
  })
  await proxy.close()
  if (cut) expect(ended.status).toBeNull()
  return cut
}

async function phaseOf(url: string): Promise<string> {
  const [there] = await ask(url, `SELECT to_regclass('landfall.runs') IS NOT NULL AS yes`)
  if (there?.yes !== true) return 'begin'
  const [run] = await ask<{ phase: string }>(url, 'SELECT phase FROM landfall.runs')
  return run?.phase ?? 'begin'
}

/** The same command once more; then everything is as it is after the undisturbed run. */
async function endsWell(round: Round, where: string): Promise<string> {
  const ended = await migrate(round, Number(new URL(round.url).port))
  expect(ended.stderr, where).not.toContain('error')
  const { outcome } = JSON.parse(ended.stdout) as { outcome: string }
  expect(ended.status, where).toBe(outcome === 'nothing-to-do' ? 0 : status)
  const state = await endState(round.url)
  for (const part of new Set([...Object.keys(reference), ...Object.keys(state)]))
    expect(state[part], `${part}, ${where}`).toEqual(reference[part])
  expect(readdirSync(join(round.cwd, 'tmp')), where).toEqual([])
  // The server takes a moment to see that a client has gone.
  for (let tries = 0; tries < 50 && (await leftInServer(round.url)).length > 0; tries++) await sleep(20)
  expect(await leftInServer(round.url), where).toEqual([])
  return outcome
}

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

/** Runs `work` for 0, 1, 2 …, a few at a time; the first failure is thrown once all have ended. */
async function eachOf(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
