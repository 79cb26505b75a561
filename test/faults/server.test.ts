import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, landfall } from '../cli/run.ts'
import { type PrivateServer, privateServer } from './private-server.ts'
import { ask, type EndState, endState, leftInServer } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-faults-'))
const path = join(folder, 'events.db')
let server: PrivateServer
let reference: EndState

/** 200 chunks and more than a second of copying, so that something can happen in the middle. */
const ROWS = 60_000
const BATCH = 300

beforeAll(async () => {
  const db = new DatabaseSync(path)
  db.exec(`CREATE TABLE owners (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
    CREATE TABLE events (id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES owners (id), line TEXT);
    CREATE INDEX events_by_line ON events (line, id);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      INSERT INTO owners SELECT i, 'owner ' || i FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO events SELECT i, 1 + i % 500, 'event ' || i * 7919 % 10007 || hex(zeroblob(40)) FROM n`)
  db.close()
  server = await privateServer()
  await server.start()
  const url = await server.database()
  const { status, stderr } = await migrate(url)
  expect(status, stderr).toBe(0)
  reference = await endState(url)
  expect(reference['rows of events']).toHaveLength(ROWS)
})
afterAll(async () => {
  await server.remove()
  rmSync(folder, { recursive: true })
})

function migrate(url: string, onStart?: (child: ChildProcess) => void): Promise<Ended> {
  const args = ['migrate', '--from', `sqlite:${path}`, '--to', url, '--batch-size', String(BATCH)]
  return landfall([...args, '--jobs', '2'], {
    cwd: folder,
    env: { NODE_COMPILE_CACHE: join(folder, 'compiled') },
    ...(onStart === undefined ? {} : { onStart }),
  })
}

/** A run, and `happens` as soon as some of its chunks are loaded. */
async function disturbed(url: string, happens: (child: ChildProcess) => Promise<unknown>): Promise<Ended> {
  let child: ChildProcess | undefined
  const run = migrate(url, (started) => {
    child = started
  })
  const early = run.then(({ stderr }) => {
    throw new Error(`the run was over before anything happened: ${stderr}`)
  })
  await Promise.race([loadedChunks(url, 10), early])
  await happens(child!)
  return await run
}

async function loadedChunks(url: string, least: number): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(5)) {
      const { rows: there } = await client.query(`SELECT to_regclass('landfall.chunks') AS chunks`)
      if (there[0].chunks === null) continue
      const { rows } = await client.query(
        `SELECT count(*)::int AS n FROM landfall.chunks WHERE state = 'done'`,
      )
      if (rows[0].n >= least) return
    }
  } finally {
    await client.end()
  }
  throw new Error('the run loads nothing')
}

function expectFailure(ended: Ended, status: number, code: RegExp): void {
  expect(ended.status, ended.stderr).toBe(status)
  expect(ended.stderr).toMatch(code)
  expect(ended.stderr).not.toMatch(/^\s+at .*:\d+/m)
  expect(ended.stderr).toMatch(/same command|it goes on/)
}

async function expectMiddle(url: string): Promise<void> {
  const [found] = await ask(url, `SELECT count(*)::int AS done FROM landfall.chunks WHERE state = 'done'`)
  expect(found!.done).toBeLessThan(reference.chunks!.length)
}

/** The same command ends as the undisturbed run did. */
async function expectResumed(url: string): Promise<void> {
  const ended = await migrate(url)
  expect(ended.status, ended.stderr).toBe(0)
  await expectReference(url)
}

async function expectReference(url: string): Promise<void> {
  const state = await endState(url)
  for (const part of new Set([...Object.keys(reference), ...Object.keys(state)]))
    expect(state[part], part).toEqual(reference[part])
  for (let tries = 0; tries < 50 && (await leftInServer(url)).length > 0; tries++) await sleep(20)
  expect(await leftInServer(url)).toEqual([])
}

describe('the server goes in the middle of copying', () => {
  test.each(['kill', 'immediate', 'fast'] as const)('%s', async (how) => {
    const url = await server.database()
    const ended = await disturbed(url, () => server.stop(how))
    expectFailure(ended, 4, /^error LF(305|402) /m)
    const down = await migrate(url)
    expect(down.status).toBe(4)
    expect(down.stderr).toMatch(/^error LF301 .*nothing listens there/m)
    await server.start()
    await expectMiddle(url)
    await expectResumed(url)
  })
})

test('no room left in the middle of copying', async () => {
  await server.stop('fast')
  await server.start({ largestFileMb: 2 })
  const url = await server.database()
  const ended = await migrate(url)
  await server.stop('fast')
  await server.start()
  expectFailure(ended, 4, /^error LF304 .*could not extend file/m)
  await expectMiddle(url)
  await expectResumed(url)
})

describe('the connection that holds the lock breaks', () => {
  const terminate = (url: string, names: string): Promise<unknown> =>
    ask(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name ~ '${names}'`,
    )

  test('the run stops itself, and nothing is written afterwards', async () => {
    const url = await server.database()
    const ended = await disturbed(url, () => terminate(url, '^landfall lock'))
    expectFailure(ended, 4, /^error LF402 /m)
    const written = `SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM owners) AS rows,
      (SELECT sum(loaded) FROM landfall.chunks) AS loaded, (SELECT count(*) FROM landfall.steps) AS steps`
    const [after] = await ask(url, written)
    expect(after!.rows).toBe(after!.loaded)
    await sleep(300)
    expect(await ask(url, written)).toEqual([after])
    await expectMiddle(url)
    await expectResumed(url)
  })

  test('another run takes over at once while chunks of the first are on their way', async () => {
    const url = await server.database()
    let second: Promise<Ended> | undefined
    const first = await disturbed(url, async (child) => {
      child.kill('SIGSTOP')
      await terminate(url, '^landfall lock')
      second = migrate(url)
      await sleep(1_000)
      child.kill('SIGCONT')
    })
    expectFailure(first, 4, /^error LF402 /m)
    const ended = await second!
    expect(ended.status, ended.stderr).toBe(0)
    await expectReference(url)
  })

  test('a run that wakes up after another has ended the work writes nothing', async () => {
    const url = await server.database()
    const first = await disturbed(url, async (child) => {
      child.kill('SIGSTOP')
      await terminate(url, '^landfall')
      await expectResumed(url)
      child.kill('SIGCONT')
    })
    expectFailure(first, 4, /^error LF402 /m)
    await expectReference(url)
  })
})

test('a second run at the same time is refused and told who is at work', async () => {
  const url = await server.database()
  let pid: number | undefined
  const first = await disturbed(url, async (child) => {
    pid = child.pid
    child.kill('SIGSTOP')
    const second = await migrate(url)
    child.kill('SIGCONT')
    expect(second.status).toBe(6)
    expect(second.stderr).toMatch(/^error LF401 /m)
    expect(second.stderr).toContain(`${hostname()}, process ${pid}`)
  })
  expect(first.status, first.stderr).toBe(0)
  await expectReference(url)
})

describe('stopped by a person', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of copying', async (signal) => {
    const url = await server.database()
    const ended = await disturbed(url, async (child) => child.kill(signal))
    expect(ended.stderr).toContain('stopping at the next chunk boundary')
    expectFailure(ended, 130, /^error LF403 +interrupted/m)
    await expectMiddle(url)
    await expectResumed(url)
  })

  test.each(['snapshot', 'profile', 'schema', 'finish'])('at the beginning of phase %s', async (phase) => {
    const url = await server.database()
    const ended = await migrate(url, (child) => {
      let told = ''
      child.stderr?.on('data', (part: Buffer) => {
        const before = told.includes(`\n${phase}`)
        told = `${told}${told === '' ? '\n' : ''}${part}`
        if (!before && told.includes(`\n${phase}`)) child.kill('SIGINT')
      })
    })
    expectFailure(ended, 130, /^error LF403 /m)
    await expectResumed(url)
  })

  test('the second Ctrl-C does not wait for the chunk', async () => {
    const url = await server.database()
    const blocker = new Client({ connectionString: url })
    await blocker.connect()
    const ended = await disturbed(url, async (child) => {
      await blocker.query('BEGIN; LOCK TABLE events')
      await sleep(200)
      child.kill('SIGINT')
      await sleep(500)
      expect(child.exitCode).toBeNull()
      child.kill('SIGINT')
      const asked = performance.now()
      await new Promise((resolve) => child.once('exit', resolve))
      expect(performance.now() - asked).toBeLessThan(1_000)
    })
    await blocker.end()
    expect(ended.status).toBe(130)
    expect(ended.stderr).toContain('once more to stop at once')
    await expectResumed(url)
  })
})

describe('a target that is read-only', () => {
  const setReadOnly = async (url: string, value: 'on' | 'off'): Promise<void> => {
    const name = new URL(url).pathname.slice(1)
    await ask(url, `ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`)
  }

  test('is told, and nothing is written', async () => {
    const url = await server.database()
    await setReadOnly(url, 'on')
    const ended = await migrate(url)
    expect(ended.status, ended.stderr).toBe(4)
    expect(ended.stderr).toMatch(/^error LF308 /m)
    expect(ended.stderr).toContain('default_transaction_read_only')
    expect(await ask(url, `SELECT 1 FROM pg_namespace WHERE nspname = 'landfall'`)).toEqual([])
  })

  test('from the middle of copying on: it stops, and goes on once that is lifted', async () => {
    const url = await server.database()
    const ended = await disturbed(url, async () => {
      await ask(url, 'ALTER SYSTEM SET default_transaction_read_only = on')
      await ask(url, 'SELECT pg_reload_conf()')
    })
    await ask(url, 'ALTER SYSTEM RESET default_transaction_read_only')
    await ask(url, 'SELECT pg_reload_conf()')
    expect(ended.status, ended.stderr).toBe(4)
    expect(ended.stderr).toMatch(/^error LF308 /m)
    await expectMiddle(url)
    await expectResumed(url)
  })
})
