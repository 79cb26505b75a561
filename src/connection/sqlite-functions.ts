import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { registerTextFunctions } from './sqlite-text.ts'

/**
 * What SQL alone cannot say of a value. Besides the functions for text:
 *
 * - `landfall_is_float4(number)`: 1 when 4 bytes hold the number exactly; NULL for anything else.
 * - `landfall_decimal(value)`: the same text for every spelling of a decimal number.
 * - `landfall_jsonb_ok(json)`: 1 when PostgreSQL's jsonb holds this JSON: it decodes escapes and
 *   numbers, and has no place for some.
 */
export function registerFunctions(database: DatabaseSync, encoding: string): void {
  registerTextFunctions(database, encoding)
  const options = { deterministic: true, useBigIntArguments: true }
  database.function('landfall_is_float4', options, (value) => {
    if (typeof value === 'bigint') return BigInt(Math.fround(Number(value))) === value ? 1 : 0
    return typeof value === 'number' ? (Math.fround(value) === value ? 1 : 0) : null
  })
  database.function('landfall_decimal', options, decimal)
  database.function('landfall_jsonb_ok', options, (value) =>
    typeof value === 'string' ? (isJsonb(value) ? 1 : 0) : null,
  )
}

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i

function decimal(value: SQLOutputValue): SQLOutputValue {
  if (value === null || value instanceof Uint8Array) return value
  const [, sign, left = '', right = '', power = '0'] = DECIMAL.exec(String(value)) ?? []
  if (sign === undefined) return value
  const digits = (left + right).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const exponent = Number(power) - right.length + digits.length - significant.length
  return `${sign === '-' ? '-' : ''}${significant}e${exponent}`
}

/** Digits that `numeric` has left and right of the point. */
const MOST_LEFT = 131_072
const MOST_RIGHT = 16_383

function isJsonb(json: string): boolean {
  return escapesDecode(json) && (!/\d[eE][+-]?\d{3}|\d{16000}/.test(json) || numbersFit(json))
}

/** No NUL, and surrogates only in pairs. Valid JSON has backslashes in strings only. */
function escapesDecode(json: string): boolean {
  let high = -1
  for (const match of json.matchAll(/\\(?:u([0-9a-fA-F]{4})|.)/g)) {
    const unit = match[1] === undefined ? -1 : Number.parseInt(match[1], 16)
    const paired = high !== -1 && high === match.index
    if (high !== -1 && !paired) return false
    if (unit >= 0xdc00 && unit <= 0xdfff ? !paired : paired || unit === 0) return false
    high = unit >= 0xd800 && unit <= 0xdbff ? match.index + match[0].length : -1
  }
  return high === -1
}

/** Of valid JSON. No pattern reads whole strings: they may be longer than a pattern's stack. */
function numbersFit(json: string): boolean {
  const number = /-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?/y
  for (let at = 0; at < json.length; ) {
    number.lastIndex = at
    const match = json[at] === '"' ? null : number.exec(json)
    if (match !== null && !numberFits(match)) return false
    at = match === null ? (json[at] === '"' ? stringEnd(json, at) : at + 1) : number.lastIndex
  }
  return true
}

function stringEnd(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let slashes = 0
    while (json[end - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return end + 1
  }
  return json.length
}

function numberFits([, left = '', right = '', power = '0']: RegExpExecArray): boolean {
  const exponent = Number(power)
  if (right.length - exponent > MOST_RIGHT) return false
  const digits = (left + right).replace(/^0+/, '')
  return digits === '' || digits.length - right.length + exponent <= MOST_LEFT
}
