import { describe, expect, test } from 'vitest'
import type { SqliteSource } from '../../src/connection/sqlite-source.ts'
import { bench, failure } from '../migrate/migrating.ts'
import { pairs, series } from './comparing.ts'

const b = bench()
const movedPair = pairs(b)

const equal = { missing: 0, extra: 0, changed: 0, exact: true, incomplete: null }

describe('repair', () => {
  test('leaves extra rows unless they are to be deleted, of equal rows only those too many', async () => {
    const pair = await movedPair(`CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x'), ('x'), (NULL)`)
    await pair.target(`INSERT INTO t VALUES ('x'), ('x'), (NULL), ('y'); DELETE FROM t WHERE ctid = '(0,1)'`)
    expect(await pair.repair('t', false)).toEqual({ inserted: 0, deleted: 0, extraLeft: 3, updated: 0 })
    expect(await pair.compare('t')).toMatchObject({ extra: 3, missing: 0 })
    expect(await pair.repair('t', true)).toEqual({ inserted: 0, deleted: 3, extraLeft: 0, updated: 0 })
    expect(await pair.compare('t')).toMatchObject(equal)
    expect(await pair.target('SELECT a FROM t ORDER BY a')).toEqual([['x'], ['x'], [null]])
  })

  test('updates in place, so that rows that refer to it stay', async () => {
    const pair = await movedPair(
      `CREATE TABLE users (name TEXT PRIMARY KEY NOT NULL, mail TEXT);
       CREATE TABLE posts (id TEXT PRIMARY KEY NOT NULL, author TEXT REFERENCES users (name) ON DELETE CASCADE);
       INSERT INTO users VALUES ('ann', 'a@x'), ('bob', 'b@x');
       INSERT INTO posts VALUES ('p1', 'ann'), ('p2', 'bob');`,
    )
    await pair.target(`UPDATE users SET mail = NULL WHERE name = 'ann'; DELETE FROM posts WHERE id = 'p2'`)
    expect(await pair.repair('users', true)).toMatchObject({ updated: 1, inserted: 0, deleted: 0 })
    expect(await pair.repair('posts', true)).toMatchObject({ updated: 0, inserted: 1 })
    expect(await pair.compare('users')).toMatchObject({ ...equal, sourceRows: 2 })
    expect(await pair.compare('posts')).toMatchObject({ ...equal, sourceRows: 2 })
  })

  test('a row that the target refuses undoes its group, and the next try may succeed', async () => {
    const pair = await movedPair(
      `CREATE TABLE users (name TEXT PRIMARY KEY NOT NULL);
       CREATE TABLE posts (id TEXT PRIMARY KEY NOT NULL, author TEXT REFERENCES users (name));
       INSERT INTO users VALUES ('ann'), ('bob'); INSERT INTO posts VALUES ('p1', 'ann'), ('p2', 'bob');`,
    )
    await pair.target(`DELETE FROM posts; DELETE FROM users WHERE name = 'bob'`)
    expect((await failure(pair.repair('posts', false))).code).toBe('LF304')
    expect(await pair.target('SELECT count(*) FROM posts')).toEqual([['0']])
    await pair.repair('users', false)
    expect(await pair.repair('posts', false)).toMatchObject({ inserted: 2 })
    expect(await pair.compare('posts')).toMatchObject(equal)
  })

  test('rows that refer to rows of another group of the same table come when those are there', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES t (k)); INSERT INTO t VALUES ('k0', NULL);
       INSERT INTO t SELECT 'k' || value, 'k' || (value - 1) FROM ${series(8)}`,
    )
    await pair.target('TRUNCATE t')
    const depth = { groupRows: 1, groups: 8 }
    expect(await pair.repair('t', false, { depth })).toMatchObject({ inserted: 9 })
    expect(await pair.compare('t')).toMatchObject(equal)
  })

  test('fills columns that are not compared with their defaults, and identities with the source’s numbers', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, twice INTEGER GENERATED ALWAYS AS (a * 2) STORED);
       INSERT INTO t (id, a) VALUES (5, 1), (9, 2)`,
    )
    await pair.target(
      `ALTER TABLE t ADD COLUMN seen int NOT NULL DEFAULT 7; ALTER TABLE t ALTER COLUMN id SET GENERATED ALWAYS; DELETE FROM t WHERE id = 9`,
    )
    expect(await pair.repair('t', false)).toMatchObject({ inserted: 1 })
    expect(await pair.target('SELECT id, a, twice, seen FROM t ORDER BY id')).toEqual([
      ['5', '1', '2', '7'],
      ['9', '2', '4', '7'],
    ])
    expect(await pair.compare('t')).toMatchObject(equal)
  })

  test('columns whose form only the target knows, also as a key', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (net TEXT NOT NULL, span TEXT, data TEXT, short CHAR(5), PRIMARY KEY (net));
       INSERT INTO t VALUES ('10.0.0.1/8', '90 minutes', '{"b":1,"a":[1,2]}', 'ab'), ('::1', NULL, NULL, NULL), ('10.0.0.2', '1 day', '1.0', '')`,
      {
        config: {
          moves: {
            t: {
              from: 't',
              columns: {
                net: { type: 'inet' },
                span: { type: 'interval' },
                data: { type: 'jsonb' },
                short: { type: 'char(5)' },
              },
            },
          },
        },
      },
    )
    const kinds = await pair.target(
      `SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0`,
    )
    expect(kinds).toEqual([['inet, interval, jsonb, character(5)']])
    expect(await pair.compare('t')).toMatchObject({ ...equal, sourceRows: 3 })
    const before = await pair.target('SELECT * FROM t ORDER BY net')
    await pair.target(
      `UPDATE t SET data = '{}', short = 'abc' WHERE net = '10.0.0.1/8'; UPDATE t SET span = '24 hours' WHERE net = '10.0.0.2'; DELETE FROM t WHERE net = '::1'; INSERT INTO t (net) VALUES ('::2')`,
    )
    expect(await pair.repair('t', true)).toEqual({ inserted: 1, updated: 2, deleted: 1, extraLeft: 0 })
    expect(await pair.target('SELECT * FROM t ORDER BY net')).toEqual(before)
    expect(await pair.compare('t')).toMatchObject(equal)
  })

  test('a target of partitions', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (a TEXT, n INTEGER); INSERT INTO t SELECT 'r' || value, value FROM ${series(100)}`,
    )
    await pair.target(
      `ALTER TABLE t RENAME TO plain; CREATE TABLE t (LIKE plain) PARTITION BY RANGE (n);
       CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (50); CREATE TABLE high PARTITION OF t DEFAULT;
       INSERT INTO t SELECT * FROM plain; INSERT INTO t VALUES ('x', 1), ('y', 99), ('r7', 7); DELETE FROM t WHERE n = 60`,
    )
    expect(await pair.compare('t')).toMatchObject({ extra: 3, missing: 1, exact: true })
    expect(await pair.repair('t', true)).toEqual({ inserted: 1, deleted: 3, updated: 0, extraLeft: 0 })
    expect(await pair.compare('t')).toMatchObject({ ...equal, targetRows: 100 })
  })

  test('values of megabytes', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (a TEXT, x BLOB); INSERT INTO t SELECT 'r' || value, randomblob(3000000 + value) FROM ${series(6)}; INSERT INTO t VALUES ('small', NULL)`,
    )
    expect(await pair.compare('t')).toMatchObject({ ...equal, sourceRows: 7 })
    await pair.target(
      `DELETE FROM t WHERE a IN ('r1', 'r4', 'small'); UPDATE t SET x = x || '\\x00' WHERE a = 'r2'`,
    )
    const outcome = await pair.compare('t')
    expect(outcome).toMatchObject({ missing: 4, extra: 1 })
    expect(outcome.differences.length).toBe(5)
    expect(await pair.repair('t', true)).toEqual({ inserted: 4, deleted: 1, updated: 0, extraLeft: 0 })
    expect(await pair.compare('t')).toMatchObject(equal)
  })

  test('of rows that came after the moment only those before are deleted, also of partitions', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (a TEXT, n INTEGER); INSERT INTO t SELECT 'r' || value, value FROM ${series(10)}`,
    )
    await pair.target(
      `ALTER TABLE t RENAME TO plain; CREATE TABLE t (LIKE plain) PARTITION BY RANGE (n);
       CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (6); CREATE TABLE high PARTITION OF t DEFAULT;
       INSERT INTO t SELECT * FROM plain; INSERT INTO t VALUES ('x', 1), ('gone', 2), ('y', 9)`,
    )
    const meanwhile = (): Promise<unknown> =>
      pair.target(`DELETE FROM t WHERE a = 'gone'; INSERT INTO t VALUES ('late', 3), ('late', 8)`)
    expect(await pair.repair('t', true, { meanwhile })).toMatchObject({ deleted: 2, extraLeft: 2 })
    expect(await pair.target(`SELECT a FROM t WHERE a !~ '^r' ORDER BY n`)).toEqual([['late'], ['late']])
  })

  test('a row whose parent is another row of the table that is missing', async () => {
    const pair = await movedPair(
      `CREATE TABLE tree (k TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES tree (k), code TEXT UNIQUE);
       INSERT INTO tree VALUES ('root', NULL, '0'), ('a', 'root', '1'), ('b', 'a', '2')`,
    )
    await pair.target(
      `INSERT INTO tree VALUES ('x', 'root', '8'), ('y', 'x', '9'); UPDATE tree SET p = 'y' WHERE k = 'b';
       DELETE FROM tree WHERE k = 'a'`,
    )
    expect(await pair.repair('tree', true)).toEqual({ inserted: 1, updated: 1, deleted: 2, extraLeft: 0 })
    expect(await pair.compare('tree')).toMatchObject(equal)
  })

  test('more extra rows than one question asks for, which refer to each other', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, p TEXT REFERENCES t (k)); CREATE INDEX i ON t (p); INSERT INTO t VALUES ('k0', NULL)`,
    )
    await pair.target(
      `INSERT INTO t SELECT 'k' || n, 'k' || CASE WHEN n > 1 THEN n - 1 ELSE 12000 END FROM generate_series(1, 12000) n`,
    )
    expect(await pair.repair('t', true)).toMatchObject({ deleted: 12_000, extraLeft: 0 })
    expect(await pair.compare('t')).toMatchObject(equal)
  })

  test('many rows that are alike take no more memory than others', async () => {
    const pair = await movedPair(`CREATE TABLE t (a TEXT); INSERT INTO t SELECT 'x' FROM ${series(100)}`)
    await pair.target(`INSERT INTO t VALUES ('x')`)
    const expected: number[] = []
    const watched = (source: SqliteSource): SqliteSource =>
      new Proxy(source, {
        get(_, name) {
          if (name !== 'run') return Reflect.get(source, name, source)
          return (...args: Parameters<SqliteSource['run']>) => {
            const { rows } = args[0].args as { readonly rows?: number }
            if (rows !== undefined) expected.push(rows)
            return source.run(...args)
          }
        },
      })
    expect(await pair.repair('t', true, { watched, depth: { groupRows: 10, groups: 8 } })).toMatchObject({
      deleted: 1,
    })
    expect(expected).toEqual([10])
  })
})
