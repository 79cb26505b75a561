import { expect, test } from 'vitest'
import { bench, query } from './migrating.ts'

const { sqlite, postgres, migrate } = bench()

/** Different keys that are equal by the column's own collation. */
const KEYS = ['a', 'A', 'b', 'B', 'c', 'C', 'd', 'D', 'é', 'É']

test.each([
  ['one column', 'PRIMARY KEY (k COLLATE BINARY)'],
  ['several columns', 'PRIMARY KEY (g, k COLLATE BINARY)'],
  ['a third collation', 'PRIMARY KEY (k COLLATE RTRIM)'],
])('a key without a rowid has a collation of its own: every row once (%s)', async (_, key) => {
  const values = KEYS.map((k, i) => `('${k}', ${i}, ${i === 5 ? "'x'" : i}, 7)`)
  const from = sqlite(
    `CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL, n INT, v INT, g INT NOT NULL, ${key}) WITHOUT ROWID; INSERT INTO t VALUES ${values}`,
  )
  const to = await postgres()
  const events: { done: number; total: number }[] = []
  const report = await migrate(from, to, {
    options: { batchSize: 3, badRows: 'set-aside' },
    tools: { progress: (event) => void (event.kind === 'table' && events.push(event)) },
  })
  expect(report.tables).toMatchObject([{ read: 10, loaded: 9, setAside: 1 }])
  expect(report.checks.map((check) => check.result)).not.toContain('fail')
  expect(await query(to, 'SELECT k FROM t ORDER BY n')).toEqual(KEYS.filter((k) => k !== 'C').map((k) => [k]))
  expect(await query(to, 'SELECT key FROM landfall.rejects')).toMatchObject([
    [expect.stringMatching(/k = "C"/)],
  ])
  expect(events.filter((event) => event.done > event.total)).toEqual([])
})

test('such keys tell apart what is set aside: duplicates, and the rows that need them', async () => {
  const key = 'k TEXT COLLATE NOCASE NOT NULL'
  const from = sqlite(`PRAGMA foreign_keys = 0;
    CREATE TABLE p(${key}, at DATETIME UNIQUE, PRIMARY KEY (k COLLATE BINARY)) WITHOUT ROWID;
    INSERT INTO p VALUES ('A', '2020-01-01'), ('a', '2020-01-01 00:00:00'), ('B', '2021-01-01'), ('b', '2022-01-01');
    CREATE TABLE c(${key}, at DATETIME REFERENCES p(at), n INT UNIQUE, up INT REFERENCES c(n), PRIMARY KEY (k COLLATE BINARY)) WITHOUT ROWID;
    INSERT INTO c VALUES ('X', '2021-01-01', 1, NULL), ('x', '2022-01-01', 2, NULL), ('Y', '2099-01-01', 3, NULL), ('y', NULL, 4, 1), ('z', NULL, 5, 3);`)
  const to = await postgres()
  const report = await migrate(from, to, { options: { batchSize: 1, badRows: 'set-aside' } })
  expect(report.tables).toMatchObject([
    { source: 'p', read: 4, loaded: 3, setAside: 1 },
    { source: 'c', read: 5, loaded: 3, setAside: 2 },
  ])
  expect(await query(to, 'SELECT key FROM landfall.rejects ORDER BY 1')).toEqual([
    ['k = "Y"'],
    ['k = "a"'],
    ['k = "z"'],
  ])
  expect(report.checks.map((check) => check.result)).not.toContain('fail')
})
