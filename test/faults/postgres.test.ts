import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, landfall } from '../cli/run.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { startProxy } from '../support/kill-proxy.ts'
import { type PrivateServer, privateServer } from './private-server.ts'
import { ask, type EndState, endState, leftInServer } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-faults-'))
const ROWS = 24_000
const BATCH = 800
/** Killed once at so many places, over the whole run. */
const PLACES = 6

/** `scattered` is read by ranges of places, which mean nothing to another run; `ordered` by its key. */
const SOURCE = `
  CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TABLE owners (id serial PRIMARY KEY, name text NOT NULL UNIQUE, mood mood);
  CREATE TABLE ordered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner int REFERENCES owners, n positive, line text);
  CREATE TABLE scattered (id uuid PRIMARY KEY, line text, twice int GENERATED ALWAYS AS (length(line) * 2) STORED);
  CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, line text);
  CREATE TABLE parts (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-06-01');
  CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
  INSERT INTO owners (name, mood) SELECT 'owner ' || i, 'ok' FROM generate_series(1, 500) i;
  INSERT INTO ordered (owner, n, line) SELECT 1 + i % 500, i, 'line ' || i || repeat('-', 40) FROM generate_series(1, ${ROWS}) i;
  INSERT INTO scattered SELECT md5(i::text)::uuid, 'line ' || i || repeat('-', 40) FROM generate_series(1, ${ROWS}) i;
  INSERT INTO fleeting SELECT i, 'x' FROM generate_series(1, 3000) i;
  INSERT INTO parts SELECT DATE '2024-01-01' + i % 300, i FROM generate_series(1, 2000) i;
  CREATE INDEX ordered_line ON ordered (line); CREATE VIEW seen AS SELECT o.name, ordered.* FROM ordered JOIN owners o ON o.id = owner;
  CREATE MATERIALIZED VIEW counted AS SELECT owner, count(*) FROM ordered GROUP BY 1;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.line := NEW.line || '!'; RETURN NEW; END $$;
  CREATE TRIGGER touched BEFORE INSERT ON ordered FOR EACH ROW EXECUTE FUNCTION touch();
  ANALYZE`

describe.skipIf(!canDump)('a PostgreSQL source', () => {
  let sourceServer: DumpableServer
  let server: PrivateServer
  let from: string
  let reference: EndState
  let messages: number

  beforeAll(async () => {
    sourceServer = await dumpableServer()
    server = await privateServer()
    await server.start()
    from = await sourceServer.database()
    await ask(from, SOURCE)
    const url = await server.database()
    const proxy = await startProxy(address(url))
    const { status, stderr, stdout } = await migrate(through(url, proxy.port))
    messages = proxy.count()
    await proxy.close()
    expect(status, stderr + stdout).toBe(0)
    reference = comparable(await endState(url))
    expect(reference['rows of scattered']).toHaveLength(ROWS)
    expect(reference['rows of fleeting']).toHaveLength(3_000)
    expect(reference.chunks!.length).toBeGreaterThan(60)
  })
  afterAll(async () => {
    await server.remove()
    await sourceServer.stop()
    rmSync(folder, { recursive: true })
  })

  function migrate(url: string, onStart?: (child: ChildProcess) => void): Promise<Ended> {
    const args = [
      'migrate',
      '--from',
      from,
      '--to',
      url,
      '--batch-size',
      String(BATCH),
      '--jobs',
      '2',
      '--yes',
    ]
    return landfall(args, {
      cwd: folder,
      env: { NODE_COMPILE_CACHE: join(folder, 'compiled') },
      ...(onStart === undefined ? {} : { onStart }),
    })
  }

  /** A run, and `happens` as soon as some chunks of the table that is read by places are loaded. */
  async function disturbed(url: string, happens: (child: ChildProcess) => Promise<unknown>): Promise<Ended> {
    let child: ChildProcess | undefined
    const run = migrate(url, (started) => {
      child = started
    })
    const early = run.then(({ stderr }) => {
      throw new Error(`the run was over before anything happened: ${stderr}`)
    })
    await Promise.race([loadedSome(url), early])
    await happens(child!)
    return await run
  }

  async function loadedSome(url: string): Promise<void> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(2)) {
      const [there] = await ask(url, `SELECT to_regclass('landfall.chunks') IS NOT NULL AS yes`)
      if (there!.yes !== true) continue
      const [found] = await ask<{ n: number }>(
        url,
        `SELECT count(*)::int AS n FROM landfall.chunks WHERE state = 'done' AND move = 'scattered'`,
      )
      if (found!.n >= 2) return
    }
    throw new Error('the run loads nothing')
  }

  /** The same command ends as the undisturbed run did. */
  async function expectResumed(url: string, where = ''): Promise<void> {
    const ended = await migrate(url)
    expect(ended.status, where + ended.stderr + ended.stdout).toBe(0)
    const state = comparable(await endState(url))
    for (const part of new Set([...Object.keys(reference), ...Object.keys(state)]))
      expect(state[part], `${part} ${where}`).toEqual(reference[part])
    for (let tries = 0; tries < 50 && (await leftInServer(url)).length > 0; tries++) await sleep(20)
    expect(await leftInServer(url), where).toEqual([])
  }

  async function expectHalfLoaded(url: string): Promise<void> {
    const states = await ask<{ state: string }>(
      url,
      `SELECT DISTINCT state FROM landfall.chunks WHERE move = 'scattered'`,
    )
    expect(states.length).toBeGreaterThan(1)
  }

  const terminate = (url: string, names: string): Promise<unknown> =>
    ask(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name ~ '${names}'`,
    )

  test('killed anywhere and started again, a copy ends as if nothing had happened', async () => {
    const phases: Record<string, number> = {}
    let next = 0
    const worker = async (): Promise<void> => {
      for (let place = next++; place < PLACES; place = next++) {
        const url = await server.database()
        const n = Math.round((place + 0.4) * (messages / PLACES))
        const proxy = await startProxy(address(url))
        await migrate(through(url, proxy.port), (child) => {
          proxy.onMessage(n, place % 2 === 0 ? 'before' : 'after', () => void child.kill('SIGKILL'))
        })
        await proxy.close()
        const phase = await phaseOf(url)
        phases[phase] = (phases[phase] ?? 0) + 1
        await expectResumed(url, `killed at message ${n} of ${messages}, in ${phase}`)
      }
    }
    const ends = await Promise.allSettled([worker(), worker()])
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    expect(Object.keys(phases)).toEqual(expect.arrayContaining(['copy', 'finish']))
  }, 300_000)

  test('killed while a table that is read by places is half loaded: it begins again, without a duplicate', async () => {
    const url = await server.database()
    const ended = await disturbed(url, async (child) => child.kill('SIGKILL'))
    expect(ended.status).toBeNull()
    await expectHalfLoaded(url)
    await expectResumed(url)
  })

  test('the connection that holds the lock breaks', async () => {
    const url = await server.database()
    const ended = await disturbed(url, () => terminate(url, '^landfall lock'))
    expect(ended.status, ended.stderr).toBe(4)
    expect(ended.stderr).toMatch(/^error LF402 /m)
    await expectResumed(url)
  })

  test('a connection to the source breaks', async () => {
    const url = await server.database()
    const ended = await disturbed(url, () => terminate(from, '^landfall'))
    expect(ended.status, ended.stderr).toBe(3)
    expect(ended.stderr).toMatch(/^error LF104 /m)
    expect(ended.stderr).not.toMatch(/^\s+at .*:\d+/m)
    await expectHalfLoaded(url)
    await expectResumed(url)
  })

  test('the target is killed in the middle, and started again', async () => {
    const url = await server.database()
    const ended = await disturbed(url, async () => {
      // What is not logged is empty after a crash, and the journal says that it was loaded.
      for (let tries = 0; tries < 2_000; tries++, await sleep(2)) {
        const [found] = await ask(
          url,
          `SELECT bool_and(state = 'done') AS done FROM landfall.chunks WHERE move = 'fleeting'`,
        )
        if (found!.done === true) break
      }
      await server.stop('kill')
    })
    await server.start()
    expect(ended.status, ended.stderr).toBe(4)
    expect(ended.stderr).toMatch(/^error LF(305|402) /m)
    await expectResumed(url)
  })

  test('Ctrl-C in the middle of copying', async () => {
    const url = await server.database()
    const ended = await disturbed(url, async (child) => child.kill('SIGINT'))
    expect(ended.status, ended.stderr).toBe(130)
    expect(ended.stderr).toMatch(/^error LF403 +interrupted/m)
    await expectHalfLoaded(url)
    await expectResumed(url)
  })

  test.each(['plan', 'finish', 'verify'])('Ctrl-C at the beginning of phase %s', async (phase) => {
    const url = await server.database()
    const ended = await migrate(url, (child) => {
      let told = ''
      let sent = false
      child.stderr?.on('data', (part: Buffer) => {
        told += part
        if (sent || !new RegExp(`^${phase}`, 'm').test(told)) return
        sent = true
        child.kill('SIGINT')
      })
    })
    expect(ended.status, ended.stderr).toBe(130)
    expect(ended.stderr).toMatch(/^error LF403 /m)
    await expectResumed(url)
  })
})

/** The source's server counts more than changes of content, so its fingerprint may be another one. */
function comparable(state: EndState): EndState {
  const runs = (state.runs ?? []).map((run) => ({ ...(run as object), fingerprint: null }))
  return { ...state, runs }
}

async function phaseOf(url: string): Promise<string> {
  const [there] = await ask(url, `SELECT to_regclass('landfall.runs') IS NOT NULL AS yes`)
  if (there?.yes !== true) return 'begin'
  const [run] = await ask<{ phase: string; state: string }>(url, 'SELECT phase, state FROM landfall.runs')
  return run === undefined ? 'begin' : run.state === 'done' ? 'done' : run.phase
}

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

function through(url: string, port: number): string {
  const way = new URL(url)
  way.port = String(port)
  return way.href
}
