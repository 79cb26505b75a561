import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { makeSettings, type Options, type VerifyReport, verify } from '../../src/index.ts'
import type { Tools } from '../../src/migrate.ts'
import { bench, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const check = (from: string, to: string, options: Options = {}, tools: Tools = {}): Promise<VerifyReport> =>
  verify(
    makeSettings({}, { from: `sqlite:${from}`, to, jobs: 1, ...options }, { cwd: folder, environment: {} }),
    tools,
  )

/** A table that is compared in step and one that is compared as a multiset, and what is kept of both. */
async function interrupted(): Promise<{ from: string; to: string }> {
  const from = sqlite(`
    CREATE TABLE steps(id INTEGER PRIMARY KEY, v TEXT);
    CREATE TABLE bag(v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO steps SELECT i, 'v' || i FROM n;
    INSERT INTO bag SELECT v FROM steps UNION ALL SELECT v FROM steps;`)
  const to = await postgres()
  expect((await migrate(from, to, { options: { batchSize: 500 } })).exitCode).toBe(0)
  const stop = new AbortController()
  await expect(
    check(
      from,
      to,
      {},
      {
        signal: stop.signal,
        progress(event) {
          if (event.kind !== 'table' || event.phase !== 'verify') return
          // The larger one comes first.
          if (event.table === 'steps' && event.done >= 1000) stop.abort()
        },
      },
    ),
  ).rejects.toMatchObject({ code: 'LF403' })
  return { from, to }
}

const CHANGES = {
  'a row that was changed': ['steps', `UPDATE steps SET v = 'x' WHERE id = 7`, [0, 0, 1]],
  'a row that was deleted': ['steps', 'DELETE FROM steps WHERE id = 7', [1, 0, 0]],
  'a row in the place of another': ['steps', 'UPDATE steps SET id = -7 WHERE id = 7', [1, 1, 0]],
  'a row of a table without a key': [
    'bag',
    `DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag WHERE v = 'v7' LIMIT 1)`,
    [1, 0, 0],
  ],
  // No row is written.
  'a column in the place of another': [
    'bag',
    `ALTER TABLE bag RENAME v TO gone; ALTER TABLE bag ADD v text DEFAULT 'v7'`,
    [5998, 5998, 0],
  ],
} as const

test.each(Object.entries(CHANGES))('%s after it was compared is found', async (_, [table, sql, numbers]) => {
  const { from, to } = await interrupted()
  const kept = await query(to, `SELECT "table", sum(rows)::int FROM landfall.compared GROUP BY 1 ORDER BY 1`)
  expect(kept).toEqual([
    ['bag', '6000'],
    ['steps', expect.stringMatching(/^1[05]00$/)],
  ])
  await query(to, sql)
  const report = await check(from, to)
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1 })
  const { missing, extra, changed } = report.tables.find((one) => one.source === table)!
  expect([missing, extra, changed]).toEqual(numbers)
})

test('who may not write the journal learns how to compare without it', async () => {
  const from = sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)')
  const to = await postgres()
  await migrate(from, to)
  const name = new URL(to).pathname.slice(1)
  const role = `reader_${name}`
  await query(
    to,
    `CREATE ROLE ${role} LOGIN PASSWORD 'reads'; GRANT USAGE ON SCHEMA landfall TO ${role};
     GRANT SELECT ON ALL TABLES IN SCHEMA public, landfall TO ${role};
     GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
  )
  const reader = new URL(to)
  reader.username = role
  reader.password = 'reads'
  try {
    await expect(check(from, reader.href)).rejects.toMatchObject({
      code: 'LF304',
      hint: expect.stringContaining('--no-record'),
    })
    expect(await check(from, reader.href, { record: false })).toMatchObject({ outcome: 'same' })
  } finally {
    await query(to, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('what a limit of time left out does not take the place of what was found', async () => {
  const from = sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)')
  const to = await postgres()
  await migrate(from, to)
  const before = await query(to, 'SELECT name, result FROM landfall.checks ORDER BY id')
  expect(await check(from, to, { maxSeconds: 1e-9 })).toMatchObject({ outcome: 'incomplete', exitCode: 1 })
  expect(await query(to, 'SELECT name, result FROM landfall.checks ORDER BY id')).toEqual(before)
})

test('an interruption reaches the source that was opened for a second look', async () => {
  const from = sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 1)')
  const to = await postgres()
  await migrate(from, to)
  await query(to, `UPDATE t SET v = 'x'`)
  const stop = new AbortController()
  let looks = 0
  const looking = check(
    from,
    to,
    {},
    {
      signal: stop.signal,
      progress(event) {
        if (event.kind === 'phase' && event.phase === 'snapshot') looks += 1
        // The source is not what it was, and is opened again.
        if (event.kind === 'table' && looks === 1) write(from, 'INSERT INTO t VALUES (2, 2)')
        if (event.kind === 'table' && looks === 2) stop.abort()
      },
    },
  )
  await expect(looking).rejects.toMatchObject({ code: 'LF403' })
})

function write(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}
