import { describe, expect, test } from 'vitest'
import { bench, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

/** HAZARDS 11. */
describe('generated columns', () => {
  test('are computed by the target where it can, and carried as values where it cannot', async () => {
    const from = sqlite(`CREATE TABLE g(id INTEGER PRIMARY KEY, a INTEGER, b INTEGER,
        sum INTEGER GENERATED ALWAYS AS (a + b) STORED, twice INTEGER AS (a * 2) VIRTUAL,
        shown TEXT AS (printf('%05d', a)) STORED);
      INSERT INTO g(id, a, b) VALUES (1, 2, 3), (2, NULL, 1)`)
    const to = await postgres()
    const made = await plan(from, to)
    expect(made.moves[0]!.notes.join('\n')).toMatch(/shown.*printf/)
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await query(to, 'SELECT id, a, b, sum, twice, shown FROM g ORDER BY id')).toEqual([
      ['1', '2', '3', '5', '4', '00002'],
      ['2', null, '1', null, null, '00000'],
    ])
    const kinds = await query(
      to,
      `SELECT attname::text, attgenerated::text FROM pg_attribute WHERE attrelid = 'g'::regclass AND attnum > 3 ORDER BY attnum`,
    )
    expect(kinds).toEqual([
      ['sum', 's'],
      ['twice', 's'],
      ['shown', ''],
    ])
    expect(await query(to, 'INSERT INTO g(a, b) VALUES (10, 20) RETURNING id, sum, twice')).toEqual([
      ['3', '30', '20'],
    ])
  })
})

describe('indexes', () => {
  test('partial, on expressions, descending and by collation keep what they enforce', async () => {
    const from =
      sqlite(`CREATE TABLE u(id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE UNIQUE, name TEXT, active INTEGER, code TEXT);
      CREATE UNIQUE INDEX one_active ON u(name) WHERE active = 1;
      CREATE UNIQUE INDEX by_lower ON u(lower(code));
      CREATE INDEX newest ON u(id DESC, name);
      CREATE INDEX left_out ON u(printf('%s', name));
      INSERT INTO u VALUES (1, 'Ada@x', 'n', 1, 'A'), (2, 'Bob@x', 'n', 0, 'b'), (3, NULL, 'n', NULL, NULL)`)
    const to = await postgres()
    const made = await plan(from, to)
    expect(made.leftOut).toContainEqual({
      kind: 'index',
      name: 'u: left_out',
      why: expect.stringContaining('printf'),
    })
    expect((await migrate(from, to)).exitCode).toBe(0)
    const refused = async (values: string) => {
      await expect(query(to, `INSERT INTO u VALUES ${values}`)).rejects.toMatchObject({ code: '23505' })
    }
    await refused("(4, 'aDA@X', 'z', 0, 'z')")
    await refused("(4, 'z', 'n', 1, 'z')")
    await refused("(4, 'z', 'z', 0, 'a')")
    await query(to, "INSERT INTO u VALUES (4, NULL, 'n', 0, NULL)")
    const names = await query(to, `SELECT indexname FROM pg_indexes WHERE tablename = 'u' ORDER BY 1`)
    expect(names.flat()).toEqual(expect.arrayContaining(['by_lower', 'newest', 'one_active', 'u_pkey']))
    expect(names.flat()).not.toContain('left_out')
    expect(
      await query(to, `SELECT indexdef LIKE '%(id DESC, name)' FROM pg_indexes WHERE indexname = 'newest'`),
    ).toEqual([['t']])
  })
})

describe('tables', () => {
  test('WITHOUT ROWID goes by its key, in several chunks, whatever the key is made of', async () => {
    const from =
      sqlite(`CREATE TABLE w(a TEXT COLLATE NOCASE, b INTEGER, v BLOB, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO w SELECT 'k' || (i % 7) || char(i % 90 + 33) || i, i / 3, zeroblob(i % 5) FROM n;
      CREATE TABLE q("it's" TEXT PRIMARY KEY NOT NULL, n REAL) WITHOUT ROWID;
      INSERT INTO q VALUES ('a''b', 1.5), ('', 2.5), ('ü', NULL)`)
    const to = await postgres()
    const report = await migrate(from, to, { options: { batchSize: 100 } })
    expect(report.tables.map((table) => table.loaded)).toEqual([1000, 3])
    expect(
      await query(to, `SELECT count(DISTINCT (a, b))::text, sum(b)::text, sum(length(v))::text FROM w`),
    ).toEqual([
      ['1000', String([...Array(1000)].reduce((sum, _, i) => sum + Math.floor((i + 1) / 3), 0)), '2000'],
    ])
    expect(await query(to, `SELECT "it's", n FROM q ORDER BY "it's" COLLATE "C"`)).toEqual([
      ['', '2.5'],
      ["a'b", '1.5'],
      ['ü', null],
    ])
  })

  test('STRICT tables', async () => {
    const from = sqlite(`CREATE TABLE s(i INT, r REAL, t TEXT, b BLOB, a ANY, p INTEGER PRIMARY KEY) STRICT;
      INSERT INTO s VALUES (1, 2, 'x', x'00', 'any', 1), (NULL, 0.1, NULL, NULL, 5, 2)`)
    const to = await postgres()
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await query(to, 'SELECT * FROM s ORDER BY p')).toEqual([
      ['1', '2', 'x', '\\x00', 'any', '1'],
      [null, '0.1', null, null, '5', '2'],
    ])
  })

  test('views, triggers, full-text tables and their shadows are named and left out', async () => {
    const from =
      sqlite(`CREATE TABLE doc(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO doc VALUES (1, 'hello');
      CREATE VIEW shown AS SELECT body FROM doc;
      CREATE VIRTUAL TABLE search USING fts5(body, content='doc', content_rowid='id');
      CREATE TRIGGER doc_ai AFTER INSERT ON doc BEGIN INSERT INTO search(rowid, body) VALUES (new.id, new.body); END;
      CREATE VIRTUAL TABLE box USING rtree(id, x0, x1);
      INSERT INTO search(search) VALUES ('rebuild'); INSERT INTO box VALUES (1, 2, 3); ANALYZE`)
    const to = await postgres()
    const { leftOut } = await plan(from, to)
    const kinds = Object.fromEntries(leftOut.map((one) => [one.name, one.kind]))
    expect(kinds).toMatchObject({
      shown: 'view',
      search: 'virtual table',
      search_data: 'shadow table',
      box: 'virtual table',
      box_node: 'shadow table',
      doc_ai: 'trigger',
    })
    expect(leftOut.every((one) => one.why.length > 10)).toBe(true)
    const report = await migrate(from, to)
    expect(report).toMatchObject({ exitCode: 0, tables: [{ source: 'doc', loaded: 1 }] })
  })

  test('without a key, equal rows stay as many as they are, in several chunks', async () => {
    const from = sqlite(`CREATE TABLE log(line TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO log SELECT 'same' FROM n;
      INSERT INTO log VALUES (NULL), (NULL); DELETE FROM log WHERE rowid % 3 = 0;
      INSERT INTO log(rowid, line) VALUES (-9223372036854775808, 'first'), (9223372036854775807, 'last'), (-1, 'before')`)
    const to = await postgres()
    expect((await migrate(from, to, { options: { batchSize: 50 } })).exitCode).toBe(0)
    expect(
      await query(to, `SELECT count(*)::text, count(line)::text, count(DISTINCT line)::text FROM log`),
    ).toEqual([['338', '337', '4']])
  })

  test('whose columns took all names of the rowid', async () => {
    const from = sqlite(`CREATE TABLE keyed(rowid TEXT, oid TEXT, _rowid_ TEXT, id INTEGER PRIMARY KEY);
      CREATE TABLE by_text(rowid TEXT NOT NULL PRIMARY KEY, oid TEXT, _rowid_ TEXT);
      CREATE TABLE two(rowid TEXT, oid TEXT);
      INSERT INTO keyed VALUES ('z', 'y', 'x', 5), ('z', 'y', 'x', 4); INSERT INTO by_text VALUES ('b', 'c', 'd'), ('a', 'c', 'd');
      INSERT INTO two VALUES ('same', 'same'), ('same', 'same')`)
    const to = await postgres()
    expect((await migrate(from, to)).exitCode).toBe(0)
    expect(await query(to, 'SELECT * FROM keyed ORDER BY id')).toEqual([
      ['z', 'y', 'x', '4'],
      ['z', 'y', 'x', '5'],
    ])
    expect(await query(to, 'SELECT * FROM by_text ORDER BY 1')).toEqual([
      ['a', 'c', 'd'],
      ['b', 'c', 'd'],
    ])
    expect(await query(to, 'SELECT * FROM two')).toHaveLength(2)

    const lost = sqlite(
      `CREATE TABLE lost(rowid TEXT, oid TEXT, _rowid_ TEXT); INSERT INTO lost VALUES (1, 2, 3)`,
    )
    const { blockers } = await plan(lost, to)
    expect(blockers).toMatchObject([
      { code: 'LF205', table: 'lost', message: expect.stringContaining('nothing finds the rows') },
    ])
  })

  test('with nothing but computed columns keep their rows', async () => {
    const from =
      sqlite(`CREATE TABLE c(id INTEGER PRIMARY KEY, x INT AS (id * 2)); INSERT INTO c(id) VALUES (3), (4);
      CREATE TABLE empty(a TEXT, b INT)`)
    const to = await postgres()
    const report = await migrate(from, to)
    expect(report.tables).toMatchObject([
      { source: 'c', read: 2, loaded: 2 },
      { source: 'empty', read: 0, loaded: 0 },
    ])
    expect(await query(to, 'SELECT id, x FROM c ORDER BY 1')).toEqual([
      ['3', '6'],
      ['4', '8'],
    ])
  })

  test('all of whose columns the config leaves out: no row is claimed that did not arrive', async () => {
    const from = sqlite(`CREATE TABLE c(a TEXT, b INT); INSERT INTO c VALUES ('x', 1), ('y', 2)`)
    const to = await postgres()
    const report = await migrate(from, to, { config: { moves: { c: { columns: { a: false, b: false } } } } })
    const rows = report.tables.length === 0 ? 0 : 2
    expect(report.tables.map((table) => table.loaded)).toEqual(rows === 0 ? [] : [2])
    if (rows > 0) expect(await query(to, 'SELECT count(*)::text FROM c')).toEqual([['2']])
  })
})

test('more columns than PostgreSQL has places for are said in the plan', async () => {
  const columns = (count: number) => Array.from({ length: count }, (_, at) => `c${at} INTEGER`).join(', ')
  const from = sqlite(
    `CREATE TABLE wide(${columns(1601)}); INSERT INTO wide(c0) VALUES (1); CREATE TABLE fits(${columns(1600)}); INSERT INTO fits(c0) VALUES (1)`,
  )
  const to = await postgres()
  const { blockers } = await plan(from, to)
  expect(blockers).toMatchObject([
    {
      code: 'LF205',
      table: 'wide',
      message: 'wide has 1,601 columns, and a table of PostgreSQL at most 1,600',
    },
  ])
  const config = { moves: { wide: { columns: { c1600: false } }, '*': {} } } as const
  expect((await migrate(from, to, { config })).exitCode).toBe(0)
})
