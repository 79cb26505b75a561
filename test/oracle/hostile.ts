import fc, { type Arbitrary } from 'fast-check'
import { type Cell, text } from './cell.ts'

/** Values of every kind, near-misses of what a type takes above all. */

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values)
/** Mostly what is wanted, now and then anything at all. */
export const mostly = (wanted: Arbitrary<Cell>, seldom: Arbitrary<Cell>): Arbitrary<Cell> =>
  fc.oneof({ weight: 12, arbitrary: wanted }, { weight: 1, arbitrary: seldom })

export const integers: Arbitrary<Cell> = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -200n, max: 200n }),
    pick(7n, 8n, 15n, 16n, 31n, 32n, 53n, 62n, 63n).chain((bits) =>
      fc
        .bigInt({ min: -2n, max: 2n })
        .chain((off) => pick(1n, -1n).map((sign) => BigInt.asIntN(64, sign * 2n ** bits + off))),
    ),
  )
  .map((value) => ({ kind: 'integer', value }))

export const epochs = (size: bigint): Arbitrary<Cell> =>
  fc
    .oneof(
      { weight: 8, arbitrary: fc.bigInt({ min: -2n * size, max: 5n * size }) },
      { weight: 1, arbitrary: pick(0n, size / 10n, size * 40n, -size * 40n) },
    )
    .map((value) => ({ kind: 'integer', value }))

export const reals: Arbitrary<Cell> = fc
  .oneof(
    fc.double({ noNaN: true }),
    fc.double({ min: -4.2e9, max: 4.2e9, noNaN: true }),
    fc.double({ min: 1721000, max: 5374000, noNaN: true }),
    fc.integer({ min: -99999, max: 99999 }).map((n) => n / 100),
    fc.float({ noNaN: true }),
    pick(-0, 5e-324, 2 ** 63, -(2 ** 63), 2 ** 53, 1e21, 1e22, 123456789.125, Number.POSITIVE_INFINITY),
  )
  .map((value) => ({ kind: 'real', value }))

const julianDays: Arbitrary<Cell> = fc
  .double({ min: 1721425.5, max: 5373484, noNaN: true })
  .map((value) => ({ kind: 'real', value }))
const secondsWithFraction: Arbitrary<Cell> = fc
  .double({ min: 6e6, max: 3.9e9, noNaN: true })
  .chain((value) => pick(1, -1).map((sign) => ({ kind: 'real' as const, value: sign * value })))

export { julianDays, secondsWithFraction }

const characters = fc.string({ unit: 'binary', maxLength: 12 })
const marks = pick(
  '',
  '\t',
  '\n',
  '\r\n',
  '\\N',
  '\\',
  "'",
  '"',
  '\ufeff',
  '\ufffd',
  '\u0001',
  '\u007f',
  '😀',
  'é',
)
export const texts: Arbitrary<Cell> = fc.tuple(marks, characters, marks).map((parts) => text(parts.join('')))

const INVALID = ['ff', 'c080', 'eda080', 'f4908080', 'e282', '80', 'f8', '00', '6100', '0062']
export const brokenTexts: Arbitrary<Cell> = fc
  .tuple(characters, pick(...INVALID), characters)
  .map(([before, bad, after]) => ({
    kind: 'text',
    bytes: Buffer.concat([Buffer.from(before), Buffer.from(bad, 'hex'), Buffer.from(after)]),
  }))

export const blobs: Arbitrary<Cell> = fc
  .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => ({ kind: 'blob', bytes }))

export const words: Arbitrary<Cell> = pick(
  ...['0', '1', 't', 'F', 'true', 'False', 'YES', 'no', 'On', 'off', 'y', 'N'],
  ...['', ' true', 'wahr', '2', 'tru', 'true\0', 'oﬀ', '\u212Aes'],
).map(text)

const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'))
const years = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 9999 }) },
  { weight: 1, arbitrary: pick(1, 4, 100, 1600, 1900, 1969, 1970, 2000, 2023, 2024, 9999) },
)
const dated = (day: Arbitrary<number>) =>
  fc
    .tuple(years, fc.integer({ min: 1, max: 12 }), day)
    .map(([year, month, one]) =>
      [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(one).padStart(2, '0')].join('-'),
    )
const cleanDays = fc.oneof(
  { weight: 8, arbitrary: dated(fc.integer({ min: 1, max: 28 })) },
  {
    weight: 1,
    arbitrary: pick('2024-02-29', '2000-02-29', '1600-02-29', '0004-02-29', '1999-12-31', '9999-12-31'),
  },
)
const days = fc.oneof({ weight: 9, arbitrary: cleanDays }, { weight: 1, arbitrary: dated(pick(29, 30, 31)) })
const fractions = fc.oneof(
  pick('', '', '.0', '.5', '.999999', '.000001', '.123456000'),
  fc.integer({ min: 0, max: 999_999 }).map((n) => `.${String(n).padStart(6, '0')}`),
)
const clocksWith = (fraction: Arbitrary<string>) =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(two(23), two(59), two(59), fraction).map(([h, m, s, f]) => `${h}:${m}:${s}${f}`),
    },
    { weight: 3, arbitrary: fc.tuple(two(23), two(59)).map((parts) => parts.join(':')) },
  )
const cleanClock = clocksWith(fractions)
const clock = clocksWith(
  fc.oneof({ weight: 9, arbitrary: fractions }, { weight: 1, arbitrary: pick('.1234567', '.') }),
)
const zone = fc.oneof(
  pick('Z', 'z', ' UTC', ' utc', '+00', '-00:30', '+05:30', '-0800', '+14:00', '+15:59', '-15:59', '+05'),
  fc.tuple(pick('+', '-'), two(15), pick('', ':'), two(59)).map((parts) => parts.join('')),
)
const slips = pick(
  ...[
    '0000-01-01',
    '2023-02-29 10:00:00',
    '2024-02-30',
    '2024-13-01',
    '2024-00-10',
    '2024-01-00',
    '2024-1-1',
  ],
  ...[
    '2024-01-01 24:00:00',
    '2024-01-01 24:00',
    '2024-01-01T24:30:00',
    '2024-01-01 23:59:60',
    '2024-01-01 25:00',
  ],
  ...[
    '2024-01-01 10:60',
    '2024-01-01  10:00',
    '2024-01-01 1:00',
    ' 2024-01-01',
    '2024-01-01 ',
    '20240101',
    '24:00:00',
  ],
  ...[
    '2024-01-01 10:00:00,5',
    '2024-01-01 10',
    '2024-01-01T',
    '2024-01-01T10:00:00 Z',
    '2024-01-01 10:00:00+5',
  ],
  ...[
    '2024-01-01 10:00:00+05:60',
    '2024-01-01 10:00+16:00',
    '2024-01-01 10:00 +05:30',
    '-2024-01-01',
    '12024-01-01',
  ],
  ...[
    '2024-01-01\0',
    '2024-01-01 10:00:00\0',
    '10:00:00\0',
    '2024-01-01 10:00:00Z\0',
    '2024-01-01\0 10:00:00',
    '10:00\0:00',
  ],
  ...[
    '2024-01-01 10:00:00.1\0',
    '2024-01-01 10:00:00 PST',
    'now',
    'today',
    '12:00',
    'infinity',
    '2024-W01-1',
    '2024-001',
    '１２:00',
  ],
  ...[
    '2024-01-01+05:30',
    '2024-01-01Z',
    '2024-01-01 UTC',
    '2024-01-01-05',
    '2460000.5',
    '1700000000',
    '',
    '0',
    'null',
  ],
).map(text)
const orSlip = (wanted: Arbitrary<string>) => mostly(wanted.map(text), slips)
const documents = fc.json({ stringUnit: 'grapheme' }).map((json) => text(`[${json}]`))
/** Without near-misses, so that a whole column of them takes the way that they suggest. */
export const clean = {
  epochs: (size: bigint) =>
    fc.bigInt({ min: size, max: 5n * size }).map((value): Cell => ({ kind: 'integer', value })),
  documents,
  documentsAndNumbers: fc.oneof(
    documents,
    fc.integer().map((n): Cell => ({ kind: 'integer', value: BigInt(n) })),
  ),
  short: fc.string({ unit: 'grapheme-ascii', maxLength: 14 }).map(text),
  dates: cleanDays.map(text),
  clocks: cleanClock.map(text),
  naive: fc.tuple(cleanDays, pick(' ', 'T', 't'), cleanClock).map((parts) => text(parts.join(''))),
  sqlite: fc.tuple(cleanDays, two(23), two(59), two(59)).map(([d, h, m, s]) => text(`${d} ${h}:${m}:${s}`)),
  zoned: fc.tuple(cleanDays, pick(' ', 'T'), cleanClock, zone).map((parts) => text(parts.join(''))),
}
export const dates = orSlip(days)
export const clocks = orSlip(clock)
export const naive = orSlip(
  fc.oneof(
    days,
    fc.tuple(days, pick(' ', 'T', 't', '_'), clock).map((parts) => parts.join('')),
  ),
)
export const zoned = orSlip(
  fc.tuple(days, pick(' ', 'T'), clock, fc.oneof(zone, pick(''))).map((parts) => parts.join('')),
)

const hex = (length: number) =>
  fc.string({ unit: pick(...'0123456789abcdefABCDEF'), minLength: length, maxLength: length })
export const uuids: Arbitrary<Cell> = fc.oneof(
  fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => text(parts.join('-'))),
  hex(32).map(text),
  fc.uuid().map(text),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ kind: 'blob' as const, bytes })),
  fc.tuple(fc.uuid(), pick('\0', 'x', ' ', '\0x')).map((parts) => text(parts.join(''))),
  fc.uuid().map((one) => text(`{${one}}`)),
  fc
    .tuple(hex(4), hex(4), hex(4), hex(4), hex(4), hex(4), hex(4), hex(4))
    .map((parts) => text(parts.join('-'))),
)

const digits = fc.string({ unit: pick(...'0123456789'), minLength: 1, maxLength: 30 })
export const decimals: Arbitrary<Cell> = fc
  .tuple(
    pick('', '', '-', '+', '--', '+-', ' '),
    digits,
    pick('', '.', '..', 'e'),
    fc.oneof(digits, pick('')),
    pick('', '', '', '\0', ' ', '-'),
  )
  .map((parts) => text(parts.join('')))

const jsonBits = pick(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '1',
    '-',
    '0',
    '.5',
    '1.',
    '1e5',
    '1E+400',
    '1e-20000',
    '1e131072',
    '01',
    '-0',
  ],
  ...[
    'true',
    'null',
    'NaN',
    'Infinity',
    "'a'",
    '"a"',
    '"\\u0000"',
    '"\\\\u0000"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\\udc00x"',
  ],
  ...[
    '"\\ud800\\n"',
    '"\\x"',
    '"\\u12"',
    '"\u0001"',
    '"\u007f"',
    '"\n"',
    ' ',
    '\t',
    '\n',
    '\f',
    '\u00a0',
    '\ufeff',
    '/* */',
    '{"a":1,"a":2}',
    '+1',
    '0x1F',
  ],
)
const nested = fc
  .tuple(pick(1, 10, 999, 1000, 1001, 3000), pick('[', '{"a":'))
  .map(([depth, open]) => `${open.repeat(depth)}1${(open === '[' ? ']' : '}').repeat(depth)}`)
const anyDocuments = fc.oneof(
  fc.json(),
  fc.json({ stringUnit: 'binary' }),
  jsonBits,
  jsonBits.map((bit) => `[${bit}]`),
  nested,
)
export const jsons: Arbitrary<Cell> = fc
  .oneof(
    { weight: 6, arbitrary: anyDocuments },
    { weight: 3, arbitrary: fc.array(jsonBits, { minLength: 1, maxLength: 6 }).map((bits) => bits.join('')) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.json(), fc.nat(), jsonBits)
        .map(
          ([json, at, bit]) =>
            json.slice(0, at % (json.length + 1)) + bit + json.slice(at % (json.length + 1)),
        ),
    },
  )
  .map(text)

export const nothing: Arbitrary<Cell> = fc.constant(null)
export const anything: Arbitrary<Cell> = fc.oneof(
  ...[
    integers,
    reals,
    texts,
    brokenTexts,
    blobs,
    words,
    dates,
    clocks,
    naive,
    zoned,
    uuids,
    decimals,
    jsons,
    nothing,
  ],
)
