import { describe, expect, test } from 'vitest'
import { sql } from '../../src/index.ts'
import { landfall } from '../cli/run.ts'
import { bench, contents, failure, query } from '../migrate/migrating.ts'
import { ASIDE, type ColumnCase, together } from './columns.ts'

const tools = bench()
const { folder, sqlite, postgres, migrate } = tools
const same = (values: readonly string[]) => values.map((value) => [value, value] as const)

/** HAZARDS 1. */
describe('text and fractions in an INTEGER column', () => {
  const DIRTY = `CREATE TABLE t(id INTEGER PRIMARY KEY, v INTEGER);
    INSERT INTO t(v) VALUES (7), ('toto'), ('12,5'), (1.5), (x'01'), (NULL), (''), (9);`

  test('are refused with their keys and the choices before anything is written', async () => {
    const from = sqlite(DIRTY, 'dirty.db')
    const to = await postgres()
    const before = await contents(to)
    const ended = await landfall(['migrate', '--from', `sqlite:${from}`, '--to', to], { cwd: folder })
    expect(ended.status).toBe(5)
    expect(ended.stderr).toMatch(/LF204.*t\.v is no integer in 5 of 8 rows/)
    for (const shown of [
      'id = 2 ("toto")',
      'id = 3 ("12,5")',
      'id = 4 (1.5)',
      "id = 5 (blob x'01')",
      'id = 7 ("")',
    ])
      expect(ended.stderr).toContain(shown)
    expect(ended.stderr).toContain('--bad-rows set-aside')
    expect(ended.stderr).toContain("moves.t.columns.v: { type: 'text' }")
    expect(ended.stderr).toMatch(/nothing was written/i)
    expect((await failure(migrate(from, to))).code).toBe('LF204')
    const foreign = (rows: (string | null)[][]) => rows.filter(([schema]) => schema !== 'landfall')
    expect(foreign(await contents(to))).toEqual(foreign(before))
  })

  test('are set aside whole and exactly, and the others arrive', async () => {
    const from = sqlite(DIRTY)
    const to = await postgres()
    const ended = await landfall(
      ['migrate', '--from', `sqlite:${from}`, '--to', to, '--bad-rows', 'set-aside', '--json'],
      { cwd: folder },
    )
    expect(ended.status).toBe(1)
    expect(JSON.parse(ended.stdout)).toMatchObject({
      exitCode: 1,
      tables: [{ source: 't', read: 8, loaded: 3, setAside: 5 }],
      rejects: [{ table: 't', column: 'v', reason: 'is no integer', rows: 5 }],
    })
    expect(await query(to, 'SELECT * FROM t ORDER BY id')).toEqual([
      ['1', '7'],
      ['6', null],
      ['8', '9'],
    ])
    const rejects = await query(
      to,
      `SELECT "table", key, "column", reason, content::text FROM landfall.rejects ORDER BY key`,
    )
    const content = (id: number, v: object) => [
      't',
      `id = ${id}`,
      'v',
      'is no integer',
      JSON.stringify({ id: { integer: String(id) }, v }),
    ]
    expect(rejects).toEqual([
      content(2, { text: 'toto' }),
      content(3, { text: '12,5' }),
      content(4, { real: '1.5' }),
      content(5, { blob: '01' }),
      content(7, { text: '' }),
    ])
  })
})

const NOT_INTEGER = 'is no integer'
together('values in an INTEGER column', tools, [
  {
    title: 'integers, text, fractions, bytes',
    declared: 'INTEGER',
    type: 'bigint',
    reason: NOT_INTEGER,
    values: [
      ['1', '1'],
      ["'x'", ASIDE],
      ['0.5', ASIDE],
      ["x''", ASIDE],
      ['NULL', null],
    ],
  },
  {
    title: 'as text, because the config says so',
    declared: 'INTEGER',
    choice: { type: 'text' },
    type: 'text',
    values: [
      ['7', '7'],
      ["'toto'", 'toto'],
      ['1.5', '1.5'],
    ],
  },
  {
    title: 'converted by an expression of the config',
    declared: 'INTEGER',
    choice: { type: 'bigint', convert: sql`CAST(v AS INTEGER)` },
    type: 'bigint',
    values: [
      ['7', '7'],
      ["'toto'", '0'],
      ['1.5', '1'],
    ],
  },
] satisfies ColumnCase[])

together('booleans', tools, [
  {
    title: '0 and 1',
    declared: 'BOOLEAN',
    type: 'boolean',
    conversion: '0 and 1 to false and true',
    values: [
      ['0', 'false'],
      ['1', 'true'],
      ['NULL', null],
    ],
  },
  {
    title: 'words',
    declared: 'BOOL',
    type: 'boolean',
    values: [
      ["'false'", 'false'],
      ["'TRUE'", 'true'],
      ["'t'", 'true'],
      ["'No'", 'false'],
      ["'on'", 'true'],
      ['0', 'false'],
      ["'y'", 'true'],
    ],
  },
  {
    title: 'another word among them vetoes the whole column',
    declared: 'BOOLEAN',
    type: 'text',
    why: 'declared BOOLEAN, but id = 2 ("maybe") cannot be read as boolean',
    values: [
      ["'true'", 'true'],
      ["'maybe'", 'maybe'],
      ['1', '1'],
    ],
  },
  {
    title: 'so does the number 2',
    declared: 'BOOLEAN',
    type: 'bigint',
    why: 'declared BOOLEAN, but id = 2 (2) cannot be read as boolean',
    values: [
      ['0', '0'],
      ['2', '2'],
    ],
  },
  {
    title: 'so does a fraction',
    declared: 'BOOLEAN',
    type: 'double precision',
    values: [
      ['1', '1'],
      ['0.5', '0.5'],
    ],
  },
  {
    title: 'an INTEGER column of 0 and 1 is none',
    declared: 'INTEGER',
    type: 'bigint',
    values: [
      ['0', '0'],
      ['1', '1'],
    ],
  },
  {
    title: "'0' and '1' as texts enter a target's boolean column",
    declared: 'TEXT',
    there: 'boolean',
    type: 'boolean',
    reason: 'is no truth value',
    values: [
      ["'0'", 'false'],
      ["'1'", 'true'],
      ["'false'", 'false'],
      ["'2'", ASIDE],
      ["'t' || char(0)", ASIDE],
      ["''", ASIDE],
      ['NULL', null],
    ],
  },
] satisfies ColumnCase[])

const EDGES = [
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '4294967295',
  '4294967296',
  '-1',
  '-4294967297',
]

/** HAZARDS 5. */
together('integers', tools, [
  ...['INTEGER', 'BIGINT', ''].map((declared) => ({
    title: `all 64 bits from a column declared "${declared}"`,
    declared,
    type: 'bigint',
    values: same(EDGES),
  })),
  {
    title: 'beyond 64 bits they are reals in SQLite: no integers',
    declared: 'INTEGER',
    type: 'bigint',
    reason: NOT_INTEGER,
    values: [
      ['1', '1'],
      ['18446744073709551616', ASIDE],
      ['9223372036854775808', ASIDE],
    ],
  },
  {
    title: 'as numeric these are what the real says in its shortest form',
    declared: 'INTEGER',
    choice: { type: 'numeric' },
    type: 'numeric',
    values: [
      ['9007199254740993', '9007199254740993'],
      ['18446744073709551616', '18446744073709552000'],
      ['-9223372036854775808', '-9223372036854775808'],
    ],
  },
  {
    title: '16 bits',
    declared: 'SMALLINT',
    type: 'smallint',
    values: same(['-32768', '32767']),
  },
  {
    title: 'one of more than 16 bits makes them bigint',
    declared: 'SMALLINT',
    type: 'bigint',
    why: 'declared SMALLINT, but id = 2 (32768) is no integer of 16 bits',
    values: same(['1', '32768']),
  },
  {
    title: "too wide for a target's smallint",
    declared: 'INTEGER',
    there: 'smallint',
    type: 'smallint',
    values: [
      ['-32768', '-32768'],
      ['32768', ASIDE],
    ],
  },
  {
    title: "too wide for a target's integer",
    declared: 'INTEGER',
    there: 'integer',
    type: 'integer',
    values: [
      ['2147483647', '2147483647'],
      ['-2147483649', ASIDE],
      ['9223372036854775807', ASIDE],
    ],
  },
] satisfies ColumnCase[])

test('integers of all 64 bits as keys, in several chunks', async () => {
  const to = await postgres()
  const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO t VALUES ${EDGES.map((n) => `(${n}, '${n}')`).join(', ')};`)
  const report = await migrate(from, to, { options: { batchSize: 3 } })
  expect(report).toMatchObject({ exitCode: 0, tables: [{ read: 10, loaded: 10 }] })
  expect(await query(to, 'SELECT count(*) FROM t WHERE id::text = v')).toEqual([['10']])
})

/** A double as `float8send` shows it. */
function bits(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return `\\x${view.getBigUint64(0).toString(16).padStart(16, '0')}`
}
/** Among them the greatest, the least, and the greatest that is subnormal. */
const REALS = [0.1, 0.1 + 0.2, 1 / 3, Number.MIN_VALUE, 2 ** -1022, 2 ** -1022 - Number.MIN_VALUE, 1e-300]
  .concat([Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53 + 2, 5e22, 123456789.12345679, 2 ** -20])
  .concat([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])

together('reals', tools, [
  ...['REAL', 'DOUBLE', 'FLOAT', ''].map((declared) => ({
    title: `to the last bit from a column declared "${declared}"`,
    declared,
    type: 'double precision',
    shown: 'float8send(v)::text',
    values: REALS.map((value) => [value, bits(value)] as const),
  })),
  {
    title: 'minus zero keeps its sign where SQLite keeps it',
    declared: '',
    type: 'double precision',
    values: [
      [-0, '-0'],
      [0.5, '0.5'],
    ],
  },
  {
    title: 'beside integers that a double holds',
    declared: '',
    type: 'double precision',
    values: [
      ['0.5', '0.5'],
      ['9007199254740991', '9.007199254740991e+15'],
    ],
  },
  {
    title: 'beside an integer that no double holds they are text',
    declared: '',
    type: 'text',
    why: 'declared without a type, but id = 1 (0.5) cannot be read as bigint',
    values: [
      ['0.5', '0.5'],
      ['9007199254740993', '9007199254740993'],
      [0.1 + 0.2, '0.30000000000000004'],
      [Number.POSITIVE_INFINITY, 'Inf'],
    ],
  },
  {
    title: 'beside text in a REAL column',
    declared: 'REAL',
    type: 'double precision',
    reason: 'is no number',
    values: [
      ['1.5', '1.5'],
      ["'1,5'", ASIDE],
      ["x'00'", ASIDE],
    ],
  },
  {
    title: "a target's 4 bytes take only what they hold exactly",
    declared: 'REAL',
    there: 'real',
    type: 'real',
    values: [
      ['0.5', '0.5'],
      ['16777216', '1.6777216e+07'],
      ['1e300', ASIDE],
      ['0.1', ASIDE],
      [2 ** -149, '1e-45'],
      [Number.POSITIVE_INFINITY, 'Infinity'],
      ['NULL', null],
    ],
  },
] satisfies ColumnCase[])

together('decimals', tools, [
  {
    title: 'fit numeric(p,s) where nothing is rounded',
    declared: 'DECIMAL(10,2)',
    type: 'numeric(10,2)',
    values: [
      ['12.5', '12.50'],
      ['99999999.99', '99999999.99'],
      ['-3', '-3.00'],
      ['NULL', null],
    ],
  },
  {
    title: 'are numeric where something would be rounded',
    declared: 'DECIMAL(10,2)',
    type: 'numeric',
    why: 'id = 2 (0.125) is no number of at most 10 digits with 2 after the point',
    values: [
      ['12.5', '12.5'],
      ['0.125', '0.125'],
      ['1e300', `1${'0'.repeat(300)}`],
      [Number.NEGATIVE_INFINITY, '-Infinity'],
    ],
  },
  {
    title: 'as texts, with what is no decimal number among them',
    declared: 'TEXT',
    there: 'numeric',
    type: 'numeric',
    reason: 'is no decimal number',
    values: [
      ["'1.50'", '1.50'],
      ["'-00012345678901234567890.5'", '-12345678901234567890.5'],
      ["'7.'", '7'],
      ...[
        "'1e5'",
        "'abc'",
        "'1' || char(0)",
        "'1' || char(0) || 'x'",
        "'--1'",
        "'+-1'",
        "'.'",
        "'-'",
        "''",
        "x'31'",
      ].map((value) => [value, ASIDE] as const),
    ],
  },
] satisfies ColumnCase[])
