import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, landfall } from '../cli/run.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { ask } from './state.ts'

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url))
const MODES = ['wal', 'delete'] as const
/** SQLite leaves out an UPDATE to what is there already, hence two that make up for each other. */
const WRITTEN = `BEGIN IMMEDIATE; UPDATE accounts SET balance = balance + 1;
  UPDATE accounts SET balance = balance - 1; COMMIT`

const folder = mkdtempSync(join(tmpdir(), 'landfall-live-'))
let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

interface Round {
  readonly cwd: string
  /** The source file. */
  readonly path: string
  /** The target. */
  readonly url: string
}

let made = 0
/** A bank: balances that are always the sums of their transfers, and a large table that nobody touches. */
async function bank(mode: (typeof MODES)[number], ballast = 40_000): Promise<Round> {
  const cwd = join(folder, String(made++))
  mkdirSync(cwd)
  const path = join(cwd, 'bank.db')
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA journal_mode = ${mode};
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
    CREATE TABLE transfers (id INTEGER PRIMARY KEY, "from" INTEGER NOT NULL REFERENCES accounts (id),
      "to" INTEGER NOT NULL REFERENCES accounts (id), amount INTEGER NOT NULL);
    CREATE TABLE oldEntries (id INTEGER PRIMARY KEY, "theLine" TEXT);
    CREATE TABLE log (line TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
      INSERT INTO accounts SELECT i, 0 FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ballast})
      INSERT INTO oldEntries SELECT i, 'entry ' || i || hex(zeroblob(20)) FROM n;
    INSERT INTO log SELECT 'line ' || id FROM oldEntries LIMIT 4000`)
  db.close()
  return { cwd, path, url: await server.database() }
}

function migrate(
  { cwd, path, url }: Round,
  more: readonly string[] = [],
  onStart?: (child: ChildProcess) => void,
): Promise<Ended> {
  const args = ['migrate', '--from', `sqlite:${path}`, '--to', url, '--batch-size', '200', '--jobs', '2']
  return landfall([...args, '--json', ...more], {
    cwd,
    env: { NODE_COMPILE_CACHE: join(folder, 'compiled'), TMPDIR: cwd },
    ...(onStart === undefined ? {} : { onStart }),
  })
}

/** Commits all the time until it is asked to stop; then it tells how it went. */
async function startWriter(path: string): Promise<{ commits(): number; stop(): Promise<WriterReport> }> {
  const child = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  let commits = 0
  let report: WriterReport | undefined
  child.on('message', (message: WriterReport) => {
    commits = message.commits
    report = message
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  while (commits < 20 && child.exitCode === null) await sleep(10)
  return {
    commits: () => commits,
    async stop() {
      child.kill('SIGTERM')
      await exited
      return report!
    },
  }
}

interface WriterReport {
  readonly commits: number
  readonly failures: readonly string[]
  /** Milliseconds of the slowest commit. */
  readonly longest: number
}

describe.each(MODES)('an application writes all the time, in %s mode', (mode) => {
  test('it is never locked out, one moment arrives, and a second run names what changed', async () => {
    const round = await bank(mode)
    const writer = await startWriter(round.path)
    const before = writer.commits()
    // So many chunks that a writer would give up waiting for their end.
    const ended = await migrate(round, ['--batch-size', '20'])
    const during = writer.commits() - before
    const report = await writer.stop()
    console.info(`${mode}: ${during} commits during migrate, the slowest took ${report.longest} ms`)
    expect(report.failures).toEqual([])
    expect(during).toBeGreaterThan(20)
    expect(ended.status, ended.stderr).toBe(0)

    const [found] = await ask(
      round.url,
      `SELECT (SELECT sum(balance)::int FROM accounts) AS sum,
        (SELECT count(*)::int FROM accounts a WHERE balance <>
          (SELECT coalesce(sum(amount), 0) FROM transfers WHERE "to" = a.id) -
          (SELECT coalesce(sum(amount), 0) FROM transfers WHERE "from" = a.id)) AS wrong,
        (SELECT count(*)::int FROM transfers) AS transfers, (SELECT max(id)::int FROM transfers) AS last,
        (SELECT count(*)::int FROM "oldEntries") AS ballast`,
    )
    expect(found).toMatchObject({ sum: 0, wrong: 0, ballast: 40_000, last: found!.transfers })
    expect(found!.transfers).toBeGreaterThan(0)
    expect(found!.transfers).toBeLessThan(report.commits)

    expectChanged(await migrate(round), ['accounts', 'transfers'])
  })
})

describe.each(MODES)('interrupted by kill -9, the source in %s mode', (mode) => {
  test.each<[string, string]>([
    ['unchanged', 'SELECT 1'],
    ['written without a change', WRITTEN],
    ['with its log moved into the file', 'PRAGMA wal_checkpoint(TRUNCATE)'],
    ['rewritten by VACUUM', 'VACUUM'],
    ['switched to the other journal mode', `PRAGMA journal_mode = ${mode === 'wal' ? 'delete' : 'wal'}`],
  ])('%s: it goes on', async (_, sql) => {
    const round = await interrupted(mode)
    await sleep(50)
    change(round, sql)
    await expectGoesOn(round)
  })

  test('changed only where nothing was loaded yet: it goes on with what is there now', async () => {
    const round = await interrupted(mode)
    change(
      round,
      `UPDATE oldEntries SET theLine = 'new' WHERE id = 40000; DELETE FROM oldEntries WHERE id = 39999;
      INSERT INTO oldEntries VALUES (50000, 'one more')`,
    )
    await expectGoesOn(round)
  })

  test('changed where rows were loaded: it refuses, names the table, and --restart begins again', async () => {
    const round = await interrupted(mode)
    change(round, `UPDATE oldEntries SET theLine = 'new' WHERE id = 2`)
    const loaded = await loadedRows(round)
    expectChanged(await migrate(round), ['oldEntries'])
    expectChanged(await migrate(round), ['oldEntries'])
    expect(await loadedRows(round)).toBe(loaded)
    const ended = await migrate(round, ['--restart'])
    expect(ended.status, ended.stderr + ended.stdout).toBe(0)
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'done', resumed: false })
    await expectEqual(round)
  })

  test('another plan: it says what differs, and the old command goes on', async () => {
    const round = await interrupted(mode)
    const ended = await migrate(round, ['--names', 'snake'])
    expect(ended.status, ended.stdout).toBe(5)
    const { error } = JSON.parse(ended.stdout)
    expect(error).toMatchObject({ code: 'LF202' })
    expect(error.message).toContain('oldEntries went to oldEntries, and goes to old_entries')
    await expectGoesOn(round)
  })
})

test('rows without a key get new numbers from VACUUM: that is noticed', async () => {
  const round = await bank('delete', 10)
  change(
    round,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
      INSERT INTO log SELECT 'line ' || i FROM n; DELETE FROM log WHERE rowid IN (5, 50, 500)`,
  )
  await killedInTheMiddle(round)
  change(round, 'VACUUM')
  expectChanged(await migrate(round), ['log'])
})

test('done, then written to: --restart asks before it drops, and --yes is an answer', async () => {
  const round = await bank('wal', 2_000)
  expect((await migrate(round)).status).toBe(0)
  change(round, `UPDATE accounts SET balance = 1 WHERE id = 1; UPDATE accounts SET balance = -1 WHERE id = 2`)
  expectChanged(await migrate(round), ['accounts'])
  const declined = await migrate(round, ['--restart'])
  expect(declined.status, declined.stdout).toBe(5)
  expect(JSON.parse(declined.stdout)).toMatchObject({ error: { code: 'LF206' } })
  const again = await migrate(round, ['--restart', '--yes'])
  expect(again.status, again.stdout).toBe(0)
  await expectEqual(round)
  expect(JSON.parse((await migrate(round)).stdout)).toMatchObject({ outcome: 'nothing-to-do', exitCode: 0 })
})

describe('interrupted with rows set aside in what was loaded', () => {
  const setAside = ['--bad-rows', 'set-aside']
  const begun = async (more: readonly string[]): Promise<Round> => {
    const round = await bank('delete')
    change(round, `UPDATE oldEntries SET theLine = x'00ff' WHERE id IN (7, 300)`)
    await killedInTheMiddle(round, more)
    return round
  }

  test.each([
    ['gone', 'DELETE FROM oldEntries WHERE id = 7'],
    ['mended', `UPDATE oldEntries SET theLine = 'mended' WHERE id = 7`],
    ['as bad in another way', `UPDATE oldEntries SET theLine = x'00fe' WHERE id = 7`],
  ])('one of them is %s now: that is a change', async (_, sql) => {
    const round = await begun(setAside)
    change(round, sql)
    expectChanged(await migrate(round, setAside), ['oldEntries'])
  })

  test.each([[[]], [['--profile-rows', '1']]])(
    'written without a change, with %j: it goes on',
    async (more) => {
      const round = await begun([...setAside, ...more])
      change(round, WRITTEN)
      const ended = await migrate(round, [...setAside, ...more])
      expect(ended.status, ended.stdout + ended.stderr).toBe(1)
      expect(JSON.parse(ended.stdout)).toMatchObject({
        resumed: true,
        rejects: [{ table: 'oldEntries', rows: 2 }],
      })
    },
  )
})

async function interrupted(mode: (typeof MODES)[number]): Promise<Round> {
  const round = await bank(mode)
  await killedInTheMiddle(round)
  return round
}

async function killedInTheMiddle(round: Round, more: readonly string[] = []): Promise<void> {
  let child: ChildProcess | undefined
  const run = migrate(round, more, (started) => {
    child = started
  })
  const early = run.then(({ stderr }) => {
    throw new Error(`the run was over too soon: ${stderr}`)
  })
  await Promise.race([loadedChunks(round.url, 10), early])
  child!.kill('SIGKILL')
  expect((await run).status).toBeNull()
}

async function loadedChunks(url: string, least: number): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(5)) {
      const { rows: there } = await client.query(`SELECT to_regclass('landfall.chunks') AS chunks`)
      if (there[0].chunks === null) continue
      const done = await client.query(`SELECT FROM landfall.chunks WHERE state = 'done' LIMIT ${least}`)
      if (done.rows.length === least) return
    }
  } finally {
    await client.end()
  }
  throw new Error('the run loads nothing')
}

/** As an application does: opens, writes, closes. */
function change({ path }: Round, sql: string): void {
  const db = new DatabaseSync(path, { timeout: 2_000 })
  db.exec(sql)
  db.close()
}

function expectChanged(ended: Ended, tables: readonly string[]): void {
  expect(ended.status, ended.stdout + ended.stderr).toBe(5)
  const { error } = JSON.parse(ended.stdout)
  expect(error).toMatchObject({ code: 'LF201', details: { tables } })
  for (const table of tables) expect(error.message).toContain(table)
  expect(error.hint).toContain('--restart')
}

async function expectGoesOn(round: Round): Promise<void> {
  const ended = await migrate(round)
  expect(ended.status, ended.stdout + ended.stderr).toBe(0)
  expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'done', resumed: true })
  await expectEqual(round)
  const again = await migrate(round)
  expect(again.status, again.stdout).toBe(0)
  expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'nothing-to-do' })
}

/** Every row of the source as it is now, and no other, is in the target. */
async function expectEqual({ path, url }: Round): Promise<void> {
  const db = new DatabaseSync(path, { readOnly: true })
  for (const table of ['accounts', 'transfers', 'oldEntries', 'log']) {
    const theirs = db.prepare(`SELECT * FROM ${table}`).all()
    const ours = await ask(url, `SELECT * FROM "${table}"`)
    const text = (rows: readonly object[]): string[] => rows.map((row) => Object.values(row).join('|')).sort()
    expect(text(ours), table).toEqual(text(theirs))
  }
  db.close()
}

async function loadedRows({ url }: Round): Promise<unknown> {
  return (await ask(url, 'SELECT count(*) AS n FROM "oldEntries"'))[0]!.n
}
