import { expect, test } from 'vitest'
import { type ColumnConfig, sql } from '../../src/index.ts'
import { bench, failure, query } from './migrating.ts'

const { postgres, migrate } = bench()

const yes = { ask: async () => true }

interface Column {
  readonly from: string
  readonly to: string
  readonly said?: ColumnConfig
  /** Values of the source, and what becomes of each in the target: null is set aside. */
  readonly rows: Readonly<Record<string, string | null>>
}

/** Moves each column as a table of its own; of each, what becomes of its values. */
async function moved(columns: Readonly<Record<string, Column>>, zone?: string) {
  const tables = Object.entries(columns)
  const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`
  const from = await postgres(
    tables
      .map(
        ([name, one]) => `CREATE TABLE "${name}" (id int PRIMARY KEY, v ${one.from});
          INSERT INTO "${name}" VALUES ${Object.keys(one.rows).map((value, at) => `(${at}, ${quoted(value)})`)};`,
      )
      .join('\n'),
  )
  const to = await postgres(
    tables.map(([name, one]) => `CREATE TABLE "${name}" (id int PRIMARY KEY, v ${one.to});`).join('\n'),
  )
  const report = await migrate(from, to, {
    config: {
      badRows: 'set-aside',
      ...(zone === undefined ? {} : { zone }),
      moves: Object.fromEntries(
        tables.map(([name, { said }]) => [name, said === undefined ? {} : { columns: { v: said } }]),
      ),
    },
    tools: yes,
  })
  expect(report.checks.filter((check) => check.result !== 'pass')).toEqual([])
  const found: Record<string, Record<string, string | null>> = {}
  for (const [name, { rows }] of tables) {
    const there = new Map(
      (await query(to, `SELECT id::text, v::text FROM "${name}"`)).map(([id, v]) => [id, v!]),
    )
    found[name] = Object.fromEntries(
      Object.keys(rows).map((value, at) => [value, there.get(String(at)) ?? null]),
    )
  }
  return { found, wanted: Object.fromEntries(tables.map(([name, { rows }]) => [name, rows])), to }
}

const MOMENT = 'timestamptz'

test('a zone counts wherever a time of one kind becomes one of the other, also beside a type', async () => {
  const { found, wanted } = await moved(
    {
      own: {
        from: 'timestamp',
        to: MOMENT,
        said: { type: MOMENT, zone: 'Asia/Tokyo' },
        rows: { '2024-07-01 12:00': '2024-07-01 03:00:00+00', infinity: 'infinity' },
      },
      general: {
        from: 'timestamp',
        to: MOMENT,
        said: { type: 'timestamp with time zone' },
        rows: { '2024-07-01 12:00': '2024-07-01 04:00:00+00' },
      },
      seconds: {
        from: 'timestamp',
        to: 'timestamptz(3)',
        said: { type: 'timestamptz(3)' },
        rows: { '2024-07-01 12:00:00.125': '2024-07-01 04:00:00.125+00', '2024-07-01 12:00:00.1255': null },
      },
      day: {
        from: 'date',
        to: MOMENT,
        said: { type: MOMENT },
        rows: { '2024-07-01': '2024-06-30 16:00:00+00' },
      },
      text: {
        from: 'text',
        to: MOMENT,
        said: { type: MOMENT, zone: 'Asia/Tokyo' },
        rows: {
          '2024-07-01 12:00': '2024-07-01 03:00:00+00',
          '2024-07-01T12:00:00Z': '2024-07-01 12:00:00+00',
          '2024-07-01 12:00+02': '2024-07-01 10:00:00+00',
          '2024-07-01 12:00 Europe/Berlin': '2024-07-01 10:00:00+00',
          'July 1, 2024 12:00 PM': '2024-07-01 03:00:00+00',
          infinity: 'infinity',
          'no time': null,
        },
      },
      local: {
        from: 'text',
        to: 'timestamp',
        said: { type: 'timestamp' },
        rows: { '2024-07-01 12:00': '2024-07-01 12:00:00', '2024-07-01 12:00+00': '2024-07-01 20:00:00' },
      },
      there: {
        from: MOMENT,
        to: 'timestamp',
        said: { type: 'timestamp' },
        rows: { '2024-07-01 12:00+00': '2024-07-01 20:00:00' },
      },
      'its day': {
        from: MOMENT,
        to: 'date',
        said: { type: 'date' },
        rows: { '2024-07-01 16:00+00': '2024-07-02', '2024-07-01 12:00+00': null },
      },
      words: {
        from: MOMENT,
        to: 'text',
        said: { type: 'text' },
        rows: { '2024-07-01 12:00+00': '2024-07-01 20:00:00' },
      },
      constant: {
        from: 'int',
        to: MOMENT,
        said: { value: '2024-07-01 12:00' },
        rows: { 1: '2024-07-01 04:00:00+00' },
      },
      'its own': {
        from: 'int',
        to: MOMENT,
        said: { value: '2024-07-01 12:00+02' },
        rows: { 1: '2024-07-01 10:00:00+00' },
      },
      else: {
        from: 'int',
        to: MOMENT,
        said: { convert: sql`NULL::timestamp`, orElse: '2024-07-01 12:00', zone: 'Asia/Tokyo' },
        rows: { 1: '2024-07-01 03:00:00+00' },
      },
    },
    'Asia/Shanghai',
  )
  expect(found).toEqual(wanted)
})

test('without a zone a text is read where it says one, or needs none', async () => {
  const { found, wanted, to } = await moved({
    moment: {
      from: 'text',
      to: MOMENT,
      said: { type: MOMENT },
      rows: { '2024-07-01 12:00+02': '2024-07-01 10:00:00+00', '2024-07-01 12:00': null },
    },
    local: {
      from: 'text',
      to: 'timestamp',
      said: { type: 'timestamp' },
      rows: { '2024-07-01 12:00': '2024-07-01 12:00:00', '2024-07-01 12:00+02': null },
    },
  })
  expect(found).toEqual(wanted)
  expect(await query(to, 'SELECT "column", reason FROM landfall.rejects ORDER BY 2')).toEqual([
    ['v', 'has a time zone, and the target holds local times'],
    ['v', 'has no time zone'],
  ])
})

test('a type is no licence to lose something: what does not stay what it is is set aside', async () => {
  const typed = (from: string, to: string, rows: Column['rows']): Column => ({
    from,
    to,
    said: { type: to },
    rows,
  })
  const { found, wanted, to } = await moved({
    whole: typed('numeric', 'int', { 12.5: null, '12.0': '12', 5000000000: null }),
    cents: typed('float8', 'numeric(5,2)', { 0.1: '0.10', 0.125: null, '1e300': null, 0.25: '0.25' }),
    double: typed('bigint', 'float8', {
      '9007199254740993': null,
      '9007199254740992': '9.007199254740992e+15',
      '9223372036854775807': null,
    }),
    decimal: typed('numeric', 'float8', {
      0.1: '0.1',
      '0.30000000000000004': '0.30000000000000004',
      '0.1234567890123456789': null,
    }),
    single: typed('float8', 'real', { 0.5: '0.5', 0.1: null, NaN: 'NaN' }),
    digits: typed('text', 'int', { '007': '7', ' 12 ': '12', 12.5: null }),
    price: typed('text', 'numeric(12,2)', { 1.5: '1.50', 1.505: null }),
    prices: typed('text[]', 'numeric(12,2)[]', { '{1.5,NULL}': '{1.50,NULL}', '{1.505}': null }),
    long: typed('text', 'float8', { 0.1: '0.1', '9007199254740993': null }),
    day: typed('timestamp', 'date', {
      '2024-07-01': '2024-07-01',
      '2024-07-01 00:00:01': null,
      infinity: 'infinity',
    }),
    told: typed('text', 'date', { '2024-07-01': '2024-07-01', '2024-07-01 12:00': null }),
    clock: typed('timestamp', 'time', { '2024-07-01 12:00': null }),
    net: typed('inet', 'cidr', { '10.0.0.0/8': '10.0.0.0/8', '10.0.0.1/8': null }),
    flag: typed('int', 'boolean', { 1: 'true', 2: null }),
    object: typed('json', 'jsonb', {
      '{"b": 1.50, "a": [{"a": 1}, {"a": 2}]}': '{"a": [{"a": 1}, {"a": 2}], "b": 1.50}',
      '{"a": 1, "a": 2}': null,
      '[1, {"b": {"a": 1, "a": 1}}]': null,
      null: 'null',
    }),
    part: typed('jsonb', 'int', { 3: '3', 3.5: null }),
    blanks: { from: 'text', to: 'varchar(3)', rows: { 'abc ': null, 'ab ': 'ab ', abc: 'abc' } },
    padded: { from: 'char(6)', to: 'varchar(3)', rows: { abc: 'abc', abcd: null } },
    free: { from: 'numeric', to: 'int', said: { convert: sql`v` }, rows: { 12.5: '13' } },
  })
  expect(found).toEqual(wanted)
  expect(await query(to, `SELECT reason FROM landfall.rejects WHERE "table" = 'single'`)).toEqual([
    ['does not stay what it is as real'],
  ])
})

test('a zone that nothing is done with, and times that nobody knows the zone of, are mistakes', async () => {
  const from = await postgres('CREATE TABLE t (id int PRIMARY KEY, n int, m timestamptz)')
  const to = await postgres('CREATE TABLE t (id int PRIMARY KEY, n int, m timestamptz)')
  const said = (columns: Record<string, ColumnConfig>) =>
    failure(migrate(from, to, { config: { moves: { t: { columns } } }, tools: yes }))
  expect(await said({ n: { zone: 'UTC' } })).toMatchObject({
    code: 'LF002',
    message: 'moves.t.columns.n.zone: no time of a zone becomes integer here',
  })
  expect(await said({ m: { zone: 'Asia/Tokyo' } })).toMatchObject({
    code: 'LF002',
    message: expect.stringContaining('moves.t.columns.m.zone'),
  })
  expect(await said({ m: { value: '2024-07-01 12:00' } })).toMatchObject({
    code: 'LF002',
    message: expect.stringContaining('moves.t.columns.m.value: m is timestamp with time zone'),
  })
  expect(await said({ n: { type: 'integr' } })).toMatchObject({
    code: 'LF005',
    message: expect.stringMatching(/^moves\.t\.columns\.n\.type: .*type "integr" does not exist/),
  })
})
