import { describe, expect, test } from 'vitest'
import { bench, failure, query } from './migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

const THREE = `CREATE TABLE users(id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1);
  CREATE TABLE orders(id INTEGER PRIMARY KEY, user_id INT REFERENCES users(id)); INSERT INTO orders VALUES (5, 1);
  CREATE TABLE logs(line TEXT); INSERT INTO logs VALUES ('x'); CREATE VIEW seen AS SELECT 1`
const tables = async (url: string) =>
  (
    await query(
      url,
      `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
    )
  ).flat()

describe('which tables', () => {
  test('--tables and --exclude, with what follows for keys', async () => {
    const from = sqlite(THREE)
    const only = await postgres()
    const made = await plan(from, only, { options: { tables: ['orders'] } })
    expect(made.leftOut).toContainEqual({ kind: 'table', name: 'users', why: '--tables does not name it' })
    expect(made.leftOut).toContainEqual(
      expect.objectContaining({ kind: 'foreign key', name: 'orders (user_id) to users' }),
    )
    expect((await migrate(from, only, { options: { tables: ['orders'] } })).exitCode).toBe(0)
    expect(await tables(only)).toEqual(['orders'])
    const without = await postgres()
    await migrate(from, without, { options: { exclude: ['logs', 'seen'] } })
    expect(await tables(without)).toEqual(['orders', 'users'])
  })

  test('false in the config, listed ones, and the rest', async () => {
    const from = sqlite(THREE)
    const one = await postgres()
    await migrate(from, one, { config: { moves: { '*': {}, logs: false } } })
    expect(await tables(one)).toEqual(['orders', 'users'])
    const two = await postgres()
    await migrate(from, two, { config: { moves: { people: { from: 'users' } } } })
    expect(await tables(two)).toEqual(['people'])
  })

  test.each([
    [{ options: { tables: ['user'] } }, 'users'],
    [{ options: { exclude: ['ordres'] } }, 'orders'],
    [{ config: { moves: { '*': {}, log: false as const } } }, 'logs'],
    [{ config: { moves: { people: { from: 'usres' } } } }, 'users'],
    [{ config: { moves: { users: { columns: { idd: 'di' } } } } }, 'id'],
  ])('a name that is not there (%j) is an error with a suggestion', async (ask, meant) => {
    const error = await failure(plan(sqlite(THREE), await postgres(), ask))
    expect(error).toMatchObject({ code: 'LF005', exitCode: 2 })
    expect(error.message).toContain(`did you mean ${meant}?`)
  })
})

test('--target-schema: made when missing, used when there, whatever it is called', async () => {
  const to = await postgres('CREATE SCHEMA there')
  for (const [i, targetSchema] of ['there', 'New "Schema"', 'größe.x'].entries()) {
    const from = sqlite(THREE, `schema${i}.db`)
    expect((await migrate(from, to, { options: { targetSchema } })).exitCode).toBe(0)
  }
  expect(
    await query(
      to,
      'SELECT (SELECT id FROM there.orders), (SELECT id FROM "New ""Schema""".orders), (SELECT id FROM "größe.x".users)',
    ),
  ).toEqual([['5', '5', '1']])
  const again = await plan(sqlite(THREE, 'other.db'), to, { options: { targetSchema: 'there' } })
  expect(again.blockers.map((one) => one.code)).toEqual(expect.arrayContaining(['LF203']))
})

test('owner and grants of the config', async () => {
  const role = `"Role ${Date.now()}"`
  const name = role.slice(1, -1)
  const to = await postgres(`CREATE ROLE ${role}; GRANT ALL ON SCHEMA public TO ${role}`)
  try {
    const config = {
      owner: name,
      grants: [
        { role: name, rights: ['select' as const] },
        { role: 'pg_read_all_data', rights: ['select' as const, 'insert' as const] },
      ],
    }
    expect((await migrate(sqlite(THREE), to, { config })).exitCode).toBe(0)
    expect(
      await query(to, `SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'`),
    ).toEqual([[name]])
    expect(
      await query(to, `SELECT has_table_privilege('pg_read_all_data', 'public.orders', 'INSERT')`),
    ).toEqual([['t']])
    expect(await query(to, `SET ROLE ${role}; INSERT INTO users DEFAULT VALUES RETURNING id`)).toEqual([
      ['2'],
    ])
    const wrong = await failure(
      migrate(sqlite(THREE, 'owner2.db'), await postgres(), { config: { owner: 'nobody here' } }),
    )
    expect(wrong.exitCode).toBe(4)
    expect(wrong.message).toContain('nobody here')
  } finally {
    await query(to, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

describe('sizes at the edges', () => {
  test('300 columns', async () => {
    const types = ['INTEGER', 'TEXT', 'REAL', 'BLOB', 'DATETIME', 'BOOLEAN']
    const values = ['7', "'t'", '0.5', "x'01'", "'2024-01-02 03:04:05'", '1']
    const columns = Array.from({ length: 300 }, (_, i) => `c${i} ${types[i % 6]}`)
    const from = sqlite(
      `CREATE TABLE wide(${columns.join(', ')}); INSERT INTO wide VALUES (${columns.map((_, i) => values[i % 6]).join(', ')}); INSERT INTO wide DEFAULT VALUES`,
    )
    const to = await postgres()
    expect((await migrate(from, to)).exitCode).toBe(0)
    const [first, second] = await query(to, 'SELECT * FROM wide ORDER BY c0')
    expect(first).toHaveLength(300)
    expect(first!.slice(294)).toEqual(['7', 't', '0.5', '\\x01', '2024-01-02 03:04:05', 't'])
    expect(second!.every((value) => value === null)).toBe(true)
  })

  test('a table with no rows, and a database with no tables', async () => {
    const to = await postgres()
    const report = await migrate(
      sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE)'),
      to,
    )
    expect(report).toMatchObject({ exitCode: 0, tables: [{ read: 0, loaded: 0 }] })
    expect(await query(to, `INSERT INTO t(v) VALUES ('a') RETURNING id`)).toEqual([['1']])
    const none = sqlite('CREATE TABLE t(x); DROP TABLE t')
    expect((await plan(none, to)).moves).toEqual([])
    expect(await migrate(none, to)).toMatchObject({ outcome: 'done', exitCode: 0, tables: [] })
    expect(await migrate(none, to)).toMatchObject({ outcome: 'nothing-to-do' })
  })
})
