import { describe, expect, test } from 'vitest'
import type { ColumnConfig } from '../../src/index.ts'
import { bench, failure, query } from './migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

interface Narrow {
  /** The target column's type. */
  readonly type: string
  readonly declared: string
  /** SQLite's literals that fit. */
  readonly fit: readonly string[]
  readonly arrive: readonly string[]
  /** Literals that do not. */
  readonly not: readonly string[]
  readonly before?: string
  readonly choice?: ColumnConfig
}

const NARROW: readonly Narrow[] = [
  {
    type: 'varchar(5)',
    declared: 'TEXT',
    fit: ["'abcde'", "'äöüßé'", "''"],
    arrive: ['abcde', 'äöüßé', ''],
    not: ["'abcdef'", "x'00'"],
  },
  { type: 'char(3)', declared: 'TEXT', fit: ["'abc'"], arrive: ['abc'], not: ["'abcd'"] },
  {
    type: 'smallint',
    declared: 'INTEGER',
    fit: ['-32768', '32767'],
    arrive: ['-32768', '32767'],
    not: ['32768', "'x'"],
  },
  {
    type: 'integer',
    declared: 'INTEGER',
    fit: ['-2147483648', '2147483647'],
    arrive: ['-2147483648', '2147483647'],
    not: ['2147483648', '1.5'],
  },
  {
    type: 'numeric(6,2)',
    declared: 'REAL',
    fit: ['9999.99', '-1.5', '0.1'],
    arrive: ['9999.99', '-1.50', '0.10'],
    not: ['10000.0', '0.125'],
  },
  { type: 'real', declared: 'REAL', fit: ['1.5', '-0.25'], arrive: ['1.5', '-0.25'], not: ['0.1'] },
  { type: 'boolean', declared: 'INTEGER', fit: ['0', '1'], arrive: ['f', 't'], not: ['2'] },
  {
    type: 'date',
    declared: 'TEXT',
    fit: ["'2024-02-29'"],
    arrive: ['2024-02-29'],
    not: ["'2023-02-29'", "''"],
  },
  {
    type: 'timestamp',
    declared: 'DATETIME',
    fit: ["'2024-02-29 01:02:03.5'"],
    arrive: ['2024-02-29 01:02:03.5'],
    not: ["'soon'"],
  },
  {
    type: 'timestamp(3)',
    declared: 'DATETIME',
    fit: ["'2024-02-29 01:02:03.5'", "'2024-02-29 01:02:03.123000'"],
    arrive: ['2024-02-29 01:02:03.5', '2024-02-29 01:02:03.123'],
    not: ["'2024-02-29 01:02:03.1234'"],
  },
  {
    type: 'timestamptz(0)',
    declared: 'DATETIME',
    fit: ["'2024-02-29T01:02:03Z'", "'2024-02-29 01:02:03.000+00:00'"],
    arrive: ['2024-02-29 01:02:03+00', '2024-02-29 01:02:03+00'],
    not: ["'2024-02-29T01:02:03.5Z'"],
  },
  {
    type: 'timestamptz(2)',
    declared: 'DATETIME',
    fit: ["'2024-07-01 12:00:00.25'", "'2024-07-01 12:00:00Z'"],
    arrive: ['2024-07-01 10:00:00.25+00', '2024-07-01 12:00:00+00'],
    not: ["'2024-07-01 12:00:00.125'", "'2024-07-01 12:00:00.125Z'"],
    choice: { zone: 'Europe/Berlin' },
  },
  {
    type: 'timestamptz(0)',
    declared: 'INTEGER',
    fit: ['1700000000000'],
    arrive: ['2023-11-14 22:13:20+00'],
    not: ['1700000000500'],
    choice: { epoch: 'ms' },
  },
  {
    type: 'time(1)',
    declared: 'TIME',
    fit: ["'12:34'", "'12:34:56.7'"],
    arrive: ['12:34:00', '12:34:56.7'],
    not: ["'12:34:56.78'"],
  },
  {
    type: 'timestamptz',
    declared: 'DATETIME',
    fit: ["'2024-02-29T01:02:03Z'"],
    arrive: ['2024-02-29 01:02:03+00'],
    not: ["'2024-02-29 01:02:03'"],
  },
  {
    type: 'timestamptz',
    declared: 'DATETIME',
    fit: ["'2024-02-29 01:02:03'"],
    arrive: ['2024-02-29 01:02:03+00'],
    not: ["'soon'"],
    choice: { zone: 'UTC' },
  },
  {
    type: 'timestamptz',
    declared: 'DATETIME',
    fit: ["'2024-07-01 12:00:00'"],
    arrive: ['2024-07-01 10:00:00+00'],
    not: ["'soon'"],
    choice: { zone: 'Europe/Berlin' },
  },
  {
    type: 'timestamptz',
    declared: 'INTEGER',
    fit: ['1700000000'],
    arrive: ['2023-11-14 22:13:20+00'],
    not: ["'soon'"],
  },
  {
    type: 'uuid',
    declared: 'TEXT',
    fit: ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
    arrive: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    not: ["'a0ee'"],
  },
  {
    type: 'jsonb',
    declared: 'TEXT',
    fit: [`'{"b":1, "a":[]}'`],
    arrive: ['{"a": [], "b": 1}'],
    not: ["'{'", `'"\\u0000"'`],
  },
  { type: 'json', declared: 'TEXT', fit: [`'{"b":1, "a":[]}'`], arrive: ['{"b":1, "a":[]}'], not: ["'{'"] },
  { type: 'text', declared: 'INTEGER', fit: ['12', "'x'"], arrive: ['12', 'x'], not: ["'a' || char(0)"] },
  {
    type: 'bytea',
    declared: 'BLOB',
    fit: ["x'00ff'", "'text'"],
    arrive: ['\\x00ff', '\\x74657874'],
    not: ['1'],
  },
  {
    type: 'mood',
    declared: 'TEXT',
    fit: ["'fine'"],
    arrive: ['fine'],
    not: ["'odd'"],
    before: "CREATE TYPE mood AS ENUM ('fine', 'bad')",
  },
  {
    type: 'short',
    declared: 'TEXT',
    fit: ["'ab'"],
    arrive: ['ab'],
    not: ["'abc'"],
    before: 'CREATE DOMAIN short AS text CHECK (length(VALUE) < 3)',
  },
  { type: 'inet', declared: 'TEXT', fit: ["'10.0.0.1'"], arrive: ['10.0.0.1'], not: ["'10.0.0.1000'"] },
  { type: 'integer[]', declared: 'TEXT', fit: ["'{1,2}'"], arrive: ['{1,2}'], not: ["'[1,2]'"] },
  { type: 'interval', declared: 'TEXT', fit: ["'1 day'"], arrive: ['1 day'], not: ["'one day'"] },
]

describe.each(NARROW)('a target column of type $type for values declared $declared ($choice)', (narrow) => {
  const { type, declared, before = '', choice } = narrow
  const table = `${before}; CREATE TABLE t(id int PRIMARY KEY, v ${type})`
  const source = (values: readonly string[]) =>
    sqlite(
      `CREATE TABLE t(id INTEGER PRIMARY KEY, v ${declared}); INSERT INTO t(v) VALUES (NULL)${values.map((value) => `, (${value})`).join('')}`,
    )
  const config = choice ? { moves: { t: { columns: { v: choice } } } } : {}

  test('takes what fits; what does not is refused before writing, or set aside', async () => {
    const to = await postgres(table)
    const from = source([...narrow.fit, ...narrow.not])
    const error = await failure(migrate(from, to, { config }))
    expect(error).toMatchObject({ code: 'LF204', exitCode: 5, place: { table: 't', column: 'v' } })
    expect(error.message).toContain(`id = ${narrow.fit.length + 2}`)
    expect(await query(to, 'SELECT count(*)::text FROM t')).toEqual([['0']])
    const report = await migrate(from, to, { config, options: { badRows: 'set-aside' } })
    expect(report).toMatchObject({
      exitCode: 1,
      tables: [{ loaded: narrow.fit.length + 1, setAside: narrow.not.length }],
    })
    expect(await query(to, `SET TimeZone = 'UTC'; SELECT v FROM t ORDER BY id`)).toEqual([
      [null],
      ...narrow.arrive.map((value) => [value]),
    ])
    expect(await query(to, 'SELECT "table", "column" FROM landfall.rejects')).toEqual(
      narrow.not.map(() => ['t', 'v']),
    )
  })
})

test('citext, where the extension is there', async ({ skip }) => {
  const to = await postgres()
  try {
    await query(to, 'CREATE EXTENSION citext')
  } catch {
    skip('this PostgreSQL has no citext')
  }
  await query(to, 'CREATE TABLE t(id int PRIMARY KEY, v citext UNIQUE)')
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO t(v) VALUES ('Ada'), ('Bob')`,
  )
  expect((await migrate(from, to)).exitCode).toBe(0)
  expect(await query(to, "SELECT id FROM t WHERE v = 'ada'")).toEqual([['1']])
  // What citext takes for equal is refused in time.
  await query(to, 'CREATE TABLE u(id int PRIMARY KEY, v citext UNIQUE)')
  const doubled = sqlite(
    `CREATE TABLE u(id INTEGER PRIMARY KEY, v TEXT UNIQUE); INSERT INTO u(v) VALUES ('Ada'), ('ADA')`,
  )
  expect((await plan(doubled, to)).blockers).toMatchObject([{ code: 'LF204', table: 'u' }])
})
