import fc, { type Arbitrary } from 'fast-check'
import type { ColumnConfig } from '../../../src/index.ts'
import { type Cell, text } from '../../oracle/cell.ts'
import { clean, integers, julianDays, reals } from '../../oracle/hostile.ts'

/** A kind of column, with values that all fit. */
export interface ColumnKind {
  readonly declared: string
  /** Its type in a table that is in the target already. */
  readonly there: string
  /** What the config says of it where the table is made. */
  readonly choice?: ColumnConfig
  /** Only in tables that are there already. */
  readonly onlyThere?: true
  readonly values: Arbitrary<Cell>
}

const pick = <T>(...values: readonly T[]): Arbitrary<T> => fc.constantFrom(...values)
const integer = (value: bigint): Cell => ({ kind: 'integer', value })
const real = (value: number): Cell => ({ kind: 'real', value })
const whole = (bits: bigint): Arbitrary<Cell> =>
  fc
    .oneof(
      fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n }),
      fc.bigInt({ min: -9n, max: 9n }),
    )
    .map(integer)

/** What is easily taken for something else. */
const traps = pick(
  ...['', '', 'NULL', 'null', '\\N', ' ', 'a,b', 'a', ',', 'b,c', '1:a', '\t', '\n', '\\', "'", '"', '\\x61'],
  ...[
    'é',
    'e\u0301',
    'Å',
    '\u212b',
    'A\u030a',
    'ﬁ',
    'ñ',
    'K',
    '\u212a',
    'ß',
    'İ',
    '😀',
    '\u0000x'.slice(1),
    '\u0001',
    '\ufeff',
  ],
)
export const words = (most: number): Arbitrary<string> =>
  fc
    .oneof(
      { weight: 2, arbitrary: traps },
      { weight: 1, arbitrary: fc.tuple(traps, pick('', ' ', ','), traps).map((parts) => parts.join('')) },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
    )
    .map((one) => [...one.replaceAll('\0', '')].slice(0, most).join(''))

const floats = fc.oneof(
  { weight: 3, arbitrary: pick(0, -0) },
  { weight: 1, arbitrary: pick(5e-324, -5e-324, 2.2250738585072009e-308, 1, 0.1, 2 ** 53, -1e300) },
  { weight: 3, arbitrary: reals.map((cell) => (cell?.kind === 'real' ? cell.value : 0)) },
)
const decimals = fc
  .tuple(
    pick('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 24n }),
    pick('', '.0', '.00', '.10', '.5', '.000001'),
  )
  .map(([sign, left, right]) => text(`${sign}${left}${right}`))
const hundredths = fc.integer({ min: -9e8, max: 9e8 }).map((n) => real(n / 100))
const uuids = fc.uuid().map(text)
const bytes: Arbitrary<Cell> = fc
  .oneof(
    fc.uint8Array({ maxLength: 9 }),
    pick(Buffer.from(''), Buffer.from('a'), Buffer.from([0]), Buffer.from('6161')),
  )
  .map((value) => ({ kind: 'blob', bytes: value }))
const broken: Arbitrary<Cell> = fc
  .tuple(words(6), pick('00', 'ff', 'c080', 'eda080', ''), words(6))
  .map(([before, bad, after]) => ({
    kind: 'text',
    bytes: Buffer.concat([Buffer.from(before), Buffer.from(bad, 'hex'), Buffer.from(after)]),
  }))
const documents = fc.oneof(
  clean.documents,
  pick('[1, 2.0]', '[ ]', '{"a":1}', '{"b": 1, "a" : [2,-3]}', '["\\u0041", "A"]', '["é"]').map(text),
)
const millis = fc
  .tuple(fc.bigInt({ min: 0n, max: 4n * 10n ** 9n }), fc.integer({ min: 0, max: 999 }))
  .map(([s, ms]) =>
    text(`${new Date(Number(s) * 1000 + ms).toISOString().replace('T', ' ').replace('Z', '')}`),
  )
const addresses = fc
  .tuple(pick('10.1.2.3', '192.168.0.1', 'fe80::1', '::ffff:1.2.3.4'), pick('', '/8', '/24', '/32'))
  .map((parts) => text(parts.join('')))
const spans = pick(
  '1 mon',
  '30 days',
  '1 day',
  '24:00:00',
  '-1 mon +2 days',
  '00:00:00',
  '1 year',
  '00:00:00.000001',
).map(text)
const moods = pick('sad', 'ok', 'happy', 'OK', 'ok ').map(text)
const arrays = pick('{}', '{1}', '{1,2}', '{1,NULL,3}', '[0:1]={1,2}').map(text)
const textArrays = pick('{}', '{""}', '{NULL}', '{"NULL"}', '{a,b}', '{"a,b"}', '{"é"}').map(text)
const bits = pick('', '0', '1', '00', '10', '0110').map(text)

export const ENUM = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'OK', 'ok ')"
const DOUBLE = 'double precision'
const TIMESTAMP = 'timestamp without time zone'
const ZONED = 'timestamp with time zone'

/** All ways of the types that values of a few bytes can take. */
export const KINDS: readonly ColumnKind[] = [
  { declared: 'SMALLINT', there: 'smallint', values: whole(16n) },
  { declared: 'INT', there: 'integer', values: whole(32n) },
  { declared: 'INTEGER', there: 'bigint', values: integers },
  { declared: 'INTEGER', there: 'bigint', values: whole(48n) },
  { declared: 'INTEGER', there: 'numeric(20,0)', values: whole(48n) },
  { declared: 'BOOLEAN', there: 'boolean', values: pick(0n, 1n).map(integer) },
  { declared: 'BOOLEAN', there: 'boolean', values: pick('true', 'F', 'yes', 'off', 't').map(text) },
  { declared: 'REAL', there: DOUBLE, values: floats.map(real) },
  { declared: '', there: DOUBLE, choice: { type: DOUBLE }, values: floats.map(real) },
  { declared: '', there: 'real', onlyThere: true, values: fc.float({ noNaN: true }).map(real) },
  {
    declared: '',
    there: 'real',
    onlyThere: true,
    values: pick(0, -0, 2 ** -149, 1, -1.5, 2 ** 24).map(real),
  },
  { declared: '', there: 'numeric', choice: { type: 'numeric' }, values: decimals },
  {
    declared: '',
    there: 'numeric',
    choice: { type: 'numeric' },
    values: floats.map((x) => real(Number.isFinite(x) ? x : 1)),
  },
  { declared: 'DECIMAL(12,2)', there: 'numeric(12,2)', values: hundredths },
  { declared: '', there: 'numeric(20,4)', choice: { type: 'numeric(20,4)' }, values: hundredths },
  { declared: 'TEXT', there: 'text', values: words(30).map(text) },
  { declared: 'TEXT', there: 'text', values: words(30).map(text) },
  { declared: 'VARCHAR(14)', there: 'character varying(14)', values: words(14).map(text) },
  { declared: 'TEXT', there: 'character(9)', onlyThere: true, values: words(9).map(text) },
  {
    declared: '',
    there: 'text',
    choice: { type: 'text' },
    values: fc.oneof(integers, floats.map(real), words(9).map(text)),
  },
  { declared: 'JSON', there: 'json', values: documents },
  { declared: 'JSON', there: 'json', values: clean.documentsAndNumbers },
  { declared: 'JSON', there: 'jsonb', choice: { type: 'jsonb' }, values: documents },
  { declared: 'JSON', there: 'jsonb', choice: { type: 'jsonb' }, values: clean.documentsAndNumbers },
  { declared: 'BLOB', there: 'bytea', values: bytes },
  { declared: 'BLOB', there: 'bytea', values: fc.oneof(bytes, words(9).map(text)) },
  { declared: 'UUID', there: 'uuid', values: uuids },
  {
    declared: 'UUID',
    there: 'uuid',
    values: fc.oneof(
      uuids,
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((b): Cell => ({ kind: 'blob', bytes: b })),
    ),
  },
  { declared: 'DATE', there: 'date', values: clean.dates },
  { declared: 'TIME', there: 'time without time zone', values: clean.clocks },
  { declared: 'DATETIME', there: TIMESTAMP, values: clean.sqlite },
  { declared: 'DATETIME', there: TIMESTAMP, values: clean.naive },
  { declared: 'DATETIME', there: 'timestamp(3) without time zone', onlyThere: true, values: millis },
  { declared: 'DATETIME', there: ZONED, values: clean.epochs(10n ** 9n) },
  { declared: 'DATETIME', there: ZONED, values: clean.epochs(10n ** 12n) },
  { declared: 'DATETIME', there: ZONED, values: clean.epochs(10n ** 15n) },
  { declared: 'DATETIME', there: TIMESTAMP, values: julianDays },
  { declared: 'TIMESTAMP', there: ZONED, values: clean.zoned },
  { declared: 'TEXT', there: 'inet', onlyThere: true, values: addresses },
  { declared: 'TEXT', there: 'interval', onlyThere: true, values: spans },
  { declared: 'TEXT', there: 'mood', onlyThere: true, values: moods },
  { declared: 'TEXT', there: 'integer[]', onlyThere: true, values: arrays },
  { declared: 'TEXT', there: 'text[]', onlyThere: true, values: textArrays },
  { declared: 'TEXT', there: 'bit varying', onlyThere: true, values: bits },
]

/** Text that is repaired on its way, in tables that are made. */
export const REPAIRED: ColumnKind = {
  declared: 'TEXT',
  there: 'text',
  choice: { nul: 'strip', invalidUtf8: 'replace' },
  values: broken,
}
