import { once } from 'node:events'
import fc from 'fast-check'
import { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { binaryEncoder } from '../../src/copy/encode-binary.ts'
import { textEncoder } from '../../src/copy/encode-text.ts'
import { MisfitError, type Row } from '../../src/copy/model.ts'
import type { Carrier } from '../../src/types/model.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await testServer()
  client = new Client({ connectionString: await server.database() })
  await client.connect()
  await client.query(`SET extra_float_digits = 1; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres'`)
})
afterAll(async () => {
  await client.end()
  await server.stop()
})

const formats = { binary: binaryEncoder, text: textEncoder }
type Format = keyof typeof formats

async function load(table: string, format: Format, carriers: Carrier[], rows: Row[]): Promise<void> {
  const encoder = formats[format](carriers)
  encoder.encode(rows)
  const stream = client.query(copyFrom(`COPY ${table} FROM STDIN WITH (FORMAT ${format})`))
  stream.write(encoder.header)
  for (const piece of encoder.take()) stream.write(piece)
  stream.end(encoder.trailer)
  await once(stream, 'finish')
}

type Cells = readonly (number | string | Uint8Array | null)[]
/** One value: what the SELECT yields, and the SQL that PostgreSQL must find equal to what was stored. */
interface Sample {
  readonly cells: Cells
  readonly sql: string
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Loads every sample and lets PostgreSQL compare each with its own reading of the same value. */
async function roundTrip(format: Format, carrier: Carrier, type: string, samples: Sample[]): Promise<void> {
  const nulls: Cells = carrier.endsWith('Halves') ? [null, null] : [null]
  await client.query(`DROP TABLE IF EXISTS t; CREATE TABLE t (i int4, v ${type}, n ${type})`)
  await load(
    't',
    format,
    ['int4', carrier, carrier],
    samples.map(({ cells }, index) => [index, ...cells, ...nulls]),
  )
  const expected = samples.map(({ sql }, index) => `(${index}, (${sql})::${type})`).join(',\n')
  const { rows } = await client.query(
    `SELECT i, t.v::text AS stored, e.v::text AS expected FROM (VALUES ${expected}) e (i, v)
     FULL JOIN t USING (i) WHERE t.v::text IS DISTINCT FROM e.v::text OR t.n IS NOT NULL`,
  )
  expect(rows).toEqual([])
}

const plain = (value: number | string): Sample => ({
  cells: [value],
  sql: typeof value === 'string' ? quote(value) : Object.is(value, -0) ? `'-0'` : quote(String(value)),
})
const high = (n: bigint) => Number(n >> 32n)
const low = (n: bigint) => Number(n & 0xffffffffn)
const halves = (n: bigint): Sample => ({ cells: [high(n), low(n)], sql: quote(String(n)) })
const bytes = (value: Uint8Array): Sample => ({
  cells: [value],
  sql: `'\\x${Buffer.from(value).toString('hex')}'`,
})
const textBytes = (value: string): Sample => ({ cells: [Buffer.from(value)], sql: quote(value) })
const date = (days: number): Sample => ({ cells: [days], sql: `date '1970-01-01' + ${days}` })
const time = (micros: number): Sample => ({
  cells: [micros],
  sql: micros === 86_400_000_000 ? `'24:00'` : `time '00:00' + interval '${micros} microseconds'`,
})
const moment = (seconds: number, micros: number): string =>
  `timestamp '1970-01-01' + interval '${Math.floor(seconds / 86400)} days' + interval '${((seconds % 86400) + 86400) % 86400} seconds' + interval '${micros} microseconds'`
const timestamp = (seconds: number): Sample => ({ cells: [seconds], sql: moment(seconds, 0) })
const timestampHalves = (seconds: number, micros: number): Sample => ({
  cells: [seconds, micros],
  sql: moment(seconds, micros),
})

const TEXTS = [
  '',
  ' ',
  'a',
  '\\',
  '\\N',
  '\\.',
  '\t',
  '\n',
  '\r',
  '\r\n',
  '\u0001',
  '"',
  "'",
  'ä',
  '€',
  '😀',
  '\u{10ffff}',
  '\ufffd',
  '\ufeffbom',
  'aaaaaaaaaaaaaaaaaaaé',
  'x'.repeat(20),
  'x'.repeat(21),
  'é'.repeat(300),
  '\\'.repeat(70_000),
  `${'x'.repeat(262_143)}😀${'y'.repeat(9)}`,
  '😀'.repeat(140_000),
]
const FIRST = -62_135_596_800 // 0001-01-01
const LAST = 253_402_300_799 // 9999-12-31 23:59:59

const extremes: [Carrier, string, Sample[]][] = [
  ['int2', 'int2', [-32768, -1, 0, 1, 32767].map(plain)],
  ['int4', 'int4', [-2147483648, -1, 0, 1, 2147483647].map(plain)],
  [
    'int8',
    'int8',
    [
      Number.MIN_SAFE_INTEGER,
      -4294967297,
      -4294967296,
      -1,
      -0,
      0,
      1,
      4294967295,
      4294967296,
      Number.MAX_SAFE_INTEGER,
    ].map((n) => plain(n + 0)),
  ],
  [
    'int8Halves',
    'int8',
    [
      -(2n ** 63n),
      -(2n ** 53n) - 1n,
      -(2n ** 32n),
      -1n,
      0n,
      1n,
      2n ** 32n - 1n,
      2n ** 53n + 1n,
      2n ** 63n - 1n,
    ].map(halves),
  ],
  [
    'bool',
    'bool',
    [
      { cells: [0], sql: 'false' },
      { cells: [1], sql: 'true' },
    ],
  ],
  [
    'float4',
    'float4',
    [0, -0, 1.5, -1.25, Math.fround(0.1), 3.4028234663852886e38, Infinity, -Infinity, NaN].map(plain),
  ],
  [
    'float8',
    'float8',
    [
      0,
      -0,
      0.1,
      1 / 3,
      1e-7,
      1e21,
      5e-324,
      2.2250738585072014e-308,
      1.7976931348623157e308,
      2 ** 53,
      Infinity,
      -Infinity,
      NaN,
    ].map(plain),
  ],
  ['text', 'text', TEXTS.map(plain)],
  ['textBytes', 'text', TEXTS.map(textBytes)],
  [
    'json',
    'json',
    ['{}', '{"a": "\\n\\\\ \\u20ac",  "a":1e400}', 'null', `[${'1,'.repeat(40_000)}2]`].map(plain),
  ],
  ['jsonb', 'jsonb', ['{}', '{"b":1,"a":"é\\t"}', '"x"', '1.10', `["${'z'.repeat(70_000)}"]`].map(plain)],
  [
    'bytea',
    'bytea',
    ['', '00', 'ff00', '5c0a', 'ab'.repeat(65_535), 'cd'.repeat(600_000)].map((hex) =>
      bytes(Buffer.from(hex, 'hex')),
    ),
  ],
  [
    'uuid',
    'uuid',
    [
      '00112233-4455-6677-8899-aabbccddeeff',
      'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF',
      '0123-4567-89ab-cdef-0123-4567-89ab-cdef',
    ].map(plain),
  ],
  ['date', 'date', [-719_162, -719_163, -2_440_588, -1, 0, 10_957, 11_016, 2_932_896, 2_932_897].map(date)],
  ['time', 'time', [0, 1, 999_999, 4_294_967_295, 4_294_967_296, 86_399_999_999, 86_400_000_000].map(time)],
  [
    'timestamp',
    'timestamp',
    [FIRST, FIRST - 1, -1, 0, 946_684_800, 951_782_400, LAST, LAST + 1].map(timestamp),
  ],
  ['timestamp', 'timestamptz', [FIRST, 0, 946_684_799, LAST].map(timestamp)],
  [
    'timestampHalves',
    'timestamp',
    [
      [FIRST, 1],
      [FIRST, 999_999],
      [-1, 999_999],
      [0, 1],
      [946_684_799, 999_999],
      [LAST, 999_999],
      [9_224_318_015_999, 999_999],
      [-210_866_803_200, 0],
    ].map(([s, u]) => timestampHalves(s!, u!)),
  ],
  [
    'numeric',
    'numeric',
    [
      '0',
      '-0',
      '00',
      '.5',
      '5.',
      '-.5',
      '1e5',
      '1.50',
      '1E-7',
      '-1e-20',
      '12345.678900',
      '0.0001',
      '0.00010',
      '10000',
      '99990000',
      '1e400',
      '-1.5e-300',
      'Infinity',
      '-Infinity',
      'NaN',
      '9'.repeat(500),
      `0.${'0'.repeat(300)}12`,
      '+7',
    ].map(plain),
  ],
  [
    'numeric',
    'numeric',
    [0, 1, -1, 0.1, 1e-7, 1e21, 5e-324, 1.7976931348623157e308, 123456789012345680000, Infinity].map(plain),
  ],
]

describe.each(['binary', 'text'] as const)('%s', (format) => {
  test.each(extremes)('%s into %s keeps its extremes', (carrier, type, samples) =>
    roundTrip(format, carrier, type, samples),
  )

  test('label goes through as text', async () => {
    if (format === 'binary') return expect(() => binaryEncoder(['label'])).toThrow('no binary form')
    await client.query(`CREATE TYPE mood AS ENUM ('so\\so', 'ok')`)
    await roundTrip(format, 'label', 'mood', ['so\\so', 'ok'].map(plain))
  })

  const whole = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const seconds = fc.integer({ min: FIRST, max: LAST })
  const unicode = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\0', ''))
  const decimal = fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.stringMatching(/^\d{1,40}$/),
      fc.stringMatching(/^\d{0,30}$/),
      fc.integer({ min: -40, max: 40 }),
    )
    .map(([sign, left, right, exponent]) => `${sign}${left}.${right}e${exponent}`)
  const random: [Carrier, string, fc.Arbitrary<Sample>][] = [
    ['int8Halves', 'int8', whole.map(halves)],
    ['int8', 'int8', fc.maxSafeInteger().map((n) => plain(n + 0))],
    ['float8', 'float8', fc.double().map(plain)],
    ['float4', 'float4', fc.float().map(plain)],
    ['text', 'text', unicode.map(plain)],
    ['textBytes', 'text', unicode.map(textBytes)],
    ['bytea', 'bytea', fc.uint8Array({ maxLength: 100 }).map(bytes)],
    ['uuid', 'uuid', fc.uuid().map(plain)],
    ['date', 'date', fc.integer({ min: -719_162, max: 2_932_896 }).map(date)],
    ['time', 'time', fc.integer({ min: 0, max: 86_399_999_999 }).map(time)],
    [
      'timestampHalves',
      'timestamp',
      fc.tuple(seconds, fc.integer({ min: 0, max: 999_999 })).map(([s, u]) => timestampHalves(s, u)),
    ],
    ['numeric', 'numeric', decimal.map(plain)],
    ['numeric', 'numeric', fc.double({ noNaN: true }).map(plain)],
  ]
  test.each(random)('%s into %s keeps any value', (carrier, type, sample) =>
    fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 100, maxLength: 200 }), (samples) =>
        roundTrip(format, carrier, type, samples),
      ),
      { numRuns: 5 },
    ),
  )

  const misfits: [Carrier, Cells][] = [
    ['int2', [32768]],
    ['int2', [1.5]],
    ['int2', ['1']],
    ['int4', [2 ** 31]],
    ['int4', [-(2 ** 31) - 1]],
    ['int8', [2 ** 53]],
    ['int8', [0.5]],
    ['int8', [Infinity]],
    ['int8', ['7']],
    ['int8Halves', [2 ** 31, 0]],
    ['int8Halves', [0, 2 ** 32]],
    ['int8Halves', [0, -1]],
    ['int8Halves', [0, null]],
    ['bool', [2]],
    ['bool', ['t']],
    ['float4', [1e39]],
    ['float4', ['1']],
    ['float8', ['1']],
    ['text', [1]],
    ['text', [new Uint8Array(1)]],
    ['textBytes', ['x']],
    ['json', [1]],
    ['jsonb', [1]],
    ['bytea', ['x']],
    ['date', [0.5]],
    ['date', [1e10]],
    ['date', ['2000-01-01']],
    ['time', [-1]],
    ['time', [86_400_000_001]],
    ['timestamp', [1e13]],
    ['timestamp', [0.5]],
    ['timestampHalves', [0, 1_000_000]],
    ['timestampHalves', [0, -1]],
    ['timestampHalves', [0, null]],
    ['numeric', ['']],
    ['numeric', ['.']],
    ['numeric', ['1x']],
    ['numeric', ['0x10']],
    ['numeric', ['1e200000']],
    ['numeric', [new Uint8Array(1)]],
    ['numeric', ['1 ']],
  ]
  test.each(misfits)('%s refuses %j and names the column and row', (carrier, cells) => {
    const encoder = formats[format](['text', carrier])
    const nulls: Cells = cells.map(() => null)
    try {
      encoder.encode([
        ['a', ...nulls],
        ['b', ...cells],
      ])
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(MisfitError)
      expect(error).toMatchObject({ column: 1, row: 1 })
    }
  })
})

test('a UUID of wrong shape is refused by the binary form, by the server in the text form', () => {
  for (const text of [
    '',
    'x',
    '0011223344556677889-9aabbccddeeff',
    `${'0'.repeat(33)}`,
    `${'0'.repeat(31)}g`,
  ]) {
    expect(() => binaryEncoder(['uuid']).encode([[text]])).toThrow(MisfitError)
  }
})

test('large values are handed over without a copy', () => {
  const value = new Uint8Array(3_000_000).fill(7)
  const encoder = binaryEncoder(['bytea', 'int4'])
  encoder.encode([
    [value, 1],
    [value, 2],
  ])
  const pieces = encoder.take()
  expect(pieces.filter((piece) => piece.buffer === value.buffer).reduce((sum, p) => sum + p.length, 0)).toBe(
    6_000_000,
  )
  expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(2 * (2 + 4 + 3_000_000 + 8))
  expect(encoder.size).toBe(0)
})

test('thousands of rows keep their order across pieces', async () => {
  const rows = Array.from({ length: 60_000 }, (_, i) => [i, `row ${i} ${'é'.repeat(i % 30)}`])
  await client.query('DROP TABLE IF EXISTS many; CREATE TABLE many (i int4, t text)')
  await load('many', 'binary', ['int4', 'text'], rows)
  const { rows: found } = await client.query(
    `SELECT count(*)::int AS n, bool_and(t = 'row ' || i || ' ' || repeat('é', i % 30)) AS same FROM many`,
  )
  expect(found).toEqual([{ n: 60_000, same: true }])
})
