import { describe, expect, test } from 'vitest'
import { type MigrateReport, type MigrationConfig, sql } from '../../src/index.ts'
import { NEW_SHOP, OLD_SHOP, ROWS_OF_SHOP, SHOP } from './mapped-shop.ts'
import { bench, contents, failure, query } from './migrating.ts'

const { postgres, migrate } = bench()

const yes = { ask: async () => true }

/** `created updated unchanged skipped, set aside` of each move. */
const counts = (report: MigrateReport) =>
  Object.fromEntries(
    report.tables.map(({ source, merged, setAside }) => [
      source,
      `${merged!.created} ${merged!.updated} ${merged!.unchanged} ${merged!.skipped}, ${setAside}`,
    ]),
  )

const journal = (url: string) =>
  query(
    url,
    `SELECT move, created, updated, unchanged, skipped, set_aside FROM landfall.moves
      WHERE run = (SELECT max(run) FROM landfall.moves) ORDER BY position`,
  )

async function shopOf(url: string): Promise<Record<string, (string | null)[][]>> {
  const found: Record<string, (string | null)[][]> = {}
  for (const [name, sql] of Object.entries(ROWS_OF_SHOP)) found[name] = await query(url, sql)
  return found
}

/** Each row with the transaction that wrote it last. */
const written = (url: string) =>
  query(
    url,
    `SELECT 'c', xmin::text, t::text FROM customers t UNION ALL SELECT 'o', xmin::text, t::text FROM orders t
      UNION ALL SELECT 'l', xmin::text, t::text FROM order_lines t UNION ALL SELECT 'e', xmin::text, t::text FROM events t
      UNION ALL SELECT 'm', xmin::text, t::text FROM client_map t ORDER BY 1, 3`,
  )

describe('everything that a config can say', async () => {
  let from: string
  let to: string

  test('is done, counted, and listed where rows have no place', async () => {
    from = await postgres(OLD_SHOP)
    to = await postgres(NEW_SHOP)
    const report = await migrate(from, to, { config: SHOP, tools: yes })
    expect(report).toMatchObject({ outcome: 'done', exitCode: 1 })
    expect(report.checks.filter((check) => check.result !== 'pass')).toEqual([])
    expect(report.notes).toContainEqual(expect.stringMatching(/no table gone: skipped/))
    expect(counts(report)).toEqual({
      clients: '2 1 0 0, 0',
      orders: '3 0 0 0, 1',
      lines: '3 0 0 0, 1',
      'SELECT for events': '2 0 0 0, 1',
      logins: '2 0 0 0, 0',
    })
    expect((await journal(to)).map(([move, ...numbers]) => [move, numbers.join(' ')])).toEqual(
      report.tables.map(({ source, merged, setAside }) => [
        source,
        [merged!.created, merged!.updated, merged!.unchanged, merged!.skipped, setAside].join(' '),
      ]),
    )
    expect(await shopOf(to)).toEqual({
      customers: [
        ['100', 'ann@example.com', 'Ann A.', '2024-01-01 07:00:00', 'plain'],
        ['101', 'zoe@example.com', 'Zoe', null, 'plain'],
        ['102', 'bob@example.com', 'Bob', '2024-07-01 06:00:00', 'plain'],
        ['103', 'cleo@example.com', 'Nobody', null, 'plain'],
      ],
      orders: [
        ['7', '101', expect.any(String), '5', 'open', 'new', '[]', null],
        ['10', '100', '2024-03-31 02:30:00', '1250', 'paid', 'old shop', '["paid"]', '{"A": 1}'],
        ['11', '102', '2024-07-01 12:00:00', '0', 'open', 'old shop', '[null]', null],
        ['13', '103', '2024-12-24 18:00:00.000001', '9999999999', 'test', 'old shop', '["test"]', null],
      ],
      lines: [
        ['10', '1', 'pen', '2'],
        ['10', '2', 'ink', '1'],
        ['13', '1', 'cup', '4'],
      ],
      events: [
        ['login', '1', '100', '2024-01-02'],
        ['login', '3', '102', '2024-01-04'],
        ['order', '10', '100', '2024-03-31'],
        ['order', '11', '102', '2024-07-01'],
      ],
      map: [
        ['1', '100'],
        ['2', '102'],
        ['3', '103'],
      ],
    })
    expect(
      report.rejects.map(({ table, column, rows, examples }) => [table, column, rows, examples]),
    ).toEqual([
      ['SELECT for events', 'customer_id', 1, ['kind = order, nr = 12']],
      ['orders', 'customer_id', 1, ['nr = 12']],
      ['lines', 'order_id', 1, ['order_nr = 12, pos = 1']],
    ])
    expect(await query(to, `SELECT relname FROM pg_class WHERE relname ~ '^(stage|landfall)'`)).toEqual([])
    // The sequence of the target goes on behind the keys that were given.
    expect(await query(to, `INSERT INTO customers (email) VALUES ('next') RETURNING id`)).toEqual([['104']])
    await query(to, 'DELETE FROM customers WHERE id = 104')
  })

  test('again: nothing is created, changed or written', async () => {
    const before = await written(to)
    const report = await migrate(from, to, { config: SHOP, tools: yes })
    expect(report).toMatchObject({ outcome: 'done', exitCode: 1 })
    expect(counts(report)).toEqual({
      clients: '0 0 3 0, 0',
      orders: '0 0 3 0, 1',
      lines: '0 0 3 0, 1',
      'SELECT for events': '0 0 2 0, 1',
      logins: '0 0 2 0, 0',
    })
    expect(await written(to)).toEqual(before)
  })

  test('rows that changed are updated, and no other', async () => {
    await query(
      from,
      `UPDATE orders SET state = 'sent' WHERE nr = 10; INSERT INTO clients VALUES (9, 'late@example.com');
       UPDATE clients SET since = '2020-01-01' WHERE id = 2; DELETE FROM lines WHERE order_nr = 10`,
    )
    const before = new Set((await written(to)).map(String))
    const report = await migrate(from, to, { config: SHOP, tools: yes })
    expect(report).toMatchObject({ outcome: 'done', exitCode: 0 })
    expect(counts(report)).toEqual({
      clients: '1 1 2 0, 0',
      orders: '1 1 2 0, 0',
      lines: '1 0 1 0, 0',
      'SELECT for events': '1 0 2 0, 0',
      logins: '0 0 2 0, 0',
    })
    // The new parent's children, the new map entry; what the source has no more stays.
    const now = (await written(to)).map(String).filter((row) => !before.has(row))
    expect(now).toHaveLength(4 + 2 + 1)
    expect((await shopOf(to)).lines).toHaveLength(4)
  })

  test('where source and target are one database, too', async () => {
    const one = await postgres(
      `CREATE TABLE people (id int PRIMARY KEY, mail text); INSERT INTO people VALUES (1, 'a'), (2, ''), (3, NULL);
       CREATE TABLE accounts (person int REFERENCES people, kind text, value text NOT NULL, PRIMARY KEY (person, kind))`,
    )
    const config: MigrationConfig = {
      name: 'accounts',
      moves: {
        accounts: [
          {
            from: 'people',
            filter: sql`mail <> ''`,
            columns: { person: 'id', kind: { value: 'mail' }, value: 'mail' },
          },
          {
            // Who has got one by now needs no other.
            from: sql`SELECT id FROM people p WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.person = p.id)`,
            columns: { person: 'id', kind: { value: 'id' }, value: { convert: sql`'p' || id` } },
          },
        ],
      },
    }
    const report = await migrate(one, one, { config, tools: yes })
    expect(report).toMatchObject({ outcome: 'done', exitCode: 0 })
    expect(await query(one, 'SELECT * FROM accounts ORDER BY 1')).toEqual([
      ['1', 'mail', 'a'],
      ['2', 'id', 'p2'],
      ['3', 'id', 'p3'],
    ])
    const again = await migrate(one, one, { config, tools: yes })
    expect(Object.values(counts(again))).toEqual(['0 0 1 0, 0', '0 0 0 0, 0'])
  })
})

const ITEMS = `CREATE TABLE items (id int PRIMARY KEY, name text, n int);
  INSERT INTO items VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`
const OTHER = `CREATE TABLE items (id int PRIMARY KEY, name text, n int);
  INSERT INTO items VALUES (2, 'zwei', 2), (9, 'nine', 9)`

describe('what becomes of rows that are there', () => {
  const items = (ifThere: 'update' | 'keep' | 'fail'): MigrationConfig => ({
    name: 'items',
    moves: { items: { ifThere } },
  })
  const rows = (url: string) => query(url, 'SELECT * FROM items ORDER BY id')

  test('update: they have what the source has', async () => {
    const [from, to] = [await postgres(ITEMS), await postgres(OTHER)]
    const report = await migrate(from, to, { config: items('update'), tools: yes })
    expect(counts(report)).toEqual({ items: '2 1 0 0, 0' })
    expect(await rows(to)).toEqual([...(await rows(from)), ['9', 'nine', '9']])
  })

  test('keep: they have what they had', async () => {
    const [from, to] = [await postgres(ITEMS), await postgres(OTHER)]
    const report = await migrate(from, to, { config: items('keep'), tools: yes })
    expect(counts(report)).toEqual({ items: '2 0 0 1, 0' })
    expect((await rows(to))[1]).toEqual(['2', 'zwei', '2'])
  })

  test('fail: nothing is written, and the keys are named', async () => {
    const [from, to] = [await postgres(ITEMS), await postgres(OTHER)]
    const before = await rows(to)
    const found = await failure(migrate(from, to, { config: items('fail'), tools: yes }))
    expect(found).toMatchObject({ code: 'LF203', exitCode: 5, hint: expect.stringContaining('id = 2') })
    expect(await rows(to)).toEqual(before)
    await query(to, 'DELETE FROM items WHERE id = 2')
    expect(counts(await migrate(from, to, { config: items('fail'), tools: yes }))).toEqual({
      items: '3 0 0 0, 0',
    })
    // What it has written itself is there, too.
    expect(await failure(migrate(from, to, { config: items('fail'), tools: yes }))).toMatchObject({
      code: 'LF203',
    })
  })
})

describe('rows that do not fit', () => {
  const source = `CREATE TABLE t (id int PRIMARY KEY, code text, name text, n int, boss int);
    INSERT INTO t VALUES (1, 'a', 'fits', 1, NULL), (2, 'b', 'is far too long', 1, NULL), (3, 'c', NULL, 1, 1),
      (4, 'd', 'minus', -1, NULL), (5, 'a', 'as 1', 1, NULL), (6, 'there', 'taken', 1, NULL), (7, 'g', 'of 2', 1, 2),
      (8, 'h', 'big', 40000, NULL)`
  const target = `CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE, name varchar(6) NOT NULL, n smallint CHECK (n > 0),
      boss int REFERENCES t); INSERT INTO t VALUES (100, 'there', 'x', 1, NULL)`
  const config = (badRows?: 'stop' | 'set-aside'): MigrationConfig => ({
    name: 'bad',
    ...(badRows === undefined ? {} : { badRows }),
    moves: { t: { columns: { n: { type: 'smallint' } }, ifParentMissing: 'set-aside' } },
  })
  const UNFIT = [
    ['id = 2', 'name', 'is longer than 6 characters'],
    ['id = 3', 'name', 'has no value, and the target must have one'],
    ['id = 4', null, expect.stringContaining('CHECK')],
    ['id = 5', 'code', expect.stringContaining('is that of a row before it')],
    ['id = 6', 'code', expect.stringContaining('is taken by another row of the target')],
    ['id = 8', null, expect.stringContaining('out of range')],
  ]

  test('stop the run before anything is written, unless told otherwise', async () => {
    const [from, to] = [await postgres(source), await postgres(target)]
    for (const said of [undefined, 'stop'] as const) {
      const found = await failure(migrate(from, to, { config: config(said), tools: yes }))
      expect(found).toMatchObject({ code: 'LF204', exitCode: 5 })
      expect(found.message).toBe('t: 6 rows cannot be stored in "public"."t".')
      expect(found.hint).toContain('id = 2: name is longer than 6 characters')
      expect(found.hint).toContain('--bad-rows set-aside')
      const { rows } = found.details as { rows: { key: string; column: string | null; reason: string }[] }
      expect(rows.map(({ key, column, reason }) => [key, column, reason])).toEqual(UNFIT)
      expect(await query(to, 'SELECT id FROM t')).toEqual([['100']])
      expect(await query(to, 'SELECT count(*) FROM landfall.rejects')).toEqual([['0']])
    }
    // The same rows are used when they may be set aside, and when they are mended in the source others.
    const aside = await migrate(from, to, { config: config('set-aside'), tools: yes })
    expect(aside).toMatchObject({ resumed: true, exitCode: 1 })
    expect(counts(aside)).toEqual({ t: '1 0 0 0, 7' })
    expect(await query(to, 'SELECT key, "column", reason FROM landfall.rejects ORDER BY id')).toEqual(
      [...UNFIT, ['id = 7', 'boss', 'has no parent in t']].sort((a, b) =>
        String(a[0]).localeCompare(String(b[0])),
      ),
    )
    expect(await query(to, 'SELECT id FROM t ORDER BY 1')).toEqual([['1'], ['100']])
    await query(from, `UPDATE t SET name = 'ok', code = 'c' || id, n = 1; DELETE FROM t WHERE id = 8`)
    const mended = await migrate(from, to, { config: config(), tools: yes })
    expect(mended).toMatchObject({ exitCode: 0, resumed: false })
    expect(counts(mended)).toEqual({ t: '6 1 0 0, 0' })
  })

  test('among those that an identity creates', async () => {
    const from = await postgres(
      `CREATE TABLE u (id int PRIMARY KEY, mail text, name text); INSERT INTO u VALUES (1, 'a', 'x'), (2, 'b', NULL), (3, 'c', 'too long')`,
    )
    const to = await postgres(
      'CREATE TABLE users (id serial PRIMARY KEY, mail text, name varchar(5) NOT NULL); CREATE TABLE notes (id int PRIMARY KEY, user_id int NOT NULL, line text NOT NULL)',
    )
    const asked = (badRows: 'stop' | 'set-aside'): MigrationConfig => ({
      name: 'people',
      badRows,
      identities: {
        u: {
          from: 'u',
          key: 'id',
          to: 'users',
          toKey: 'id',
          match: [{ equal: { mail: 'mail' } }],
          unmatched: {
            create: { name: 'name' },
            alsoCreate: {
              notes: { columns: { id: { from: 'id' }, user_id: { identity: 'u' }, line: 'name' } },
            },
          },
        },
      },
      moves: { '*': false },
    })
    const found = await failure(migrate(from, to, { config: asked('stop'), tools: yes }))
    expect(found).toMatchObject({
      code: 'LF204',
      message: expect.stringMatching(/^u.*: 2 rows cannot be stored in "public"."users"/),
    })
    expect(found.hint).toMatch(/id = 2: name has no value.*\n.*id = 3: name is longer than 5 characters/)
    expect(await query(to, 'SELECT FROM users')).toEqual([])
    const report = await migrate(from, to, { config: asked('set-aside'), tools: yes })
    expect(Object.values(counts(report))).toEqual(['1 0 0 0, 2'])
    expect(await query(to, 'SELECT mail, line FROM users JOIN notes ON user_id = users.id')).toEqual([
      ['a', 'x'],
    ])
  })
})

describe('children of rows that are set aside', () => {
  const SOURCE = `CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'ok'), (2, 'much too long'), (3, 'fine');
    CREATE TABLE posts (id int PRIMARY KEY, author int, title text, reply_to int);
    INSERT INTO posts VALUES (10, 1, 'a', NULL), (11, 2, 'b', NULL), (12, 1, NULL, 10), (13, 3, 'reply', 12), (14, 3, 'reply', 13);
    CREATE TABLE likes (post int, nr int, PRIMARY KEY (post, nr)); INSERT INTO likes VALUES (10, 1), (11, 1), (12, 1)`
  const TARGET = `CREATE TABLE users (id bigserial PRIMARY KEY, name varchar(5) UNIQUE);
    CREATE TABLE posts (id bigint PRIMARY KEY, author bigint NOT NULL REFERENCES users, title text NOT NULL, reply_to bigint REFERENCES posts);
    CREATE TABLE likes (post bigint REFERENCES posts, nr int, PRIMARY KEY (post, nr))`
  const config: MigrationConfig = {
    name: 'children',
    badRows: 'set-aside',
    identities: {
      users: {
        from: 'users',
        key: 'id',
        to: 'users',
        toKey: 'id',
        match: [{ equal: { name: 'name' } }],
        unmatched: { create: { name: 'name' } },
      },
    },
    moves: { likes: {}, posts: { columns: { author: { identity: 'users' } } } },
  }

  test('are set aside with them, though unknown parents are a failure', async () => {
    const [from, to] = [await postgres(SOURCE), await postgres(TARGET)]
    const report = await migrate(from, to, { config, tools: yes })
    expect(counts(report)).toEqual({ users: '2 0 0 0, 1', posts: '1 0 0 0, 4', likes: '1 0 0 0, 2' })
    expect(await query(to, 'SELECT move, key, "column", reason FROM landfall.rejects ORDER BY 1, 2')).toEqual(
      [
        ['likes', 'post = 11, nr = 1', 'post', 'has no parent in posts'],
        ['likes', 'post = 12, nr = 1', 'post', 'has no parent in posts'],
        ['posts', 'id = 11', 'author', 'is not known by the identity users'],
        ['posts', 'id = 12', 'title', 'has no value, and the target must have one'],
        ['posts', 'id = 13', 'reply_to', 'has no parent in posts'],
        ['posts', 'id = 14', 'reply_to', 'has no parent in posts'],
        ['users', 'id = 2', 'name', 'is longer than 5 characters'],
      ],
    )
    expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([])
  })

  test('and a parent that nobody knows is still a failure', async () => {
    const unknown = `INSERT INTO posts VALUES (15, 9, 'of nobody', NULL), (16, 1, 'reply', 99); INSERT INTO likes VALUES (98, 1)`
    const [from, to] = [await postgres(`${SOURCE}; ${unknown}`), await postgres(TARGET)]
    const keys = async () => {
      const found = await failure(migrate(from, to, { config, tools: yes }))
      expect(found.code).toBe('LF209')
      return (found.details as { rows: { key: string }[] }).rows.map(({ key }) => key)
    }
    expect(await keys()).toEqual(['id = 15'])
    await query(from, 'DELETE FROM posts WHERE id = 15')
    expect(await keys()).toEqual(['id = 16'])
    await query(from, 'DELETE FROM posts WHERE id = 16')
    expect(await keys()).toEqual(['post = 98, nr = 1'])
    expect(await query(to, 'SELECT FROM posts')).toEqual([])
  })
})

test('of several rows with one key the same one stays, in whatever order they come', async () => {
  const from = await postgres(
    `CREATE TABLE raw (k int, v text, pad text);
     INSERT INTO raw SELECT i % 5000, 'v' || i, repeat('.', 40) FROM generate_series(1, 15000) i ORDER BY md5(i::text)`,
  )
  const to = await postgres('CREATE TABLE neat (k int PRIMARY KEY, v text)')
  const config: MigrationConfig = { name: 'neat', badRows: 'set-aside', moves: { neat: { from: 'raw' } } }
  const ask = { config, tools: yes, options: { batchSize: 1000 } }
  expect(counts(await migrate(from, to, ask))).toEqual({ raw: '5000 0 0 0, 10000' })
  const before = await query(to, 'SELECT xmin, k, v FROM neat ORDER BY k')
  // The lowest by its values, since there is no key.
  expect(await query(to, 'SELECT v FROM neat WHERE k = 7')).toEqual([['v10007']])
  // The rows lie elsewhere, and are cut into other chunks.
  await query(from, 'CREATE INDEX by_v ON raw (v); CLUSTER raw USING by_v; ANALYZE raw')
  const again = await migrate(from, to, { ...ask, options: { batchSize: 700 } })
  expect(counts(again)).toEqual({ raw: '0 0 5000 0, 10000' })
  expect(again.checks.filter(({ result }) => result !== 'pass')).toEqual([])
  expect(await query(to, 'SELECT xmin, k, v FROM neat ORDER BY k')).toEqual(before)
})

describe('what has to be decided beforehand', () => {
  const decided = async (config: MigrationConfig, source = ITEMS, target = OTHER) => {
    const [from, to] = [await postgres(source), await postgres(target)]
    const before = await contents(to)
    const found = await failure(migrate(from, to, { config: { name: 'm', ...config }, tools: yes }))
    return { found, before, after: await contents(to) }
  }

  test('a source table that is not there', async () => {
    const { found, after, before } = await decided({ moves: { items: { from: 'itmes' } } })
    expect(found).toMatchObject({
      code: 'LF005',
      exitCode: 2,
      message: expect.stringContaining('did you mean items?'),
    })
    expect(after.filter(([schema]) => schema !== 'landfall')).toEqual(before)
  })

  test('a SELECT that cannot be carried out, with its place in the config', async () => {
    const { found } = await decided({ moves: { items: { from: sql`SELECT nothing FROM items` } } })
    expect(found).toMatchObject({ message: expect.stringMatching(/moves\.items/) })
    expect([2, 3]).toContain(found.exitCode)
  })

  test('a value that the source cannot make names the move', async () => {
    const { found, after, before } = await decided({
      moves: { items: { columns: { n: { convert: sql`1 / (n - 2)` } } } },
    })
    expect(found).toMatchObject({ code: 'LF104', exitCode: 3 })
    expect(`${found.message} ${found.place?.table ?? ''}`).toMatch(/items/)
    expect(found.message).toMatch(/division by zero/)
    expect(after.filter(([schema]) => schema !== 'landfall')).toEqual(before)
  })
})
