import { expect, test } from 'vitest'
import { makeSettings, type Options, type VerifyReport, verify } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const check = (from: string, to: string, options: Options = {}): Promise<VerifyReport> =>
  verify(
    makeSettings({}, { from: `sqlite:${from}`, to, jobs: 2, ...options }, { cwd: folder, environment: {} }),
    { ask: async () => true },
  )

test('infinities of a numeric are the same on both sides', async () => {
  const from = sqlite(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, n NUMERIC); INSERT INTO t VALUES (1, 9e999), (2, -9e999)',
  )
  const to = await postgres()
  expect((await migrate(from, to)).exitCode).toBe(0)
  expect(await query(to, 'SELECT n FROM t ORDER BY id')).toEqual([['Infinity'], ['-Infinity']])
  expect(await check(from, to)).toMatchObject({ outcome: 'same' })
  await query(to, `UPDATE t SET n = 'NaN' WHERE id = 1`)
  expect(await check(from, to)).toMatchObject({ outcome: 'different' })
})

test('JSON in a domain is read as JSON, and repaired so', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, j TEXT); INSERT INTO t VALUES (1, '{"b": 1,  "a": [2]}')`,
  )
  const to = await postgres(
    `CREATE DOMAIN inner_document AS jsonb; CREATE DOMAIN document AS inner_document;
     CREATE TABLE t(id bigint PRIMARY KEY, j document)`,
  )
  expect((await migrate(from, to)).exitCode).toBe(0)
  expect(await check(from, to)).toMatchObject({ outcome: 'same' })
  await query(to, `UPDATE t SET j = '{}'`)
  expect(await check(from, to, { repair: true })).toMatchObject({ outcome: 'same', repair: { updated: 1 } })
  expect(await query(to, 'SELECT j FROM t')).toEqual([['{"a": [2], "b": 1}']])
})

test('a key that has another type by now is read as what it is, and no row is taken for another', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (12345, 'c')`,
  )
  const to = await postgres()
  expect((await migrate(from, to)).exitCode).toBe(0)
  await query(
    to,
    'ALTER TABLE t ALTER id DROP IDENTITY; ALTER TABLE t ALTER id TYPE numeric; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3)',
  )
  const found = await check(from, to, { repair: true, deleteExtra: true })
  expect(found).toMatchObject({
    outcome: 'different',
    repair: { inserted: 1, updated: 0, deleted: 1, failed: [] },
  })
  expect(found.checks.find((one) => one.name === 't: columns')?.found).toBe('id is numeric instead of bigint')
  expect(await query(to, 'SELECT id, v FROM t ORDER BY id')).toEqual([
    ['1', 'a'],
    ['2', 'b'],
    ['12345', 'c'],
  ])
})

test('days before our era, and beyond four digits, are shown as the target writes them', async () => {
  const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, d DATE, at DATETIME);
    INSERT INTO t VALUES (1, '2020-01-01', '2020-01-01 10:00:00'), (2, '2020-01-01', '2020-01-01 10:00:00'), (3, '2020-01-01', '2020-01-01 10:00:00')`)
  const to = await postgres()
  expect((await migrate(from, to)).exitCode).toBe(0)
  await query(
    to,
    `UPDATE t SET d = '0044-03-15 BC', at = '0001-12-31 23:59:59.5 BC' WHERE id = 1;
     UPDATE t SET d = '0001-01-01', at = '12020-02-03 04:05:06' WHERE id = 2;
     UPDATE t SET d = '-infinity', at = 'infinity' WHERE id = 3`,
  )
  const { differences } = await check(from, to, { showValues: true })
  expect(differences.map(({ columns }) => columns.map((one) => one.target))).toEqual([
    ['0044-03-15 BC', '0001-12-31 23:59:59.500000 BC'],
    ['0001-01-01', '12020-02-03 04:05:06'],
    ['-infinity', 'infinity'],
  ])
})

test('a domain over json is asked by its own rule, and takes documents', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, doc TEXT); INSERT INTO t VALUES (1, '{"a":1}'), (2, '{"a":[2, 3]}')`,
  )
  const to = await postgres(
    `CREATE DOMAIN doc AS jsonb CHECK (VALUE ? 'a'); CREATE TABLE t(id int PRIMARY KEY, doc doc)`,
  )
  expect((await migrate(from, to)).exitCode).toBe(0)
  expect(await query(to, 'SELECT doc::text FROM t ORDER BY id')).toEqual([['{"a": 1}'], ['{"a": [2, 3]}']])
  const bad = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, doc TEXT); INSERT INTO t VALUES (1, '{"b":1}')`)
  await query(to, 'TRUNCATE t')
  await expect(migrate(bad, to, { options: { name: 'other' } })).rejects.toMatchObject({ code: 'LF204' })
})
