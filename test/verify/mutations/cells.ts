import { literal } from '../../../src/connection/quote.ts'
import type { Random } from './random.ts'

/** What a change of one cell sees: its type, its text form, and the target's SQL of the column. */
export interface CellView {
  /** As `format_type` spells it. */
  readonly type: string
  readonly value: string | null
  readonly column: string
}

/** Target SQL of another value, however little another; null where the kind does not apply. */
export type CellChange = (cell: CellView, random: Random) => string | null

const SIZES: Readonly<Record<string, bigint>> = { smallint: 16n, integer: 32n, bigint: 64n }
const FLOATS = ['real', 'double precision']
const isText = (type: string): boolean => /^(text$|character)/.test(type)
const isVarying = (type: string): boolean => /^(text$|character varying)/.test(type)
/** Those that hold microseconds. */
const isTimed = (type: string): boolean => /^(timestamp|time) with/.test(type)

export const isTextual = isText

/** A text that a column can hold, as a literal without a type: where it is too long, the server says so. */
export function textFor(type: string, value: string): string | null {
  const limit = /\((\d+)\)/.exec(type)?.[1]
  if (value.includes('\0') || !value.isWellFormed()) return null
  return limit !== undefined && [...value].length > Number(limit) ? null : literal(value)
}

/** Blanks at the end are no part of a `char(n)`. */
const differs = (type: string, a: string, b: string): boolean =>
  type.startsWith('character(')
    ? a.trimEnd() !== b.trimEnd() && a.replace(/ +$/, '') !== b.replace(/ +$/, '')
    : a !== b

function changedText({ type, value }: CellView, change: (text: string) => string): string | null {
  if (!isText(type) || value === null) return null
  const changed = change(value)
  return differs(type, changed, value) ? textFor(type, changed) : null
}

function nextReal(type: string, value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  if (type === 'real') {
    view.setFloat32(0, value)
    view.setInt32(0, view.getInt32(0) ^ 1)
    return `'${view.getFloat32(0)}'::real`
  }
  view.setFloat64(0, value)
  view.setBigInt64(0, view.getBigInt64(0) ^ 1n)
  return Object.is(view.getFloat64(0), -0) ? "'-0'" : `'${view.getFloat64(0)}'::float8`
}

const flipCase = (text: string): string => {
  const at = [...text].findIndex(
    (c) =>
      c.toLowerCase() !== c.toUpperCase() &&
      [...(c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase())].length === 1,
  )
  if (at === -1) return text
  const letters = [...text]
  const letter = letters[at]!
  letters[at] = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
  return letters.join('')
}

const hexOf = (text: string): string => `\\x${Buffer.from(text).toString('hex')}`

/** Every kind of change to one cell. Each truly changes what is stored, be it equal by the type's own `=`. */
export const CELLS: Readonly<Record<string, CellChange>> = {
  'NULL, the empty text, the word for it': ({ type, value }, random) => {
    if (!isText(type)) return null
    if (value === null) return random.of(["''", "'NULL'"])
    if (value === '') return random.of(['NULL', "'NULL'"])
    return value === 'NULL' ? random.of(['NULL', "''", "'null'"]) : null
  },
  'a value to NULL': ({ value }) => (value === null ? null : 'NULL'),
  '0 to -0': ({ type, value }) => {
    if (!FLOATS.includes(type)) return null
    return value === '0' ? `'-0'::${type}` : value === '-0' ? `'0'::${type}` : null
  },
  'last bit of a real': ({ type, value }) =>
    FLOATS.includes(type) && value !== null && Number.isFinite(Number(value))
      ? nextReal(type, Number(value))
      : null,
  'a real to NaN': ({ type, value }) =>
    FLOATS.includes(type) && value !== 'NaN' && value !== null ? "'NaN'" : null,
  'one microsecond': ({ type, value, column }) =>
    isTimed(type) && value !== null ? `${column} + interval '1 microsecond'` : null,
  'one millisecond': ({ type, value, column }) =>
    /^timestamp\(3\)/.test(type) && value !== null ? `${column} + interval '1 millisecond'` : null,
  'one day': ({ type, value, column }, random) =>
    /^(date|timestamp)/.test(type) && value !== null
      ? `${column} ${random.of(['+', '-'])} interval '1 day'`
      : null,
  'NFC and NFD': (cell) =>
    changedText(cell, (text) =>
      text === text.normalize('NFD') ? text.normalize('NFC') : text.normalize('NFD'),
    ),
  'a blank at the end': (cell) =>
    isVarying(cell.type)
      ? changedText(cell, (text) => (text.endsWith(' ') ? text.slice(0, -1) : `${text} `))
      : null,
  'a blank in front': (cell) => changedText(cell, (text) => ` ${text}`),
  'letter case': (cell) => changedText(cell, flipCase),
  'one character': (cell) =>
    changedText(cell, (text) => `${text.slice(0, -1)}${text.endsWith('x') ? 'y' : 'x'}`),
  'text to its hex': (cell) => changedText(cell, hexOf),
  'a blank in json': ({ type, value }) =>
    type === 'json' && value !== null ? literal(value.endsWith(' ') ? value.trimEnd() : `${value} `) : null,
  'an escape in json': ({ type, value }) => {
    const changed = value?.replace(
      /(?<![\\\w])[a-z](?=[\w ]*")/,
      (c) => `\\u00${c.charCodeAt(0).toString(16)}`,
    )
    return type === 'json' && value !== null && changed !== value ? literal(changed!) : null
  },
  '1 to 1.0 in jsonb': ({ type, value }) => {
    const changed = value?.replace(/(?<=^|[[ ,])-?\d+(?=$|[\],}])/, (n) => `${n}.0`)
    return type === 'jsonb' && value !== null && changed !== value ? literal(changed!) : null
  },
  'jsonb in a list': ({ type, value, column }) =>
    type === 'jsonb' && value !== null ? `jsonb_build_array(${column})` : null,
  '1.0 to 1.00': ({ type, value }) =>
    type === 'numeric' && value !== null && /^-?\d+(\.\d+)?$/.test(value)
      ? `'${value}${value.includes('.') ? '0' : '.0'}'`
      : null,
  'one in the last place': ({ type, value, column }) => {
    const scale = /^numeric\(\d+,(\d+)\)/.exec(type)?.[1]
    return scale !== undefined && value !== null ? `${column} + 1e-${scale}` : null
  },
  'a neighbouring integer': ({ type, value }) => {
    const bits = SIZES[type]
    if (bits === undefined || value === null) return null
    return `'${BigInt.asIntN(Number(bits), BigInt(value) ^ 1n)}'::${type}`
  },
  'one bit of an integer': ({ type, value }, random) => {
    const bits = SIZES[type]
    if (bits === undefined || value === null) return null
    return `'${BigInt.asIntN(Number(bits), BigInt(value) ^ (1n << BigInt(random.below(Number(bits)))))}'::${type}`
  },
  'the other boolean': ({ type, value, column }) =>
    type === 'boolean' && value !== null ? `NOT ${column}` : null,
  'bytes to their hex': ({ type, value, column }) =>
    type === 'bytea' && value !== null && value !== '\\x'
      ? `convert_to(encode(${column}, 'hex'), 'UTF8')`
      : null,
  'one bit of bytes': ({ type, value, column }, random) => {
    if (type !== 'bytea' || value === null || value === '\\x') return null
    const bit = random.below((value.length - 2) * 4)
    return `set_bit(${column}, ${bit}, 1 - get_bit(${column}, ${bit}))`
  },
  'a zero byte at the end': ({ type, value, column }) =>
    type === 'bytea' && value !== null ? `${column} || '\\x00'::bytea` : null,
  'one digit of a uuid': ({ type, value }) =>
    type === 'uuid' && value !== null ? `'${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}'` : null,
  'another label': ({ type, value }, random) =>
    type === 'mood' && value !== null
      ? literal(random.of(['sad', 'ok', 'happy', 'OK', 'ok '].filter((one) => one !== value)))
      : null,
  'another network': ({ type, value, column }) =>
    type === 'inet' && value !== null ? `set_masklen(${column}, masklen(${column}) - 1)` : null,
  'an interval that is equal': ({ type, value, column }) =>
    type === 'interval' && value !== null ? `${column} + interval '1 mon' - interval '30 days'` : null,
  'bounds of an array': ({ type, value }) => {
    if (type !== 'integer[]' || value === null || value === '{}') return null
    const list = value.replace(/^.*=/, '')
    return value.startsWith('[') ? `'${list}'` : `'[0:${list.split(',').length - 1}]=${list}'`
  },
  'NULL in an array': ({ type, value }) =>
    type !== 'text[]' || value === null ? null : value === '{NULL}' ? `'{"NULL"}'` : `'{NULL}'`,
  'one more bit': ({ type, value, column }) =>
    type === 'bit varying' && value !== null ? `${column} || B'0'` : null,
}
