import { expect, test } from 'vitest'
import { makeSettings, type Options, type VerifyReport, verify } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { folder, postgres } = bench()

const repair = (
  from: string,
  to: string,
  options: Options = {},
  ask: (() => Promise<boolean>) | null = async () => true,
): Promise<VerifyReport> =>
  verify(
    makeSettings({}, { from, to, jobs: 2, repair: true, ...options }, { cwd: folder, environment: {} }),
    ask === null ? {} : { ask },
  )

const numbers = (report: VerifyReport) =>
  Object.fromEntries(
    report.tables
      .filter((one) => one.missing + one.extra + one.changed > 0)
      .map((one) => [one.source, [one.missing, one.extra, one.changed]]),
  )

const SHOP = `
  CREATE SCHEMA "a b"; CREATE TYPE "a b".mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS int CHECK (VALUE < 1000000);
  CREATE TABLE customers(id serial PRIMARY KEY, email varchar(80) NOT NULL UNIQUE, mood "a b".mood, tags "a b".mood[], n small,
    since timestamptz, credit numeric(10,2), shown text GENERATED ALWAYS AS (email || '!') STORED);
  CREATE TABLE orders(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, note text, total float8, data jsonb);
  CREATE TABLE lines(document uuid, position smallint, body bytea, PRIMARY KEY (document, position));
  CREATE TABLE log(line text, at int, span tstzrange, pair int4range[]);
  INSERT INTO customers (email, mood, tags, n, since, credit) SELECT 'c' || i || '@example.org', CASE i % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'ok' END::"a b".mood, ARRAY['sad', NULL]::"a b".mood[], i,
    to_timestamp(1600000000 + i * 1000.000001), i * 0.25 FROM generate_series(1, 1000) i;
  INSERT INTO orders (customer, note, total, data) SELECT 1 + i % 1000, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'note ' || i END, i * 0.1, to_jsonb(i) FROM generate_series(1, 5000) i;
  INSERT INTO lines SELECT md5((i / 5)::text)::uuid, i % 5, decode(repeat('00', i % 7), 'hex') FROM generate_series(1, 3000) i;
  INSERT INTO log SELECT 'line ' || (i % 50), i % 20, '[2024-01-01,)', '{"[1,2)"}' FROM generate_series(1, 2000) i`

test('missing and changed rows are written, parents first, extra ones deleted on request', async () => {
  const from = await postgres(SHOP)
  const to = await postgres(`${SHOP};
    DELETE FROM customers WHERE id IN (5, 1000); UPDATE customers SET mood = 'sad', tags = NULL, n = NULL, credit = -credit WHERE id = 7;
    UPDATE orders SET total = '-0', data = '{"a": "b"}' WHERE id = 8; INSERT INTO orders (customer) VALUES (1);
    UPDATE lines SET body = NULL WHERE position = 1; INSERT INTO lines VALUES (gen_random_uuid(), 1);
    INSERT INTO log SELECT * FROM log WHERE line = 'line 1'; DELETE FROM log WHERE line = 'line 2';
    SELECT setval('customers_id_seq', 3)`)
  const careful = await repair(from, to)
  expect(careful.repair).toEqual({
    inserted: 2 + 10 + 40,
    updated: 2 + 600,
    deleted: 0,
    extraLeft: 1 + 1 + 40,
    failed: [],
  })
  expect(careful).toMatchObject({ outcome: 'different', exitCode: 1 })
  expect(numbers(careful)).toEqual({ orders: [0, 1, 0], lines: [0, 1, 0], log: [0, 40, 0] })
  const whole = await repair(from, to, { deleteExtra: true })
  expect(whole.repair).toMatchObject({ inserted: 0, updated: 0, deleted: 42, extraLeft: 0, failed: [] })
  expect(whole.checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(whole).toMatchObject({ outcome: 'same', exitCode: 0 })
  expect((await repair(from, to)).repair).toBeNull()
  expect(await query(to, `SELECT nextval('customers_id_seq')`)).toEqual([['1001']])
  expect(
    await query(
      to,
      `SELECT "table", sum(inserted), sum(updated), sum(deleted) FROM landfall.repairs GROUP BY 1 ORDER BY 1`,
    ),
  ).toEqual([
    ['customers', '2', '1', '0'],
    ['lines', '0', '600', '1'],
    ['log', '40', '0', '40'],
    ['orders', '10', '1', '1'],
  ])
})

test('where almost everything differs, and in partitions', async () => {
  const from = await postgres(
    `${SHOP}; CREATE TABLE parts(id int PRIMARY KEY, v text); INSERT INTO parts SELECT i, 'v' || i FROM generate_series(1, 100) i`,
  )
  const to = await postgres(`${SHOP}; UPDATE orders SET note = 'x' || id; TRUNCATE lines, log;
    CREATE TABLE parts(id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (1) TO (50); CREATE TABLE p2 PARTITION OF parts DEFAULT;
    INSERT INTO parts SELECT i, 'v' || i FROM generate_series(60, 150) i`)
  const report = await repair(from, to, { deleteExtra: true })
  expect(report.repair).toMatchObject({ inserted: 3000 + 2000 + 59, updated: 5000, deleted: 50, failed: [] })
  expect(report).toMatchObject({ outcome: 'same', exitCode: 0 })
})

test('types that differ: values that fit are written, others are refused whole', async () => {
  const from =
    await postgres(`CREATE TABLE t(id int PRIMARY KEY, a int, b numeric(10,2), c text); INSERT INTO t SELECT i, i, i, 'c' || i FROM generate_series(1, 50) i;
    CREATE TABLE u(id int PRIMARY KEY, c text); INSERT INTO u VALUES (1, 'far too long')`)
  const to = await postgres(
    'CREATE TABLE t(id bigint PRIMARY KEY, a text, b numeric(12,4), c char(9)); CREATE TABLE u(id int PRIMARY KEY, c varchar(5))',
  )
  const report = await repair(from, to)
  expect(report.repair).toEqual({
    inserted: 50,
    updated: 0,
    deleted: 0,
    extraLeft: 0,
    failed: [{ table: 'u', reason: expect.stringMatching(/value too long for type character varying\(5\)/) }],
  })
  expect(numbers(report)).toEqual({ u: [1, 0, 0] })
})

test('nothing is written without an answer', async () => {
  const from = await postgres(SHOP)
  const to = await postgres(`${SHOP}; DELETE FROM log`)
  expect(await failure(repair(from, to, {}, null))).toMatchObject({ code: 'LF206' })
  expect(await failure(repair(from, to, {}, async () => false))).toMatchObject({ code: 'LF206' })
  expect(await query(to, 'SELECT count(*) FROM log')).toEqual([['0']])
  expect(await query(to, "SELECT count(*) FROM pg_namespace WHERE nspname = 'landfall'")).toEqual([['0']])
})
