import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { landfall } from '../cli/run.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate, plan } = bench()

const ROWS = `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO t SELECT i, 'row ' || i || hex(zeroblob(20)) FROM n;`
const sum = (url: string) => query(url, 'SELECT count(*)::text, sum(id)::text, count(v)::text FROM t')
const ALL = [['2000', '2001000', '2000']]

/** HAZARDS 12. */
describe('a database in WAL mode', () => {
  test('with its -wal and -shm beside it and rows only in the log', async () => {
    const path = join(folder, 'wal.db')
    const database = new DatabaseSync(path)
    try {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${ROWS}`)
      expect(existsSync(`${path}-shm`) && statSync(`${path}-wal`).size > 0).toBe(true)
      const before = [readFileSync(path), readFileSync(`${path}-wal`)]
      const to = await postgres()
      expect((await migrate(path, to)).exitCode).toBe(0)
      expect(await sum(to)).toEqual(ALL)
      expect([readFileSync(path), readFileSync(`${path}-wal`)]).toEqual(before)
    } finally {
      database.close()
    }
  })

  test('copied away with its -wal, as after a crash', async () => {
    const path = join(folder, 'crashed.db')
    const database = new DatabaseSync(path)
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${ROWS}`)
    const copy = join(folder, 'copied.db')
    copyFileSync(path, copy)
    copyFileSync(`${path}-wal`, `${copy}-wal`)
    database.close()
    const to = await postgres()
    expect((await migrate(copy, to)).exitCode).toBe(0)
    expect(await sum(to)).toEqual(ALL)
  })

  test.each(['wal', 'delete'])(
    'a writer that is busy during the copy (%s) is not seen, nor hindered',
    async (mode) => {
      const path = sqlite(`PRAGMA journal_mode = ${mode}; ${ROWS}
      CREATE TABLE u(id INTEGER PRIMARY KEY, t INT REFERENCES t(id)); INSERT INTO u SELECT id, id FROM t;`)
      const to = await postgres()
      const database = new DatabaseSync(path, { timeout: 2_000 })
      let written = 0
      try {
        const report = await migrate(path, to, {
          options: { batchSize: 200 },
          tools: {
            // Each event of the run meets rows of both tables that are newer than its snapshot.
            progress: ({ kind }) => {
              if (kind !== 'table') return
              written += 1
              database.exec(`BEGIN; INSERT INTO t VALUES (${10_000 + written}, 'new'); INSERT INTO u VALUES (${10_000 + written}, ${10_000 + written});
              UPDATE t SET v = 'changed' WHERE id = ${written}; DELETE FROM u WHERE id = ${written}; COMMIT`)
            },
          },
        })
        expect(written).toBeGreaterThan(4)
        expect(report.exitCode).toBe(0)
      } finally {
        database.close()
      }
      expect(await sum(to)).toEqual(ALL)
      expect(await query(to, `SELECT count(*)::text FROM u`)).toEqual([['2000']])
      expect(await query(to, `SELECT count(*)::text FROM t WHERE v IN ('new', 'changed')`)).toEqual([['0']])
      const error = await failure(migrate(path, to))
      expect(error).toMatchObject({ code: 'LF201', details: { tables: ['t', 'u'] } })
    },
  )
})

describe('a file that cannot be read as it is', () => {
  test('locked by another program', async () => {
    const path = sqlite(ROWS)
    const database = new DatabaseSync(path)
    try {
      database.exec('BEGIN EXCLUSIVE; DELETE FROM t')
      const to = await postgres()
      const error = await failure(migrate(path, to))
      expect(error).toMatchObject({ code: 'LF103', exitCode: 3 })
      expect(error.hint).toContain('Stop the program')
      database.exec('ROLLBACK')
      expect((await migrate(path, to)).exitCode).toBe(0)
      expect(await sum(to)).toEqual(ALL)
    } finally {
      database.close()
    }
  })

  test.each([
    [
      'truncated',
      (path: string) => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096),
      /damaged or truncated/,
    ],
    ['truncated within its header', (path: string) => truncateSync(path, 50), /damaged or truncated/],
    [
      'encrypted',
      (path: string) => writeFileSync(path, randomBytes(20_480)),
      /no SQLite database, or it is encrypted/,
    ],
    ['empty', (path: string) => truncateSync(path, 0), /is empty/],
    [
      'damaged in the middle',
      (path: string) => {
        const bytes = readFileSync(path)
        bytes.fill(0x5a, 3 * 4096, 12 * 4096)
        writeFileSync(path, bytes)
      },
      /damaged or truncated/,
    ],
  ])('%s', async (_, harm, message) => {
    const path = sqlite(ROWS)
    harm(path)
    const to = await postgres()
    const error = await failure(migrate(path, to))
    expect(error).toMatchObject({ code: 'LF102', exitCode: 3 })
    expect(error.message).toMatch(message)
    expect(
      await query(to, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`),
    ).toEqual([])
  })

  test('that is not there, or is a folder', async () => {
    const to = await postgres()
    expect(await failure(plan(join(folder, 'none.db'), to))).toMatchObject({ code: 'LF101' })
    expect(await failure(plan(folder, to))).toMatchObject({ code: 'LF101' })
    expect(existsSync(join(folder, 'none.db'))).toBe(false)
  })
})

test.each([
  'with spaces.db',
  'what?.db',
  'a?mode=memory.db',
  '100%.db',
  'a%20b.db',
  'number#1.db',
  "it's.db",
  'ü 名.db',
  'no-ending',
  '-dash.db',
  'file:x.db',
])('a path with a name like %j', async (name) => {
  const cwd = join(folder, `paths ${name.length}${name.charCodeAt(0)}`)
  mkdirSync(cwd, { recursive: true })
  sqlite(
    'CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)',
    join(cwd.slice(folder.length + 1), name),
  )
  const to = await postgres()
  const done = await landfall(['plan', '--from', `sqlite:${name}`, '--to', to, '--json'], { cwd })
  expect(done.stderr).not.toContain('error')
  expect(done.status).toBe(0)
  expect(JSON.parse(done.stdout)).toMatchObject({ moves: [{ source: 't', statistics: { rows: 1 } }] })
})
