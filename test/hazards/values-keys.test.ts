import { describe, expect, test } from 'vitest'
import { sql } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()
const SET_ASIDE = { options: { badRows: 'set-aside' } } as const

const rejects = (to: string) =>
  query(to, `SELECT "table" || ': ' || key || ' ' || reason FROM landfall.rejects ORDER BY id`).then((rows) =>
    rows.flat().sort(),
  )
const keysOf = (to: string, table: string) =>
  query(
    to,
    `SELECT contype::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype IN ('p', 'u') ORDER BY 1`,
  )

/** HAZARDS 6. */
describe('NULL in a primary key', () => {
  const NULLS = `CREATE TABLE t(a TEXT PRIMARY KEY, b INTEGER);
    INSERT INTO t VALUES ('x', 1), (NULL, 2), (NULL, 3), ('y', 4);
    CREATE TABLE u(a TEXT, b INTEGER, PRIMARY KEY (a, b)); INSERT INTO u VALUES ('x', 1), ('x', NULL), (NULL, NULL);`

  test('is refused with the rows', async () => {
    const planned = await plan(sqlite(NULLS), await postgres())
    expect(planned.blockers).toMatchObject([
      {
        code: 'LF204',
        table: 't',
        column: 'a',
        message: 't.a is NULL, and the target must have a value in 2 of 4 rows',
        examples: ['rowid = 2 (NULL)', 'rowid = 3 (NULL)'],
      },
      { table: 'u', column: 'a', examples: ['rowid = 3 (NULL)'] },
      { table: 'u', column: 'b', examples: ['rowid = 2 (NULL)', 'rowid = 3 (NULL)'] },
    ])
  })

  test('is set aside, each row once, and the key stands', async () => {
    const to = await postgres()
    const report = await migrate(sqlite(NULLS), to, SET_ASIDE)
    expect(report).toMatchObject({
      exitCode: 1,
      tables: [
        { loaded: 2, setAside: 2 },
        { loaded: 1, setAside: 2 },
      ],
    })
    expect(await query(to, 'SELECT * FROM t ORDER BY b')).toEqual([
      ['x', '1'],
      ['y', '4'],
    ])
    expect(await keysOf(to, 'u')).toEqual([['p', 'PRIMARY KEY (a, b)']])
  })

  test('that the config makes of an empty text is found too, and so is NULL in a NOT NULL column', async () => {
    const from = sqlite(`CREATE TABLE t(a TEXT PRIMARY KEY NOT NULL, b TEXT NOT NULL, c INTEGER NOT NULL);
      INSERT INTO t VALUES ('', 'b', 1), ('x', '', 2), ('y', 'b', 3), ('z', 'b', 4);`)
    const config = {
      moves: {
        t: {
          columns: {
            a: { empty: 'null' },
            b: { empty: 'null' },
            c: { type: 'bigint', convert: sql`nullif(c, 3)` },
          },
        },
      },
    } as const
    const to = await postgres()
    const planned = await plan(from, to, { config })
    expect(planned.blockers.map(({ column, examples }) => [column, ...examples])).toEqual([
      ['a', 'rowid = 1 ("")'],
      ['b', 'rowid = 2 ("")'],
      ['c', 'rowid = 3 (3)'],
    ])
    await migrate(from, to, { config, ...SET_ASIDE })
    expect(await query(to, 'SELECT * FROM t')).toEqual([['z', 'b', '4']])
  })
})

describe('keys that are unique in the source', () => {
  test('repeated NULLs in a unique key are no conflict', async () => {
    const to = await postgres()
    await migrate(sqlite('CREATE TABLE t(a TEXT UNIQUE); INSERT INTO t VALUES (NULL), (NULL), (1)'), to)
    expect(await query(to, 'SELECT count(*) FROM t')).toEqual([['3']])
    expect(await keysOf(to, 't')).toEqual([['u', 'UNIQUE (a)']])
  })

  test("'1' and 1 become one text: the later rows are refused, or set aside", async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB UNIQUE, w UNIQUE);
      INSERT INTO t(w) VALUES ('x'), (1), ('1'), (1.5), ('1.5'), (NULL), (NULL);`)
    const to = await postgres()
    expect((await plan(from, to)).blockers).toMatchObject([
      { code: 'LF204', column: 'w', examples: ['id = 3', 'id = 5'] },
    ])
    expect((await plan(from, to)).blockers[0]!.message).toContain('has the same w as an earlier row')
    await migrate(from, to, SET_ASIDE)
    expect(await query(to, 'SELECT id, w FROM t ORDER BY id')).toEqual([
      ['1', 'x'],
      ['2', '1'],
      ['4', '1.5'],
      ['6', null],
      ['7', null],
    ])
    expect((await rejects(to)).map((line) => line!.split(' has')[0])).toEqual(['t: id = 3', 't: id = 5'])
  })

  test('UUIDs that differ in their spelling only; the lowest key stays', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v UUID UNIQUE); INSERT INTO t VALUES
      (4, '0d6f6e5a-0000-4000-8000-00000000000f'), (2, '0D6F6E5A-0000-4000-8000-00000000000F'),
      (3, '0d6f6e5a00004000800000000000000f'), (5, x'0d6f6e5a00004000800000000000000f'),
      (6, '0d6f6e5a-0000-4000-8000-00000000000e');`)
    const to = await postgres()
    const error = await failure(migrate(from, to))
    expect(error.code).toBe('LF204')
    expect(error.message).toContain('has the same v as an earlier row')
    await migrate(from, to, SET_ASIDE)
    expect(await query(to, 'SELECT * FROM t ORDER BY id')).toEqual([
      ['2', '0d6f6e5a-0000-4000-8000-00000000000f'],
      ['6', '0d6f6e5a-0000-4000-8000-00000000000e'],
    ])
  })

  test('instants that differ in their zone only', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v DATETIME UNIQUE); INSERT INTO t(v) VALUES
      ('2024-01-01 10:00:00Z'), ('2024-01-01T12:00:00+02:00'), ('2024-01-01T10:00:00.000Z'), ('2024-01-01T10:00:00.001Z');`)
    const to = await postgres()
    expect((await plan(from, to)).blockers).toMatchObject([{ examples: ['id = 2', 'id = 3'] }])
    await migrate(from, to, SET_ASIDE)
    expect(await query(to, 'SELECT id FROM t ORDER BY id')).toEqual([['1'], ['4']])
  })

  test('decimals that differ in their spelling only', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE);
      INSERT INTO t(v) VALUES ('1.50'), ('1.5'), ('01.5'), ('-0'), ('0'), ('15'), ('+1.500');`)
    const to = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, v numeric UNIQUE)')
    const [blocker] = (await plan(from, to)).blockers
    expect([...blocker!.examples].sort()).toEqual(['id = 2', 'id = 3', 'id = 5', 'id = 7'])
    await migrate(from, to, SET_ASIDE)
    expect(await query(to, 'SELECT * FROM t ORDER BY id')).toEqual([
      ['1', '1.50'],
      ['4', '0'],
      ['6', '15'],
    ])
  })

  test('texts that the repair makes equal', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE);
      INSERT INTO t(v) VALUES ('ab'), ('a' || char(0) || 'b'), ('c');`)
    const config = { moves: { t: { columns: { v: { nul: 'strip' } } } } } as const
    const to = await postgres()
    expect((await plan(from, to, { config })).blockers).toMatchObject([{ examples: ['id = 2'] }])
    await migrate(from, to, { config, ...SET_ASIDE })
    expect(await query(to, 'SELECT v FROM t ORDER BY id')).toEqual([['ab'], ['c']])
  })

  test('NOCASE: the target keeps the rule of the source, for ASCII letters and no others', async () => {
    const from = sqlite(`CREATE TABLE t(v TEXT COLLATE NOCASE UNIQUE, k TEXT COLLATE NOCASE PRIMARY KEY);
      INSERT INTO t VALUES ('Ada', 'K'), ('É', 'x'), ('é', 'y');`)
    const to = await postgres()
    await migrate(from, to)
    for (const row of ["'ADA', 'z'", "'new', 'k'"])
      await expect(query(to, `INSERT INTO t VALUES (${row})`)).rejects.toThrow('duplicate key')
    await query(to, "INSERT INTO t VALUES ('Ä', 'Ä'), ('ä', 'ä')")
  })

  test("a target's key by bytes takes what NOCASE kept apart by more than case, and is told apart from it", async () => {
    const from = sqlite("CREATE TABLE t(k TEXT PRIMARY KEY); INSERT INTO t VALUES ('a'), ('A'), ('a ')")
    const to = await postgres()
    await migrate(from, to)
    expect(await query(to, 'SELECT k FROM t ORDER BY k COLLATE "C"')).toEqual([['A'], ['a'], ['a ']])
  })
})

test('duplicates of a composite key: equal after conversion in all parts', async () => {
  const from = sqlite(`CREATE TABLE t(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO t VALUES ('1', 'x'), (1, 'x'), (1, 'y'), ('1', 'z'), (2, 'x');`)
  const to = await postgres()
  const planned = await plan(from, to)
  expect(planned.blockers).toMatchObject([{ code: 'LF204', column: null }])
  expect(planned.blockers[0]!.message).toContain('in 1 of 5 rows')
  await migrate(from, to, SET_ASIDE)
  expect(await query(to, 'SELECT a, b FROM t ORDER BY 1, 2')).toEqual([
    ['1', 'x'],
    ['1', 'y'],
    ['1', 'z'],
    ['2', 'x'],
  ])
})

describe('values that are too long for an index', () => {
  const LONG = `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE, w TEXT);
    INSERT INTO t(v) VALUES (hex(randomblob(5000))), ('x')`

  test('under a unique key are said', async () => {
    const message = 't: some values of the unique v are longer than an index of PostgreSQL can hold'
    const blocked = [{ code: 'LF205', column: 'v', message }]
    expect((await plan(sqlite(LONG), await postgres())).blockers).toMatchObject(blocked)
    const there = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, v text UNIQUE, w text)')
    expect((await plan(sqlite(LONG), there)).blockers).toMatchObject(blocked)
  })

  test('do no harm where the target has no such index', async () => {
    const to = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, v text, w text UNIQUE)')
    expect((await migrate(sqlite(LONG), to)).exitCode).toBe(0)
  })

  test('do no harm outside of the index', async () => {
    const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, open BOOLEAN);
      CREATE UNIQUE INDEX opened ON t(v) WHERE t.open IS NULL;
      INSERT INTO t(v, open) VALUES (hex(randomblob(5000)), 1), ('x', NULL)`)
    expect((await migrate(from, await postgres())).exitCode).toBe(0)
  })
})

describe('a partial unique index over values that become equal', () => {
  const id = (word: string) => `'${word}d6f6e5a-0000-4000-8000-000000000007'`
  const PARTIAL = `CREATE TABLE t(id INTEGER PRIMARY KEY, v UUID, state TEXT);
    CREATE UNIQUE INDEX opened ON t(v) WHERE t.state = 'open' OR state IS NULL;
    INSERT INTO t(v, state) VALUES (${id('a')}, 'open'), (${id('A')}, 'closed'), (${id('A')}, 'open'), (${id('A')}, 'closed'),
      (${id('B')}, NULL), (${id('b')}, NULL), (NULL, 'open'), (NULL, 'open')`

  test('is refused with the rows that it holds', async () => {
    expect((await plan(sqlite(PARTIAL), await postgres())).blockers).toMatchObject([
      { code: 'LF204', column: 'v', examples: ['id = 3', 'id = 6'] },
    ])
  })

  test('sets these aside, and the index stands', async () => {
    const to = await postgres()
    await migrate(sqlite(PARTIAL), to, SET_ASIDE)
    expect((await query(to, 'SELECT id FROM t ORDER BY id')).flat()).toEqual(['1', '2', '4', '5', '7', '8'])
    expect(await query(to, "SELECT count(*) FROM pg_indexes WHERE indexname = 'opened'")).toEqual([['1']])
  })
})

test('NULL in a column that was declared NOT NULL later', async () => {
  const from = () =>
    sqlite((database) => {
      database.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER, w TEXT);
        INSERT INTO t(v, w) VALUES (1, 'a'), (NULL, 'b'), (3, NULL)`)
      database.enableDefensive(false)
      database.exec(`PRAGMA writable_schema = ON; UPDATE sqlite_master
        SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER NOT NULL, w TEXT NOT NULL)' WHERE name = 't'`)
    })
  expect((await plan(from(), await postgres())).blockers).toMatchObject([
    {
      column: 'v',
      message: 't.v is NULL, and the target must have a value in 1 of 3 rows',
      examples: ['id = 2 (NULL)'],
    },
    { column: 'w', examples: ['id = 3 (NULL)'] },
  ])
  const to = await postgres()
  expect(await migrate(from(), to, SET_ASIDE)).toMatchObject({ tables: [{ loaded: 1, setAside: 2 }] })
  expect(await query(to, 'SELECT * FROM t')).toEqual([['1', '1', 'a']])
})
