import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { makeSettings, type Options, type VerifyReport, verify } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const check = (from: string, to: string, options: Options = {}): Promise<VerifyReport> =>
  verify(
    makeSettings({}, { from: `sqlite:${from}`, to, jobs: 2, ...options }, { cwd: folder, environment: {} }),
    {
      ask: async () => true,
    },
  )

const SHOP = `
  CREATE TABLE customers(id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, since DATETIME, credit DECIMAL(10,2));
  CREATE TABLE orders(id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER NOT NULL REFERENCES customers(id), note TEXT, paid BOOLEAN, total REAL);
  CREATE TABLE tags(name TEXT PRIMARY KEY, colour BLOB) WITHOUT ROWID;
  CREATE TABLE log(line TEXT, at INTEGER);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO customers SELECT i, 'c' || i || '@example.org', datetime(1600000000 + i * 1000, 'unixepoch'), i * 0.25 FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO orders SELECT i, 1 + i % 1000, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'note ' || i END, i % 2, i * 0.1 FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO tags SELECT 'tag ' || i, zeroblob(i % 7) FROM n;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
    INSERT INTO log SELECT 'line ' || (i % 50), i % 20 FROM n;`

async function moved(sql = SHOP): Promise<{ from: string; to: string }> {
  const from = sqlite(sql)
  const to = await postgres()
  expect((await migrate(from, to, { options: { batchSize: 900 } })).exitCode).toBe(0)
  return { from, to }
}

const numbers = (report: VerifyReport) =>
  Object.fromEntries(
    report.tables
      .filter((one) => one.missing + one.extra + one.changed > 0)
      .map((one) => [one.source, [one.missing, one.extra, one.changed]]),
  )

test('what was moved is the same, and a second look at it too', async () => {
  const { from, to } = await moved()
  const report = await check(from, to)
  expect(report.checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(report).toMatchObject({ outcome: 'same', exitCode: 0, differences: [], repair: null })
  expect(report.tables.map(({ source, sourceRows, targetRows }) => [source, sourceRows, targetRows])).toEqual(
    [
      ['customers', 1000, 1000],
      ['orders', 5000, 5000],
      ['tags', 300, 300],
      ['log', 700, 700],
    ],
  )
})

test('differences of every kind are named, repaired, and then gone', async () => {
  const { from, to } = await moved()
  await query(
    to,
    `UPDATE orders SET note = '' WHERE id = 3; DELETE FROM orders WHERE id IN (2500, 5000);
     UPDATE customers SET credit = credit + 0.01 WHERE id = 777; UPDATE tags SET colour = '\\x00' WHERE name = 'tag 6';
     INSERT INTO orders (id, customer) VALUES (6000, 1); INSERT INTO tags VALUES ('more', NULL);
     INSERT INTO log VALUES ('line 1', 1); DELETE FROM log WHERE ctid IN (SELECT min(ctid) FROM log WHERE line = 'line 9')`,
  )
  const found = await check(from, to, { showValues: true })
  expect(found).toMatchObject({ outcome: 'different', exitCode: 1 })
  expect(numbers(found)).toEqual({
    customers: [0, 0, 1],
    orders: [2, 1, 1],
    tags: [0, 1, 1],
    log: [1, 1, 0],
  })
  expect(found.differences).toContainEqual({
    table: 'orders',
    kind: 'changed',
    key: 'id = 3',
    columns: [{ column: 'note', source: null, target: '' }],
  })
  expect(found.differences).toContainEqual({
    table: 'customers',
    kind: 'changed',
    key: 'id = 777',
    columns: [{ column: 'credit', source: '194.25', target: '194.26' }],
  })
  const keys = found.differences.filter((one) => one.table === 'orders').map(({ kind, key }) => [kind, key])
  expect(keys).toEqual([
    ['changed', 'id = 3'],
    ['missing', 'id = 2500'],
    ['missing', 'id = 5000'],
    ['extra', 'id = 6000'],
  ])

  const careful = await check(from, to, { repair: true })
  expect(careful).toMatchObject({
    outcome: 'different',
    repair: { inserted: 3, updated: 3, deleted: 0, extraLeft: 3, failed: [] },
  })
  expect(numbers(careful)).toEqual({ orders: [0, 1, 0], tags: [0, 1, 0], log: [0, 1, 0] })

  const whole = await check(from, to, { repair: true, deleteExtra: true })
  expect(whole).toMatchObject({ outcome: 'same', exitCode: 0, repair: { deleted: 3, extraLeft: 0 } })
  expect(await check(from, to)).toMatchObject({ outcome: 'same', exitCode: 0 })
  const repairs = await query(
    to,
    `SELECT "table", sum(inserted), sum(updated), sum(deleted) FROM landfall.repairs GROUP BY 1 ORDER BY 1`,
  )
  expect(repairs).toEqual([
    ['customers', '0', '1', '0'],
    ['log', '1', '0', '1'],
    ['orders', '2', '1', '1'],
    ['tags', '0', '1', '1'],
  ])
})

test('parents are repaired before their children, whatever is missing', async () => {
  const { from, to } = await moved()
  await query(
    to,
    'TRUNCATE customers, orders; INSERT INTO customers (id, email) VALUES (5000, $$c1@example.org$$)',
  )
  const report = await check(from, to, { repair: true, deleteExtra: true })
  expect(report).toMatchObject({
    outcome: 'same',
    repair: { inserted: 6000, updated: 0, deleted: 1, failed: [] },
  })
  // The next numbers are behind those that came back.
  await query(to, `INSERT INTO orders (customer) VALUES (1)`)
})

test('what the target refuses is told, and the result is not 0', async () => {
  const { from, to } = await moved()
  await query(
    to,
    `DELETE FROM customers WHERE id NOT IN (SELECT customer FROM orders); ALTER TABLE customers ADD CHECK (id <> 7) NOT VALID;
     UPDATE orders SET customer = 8 WHERE customer = 7; DELETE FROM customers WHERE id = 7`,
  )
  const report = await check(from, to, { repair: true })
  expect(report.exitCode).toBe(1)
  expect(report.repair!.failed.map(({ table }) => table)).toEqual(['customers', 'orders'])
  expect(report.repair!.failed[0]!.reason).toContain('violates check constraint')
})

test('rows that were set aside need not be in the target', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1), (2, 'two'), (3, 3);
     CREATE TABLE u(k TEXT PRIMARY KEY, t INTEGER REFERENCES t(id)); INSERT INTO u VALUES ('a', 1), ('b', 2)`,
  )
  const to = await postgres()
  await migrate(from, to, { options: { badRows: 'set-aside' } })
  const report = await check(from, to)
  expect(report.checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(report).toMatchObject({
    outcome: 'same',
    tables: [
      { setAside: 1, sourceRows: 2 },
      { setAside: 1, sourceRows: 1 },
    ],
  })
  await query(to, 'DELETE FROM landfall.rejects WHERE "table" = $$t$$')
  expect(await check(from, to)).toMatchObject({ outcome: 'different', exitCode: 1 })
})

test('a source that was written since is compared as it is now', async () => {
  const { from, to } = await moved()
  const database = new DatabaseSync(from)
  database.exec(
    `UPDATE orders SET note = 'later' WHERE id = 17; INSERT INTO customers VALUES (1001, 'new', NULL, NULL); DELETE FROM tags WHERE name = 'tag 1'`,
  )
  database.close()
  const report = await check(from, to)
  expect(numbers(report)).toEqual({ customers: [1, 0, 0], orders: [0, 0, 1], tags: [0, 1, 0] })
  expect(await check(from, to, { repair: true, deleteExtra: true })).toMatchObject({ outcome: 'same' })
})

test('a target that something else has filled', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, at DATETIME, js JSON, n NUMERIC); INSERT INTO t VALUES (1, 1700000000, '{"b":1,  "a":2}', 1.50), (2, NULL, '[]', 2)`,
  )
  const to = await postgres(
    `CREATE TABLE t(id int PRIMARY KEY, at timestamptz, js jsonb, n numeric(10,3));
     INSERT INTO t VALUES (1, to_timestamp(1700000000), '{"a": 2, "b": 1}', 1.5), (2, NULL, '[]', 2)`,
  )
  const report = await check(from, to)
  expect(report.checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(report).toMatchObject({ outcome: 'same', exitCode: 0 })
  expect(await query(to, `SELECT count(*) FROM pg_namespace WHERE nspname = 'landfall'`)).toEqual([['0']])
  await query(to, `UPDATE t SET js = '{"a": 2, "b": 1.0}' WHERE id = 1; DELETE FROM t WHERE id = 2`)
  expect(numbers(await check(from, to))).toEqual({ t: [1, 0, 1] })
  expect(await check(from, to, { repair: true })).toMatchObject({ outcome: 'same' })
})

test('limits are scope, and what cannot be compared is none', async () => {
  const { from, to } = await moved()
  await query(to, `UPDATE orders SET note = 'x' WHERE id = 3`)
  expect(await check(from, to, { tables: ['customers', 'tags'] })).toMatchObject({
    outcome: 'same',
    scope: { tables: ['customers', 'tags'] },
  })
  expect(await check(from, to, { counts: true })).toMatchObject({ outcome: 'same', scope: { counts: true } })
  await expect(check(from, to, { tables: ['oders'] })).rejects.toMatchObject({ code: 'LF005' })
  const sampled = await check(from, to, { sample: 0.2, exclude: ['orders'] })
  const again = await check(from, to, { sample: 0.2, exclude: ['orders'] })
  expect(sampled.outcome).toBe('same')
  expect(sampled.tables.map((one) => one.sourceRows)).toEqual(again.tables.map((one) => one.sourceRows))
  for (const { sourceRows, targetRows, source } of sampled.tables) {
    const all = { customers: 1000, tags: 300, log: 700 }[source]!
    expect(sourceRows).toBe(targetRows)
    expect(sourceRows).toBeGreaterThan(all * 0.05)
    expect(sourceRows).toBeLessThan(all * 0.4)
  }
  await query(to, 'DROP TABLE log')
  const report = await check(from, to, { exclude: ['orders'] })
  expect(report).toMatchObject({ exitCode: 1 })
  expect(report.tables.find((one) => one.source === 'log')!.incomplete).toContain('does not exist')
  expect(await check(from, to, { maxSeconds: 0 })).toMatchObject({ exitCode: 1 })
})

test('a question is asked before anything is repaired', async () => {
  const { from, to } = await moved()
  await query(to, `UPDATE orders SET note = 'x' WHERE id = 3`)
  const settings = makeSettings(
    {},
    { from: `sqlite:${from}`, to, repair: true },
    { cwd: folder, environment: {} },
  )
  await expect(verify(settings)).rejects.toMatchObject({ code: 'LF206' })
  const asked: string[] = []
  const ask = async (text: string) => asked.push(text) === 0
  await expect(verify(settings, { ask })).rejects.toMatchObject({ code: 'LF206' })
  expect(asked).toEqual([expect.stringMatching(/^In postgres:.*: overwrite 1 row \(orders\)\?$/)])
  expect(await query(to, 'SELECT note FROM orders WHERE id = 3')).toEqual([['x']])
})

test('an interrupted verification goes on where it stopped', async () => {
  const { from, to } = await moved()
  const stop = new AbortController()
  const settings = makeSettings({}, { from: `sqlite:${from}`, to, jobs: 1 }, { cwd: folder, environment: {} })
  const events: string[] = []
  await expect(
    verify(settings, {
      signal: stop.signal,
      progress(event) {
        if (event.kind !== 'table' || event.phase !== 'verify') return
        events.push(event.table)
        if (event.done > 2000) stop.abort()
      },
    }),
  ).rejects.toMatchObject({ code: 'LF403' })
  const kept = await query(to, `SELECT "table", sum(rows)::text FROM landfall.compared GROUP BY 1`)
  expect(kept.length).toBeGreaterThan(0)
  const report = await check(from, to)
  expect(report.outcome).toBe('same')
  expect(report.notes.join()).toContain('rows were compared before')
  expect(report.tables.map((one) => one.sourceRows)).toEqual([1000, 5000, 300, 700])
  expect(await query(to, 'SELECT count(*) FROM landfall.verifications')).toEqual([['0']])
})
