import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MigrateReport } from '../../src/index.ts'
import { type Ended, landfall } from '../cli/run.ts'
import { startProxy } from '../support/kill-proxy.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import {
  BATCH,
  contentOf,
  leavings,
  momentOf,
  NEW_OFFICE,
  OFFICE_MODULE,
  OLD_OFFICE,
  TASKS,
} from './mapped-office.ts'
import { type PrivateServer, privateServer } from './private-server.ts'
import { ask, leftInServer } from './state.ts'

/** Killed at so many places, evenly over the whole run. */
const PLACES = 12
const AT_ONCE = 2

const folder = mkdtempSync(join(tmpdir(), 'landfall-mapped-'))
let server: TestServer
let source: string
let before: string
let after: string
let counts: unknown
let rejects: unknown[]
let messages: number

beforeAll(async () => {
  writeFileSync(join(folder, 'landfall.config.mjs'), OFFICE_MODULE)
  server = await testServer()
  source = await server.database()
  await ask(source, OLD_OFFICE)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

async function office(): Promise<string> {
  const url = await server.database()
  await ask(url, NEW_OFFICE)
  return url
}

function migrate(url: string, onStart?: (child: ChildProcess) => void, from = source): Promise<Ended> {
  const ends = ['--config', 'landfall.config.mjs', '--from', from, '--to', url]
  return landfall(['migrate', ...ends, '--batch-size', String(BATCH), '--jobs', '2', '--yes', '--json'], {
    cwd: folder,
    env: { NODE_COMPILE_CACHE: join(folder, 'compiled') },
    ...(onStart === undefined ? {} : { onStart }),
  })
}

function reportOf(ended: Ended): MigrateReport {
  expect(ended.stderr).not.toContain('error')
  expect(ended.stdout, ended.stderr).not.toBe('')
  return JSON.parse(ended.stdout) as MigrateReport
}

const countsOf = (report: MigrateReport) =>
  report.tables.map(({ source: move, read, merged, setAside }) => ({ move, read, merged, setAside }))

/** Of the newest run: one that was done before keeps its own. */
const rejectsOf = (url: string) =>
  ask(
    url,
    `SELECT move, key, "column", reason FROM landfall.rejects
      WHERE run = (SELECT max(id) FROM landfall.runs) ORDER BY move, key`,
  )

/** Through a proxy, so that it can be killed at a message to the target. */
function through(url: string, port: number): string {
  const to = new URL(url)
  to.port = String(port)
  return to.href
}

const address = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) })

/** Until `sql` yields true. */
async function until(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const deadline = Date.now() + 40_000; Date.now() < deadline; await sleep(2)) {
      const { rows } = await client.query({ text: `SELECT coalesce((${sql}), false)`, rowMode: 'array' })
      if (rows[0]![0] === true) return
    }
  } finally {
    await client.end()
  }
  throw new Error(`it never came to ${sql}`)
}

const waiting = `SELECT bool_or(wait_event_type = 'Lock') FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'landfall apply'`
const applied = `SELECT (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM landfall.moves WHERE applied_at IS NOT NULL', false, true, '')))[1]::text::int > 0
  WHERE to_regclass('landfall.moves') IS NOT NULL`

/** A transaction of the application that has written to a table and has not ended. */
async function writer(url: string, statement: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  await client.query(`BEGIN; ${statement}`)
  return client
}

async function expectEnd(url: string, where: string): Promise<void> {
  expect(await contentOf(url), where).toBe(after)
  expect(await leavings(url), where).toEqual([])
  for (let tries = 0; tries < 50 && (await leftInServer(url)).length > 0; tries++) await sleep(20)
  expect(await leftInServer(url), where).toEqual([])
}

test('undisturbed, the target changes all at once, and nothing is left behind', async () => {
  const url = await office()
  before = await contentOf(url)
  const proxy = await startProxy(address(url))
  let over = false
  const running = migrate(through(url, proxy.port)).finally(() => {
    over = true
  })
  const seen = new Set<string>()
  while (!over) {
    const { content, applied } = await momentOf(url)
    seen.add(`${content} ${applied}`)
    await sleep(5)
  }
  messages = proxy.count()
  await proxy.close()
  const report = reportOf(await running)
  after = await contentOf(url)
  expect([...seen].filter((moment) => ![`${before} 0`, `${after} 4`].includes(moment))).toEqual([])
  expect(report).toMatchObject({ outcome: 'done', exitCode: 1, resumed: false })
  counts = countsOf(report)
  expect(counts).toContainEqual({
    move: 'tasks',
    read: TASKS,
    merged: { created: TASKS * 0.75 - 6, updated: TASKS / 4, unchanged: 0, skipped: 0 },
    setAside: 6,
  })
  rejects = await rejectsOf(url)
  expect(rejects).toHaveLength(6)
  expect(await ask(url, 'SELECT count(*)::int AS n FROM people_map')).toEqual([{ n: 300 }])
  await expectEnd(url, 'undisturbed')
})

test('killed anywhere and started again, it ends as if nothing had happened', async () => {
  const phases: Record<string, number> = {}
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < PLACES) {
      const place = next++
      const n = Math.max(1, Math.round((place + 0.5) * (messages / PLACES)))
      const action = place % 2 === 0 ? 'before' : 'after'
      const where = `killed ${action} message ${n} of ${messages}`
      const url = await office()
      const proxy = await startProxy(address(url))
      const ended = await migrate(through(url, proxy.port), (child) => {
        proxy.onMessage(n, action, () => child.kill('SIGKILL'))
      })
      await proxy.close()
      const moment = await momentOf(url)
      expect(moment, where).toEqual(
        moment.applied === 0 ? { content: before, applied: 0 } : { content: after, applied: 4 },
      )
      const phase = ended.status !== null ? 'none' : await phaseOf(url)
      phases[phase] = (phases[phase] ?? 0) + 1
      const written = await ask(url, 'SELECT xmin::text, t::text FROM tasks t ORDER BY id')
      const report = reportOf(await migrate(url))
      expect(report, where).toMatchObject({ outcome: 'done', exitCode: 1 })
      if (phase !== 'done' && phase !== 'none') expect(countsOf(report), where).toEqual(counts)
      expect(await rejectsOf(url), where).toEqual(rejects)
      // What was applied is not applied again.
      if (moment.applied > 0)
        expect(await ask(url, 'SELECT xmin::text, t::text FROM tasks t ORDER BY id'), where).toEqual(written)
      await expectEnd(url, where)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  console.info('killed in', phases)
  expect(Object.keys(phases)).toEqual(expect.arrayContaining(['copy', 'apply', 'verify']))
}, 240_000)

async function phaseOf(url: string): Promise<string> {
  const [there] = await ask(url, `SELECT to_regclass('landfall.runs') IS NOT NULL AS yes`)
  if (there?.yes !== true) return 'begin'
  const [run] = await ask<{ phase: string; state: string }>(url, 'SELECT phase, state FROM landfall.runs')
  return run === undefined ? 'begin' : run.state === 'done' ? 'done' : run.phase
}

test('killed once all is applied: the next run does not apply it again, and comes to its end', async () => {
  const url = await office()
  const killed = await migrate(url, (child) => {
    void until(url, applied).then(() => child.kill('SIGKILL'))
  })
  expect(killed.status).toBeNull()
  expect(await ask(url, 'SELECT state FROM landfall.runs')).not.toEqual([{ state: 'done' }])
  const written = await ask(url, 'SELECT xmin::text, t::text FROM tasks t ORDER BY id')
  const report = reportOf(await migrate(url))
  expect(report).toMatchObject({ outcome: 'done', resumed: true, exitCode: 1 })
  expect(countsOf(report)).toEqual(counts)
  expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([])
  expect(await ask(url, 'SELECT xmin::text, t::text FROM tasks t ORDER BY id')).toEqual(written)
  await expectEnd(url, 'killed while verifying')
})

test('killed within one database once all is applied: the next run only comes to its end', async () => {
  const url = await server.database()
  await ask(
    url,
    `CREATE TABLE people (id int PRIMARY KEY, mail text);
     INSERT INTO people SELECT i, CASE WHEN i % 10 > 0 THEN 'p' || i END FROM generate_series(1, 30000) i;
     CREATE TABLE mails (person int PRIMARY KEY REFERENCES people, mail text NOT NULL)`,
  )
  const config = {
    name: 'within',
    badRows: 'set-aside',
    moves: { mails: { from: 'people', columns: { person: 'id' } } },
  }
  writeFileSync(join(folder, 'within.json'), JSON.stringify(config))
  const args = ['migrate', '--config', 'within.json', '--from', url, '--to', url, '--yes', '--json']
  const killed = await landfall(args, {
    cwd: folder,
    onStart: (child) => void until(url, applied).then(() => child.kill('SIGKILL')),
  })
  expect(killed.status).toBeNull()
  const written = () => ask(url, 'SELECT xmin::text, person FROM mails ORDER BY person')
  const before = await written()
  expect(before).toHaveLength(27_000)
  const report = reportOf(await landfall(args, { cwd: folder }))
  expect(report).toMatchObject({ outcome: 'done', resumed: true, exitCode: 1 })
  expect(report.tables[0]).toMatchObject({ merged: { created: 27_000 }, setAside: 3000 })
  expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([])
  expect(await written()).toEqual(before)
  expect(await leavings(url)).toEqual([])
})

/** A run that has staged everything and waits for the application; then it is killed. */
async function stagedAndKilled(url: string): Promise<void> {
  const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
  const ended = await migrate(url, (child) => {
    void until(url, waiting).then(() => child.kill('SIGKILL'))
  })
  expect(ended.status).toBeNull()
  await other.end()
  expect(await momentOf(url)).toEqual({ content: before, applied: 0 })
}

test('what is staged is used again; where the source has changed it is staged anew', async () => {
  const url = await office()
  const from = await server.database()
  await ask(from, OLD_OFFICE)
  await stagedAndKilled(url)
  const resumed = reportOf(await migrate(url))
  expect(resumed).toMatchObject({ resumed: true })
  expect(resumed.phases.find(({ name }) => name === 'copy')!.seconds).toBeLessThan(60)
  await expectEnd(url, 'staged and killed')

  const changed = await office()
  const other = await writer(changed, 'UPDATE tasks SET hits = hits WHERE id = 4')
  await migrate(changed, (child) => void until(changed, waiting).then(() => child.kill('SIGKILL')), from)
  await other.end()
  await ask(
    from,
    `UPDATE tasks SET title = 'other' WHERE id = 5; DELETE FROM tasks WHERE id = 6; UPDATE tasks SET owner = 1 WHERE owner = -1`,
  )
  const report = reportOf(await migrate(changed, undefined, from))
  expect(report).toMatchObject({ outcome: 'done', exitCode: 0, resumed: false })
  expect(await ask(changed, 'SELECT title FROM tasks WHERE id IN (5, 6)')).toEqual([{ title: 'other' }])
  expect(await ask(changed, 'SELECT count(*)::int AS n FROM tasks')).toEqual([{ n: TASKS - 1 }])
  expect(await leavings(changed)).toEqual([])
})

describe('the server of the target crashes', () => {
  let own: PrivateServer
  beforeAll(async () => {
    own = await privateServer()
    await own.start()
  })
  afterAll(async () => {
    await own.remove()
  })

  test('while everything is staged: the stages are empty afterwards, and are filled again', async () => {
    const url = await own.database()
    await ask(url, NEW_OFFICE)
    const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
    let crashed: Promise<void> | undefined
    const ended = await migrate(url, () => {
      crashed = until(url, waiting).then(() => own.stop('kill'))
    })
    await crashed
    await other.end().catch(() => {})
    expect(ended.status).toBe(4)
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: expect.stringMatching(/LF305|LF402/) } })
    await own.start()
    expect(await momentOf(url)).toEqual({ content: before, applied: 0 })
    const report = reportOf(await migrate(url))
    expect(report).toMatchObject({ outcome: 'done', exitCode: 1 })
    expect(countsOf(report)).toEqual(counts)
    await expectEnd(url, 'after the crash')
  })
})

describe('others are at work', () => {
  test('a second run is refused while the first one waits', async () => {
    const url = await office()
    const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
    const first = migrate(url)
    await until(url, waiting)
    const second = await migrate(url)
    expect(second.status).toBe(6)
    expect(second.stdout + second.stderr).toContain('LF401')
    await other.query('COMMIT')
    await other.end()
    expect(reportOf(await first)).toMatchObject({ outcome: 'done', exitCode: 1 })
    await expectEnd(url, 'with a second run')
  })

  test('an application that writes in another order meets no deadlock, and loses nothing', async () => {
    const url = await office()
    const other = await writer(
      url,
      `UPDATE tasks SET hits = 1000 WHERE id = 4; INSERT INTO tasks (id, user_id, hits) VALUES (1, 1, 77)`,
    )
    const run = migrate(url)
    await until(url, waiting)
    // Longer than the server waits before it looks for a deadlock.
    await other.query(`UPDATE groups SET name = 'Team 3' WHERE name = 'Team 3'`)
    await sleep(1500)
    await other.query(
      `UPDATE users SET email = email WHERE id < 10; INSERT INTO users (email) VALUES ('person1@example.com'); COMMIT`,
    )
    await other.end()
    expect(reportOf(await run)).toMatchObject({ outcome: 'done', exitCode: 1 })
    expect(
      await ask(
        url,
        `SELECT t.id, email, hits, left(title, 6) AS title FROM tasks t JOIN users u ON u.id = user_id WHERE t.id IN (1, 4) ORDER BY 1`,
      ),
    ).toEqual([
      { id: 1, email: 'person2@example.com', hits: 77, title: 'task 1' },
      { id: 4, email: 'person5@example.com', hits: 1000, title: 'task 4' },
    ])
    expect(
      await ask(url, `SELECT count(*)::int AS n FROM users WHERE email = 'person1@example.com'`),
    ).toEqual([{ n: 1 }])
  })

  test('a writer that does not end is named when patience is over', async () => {
    const url = await office()
    const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
    const impatient = new URL(url)
    impatient.search = '?options=-c%20lock_timeout%3D1200'
    const ended = await migrate(impatient.href)
    expect(ended.status).toBe(4)
    const { error } = JSON.parse(ended.stdout) as {
      error: { code: string; message: string; hint: string }
    }
    expect(error).toMatchObject({
      code: 'LF304',
      message: expect.stringContaining('could not be locked within 1 s'),
    })
    expect(error.hint).toMatch(/tasks: process \d+ \(.*idle in transaction since/)
    expect(await momentOf(url)).toEqual({ content: before, applied: 0 })
    await other.query('COMMIT')
    await other.end()
    expect(reportOf(await migrate(url))).toMatchObject({ resumed: true, exitCode: 1 })
    await expectEnd(url, 'after patience was over')
  })

  test('the connection that holds the lock breaks: nothing is applied', async () => {
    const url = await office()
    const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
    const running = migrate(url)
    await until(url, waiting)
    await ask(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name ~ '^landfall lock'`,
    )
    const ended = await running
    expect(ended.status).toBe(4)
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'LF402' } })
    await other.end()
    await sleep(200)
    expect(await momentOf(url)).toEqual({ content: before, applied: 0 })
    expect(countsOf(reportOf(await migrate(url)))).toEqual(counts)
    await expectEnd(url, 'after the lock was lost')
  })

  test('an interruption does not wait for it', async () => {
    const url = await office()
    const other = await writer(url, 'UPDATE tasks SET hits = hits WHERE id = 4')
    let asked = 0
    const ended = await migrate(url, (child) => {
      void until(url, waiting).then(() => {
        asked = performance.now()
        child.kill('SIGINT')
      })
    })
    expect(ended.status).toBe(130)
    expect(performance.now() - asked).toBeLessThan(5000)
    await other.end()
    expect(await momentOf(url)).toEqual({ content: before, applied: 0 })
    expect(reportOf(await migrate(url))).toMatchObject({ resumed: true, exitCode: 1 })
  })
})
