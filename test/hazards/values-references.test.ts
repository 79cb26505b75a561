import { describe, expect, test } from 'vitest'
import { sql } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { postgres, migrate, plan, ...tools } = bench()
/** Applications seldom switch the enforcement on. */
const sqlite = (fill: string) => tools.sqlite(`PRAGMA foreign_keys = OFF; ${fill}`)
const SET_ASIDE = { options: { badRows: 'set-aside' } } as const

const rejects = async (to: string) =>
  (await query(to, `SELECT "table" || ': ' || key || ' ' || reason FROM landfall.rejects`)).flat().sort()
const foreignKeys = async (to: string, table: string) =>
  (
    await query(
      to,
      `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'f' AND convalidated ORDER BY 1`,
    )
  ).flat()
const ids = async (to: string, table: string) =>
  (await query(to, `SELECT id FROM ${table} ORDER BY id`)).flat()

/** HAZARDS 7. */
describe('orphans', () => {
  const ORPHANS = `CREATE TABLE users(id INTEGER PRIMARY KEY);
    INSERT INTO users VALUES (1), (2), (5);
    CREATE TABLE orders(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
    INSERT INTO orders VALUES (1, 1), (2, 3), (3, NULL), (4, 99), (5, 5), (6, -1);`

  test('are refused with their keys', async () => {
    const to = await postgres()
    const error = await failure(migrate(sqlite(ORPHANS), to))
    expect(error.code).toBe('LF204')
    const [blocker] = (await plan(sqlite(ORPHANS), to)).blockers
    expect(blocker).toMatchObject({
      table: 'orders',
      column: 'user_id',
      message: 'orders.user_id has no parent in users in 3 of 6 rows',
      examples: ['id = 2 (3)', 'id = 4 (99)', 'id = 6 (-1)'],
    })
    expect(blocker!.choices.join('\n')).toContain('moves.orders.columns.user_id: { convert: sql`…` }')
  })

  test('are set aside, and the foreign key stands', async () => {
    const to = await postgres()
    await migrate(sqlite(ORPHANS), to, SET_ASIDE)
    expect(await ids(to, 'orders')).toEqual(['1', '3', '5'])
    expect(await foreignKeys(to, 'orders')).toEqual(['FOREIGN KEY (user_id) REFERENCES users(id)'])
    expect(await rejects(to)).toEqual([
      'orders: id = 2 has no parent in users',
      'orders: id = 4 has no parent in users',
      'orders: id = 6 has no parent in users',
    ])
  })

  test('of a parent whose keys have no gap are found by their ends alone, and so are those of no integer', async () => {
    const from = sqlite(`CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1), (2), (3);
      CREATE TABLE orders(id INTEGER PRIMARY KEY, user_id REFERENCES users(id));
      INSERT INTO orders VALUES (1, 1), (2, 0), (3, 4), (4, NULL), (5, 3);`)
    const to = await postgres()
    await migrate(from, to, SET_ASIDE)
    expect(await ids(to, 'orders')).toEqual(['1', '4', '5'])
  })

  test.each([
    ['a new table', undefined],
    [
      'a table that is there',
      'CREATE TABLE p(id bigint, code text PRIMARY KEY); CREATE TABLE c(id bigint, code text REFERENCES p)',
    ],
  ])('by text that differs in its bytes only, which NOCASE finds equal: %s', async (_, there) => {
    const from =
      sqlite(`CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE, UNIQUE (code COLLATE BINARY));
      INSERT INTO p VALUES (1, 'a');
      CREATE TABLE c(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE REFERENCES p(code));
      INSERT INTO c VALUES (1, 'a'), (2, 'A'), (3, 'a ');`)
    const to = await postgres(there)
    await migrate(from, to, SET_ASIDE)
    expect(await ids(to, 'c')).toEqual(['1'])
    expect(await foreignKeys(to, 'c')).toEqual(['FOREIGN KEY (code) REFERENCES p(code)'])
  })

  test('are not those whose text is the number of a parent', async () => {
    const from =
      sqlite(`CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p TEXT);
      WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 12) INSERT INTO p SELECT x FROM n;
      INSERT INTO c(p) VALUES ('5'), ('10'), ('13')`)
    const to = await postgres(
      'CREATE TABLE p(id text PRIMARY KEY); CREATE TABLE c(id int PRIMARY KEY, p text REFERENCES p)',
    )
    expect((await plan(from, to)).blockers).toMatchObject([{ table: 'c', examples: ['id = 3 ("13")'] }])
    await migrate(from, to, SET_ASIDE)
    expect(await ids(to, 'c')).toEqual(['1', '2'])
  })

  test('where the target enforces the key already', async () => {
    const to = await postgres(`CREATE TABLE users(id bigint PRIMARY KEY);
      CREATE TABLE orders(id bigint PRIMARY KEY, user_id bigint REFERENCES users(id));`)
    await migrate(sqlite(ORPHANS.replace(' REFERENCES users(id)', '')), to, SET_ASIDE)
    expect(await ids(to, 'orders')).toEqual(['1', '3', '5'])
  })
})

describe("'' as a foreign key", () => {
  const EMPTY = `CREATE TABLE p(code TEXT PRIMARY KEY); INSERT INTO p VALUES ('a');
    CREATE TABLE c(id INTEGER PRIMARY KEY, code TEXT REFERENCES p(code));
    INSERT INTO c VALUES (1, 'a'), (2, ''), (3, NULL), (4, 'b');`

  test('is an orphan', async () => {
    const [blocker] = (await plan(sqlite(EMPTY), await postgres())).blockers
    expect(blocker).toMatchObject({ examples: ['id = 2 ("")', 'id = 4 ("b")'] })
  })

  test.each([
    ["empty: 'null'", { empty: 'null' }],
    ['convert', { convert: sql`nullif(code, '')` }],
  ] as const)('is none when the config makes NULL of it: %s', async (_, code) => {
    const config = { moves: { '*': {}, c: { columns: { code } } } }
    const to = await postgres()
    const [blocker] = (await plan(sqlite(EMPTY), to, { config })).blockers
    expect(blocker).toMatchObject({ examples: ['id = 4 ("b")'] })
    await migrate(sqlite(EMPTY), to, { config, ...SET_ASIDE })
    expect(await query(to, 'SELECT * FROM c ORDER BY id')).toEqual([
      ['1', 'a'],
      ['2', null],
      ['3', null],
    ])
    expect(await foreignKeys(to, 'c')).toEqual(['FOREIGN KEY (code) REFERENCES p(code)'])
  })

  test('that refers to a parent whose own key is converted', async () => {
    const from = sqlite(`CREATE TABLE p(code TEXT PRIMARY KEY); INSERT INTO p VALUES ('a'), ('b');
      CREATE TABLE c(id INTEGER PRIMARY KEY, code TEXT REFERENCES p(code)); INSERT INTO c VALUES (1, 'A'), (2, 'C');`)
    const to = await postgres()
    const config = { moves: { p: { columns: { code: { convert: sql`upper(code)` } } }, c: {} } }
    await migrate(from, to, { config, ...SET_ASIDE })
    expect(await query(to, 'SELECT * FROM c')).toEqual([['1', 'A']])
  })
})

describe('foreign keys that are kept', () => {
  test('composite, with NULL in a part', async () => {
    const from =
      sqlite(`CREATE TABLE p(a INTEGER, b TEXT, PRIMARY KEY (a, b)); INSERT INTO p VALUES (1, 'x'), (1, 'y');
      CREATE TABLE c(id INTEGER PRIMARY KEY, a INTEGER, b TEXT, FOREIGN KEY (a, b) REFERENCES p(a, b) ON DELETE CASCADE);
      INSERT INTO c VALUES (1, 1, 'x'), (2, 1, 'z'), (3, NULL, 'z'), (4, 9, NULL), (5, 2, 'x');`)
    const to = await postgres()
    await migrate(from, to, SET_ASIDE)
    expect(await ids(to, 'c')).toEqual(['1', '3', '4'])
    expect(await foreignKeys(to, 'c')).toEqual(['FOREIGN KEY (a, b) REFERENCES p(a, b) ON DELETE CASCADE'])
  })

  test('to the same table, forwards and backwards, in several chunks', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, up INTEGER REFERENCES t(id));
      WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100) INSERT INTO t SELECT x, 101 - x FROM n;
      INSERT INTO t VALUES (200, 200), (201, NULL);`)
    for (const target of [undefined, 'CREATE TABLE t(id bigint PRIMARY KEY, up bigint REFERENCES t(id))']) {
      const to = await postgres(target)
      const report = await migrate(from, to, { options: { batchSize: 10 } })
      expect(report).toMatchObject({ exitCode: 0, tables: [{ loaded: 102 }] })
      expect(await foreignKeys(to, 't')).toEqual(['FOREIGN KEY (up) REFERENCES t(id)'])
    }
  })

  test('in a circle', async () => {
    const from = sqlite(`CREATE TABLE a(id INTEGER PRIMARY KEY, b INTEGER REFERENCES b(id));
      CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO a VALUES (1, 2), (2, 1); INSERT INTO b VALUES (1, 1), (2, 2);`)
    const to = await postgres()
    await migrate(from, to)
    expect(await foreignKeys(to, 'a')).toEqual(['FOREIGN KEY (b) REFERENCES b(id)'])
    expect(await foreignKeys(to, 'b')).toEqual([
      'FOREIGN KEY (a) REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED',
    ])
    const there = await postgres(`CREATE TABLE a(id bigint PRIMARY KEY, b bigint);
      CREATE TABLE b(id bigint PRIMARY KEY, a bigint REFERENCES a(id)); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b(id);`)
    const error = await failure(migrate(from, there))
    expect(error.code).toBe('LF205')
    expect(error.message).toContain('in a circle')
  })
})

test.each([
  [
    'a column that is not unique',
    'CREATE TABLE p(id INTEGER PRIMARY KEY, k TEXT)',
    'TEXT REFERENCES p(k)',
    'is not unique',
  ],
  ['a table that is missing', 'CREATE TABLE p(k TEXT)', 'TEXT REFERENCES gone(k)', 'gone is missing'],
  [
    'another type',
    'CREATE TABLE p(k INTEGER PRIMARY KEY)',
    'TEXT REFERENCES p(k)',
    'k is text and p.k is bigint',
  ],
  ['a column that is missing', 'CREATE TABLE p(k TEXT UNIQUE)', 'TEXT REFERENCES p(nope)', 'p has no key'],
])('a foreign key to %s is left out, with the reason, and its rows arrive', async (_, parent, child, why) => {
  const from = sqlite(
    `${parent}; CREATE TABLE c(id INTEGER PRIMARY KEY, k ${child}); INSERT INTO c VALUES (1, 'x');`,
  )
  const to = await postgres()
  const planned = await plan(from, to)
  expect(planned.leftOut).toMatchObject([{ kind: 'foreign key', why: expect.stringContaining(why) }])
  expect(await migrate(from, to)).toMatchObject({ exitCode: 0 })
  expect(await foreignKeys(to, 'c')).toEqual([])
  expect(await ids(to, 'c')).toEqual(['1'])
})

describe('what is set aside takes with it', () => {
  const CHAIN = `CREATE TABLE a(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO a VALUES (1, 1), (2, 'bad'), (3, 3);
    CREATE TABLE b(id INTEGER PRIMARY KEY, a INTEGER REFERENCES a(id)); INSERT INTO b VALUES (10, 1), (20, 2), (21, 2), (30, NULL);
    CREATE TABLE c(id INTEGER PRIMARY KEY, b INTEGER REFERENCES b(id)); INSERT INTO c VALUES (100, 10), (200, 20), (300, 30);
    CREATE TABLE d(id INTEGER PRIMARY KEY, c INTEGER REFERENCES c(id)); INSERT INTO d VALUES (1000, 100), (2000, 200);`

  test('its children, theirs, and theirs, whatever the order of the tables', async () => {
    const to = await postgres()
    const report = await migrate(sqlite(CHAIN), to, SET_ASIDE)
    expect(
      report.tables.map(({ source, read, loaded, setAside }) => [source, read, loaded, setAside]).sort(),
    ).toEqual([
      ['a', 3, 2, 1],
      ['b', 4, 2, 2],
      ['c', 3, 2, 1],
      ['d', 2, 1, 1],
    ])
    expect(await rejects(to)).toEqual([
      'a: id = 2 is no integer',
      'b: id = 20 has no parent in a that is kept',
      'b: id = 21 has no parent in a that is kept',
      'c: id = 200 has no parent in b that is kept',
      'd: id = 2000 has no parent in c that is kept',
    ])
    expect(await foreignKeys(to, 'd')).toHaveLength(1)
  })

  test('rows of the same table, and round a circle', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, up INTEGER REFERENCES t(id), n INTEGER);
      INSERT INTO t VALUES (1, 2, 1), (2, 3, 1), (3, 4, 1), (4, NULL, 'bad'), (5, 5, 1), (6, 1, 1);`)
    const to = await postgres()
    await migrate(from, to, SET_ASIDE)
    expect(await ids(to, 't')).toEqual(['5'])
    expect((await rejects(to)).length).toBe(5)
  })

  test('the children of a duplicate that does not stay, by composite keys too', async () => {
    const from = sqlite(`CREATE TABLE p(a, b, n INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
      INSERT INTO p VALUES (1, 'x', 1), ('1', 'x', 2), (2, 'x', 3), ('t', 't', 4);
      CREATE TABLE c(id INTEGER PRIMARY KEY, a, b, FOREIGN KEY (a, b) REFERENCES p(a, b));
      INSERT INTO c VALUES (1, 1, 'x'), (2, '1', 'x'), (3, 2, 'x'), (4, 't', 't');`)
    const to = await postgres()
    await migrate(from, to, SET_ASIDE)
    expect(await query(to, 'SELECT n FROM p ORDER BY n')).toEqual([['1'], ['3'], ['4']])
    expect(await ids(to, 'c')).toEqual(['1', '3', '4'])
  })

  test('nothing twice: a row that breaks several rules is one reject', async () => {
    const from = sqlite(`CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
      CREATE TABLE c(id INTEGER PRIMARY KEY, n INTEGER, p INTEGER REFERENCES p(id), u UUID UNIQUE);
      INSERT INTO c VALUES (1, 1, 1, 'AAAAAAAA-0000-4000-8000-000000000000'),
        (2, 'bad', 9, 'aaaaaaaa000040008000000000000000'), (3, 1, 1, 'aaaaaaaa-0000-4000-8000-000000000000');`)
    const to = await postgres()
    const report = await migrate(from, to, SET_ASIDE)
    expect(report.tables.find(({ source }) => source === 'c')).toMatchObject({
      read: 3,
      loaded: 1,
      setAside: 2,
    })
    expect(await ids(to, 'c')).toEqual(['1'])
  })
})
