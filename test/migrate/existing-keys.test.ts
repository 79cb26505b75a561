import { describe, expect, test } from 'vitest'
import { bench, failure, query } from './migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

describe('foreign keys that the target enforces already', () => {
  test('parents are filled first, whatever the order of the names', async () => {
    const rows = (table: string, parent: string) =>
      `INSERT INTO ${table} SELECT value, ${parent} FROM generate_series(1, 3000)`
    const from = sqlite((database) => {
      database.exec(
        'CREATE TABLE a(id INTEGER PRIMARY KEY, b INT); CREATE TABLE b(id INTEGER PRIMARY KEY, c INT); CREATE TABLE c(id INTEGER PRIMARY KEY, x INT)',
      )
      const series = (sql: string) =>
        database.exec(
          `WITH RECURSIVE generate_series(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generate_series WHERE value < 3000) ${sql.replace('generate_series(1, 3000)', 'generate_series')}`,
        )
      series(rows('a', 'value'))
      series(rows('b', '3001 - value'))
      series(rows('c', 'NULL'))
    })
    const to =
      await postgres(`CREATE TABLE c(id int PRIMARY KEY, x int); CREATE TABLE b(id int PRIMARY KEY, c int NOT NULL REFERENCES c);
      CREATE TABLE a(id int PRIMARY KEY, b int NOT NULL REFERENCES b)`)
    expect((await migrate(from, to, { options: { batchSize: 500 } })).exitCode).toBe(0)
    expect(await query(to, 'SELECT count(*)::text FROM a JOIN b ON b.id = a.b JOIN c ON c.id = b.c')).toEqual(
      [['3000']],
    )
  })

  test('a table that refers to itself, children before their parents', async () => {
    const from = sqlite(`CREATE TABLE n(id INTEGER PRIMARY KEY, up INT);
      WITH RECURSIVE n1(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n1 WHERE i < 1000) INSERT INTO n SELECT i, nullif(i + 1, 1001) FROM n1`)
    const to = await postgres('CREATE TABLE n(id int PRIMARY KEY, up int REFERENCES n)')
    expect((await migrate(from, to, { options: { batchSize: 100 } })).exitCode).toBe(0)
    expect(await query(to, 'SELECT count(*)::text, count(up)::text FROM n')).toEqual([['1000', '999']])
  })

  test('a circle is a blocker that names it', async () => {
    const from = sqlite(
      'CREATE TABLE a(id INTEGER PRIMARY KEY, b INT); CREATE TABLE b(id INTEGER PRIMARY KEY, a INT); CREATE TABLE c(id INTEGER PRIMARY KEY)',
    )
    const to = await postgres(
      'CREATE TABLE a(id int PRIMARY KEY, b int); CREATE TABLE b(id int PRIMARY KEY, a int REFERENCES a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b',
    )
    const { blockers } = await plan(from, to)
    expect(blockers).toMatchObject([
      { code: 'LF205', message: expect.stringMatching(/circle: a → b → a|circle: b → a → b/) },
    ])
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF205' })
  })

  test('composite keys; orphans are found before anything is written', async () => {
    const from =
      sqlite(`CREATE TABLE p(x INT, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID; INSERT INTO p VALUES (1, 'a'), (1, 'b');
      CREATE TABLE c(id INTEGER PRIMARY KEY, py TEXT, px INT); INSERT INTO c VALUES (1, 'a', 1), (2, NULL, 9), (3, 'c', 1), (4, 'b', 1)`)
    const to = await postgres(`CREATE TABLE p(x int, y text, PRIMARY KEY (x, y));
      CREATE TABLE c(id int PRIMARY KEY, py text, px int, FOREIGN KEY (px, py) REFERENCES p(x, y))`)
    const error = await failure(migrate(from, to))
    expect(error).toMatchObject({ code: 'LF204', place: { table: 'c' } })
    expect(error.message).toMatch(/has no parent in p[\s\S]*id = 3/)
    expect(await query(to, 'SELECT count(*)::text FROM p')).toEqual([['0']])
    expect(await migrate(from, to, { options: { badRows: 'set-aside' } })).toMatchObject({
      exitCode: 1,
      rejects: [{ table: 'c', rows: 1 }],
    })
    expect(await query(to, 'SELECT id FROM c ORDER BY id')).toEqual([['1'], ['2'], ['4']])
  })

  test('to a table that is not moved: its rows decide', async () => {
    const from = sqlite(
      'CREATE TABLE c(id INTEGER PRIMARY KEY, kind INT); INSERT INTO c VALUES (1, 10), (2, NULL), (3, 30)',
    )
    const to = await postgres(`CREATE TABLE kinds(id int PRIMARY KEY); INSERT INTO kinds VALUES (10);
      CREATE TABLE c(id int PRIMARY KEY, kind int REFERENCES kinds)`)
    expect((await plan(from, to)).moves[0]!.notes.join()).toContain('c_kind_fkey')
    const error = await failure(migrate(from, to))
    expect(error).toMatchObject({ code: 'LF204', place: { table: 'c' } })
    expect(error.message).toContain('c_kind_fkey')
    await query(to, 'INSERT INTO kinds VALUES (30)')
    expect((await migrate(from, to)).exitCode).toBe(0)
  })
})

describe('unique keys that the source does not have', () => {
  const SOURCE = `CREATE TABLE t(id INTEGER, email TEXT, a INT, b INT);
    INSERT INTO t VALUES (1, 'x', 1, 1), (2, 'X', 1, 2), (3, 'x', 1, 1), (4, NULL, NULL, 1), (5, NULL, NULL, 1)`

  test.each([
    ['email text UNIQUE', 'id int, a int, b int', 'rowid = 3'],
    ['id int PRIMARY KEY', 'email text, a int, b int', null],
    ['UNIQUE (a, b)', 'id int, email text, a int, b int', 'rowid = 3'],
    ['UNIQUE NULLS NOT DISTINCT (a, b)', 'id int, email text, a int, b int', 'rowid = 3, rowid = 5'],
  ])('%s', async (key, rest, row) => {
    const to = await postgres(`CREATE TABLE t(${rest}, ${key})`)
    const { blockers } = await plan(sqlite(SOURCE), to)
    if (row === null) return expect(blockers).toEqual([])
    expect(blockers).toHaveLength(1)
    expect(blockers[0]).toMatchObject({ code: 'LF204', table: 't' })
    expect([...blockers[0]!.examples].sort().join(', ')).toBe(row)
  })

  test.each([
    ['on an expression', 'CREATE UNIQUE INDEX own ON t(lower(email))'],
    ['with a condition', 'CREATE UNIQUE INDEX own ON t(a) WHERE b = 1'],
    ['as a check', 'ALTER TABLE t ADD CONSTRAINT own CHECK (id < 3)'],
    ['that excludes', 'ALTER TABLE t ADD CONSTRAINT own EXCLUDE (email WITH =)'],
  ])('a rule %s is said in the plan, and a row that breaks it is refused by name', async (_, rule) => {
    const to = await postgres(`CREATE TABLE t(id int, email text, a int, b int); ${rule}`)
    const from = sqlite(SOURCE)
    expect((await plan(from, to)).moves[0]!.notes.join('\n')).toContain('own')
    const error = await failure(migrate(from, to))
    expect(error.message + error.hint).toContain('own')
    expect(await query(to, 'SELECT count(*)::text FROM t')).toEqual([['0']])
  })
})
