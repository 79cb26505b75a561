import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { type MigrationConfig, migrate, plan, type VerifyReport } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'
import { asking } from './asking.ts'

const { folder, postgres } = bench()

const { settings, check } = asking(folder)

const failed = (report: VerifyReport) =>
  report.checks.filter((one) => one.result !== 'pass').map((one) => `${one.name}: ${one.found}`)

const tablesOf = (report: VerifyReport) => report.tables.map((one) => one.source)

const ITEMS = `CREATE TABLE items(id int PRIMARY KEY, name text);
  INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 5000) i`

test('verify says of a copy what migrate has made of it', async () => {
  const from = await postgres(ITEMS)
  const to = await postgres()
  expect(await plan(settings(from, to))).toMatchObject({ blockers: [], moves: [{ source: 'items' }] })
  expect(await migrate(settings(from, to))).toMatchObject({ outcome: 'done', exitCode: 0 })
  expect(await check(from, to)).toMatchObject({ outcome: 'same', tables: [{ sourceRows: 5000 }] })
  await query(to, 'DELETE FROM items WHERE id = 7')
  expect((await check(from, to)).differences).toMatchObject([{ kind: 'missing', key: 'id = 7' }])
})

test('a table or column that one side lacks is a failed check, whatever the rows', async () => {
  const from = await postgres(
    `${ITEMS}; CREATE TABLE gone(id int); CREATE TABLE half(id int PRIMARY KEY, a int, b int)`,
  )
  const to = await postgres(
    `${ITEMS}; CREATE TABLE more(id int); CREATE TABLE half(id int PRIMARY KEY, a int, c int)`,
  )
  const report = await check(from, to)
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1 })
  expect(failed(report)).toEqual([
    'every table is on both sides: gone: the target has no table "public"."gone", and 1 more',
    'half: the same columns on both sides: b is only in the source, c is only in the target',
  ])
  expect(tablesOf(report)).toEqual(['half', 'items'])
  const some = await check(from, to, { options: { tables: ['items'] } })
  expect(some).toMatchObject({ outcome: 'same', scope: { tables: ['items'] } })
  expect(failed(await check(from, to, { options: { exclude: ['gone', 'half'] } }))).toEqual([])
})

test('the config’s names are followed', async () => {
  const from = await postgres(
    `${ITEMS}; CREATE TABLE old(id int PRIMARY KEY, a int, secret text); INSERT INTO old VALUES (1, 2, 'x'); CREATE TABLE cache(id int)`,
  )
  const to = await postgres(
    `${ITEMS}; CREATE TABLE fresh(id int PRIMARY KEY, amount int); INSERT INTO fresh VALUES (1, 2)`,
  )
  const config: MigrationConfig = {
    moves: { '*': {}, cache: false, fresh: { from: 'old', columns: { amount: 'a', secret: false } } },
  }
  const report = await check(from, to, { config })
  expect(failed(report)).toEqual([])
  expect(report.tables.map((one) => [one.source, one.target])).toEqual([
    ['old', 'public.fresh'],
    ['items', 'public.items'],
  ])
  await query(to, 'UPDATE fresh SET amount = 3')
  expect((await check(from, to, { config })).differences).toEqual([
    { table: 'old', kind: 'changed', key: 'id = 1', columns: [{ column: 'amount' }] },
  ])
  const unknown: MigrationConfig = { moves: { '*': {}, fresh: { from: 'odl' } } }
  expect(await failure(check(from, to, { config: unknown }))).toMatchObject({
    code: 'LF005',
    message: 'moves.fresh.from: the source has no table odl; did you mean old?',
  })
  expect(await failure(check(from, to, { options: { tables: ['item'] } }))).toMatchObject({ code: 'LF005' })
})

test('every schema is looked at, unless one is named', async () => {
  const sql = `${ITEMS}; CREATE SCHEMA "the shop"; CREATE TABLE "the shop".items(id uuid PRIMARY KEY DEFAULT gen_random_uuid())`
  const from = await postgres(`${sql}; INSERT INTO "the shop".items DEFAULT VALUES`)
  const to = await postgres(sql)
  const report = await check(from, to)
  expect(report.tables.map(({ source, missing }) => [source, missing])).toEqual([
    ['items', 0],
    ['the shop.items', 1],
  ])
  expect(await check(from, to, { options: { targetSchema: 'public' } })).toMatchObject({ outcome: 'same' })
})

test('names of every kind', async () => {
  const name = `a "quoted".näme, with 'all' $1`
  const quoted = `"${name.replaceAll('"', '""')}"`
  const sql = `CREATE SCHEMA ${quoted}; CREATE TABLE ${quoted}.${quoted}(${quoted} text PRIMARY KEY, "select" int, ctid2 int);
    INSERT INTO ${quoted}.${quoted} SELECT 'k''"\\' || i, i FROM generate_series(1, 3000) i`
  const from = await postgres(sql)
  const to = await postgres(`${sql}; UPDATE ${quoted}.${quoted} SET "select" = NULL WHERE "select" = 2000`)
  const report = await check(from, to)
  expect(report.differences).toEqual([
    {
      table: `${quoted}.${quoted}`,
      kind: 'changed',
      key: `${name} = ${JSON.stringify(`k'"\\2000`)}`,
      columns: [{ column: 'select' }],
    },
  ])
})

test('types that differ are compared as text, and that is said', async () => {
  const values = "INSERT INTO t SELECT i, i, i / 4.0, 'x' || i, i FROM generate_series(1, 3000) i"
  const from = await postgres(
    `CREATE TABLE t(id int PRIMARY KEY, n int, amount numeric(10,2), name char(20), same numeric(8,2)); ${values}`,
  )
  const to = await postgres(
    `CREATE TABLE t(id bigint PRIMARY KEY, n text, amount numeric(12,4), name text, same numeric(8,2)); ${values}; UPDATE t SET amount = 1.5001 WHERE id = 6`,
  )
  const report = await check(from, to, { options: { showValues: true } })
  expect(report.notes).toEqual([
    't.n: integer in the source and text in the target, compared as text',
    't.amount: numeric(10,2) in the source and numeric(12,4) in the target, compared as text',
    't.name: character(20) in the source and text in the target, compared as text',
  ])
  expect(report.differences).toEqual([
    {
      table: 't',
      kind: 'changed',
      key: 'id = 6',
      columns: [{ column: 'amount', source: '1.50', target: '1.5001' }],
    },
  ])
})

test('databases of other collations and orders of columns', async () => {
  const rows = `INSERT INTO words SELECT chr(65 + i % 58) || U&'\\00e9' || i % 97, i FROM generate_series(1, 4000) i ON CONFLICT DO NOTHING`
  const from = await postgres(`CREATE TABLE words(word text COLLATE "C" PRIMARY KEY, n int); ${rows}`)
  const to = await postgres(
    `CREATE TABLE words(n int, word text COLLATE "und-x-icu" PRIMARY KEY); ${rows.replace('words SELECT', 'words (word, n) SELECT')};
     DELETE FROM words WHERE n IN (10, 3000)`,
  )
  const report = await check(from, to)
  const missing = Number((await query(from, 'SELECT count(*) FROM words WHERE n IN (10, 3000)'))[0]![0])
  expect(report.tables[0]).toMatchObject({ missing, extra: 0, changed: 0 })
  expect(missing).toBeGreaterThan(0)
})

test('a partitioned table against a plain one; heirs for themselves', async () => {
  const rows =
    "INSERT INTO m SELECT i, 'x' || i FROM generate_series(1, 3000) i; INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)"
  const heirs = 'CREATE TABLE a(id int); CREATE TABLE b() INHERITS (a)'
  const from = await postgres(
    `CREATE TABLE m(id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1) TO (1000); CREATE TABLE m2 PARTITION OF m DEFAULT; ${heirs}; ${rows}`,
  )
  const to = await postgres(`CREATE TABLE m(id int PRIMARY KEY, v text); ${heirs}; ${rows}`)
  const report = await check(from, to)
  expect(failed(report)).toEqual([])
  expect(report.tables.map((one) => [one.source, one.sourceRows])).toEqual([
    ['a', 1],
    ['b', 1],
    ['m', 3000],
  ])
  await query(to, 'DELETE FROM m WHERE id = 999')
  expect((await check(from, to)).differences).toMatchObject([{ kind: 'missing', key: 'id = 999' }])
})

test('constraints, indexes and sequences count too', async () => {
  const sql = `CREATE TABLE parents(id serial PRIMARY KEY, name text UNIQUE);
    CREATE TABLE children(id int PRIMARY KEY, parent int CONSTRAINT parent REFERENCES parents ON DELETE CASCADE, n int CHECK (n > 0));
    CREATE INDEX by_n ON children (n DESC, lower(n::text)) WHERE n > 5;
    INSERT INTO parents (name) SELECT 'p' || i FROM generate_series(1, 100) i; INSERT INTO children SELECT i, i, i FROM generate_series(1, 100) i`
  const from = await postgres(sql)
  expect(await check(from, await postgres(sql))).toMatchObject({ outcome: 'same' })
  const to =
    await postgres(`${sql}; SELECT setval('parents_id_seq', 50); ALTER TABLE parents DROP CONSTRAINT parents_name_key;
    DROP INDEX by_n; ALTER TABLE children DROP CONSTRAINT parent, DROP CONSTRAINT children_n_check;
    ALTER TABLE children ADD CONSTRAINT parent FOREIGN KEY (parent) REFERENCES parents ON DELETE CASCADE NOT VALID`)
  const report = await check(from, to)
  expect(report.tables.every((one) => one.missing + one.extra + one.changed === 0)).toBe(true)
  expect(failed(report)).toEqual([
    expect.stringMatching(/^children: keys and indexes: the index by_n .* is missing$/),
    expect.stringMatching(/^children: foreign keys: .*parent is not validated/),
    expect.stringMatching(/^children: checks?.*children_n_check/),
    expect.stringMatching(/^parents: keys and indexes: the unique index parents_name_key .* is missing$/),
    expect.stringMatching(/^parents: sequences: id: .* goes on with 51/),
  ])
})

test('a sample takes the same rows on both sides, and again', async () => {
  const sql = `${ITEMS}; CREATE TABLE words(word text PRIMARY KEY); INSERT INTO words SELECT 'w' || i FROM generate_series(1, 5000) i;
    CREATE TABLE log(line text); INSERT INTO log SELECT 'l' || i FROM generate_series(1, 5000) i`
  const from = await postgres(sql)
  const to = await postgres(sql)
  const options = { sample: 0.1 }
  const report = await check(from, to, { options })
  expect(report).toMatchObject({ outcome: 'same', scope: { sample: 0.1 } })
  for (const table of report.tables) {
    expect(table.sourceRows).toBe(table.targetRows)
    expect(table.sourceRows).toBeGreaterThan(350)
    expect(table.sourceRows).toBeLessThan(650)
  }
  await query(to, "UPDATE items SET name = ''; UPDATE words SET word = word || ' '; DELETE FROM log")
  const changed = await check(from, to, { options })
  expect(changed.tables.map((one) => [one.source, one.sourceRows])).toEqual(
    report.tables.map((one) => [one.source, one.sourceRows]),
  )
  expect(changed.tables.find((one) => one.source === 'items')).toMatchObject({
    changed: report.tables[0]!.sourceRows,
    missing: 0,
    extra: 0,
  })
})

test('numbers of rows alone', async () => {
  const from = await postgres(ITEMS)
  const to = await postgres(`${ITEMS}; UPDATE items SET name = 'other'; DELETE FROM items WHERE id > 4990`)
  const report = await check(from, to, { options: { counts: true } })
  expect(report.tables[0]).toMatchObject({
    ...{ compared: 'counts', sourceRows: 5000, targetRows: 4990 },
    ...{ missing: 10, extra: 0, changed: 0, exact: false },
  })
})

test('what a role may not read, and what time did not allow, is incomplete', async () => {
  const from = await postgres(ITEMS)
  const to = await postgres(
    `${ITEMS}; CREATE TABLE more(id int); ALTER TABLE items ENABLE ROW LEVEL SECURITY;
     DO $$ BEGIN CREATE ROLE seer; EXCEPTION WHEN duplicate_object THEN NULL; END $$; GRANT SELECT ON ALL TABLES IN SCHEMA public TO seer`,
  )
  await query(from, 'CREATE TABLE more(id int)')
  const limited = new URL(to)
  limited.search = '?options=-c%20role%3Dseer'
  const report = await check(from, limited.href)
  expect(report).toMatchObject({ outcome: 'incomplete', exitCode: 1 })
  expect(report.tables.map((one) => [one.source, one.incomplete])).toEqual([
    ['items', expect.stringMatching(/row-level security/)],
    ['more', null],
  ])
  const hurried = await check(from, to, { options: { maxSeconds: 1e-6 } })
  expect(hurried).toMatchObject({ outcome: 'incomplete', exitCode: 1 })
  expect(hurried.tables[0]).toMatchObject({ incomplete: expect.stringMatching(/--max-time/) })
})

test('what is written to the source meanwhile is not seen', async () => {
  const sql = `CREATE TABLE a(id int PRIMARY KEY, v text); CREATE TABLE b(v text);
    INSERT INTO a SELECT i, repeat('x', 50) FROM generate_series(1, 3000) i; INSERT INTO b SELECT v FROM a`
  const from = await postgres(sql)
  const to = await postgres(sql)
  const writer = new Client({ connectionString: from })
  await writer.connect()
  try {
    // The verification begins, and waits for the tables.
    await writer.query('BEGIN; LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE')
    const verifying = check(from, to)
    const waits = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'landfall verify' AND wait_event_type = 'Lock'`
    while ((await query(from, waits))[0]![0] === '0') await sleep(10)
    await writer.query(`INSERT INTO a VALUES (-1, ''); UPDATE a SET v = 'y' WHERE id = 7;
      DELETE FROM b WHERE ctid = (SELECT max(ctid) FROM b); COMMIT`)
    const report = await verifying
    expect(report).toMatchObject({ outcome: 'same' })
    expect(report.tables.map((one) => one.sourceRows)).toEqual([3000, 3000])
  } finally {
    await writer.end()
  }
  expect((await check(from, to)).tables.map((one) => one.missing + one.extra + one.changed)).toEqual([2, 1])
})

test('what arrives late is no difference; what stays is', async () => {
  const from = await postgres(ITEMS)
  const to = await postgres(
    `${ITEMS}; UPDATE items SET name = 'late' WHERE id < 3; DELETE FROM items WHERE id = 4`,
  )
  let arriving: Promise<unknown> | null = null
  const report = await check(from, to, {
    tools: {
      progress(event) {
        if (event.kind === 'phase' && event.phase === 'verify')
          arriving ??= query(to, "UPDATE items SET name = 'item ' || id WHERE id < 3")
      },
    },
  })
  await arriving
  expect(report.differences).toMatchObject([{ kind: 'missing', key: 'id = 4' }])
})

test('an interruption ends it at once', async () => {
  const from = await postgres(
    `${ITEMS}; CREATE TABLE slow(id int PRIMARY KEY, v text); INSERT INTO slow SELECT i, repeat('x', 500) FROM generate_series(1, 200000) i`,
  )
  const controller = new AbortController()
  const began = performance.now()
  const stopped = await failure(
    check(from, from, {
      tools: {
        signal: controller.signal,
        progress: (event) => {
          if (event.kind === 'phase') setTimeout(() => controller.abort(), 30)
        },
      },
    }),
  )
  expect(stopped).toMatchObject({ code: 'LF403', exitCode: 130 })
  expect(performance.now() - began).toBeLessThan(5000)
  expect(
    await query(
      from,
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'landfall verify' AND datname = current_database()",
    ),
  ).toEqual([['0']])
})
