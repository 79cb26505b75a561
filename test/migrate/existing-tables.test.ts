import { describe, expect, test } from 'vitest'
import { bench, contents, failure, query } from './migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

describe('columns of a table that is there', () => {
  test('are matched by name, in any order and in other spellings; the rest keep their defaults', async () => {
    const from =
      sqlite(`CREATE TABLE OrderLine(Id INTEGER PRIMARY KEY, userId INTEGER, "Unit Price" REAL, NOTE TEXT, Total INT AS (Id * 2) STORED);
      INSERT INTO OrderLine(Id, userId, "Unit Price", NOTE) VALUES (1, 7, 1.5, 'a'), (2, 8, NULL, '')`)
    const to =
      await postgres(`CREATE TABLE order_line(note text, unit_price double precision, user_id integer,
      created timestamptz NOT NULL DEFAULT now(), state text DEFAULT 'new', id bigint PRIMARY KEY, total bigint)`)
    const made = await plan(from, to)
    expect(made.moves).toMatchObject([{ existing: true, target: { name: 'order_line' } }])
    expect(made.moves[0]!.notes).toEqual(['columns of the target that nothing fills: created, state'])
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(
      await query(
        to,
        'SELECT id, user_id, unit_price, note, state, total, created IS NOT NULL FROM order_line ORDER BY id',
      ),
    ).toEqual([
      ['1', '7', '1.5', 'a', 'new', '2', 't'],
      ['2', '8', null, '', 'new', '4', 't'],
    ])
    expect(
      await query(
        to,
        `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
      ),
    ).toEqual([['order_line']])
  })

  test('the exact spelling comes first, and nothing is taken twice', async () => {
    const from =
      sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, "user_id" INT, "userId" INT, "É" INT, "é" INT);
      INSERT INTO t VALUES (1, 2, 3, 4, 5); CREATE TABLE a_b(x INT); CREATE TABLE "a b"(x INT); INSERT INTO a_b VALUES (1); INSERT INTO "a b" VALUES (2)`)
    const to = await postgres(
      `CREATE TABLE t(id int, user_id int, "userId" int, "é" int, "É" int); CREATE TABLE a_b(x int)`,
    )
    await migrate(from, to)
    expect(await query(to, 'SELECT id, user_id, "userId", "É", "é" FROM t')).toEqual([
      ['1', '2', '3', '4', '5'],
    ])
    expect(await query(to, 'SELECT (SELECT x FROM a_b), (SELECT x FROM "a b")')).toEqual([['1', '2']])

    const ambiguous = await postgres('CREATE TABLE t(id int, "USER_ID" int, "É" int)')
    const { blockers } = await plan(from, ambiguous)
    expect(blockers.filter((one) => one.table === 't').map((one) => one.column)).toEqual(
      expect.arrayContaining(['userId', 'é']),
    )
  })

  test('a source column that has none there, and one there that must be filled, are blockers', async () => {
    const from = sqlite(
      'CREATE TABLE t(id INTEGER PRIMARY KEY, emial TEXT, old TEXT); INSERT INTO t VALUES (1, NULL, NULL)',
    )
    const to = await postgres('CREATE TABLE t(id int PRIMARY KEY, email text, tenant int NOT NULL)')
    const { blockers } = await plan(from, to)
    expect(blockers).toMatchObject([
      { code: 'LF205', column: 'emial', message: expect.stringContaining('did you mean email?') },
      { code: 'LF205', column: 'old' },
      { code: 'LF205', column: 'tenant', message: expect.stringContaining('must have a value') },
    ])
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF205', exitCode: 5 })
    const columns = { email: 'emial', old: false as const, tenant: { from: 'id' } }
    const { blockers: doubled } = await plan(from, to, { config: { moves: { t: { columns } } } })
    expect(doubled.map((one) => one.column)).toContain('id')
    await query(to, 'ALTER TABLE t ALTER tenant SET DEFAULT 9')
    const config = { moves: { t: { columns: { email: 'emial', old: false as const } } } }
    expect((await migrate(from, to, { config })).exitCode).toBe(0)
    expect(await query(to, 'SELECT * FROM t')).toEqual([['1', null, '9']])
  })

  test('that it computes itself are left to it, also keys that it always makes', async () => {
    const from = sqlite(
      `CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, twice INT); INSERT INTO t VALUES (5, 2, 99)`,
    )
    const to = await postgres(
      'CREATE TABLE t(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED)',
    )
    const { leftOut } = await plan(from, to)
    expect(leftOut).toContainEqual({ kind: 'column', name: 't.twice', why: 'the target computes it itself' })
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await query(to, 'INSERT INTO t(a) VALUES (7); SELECT * FROM t ORDER BY id')).toEqual([
      ['5', '2', '4'],
      ['6', '7', '14'],
    ])
  })
})

test('sequences go behind the rows: serial, identity, and one that nobody owns', async () => {
  const from = sqlite(`CREATE TABLE a(id INTEGER PRIMARY KEY); INSERT INTO a VALUES (41);
    CREATE TABLE b(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO b VALUES (90); DELETE FROM b; INSERT INTO b(id) VALUES (3);
    CREATE TABLE c(id INTEGER PRIMARY KEY); INSERT INTO c VALUES (7); CREATE TABLE d(id INTEGER PRIMARY KEY)`)
  const to =
    await postgres(`CREATE TABLE a(id serial PRIMARY KEY); CREATE TABLE b(id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY);
    CREATE SEQUENCE "Own Seq"; CREATE TABLE c(id int PRIMARY KEY DEFAULT nextval('"Own Seq"')); CREATE TABLE d(id serial);
    SELECT setval('d_id_seq', 500)`)
  expect((await migrate(from, to)).exitCode).toBe(0)
  const next = await query(
    to,
    `WITH a AS (INSERT INTO a DEFAULT VALUES RETURNING id), b AS (INSERT INTO b DEFAULT VALUES RETURNING id),
      c AS (INSERT INTO c DEFAULT VALUES RETURNING id), d AS (INSERT INTO d DEFAULT VALUES RETURNING id)
      SELECT a.id, b.id, c.id, d.id FROM a, b, c, d`,
  )
  expect(next).toEqual([['42', '91', '8', '501']])
})

test('a trigger that fires for every row is a blocker, until it is disabled', async () => {
  const from = sqlite('CREATE TABLE "Order"(id INTEGER PRIMARY KEY); INSERT INTO "Order" VALUES (1)')
  const to = await postgres(`CREATE TABLE "Order"(id int PRIMARY KEY);
    CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := NEW.id + 1; RETURN NEW; END';
    CREATE TRIGGER "Stamp it" BEFORE INSERT OR UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION stamp();
    CREATE TRIGGER on_update BEFORE UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION stamp()`)
  const { blockers } = await plan(from, to)
  expect(blockers).toHaveLength(1)
  expect(blockers[0]).toMatchObject({
    code: 'LF205',
    table: 'Order',
    message: expect.stringContaining('Stamp it'),
  })
  const [statement] = blockers[0]!.choices[0]!.split('   ')
  await query(to, statement!)
  expect((await migrate(from, to)).exitCode).toBe(0)
  expect(await query(to, 'SELECT id FROM "Order"')).toEqual([['1']])
})

test('a table that holds rows is refused, whoever wrote them, and stays as it is', async () => {
  const from = sqlite(
    'CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); CREATE TABLE u(id INTEGER PRIMARY KEY)',
  )
  const to = await postgres('CREATE TABLE t(id int PRIMARY KEY); INSERT INTO t VALUES (77)')
  const before = await contents(to)
  const error = await failure(migrate(from, to))
  expect(error).toMatchObject({ code: 'LF203', exitCode: 5, place: { table: 't' } })
  expect(error.hint).toContain('--target-schema')
  expect((await contents(to)).filter(([schema]) => schema !== 'landfall')).toEqual(before)
  expect((await migrate(from, to, { options: { targetSchema: 'beside it' } })).exitCode).toBe(0)
  expect(await query(to, 'SELECT (SELECT id FROM t), (SELECT id FROM "beside it".t)')).toEqual([['77', '1']])
})

test.each([
  'VIEW taken AS SELECT 1 AS x',
  'SEQUENCE taken',
  'MATERIALIZED VIEW taken AS SELECT 1 AS x',
  'TABLE other(x int); CREATE INDEX taken ON other(x)',
])('a name that something else has is a blocker before anything is written: CREATE %s', async (made) => {
  const from = sqlite(
    'CREATE TABLE taken(id INTEGER PRIMARY KEY); INSERT INTO taken VALUES (1); CREATE TABLE a(id INT)',
  )
  const to = await postgres(`CREATE ${made}`)
  expect((await plan(from, to)).blockers).toMatchObject([{ code: 'LF205', table: 'taken' }])
  const before = await contents(to)
  expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF205' })
  expect((await contents(to)).filter(([schema]) => schema !== 'landfall')).toEqual(before)
})

test('a run that was stopped goes on in tables that were there, and --restart empties them', async () => {
  const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'v' || i FROM n`)
  const to = await postgres(
    `CREATE TABLE t(id serial PRIMARY KEY, v varchar(20) NOT NULL, extra int DEFAULT 1)`,
  )
  const options = { batchSize: 100, jobs: 1 }
  const stop = new AbortController()
  const tools = {
    signal: stop.signal,
    progress: (event: { kind: string; phase?: string; done?: number }) => {
      if (event.kind === 'table' && event.phase === 'copy' && event.done! >= 500) stop.abort()
    },
  }
  expect(await failure(migrate(from, to, { options, tools }))).toMatchObject({ code: 'LF403', exitCode: 130 })
  const [[partly]] = (await query(to, 'SELECT count(*)::int FROM t')) as [[string]]
  expect(Number(partly)).toBeGreaterThan(0)
  expect(Number(partly)).toBeLessThan(5000)
  const foreign = await failure(
    query(to, `INSERT INTO t VALUES (-1, 'not ours')`).then(() => migrate(from, to, { options })),
  )
  expect(foreign).toMatchObject({ code: 'LF203' })
  await query(to, 'DELETE FROM t WHERE id < 0')
  expect(await migrate(from, to, { options })).toMatchObject({ exitCode: 0, resumed: true })
  expect(await query(to, 'SELECT count(*)::text, sum(id)::text, sum(extra)::text FROM t')).toEqual([
    ['5000', '12502500', '5000'],
  ])
  const again = await migrate(from, to, {
    options: { ...options, restart: true },
    tools: { ask: async () => true },
  })
  expect(again).toMatchObject({ outcome: 'done', resumed: false })
  expect(await query(to, 'SELECT count(*)::text FROM t')).toEqual([['5000']])
  expect(await query(to, `INSERT INTO t(v) VALUES ('x') RETURNING id`)).toEqual([['5001']])
})
