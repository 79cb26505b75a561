import type { Carrier } from '../types/model.ts'
import { INT64_HIGH, integer, type Value, WORD } from './binary-fields.ts'
import { dateDays, dateText, isTimestamp, timestampText, timeText } from './calendar.ts'
import { MisfitError, type Row } from './model.ts'
import { isNumeric } from './numeric.ts'

/** The text of one value in PostgreSQL's input syntax, before COPY's escapes. */
interface TextField {
  readonly text: (column: number, value: Value, next: Row[number] | undefined) => string
  /** False where the text cannot hold a backslash, tab or line break. */
  readonly escapes: boolean
}

const DAY_MICROS = 86_400_000_000

const asIs: TextField = { text: string, escapes: true }

/** The same carriers, with the same limits, as the binary fields. */
export const TEXT_FIELDS: Readonly<Record<Exclude<Carrier, 'bytea' | 'textBytes'>, TextField>> = {
  int2: whole(-32_768, 32_767),
  int4: whole(-2_147_483_648, 2_147_483_647),
  int8: whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  int8Halves: plain((column, high, low) => {
    const upper = integer(column, high, -INT64_HIGH, INT64_HIGH - 1)
    const lower = integer(column, low ?? null, 0, WORD - 1)
    return String(BigInt(upper) * BigInt(WORD) + BigInt(lower))
  }),
  bool: plain((column, value) => {
    if (value !== 0 && value !== 1) throw new MisfitError(column, 'is neither 0 nor 1')
    return value === 1 ? 't' : 'f'
  }),
  float4: plain((column, value) => {
    const wide = number(column, value)
    // Rounded here, so that both formats store the same: decimal text would be rounded another way.
    const rounded = Math.fround(wide)
    if (Number.isFinite(wide) && !Number.isFinite(rounded)) throw new MisfitError(column, 'is out of range')
    return numberText(rounded)
  }),
  float8: plain((column, value) => numberText(number(column, value))),
  text: asIs,
  json: asIs,
  jsonb: asIs,
  label: asIs,
  uuid: { text: string, escapes: true },
  date: plain((column, value) => {
    const days = number(column, value)
    if (dateDays(days) === null) throw new MisfitError(column, 'is no date in days')
    return dateText(days)
  }),
  time: plain((column, value) => {
    const micros = integer(column, value, 0, DAY_MICROS)
    return timeText(Math.floor(micros / 1_000_000), micros % 1_000_000)
  }),
  timestamp: plain((column, value) => moment(column, value, 0)),
  timestampHalves: plain(moment),
  numeric: plain((column, value) => {
    const text = typeof value === 'number' ? String(value) : value
    if (typeof text !== 'string' || !isNumeric(text)) throw new MisfitError(column, 'is no decimal number')
    return text
  }),
}

/** How bytes look in the text format: what comes first, and each slice of them. */
export const BYTE_FIELDS = {
  // The backslash of `\x` is itself escaped.
  bytea: {
    prefix: '\\\\x',
    slice: (bytes: Uint8Array) => Buffer.from(view(bytes).toString('hex'), 'latin1'),
  },
  textBytes: { prefix: '', slice: escapedBytes },
}

function plain(text: TextField['text']): TextField {
  return { text, escapes: false }
}

function whole(least: number, most: number): TextField {
  return plain((column, value) => String(integer(column, value, least, most)))
}

function string(column: number, value: Value): string {
  if (typeof value !== 'string') throw new MisfitError(column, 'is no text')
  return value
}

function number(column: number, value: Value): number {
  if (typeof value !== 'number') throw new MisfitError(column, 'is no number')
  return value
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function moment(column: number, seconds: Value, micros: Row[number] | undefined): string {
  if (typeof seconds !== 'number' || typeof micros !== 'number' || !isTimestamp(seconds, micros)) {
    throw new MisfitError(column, 'is no timestamp in seconds and microseconds')
  }
  return timestampText(seconds, micros)
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const BACKSLASH = 92
/** The letter that stands for a byte behind a backslash, or 0. */
const LETTERS = new Uint8Array(256)
for (const [byte, letter] of [
  [9, 't'],
  [10, 'n'],
  [13, 'r'],
  [BACKSLASH, '\\'],
] as const) {
  LETTERS[byte] = letter.charCodeAt(0)
}

/** COPY's escapes in UTF-8; multi-byte characters hold none of these bytes. */
function escapedBytes(bytes: Uint8Array): Uint8Array {
  let more = 0
  for (const byte of bytes) if (LETTERS[byte] !== 0) more += 1
  if (more === 0) return bytes
  const result = new Uint8Array(bytes.length + more)
  let at = 0
  for (const byte of bytes) {
    const letter = LETTERS[byte]!
    if (letter !== 0) result[at++] = BACKSLASH
    result[at++] = letter === 0 ? byte : letter
  }
  return result
}
