import { dateDays, isTimestamp, putTimestamp } from './calendar.ts'
import { MisfitError, type Row } from './model.ts'
import { putNumeric } from './numeric.ts'
import { LARGE_VALUE, type Output } from './output.ts'

/*
 * One function for each binary field: its length, then its bytes. Each reserves its own room, throws
 * MisfitError before anything is written that would be wrong, and knows its column only for that.
 */
export const WORD = 2 ** 32
export const INT64_HIGH = 2 ** 31
/** Below this many code units a loop over ASCII beats the call into `Buffer.write`. */
const SHORT_TEXT = 20
const DAY_MICROS = 86_400_000_000

export type Value = NonNullable<Row[number]>

export function integer(column: number, value: Row[number], least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new MisfitError(column, 'is no integer')
  if (value < least || value > most) throw new MisfitError(column, 'is out of range')
  return value
}

export function putInt2(out: Output, column: number, value: Value): void {
  const n = integer(column, value, -32_768, 32_767)
  out.reserve(6)
  out.view.setInt32(out.length, 2)
  out.view.setInt16(out.length + 4, n)
  out.length += 6
}

export function putInt4(out: Output, column: number, value: Value): void {
  putWord(out, integer(column, value, -2_147_483_648, 2_147_483_647))
}

function putWord(out: Output, n: number): void {
  out.reserve(8)
  out.view.setInt32(out.length, 4)
  out.view.setInt32(out.length + 4, n)
  out.length += 8
}

export function putInt8(out: Output, column: number, value: Value): void {
  const n = integer(column, value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  const high = Math.floor(n / WORD)
  putWords(out, high, n - high * WORD)
}

function putWords(out: Output, high: number, low: number): void {
  out.reserve(12)
  const at = out.length
  out.view.setInt32(at, 8)
  out.view.setInt32(at + 4, high)
  out.view.setUint32(at + 8, low)
  out.length = at + 12
}

export function putHalves(out: Output, column: number, high: Value, low: Row[number]): void {
  putWords(out, integer(column, high, -INT64_HIGH, INT64_HIGH - 1), integer(column, low, 0, WORD - 1))
}

export function putBool(out: Output, column: number, value: Value): void {
  if (value !== 0 && value !== 1) throw new MisfitError(column, 'is neither 0 nor 1')
  out.reserve(5)
  out.view.setInt32(out.length, 1)
  out.view.setUint8(out.length + 4, value)
  out.length += 5
}

export function putFloat4(out: Output, column: number, value: Value): void {
  if (typeof value !== 'number') throw new MisfitError(column, 'is no number')
  if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
    throw new MisfitError(column, 'is out of range')
  }
  out.reserve(8)
  out.view.setInt32(out.length, 4)
  out.view.setFloat32(out.length + 4, value)
  out.length += 8
}

export function putFloat8(out: Output, column: number, value: Value): void {
  if (typeof value !== 'number') throw new MisfitError(column, 'is no number')
  out.reserve(12)
  out.view.setInt32(out.length, 8)
  out.view.setFloat64(out.length + 4, value)
  out.length += 12
}

/** `version` is jsonb's leading byte, or 0 for none. */
export function putText(out: Output, column: number, value: Value, version: 0 | 1): void {
  if (typeof value !== 'string') throw new MisfitError(column, 'is no text')
  const units = value.length
  if (units >= LARGE_VALUE) {
    out.reserve(5)
    out.view.setInt32(out.length, Buffer.byteLength(value) + version)
    out.length += 4
    if (version === 1) out.bytes[out.length++] = 1
    out.appendText(value)
    return
  }
  out.reserve(5 + units * 3)
  const start = out.length + 4
  const bytes = out.bytes
  let at = start
  if (version === 1) bytes[at++] = 1
  const end = at + units
  if (units <= SHORT_TEXT) {
    for (let i = 0; i < units; i += 1) {
      const unit = value.charCodeAt(i)
      if (unit > 127) break
      bytes[at++] = unit
    }
    // Not all of it was ASCII: once more from the start.
    if (at !== end) at = start + version + bytes.write(value, start + version, 'utf8')
  } else {
    at += bytes.write(value, at, 'utf8')
  }
  out.view.setInt32(out.length, at - start)
  out.length = at
}

export function putBytes(out: Output, column: number, value: Value): void {
  if (!(value instanceof Uint8Array)) throw new MisfitError(column, 'is no blob')
  const size = value.length
  out.reserve(4 + (size < LARGE_VALUE ? size : 0))
  out.view.setInt32(out.length, size)
  out.length += 4
  if (size >= LARGE_VALUE) {
    out.append(value)
    return
  }
  out.bytes.set(value, out.length)
  out.length += size
}

/** 32 hexadecimal digits; hyphens may follow every second byte, as PostgreSQL reads them. */
export function putUuid(out: Output, column: number, value: Value): void {
  if (typeof value !== 'string') throw new MisfitError(column, 'is no text')
  out.reserve(20)
  out.view.setInt32(out.length, 16)
  let at = 0
  for (let byte = 0; byte < 16; byte += 1) {
    if (byte > 0 && byte % 2 === 0 && value.charCodeAt(at) === 45) at += 1
    const bits = (hexDigit(value.charCodeAt(at)) << 4) | hexDigit(value.charCodeAt(at + 1))
    if (bits < 0) throw new MisfitError(column, 'is no UUID')
    out.bytes[out.length + 4 + byte] = bits
    at += 2
  }
  if (at !== value.length) throw new MisfitError(column, 'is no UUID')
  out.length += 20
}

/** -1 for anything else, NaN (past the end) included. */
function hexDigit(unit: number): number {
  if (unit >= 48 && unit <= 57) return unit - 48
  const lower = unit | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

export function putDate(out: Output, column: number, value: Value): void {
  const days = typeof value === 'number' ? dateDays(value) : null
  if (days === null) throw new MisfitError(column, 'is no date in days')
  putWord(out, days)
}

export function putTime(out: Output, column: number, value: Value): void {
  const micros = integer(column, value, 0, DAY_MICROS)
  const high = Math.floor(micros / WORD)
  putWords(out, high, micros - high * WORD)
}

export function putMoment(out: Output, column: number, seconds: Value, micros: Row[number]): void {
  if (typeof seconds !== 'number' || typeof micros !== 'number' || !isTimestamp(seconds, micros)) {
    throw new MisfitError(column, 'is no timestamp in seconds and microseconds')
  }
  out.reserve(12)
  out.view.setInt32(out.length, 8)
  putTimestamp(out.view, out.length + 4, seconds, micros)
  out.length += 12
}

/** `trim`: without zeros at the end of the fraction. */
export function putDecimal(out: Output, column: number, value: Value, trim: boolean): void {
  // String(number) is JavaScript's shortest form, which gives the same double back.
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || !putNumeric(out, text, trim))
    throw new MisfitError(column, 'is no decimal number')
}
