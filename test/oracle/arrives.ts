import { isUtf8 } from 'node:buffer'
import { clockMicros, clockText, dateText, dayNumber, readInstant, timestampText } from './calendar.ts'
import type { Cell } from './cell.ts'

/**
 * What must arrive in PostgreSQL, told by the plan's own words alone: its type and how it says that
 * values change their form. A text, a test of the text where several are right, or `misfit`.
 */
export type Arrival = string | null | ((text: string) => boolean) | 'misfit'

export function arrives(type: string, conversion: string | null, cell: Cell): Arrival {
  if (cell === null) return null
  const how = conversion ?? ''
  if (how.endsWith("'' to NULL") && stringOf(cell) === '') return null
  const [, name, first, second] = /^([a-z ]+?)(?:\((\d+)(?:,(\d+))?\))?$/.exec(type) ?? []
  switch (name) {
    case 'smallint':
      return wholeNumber(cell, 16n)
    case 'integer':
      return wholeNumber(cell, 32n)
    case 'bigint':
      return wholeNumber(cell, 64n)
    case 'boolean':
      return truth(cell, how.includes('words'))
    case 'double precision':
      return double(cell)
    case 'real':
      return single(cell)
    case 'numeric':
      return first === undefined ? decimal(cell) : fixedDecimal(cell, Number(first), Number(second ?? 0))
    case 'text':
    case 'varchar':
      return characters(cell, how, first === undefined ? null : Number(first))
    case 'bytea':
      return bytes(cell, how)
    case 'json':
      return json(cell, how)
    case 'jsonb':
      return jsonb(cell, how)
    case 'uuid':
      return uuid(cell)
    case 'date':
      return date(cell)
    case 'time':
      return time(cell)
    case 'timestamp':
    case 'timestamptz':
      return instant(cell, name, how)
    default:
      throw new Error(`the oracle knows nothing of ${type}`)
  }
}

/** The characters of text that PostgreSQL can hold, else null. */
function stringOf(cell: Cell): string | null {
  if (cell?.kind !== 'text' || !isUtf8(cell.bytes) || cell.bytes.includes(0)) return null
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(cell.bytes)
}

function wholeNumber(cell: NonNullable<Cell>, bits: bigint): Arrival {
  if (cell.kind !== 'integer') return 'misfit'
  return BigInt.asIntN(Number(bits), cell.value) === cell.value ? cell.value.toString() : 'misfit'
}

function truth(cell: NonNullable<Cell>, words: boolean): Arrival {
  if (cell.kind === 'integer') return cell.value === 1n ? 'true' : cell.value === 0n ? 'false' : 'misfit'
  const word = words ? stringOf(cell)?.toLowerCase() : undefined
  // Only letters of ASCII have a lower case here: the Kelvin sign is no k.
  if (word === undefined || /[^ -~]/.test(stringOf(cell)!)) return 'misfit'
  if (['1', 't', 'true', 'y', 'yes', 'on'].includes(word)) return 'true'
  return ['0', 'f', 'false', 'n', 'no', 'off'].includes(word) ? 'false' : 'misfit'
}

const isDouble = (value: number) => (text: string) => Object.is(Number(text), value)

function double(cell: NonNullable<Cell>): Arrival {
  if (cell.kind === 'real') return isDouble(cell.value)
  if (cell.kind !== 'integer' || BigInt(Math.abs(Number(cell.value))) > 9007199254740991n) return 'misfit'
  return isDouble(Number(cell.value))
}

function single(cell: NonNullable<Cell>): Arrival {
  if (cell.kind !== 'integer' && cell.kind !== 'real') return 'misfit'
  const value = Number(cell.value)
  if (Math.fround(value) !== value) return 'misfit'
  if (cell.kind === 'integer' && BigInt(value) !== cell.value) return 'misfit'
  return (text) => Object.is(Math.fround(Number(text)), value)
}

function decimal(cell: NonNullable<Cell>): Arrival {
  if (cell.kind === 'integer') return cell.value.toString()
  if (cell.kind === 'real') return (text) => Number(text) === cell.value
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(stringOf(cell) ?? '')
  if (match === null) return 'misfit'
  const [, sign, left = '', right = ''] = match
  const digits = `${left.replace(/^0+(?=\d)/, '')}${right === '' ? '' : `.${right}`}`
  return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
}

function fixedDecimal(cell: NonNullable<Cell>, precision: number, scale: number): Arrival {
  if (cell.kind !== 'integer' && cell.kind !== 'real') return 'misfit'
  const value = Number(cell.value)
  if (!(Math.abs(value) < 10 ** (precision - scale))) return 'misfit'
  // The shortest text of a double says how many digits it has.
  const shortest = /^-?(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))!
  const places = (shortest[2]?.length ?? 0) - Number(shortest[3] ?? 0)
  return places > scale ? 'misfit' : (text) => Number(text) === value && text.split('.')[1]?.length === scale
}

function characters(cell: NonNullable<Cell>, how: string, limit: number | null): Arrival {
  if (how.includes('numbers to their text')) {
    if (cell.kind === 'integer') return cell.value.toString()
    if (cell.kind === 'real') return (text) => Number(text.replace('Inf', 'Infinity')) === cell.value
  }
  if (cell.kind !== 'text') return 'misfit'
  let content: Uint8Array = cell.bytes
  if (how.includes('NUL characters taken out')) content = content.filter((byte) => byte !== 0)
  if (how.includes('replaced by U+FFFD'))
    content = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(content))
  const text = stringOf({ kind: 'text', bytes: content })
  return text === null || (limit !== null && [...text].length > limit) ? 'misfit' : text
}

function bytes(cell: NonNullable<Cell>, how: string): Arrival {
  if (cell.kind !== 'blob' && !(cell.kind === 'text' && how.includes('text to its bytes'))) return 'misfit'
  return `\\x${Buffer.from(cell.bytes).toString('hex')}`
}

/** Deeper than this SQLite takes no JSON. */
const DEEPEST = 1000

function parsed(text: string | null): { readonly value: unknown } | null {
  if (text === null) return null
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === '[' || token === '{') depth += 1
    if (token === ']' || token === '}') depth -= 1
    if (depth > DEEPEST) return null
  }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return null
  }
}

function json(cell: NonNullable<Cell>, how: string): Arrival {
  if (how.includes('numbers to their JSON text')) {
    if (cell.kind === 'integer') return cell.value.toString()
    if (cell.kind === 'real' && Number.isFinite(cell.value)) return (text) => Number(text) === cell.value
  }
  const text = stringOf(cell)
  return parsed(text) === null ? 'misfit' : text
}

function jsonb(cell: NonNullable<Cell>, how: string): Arrival {
  const fits = json(cell, how)
  if (fits === 'misfit' || cell.kind !== 'text') return fits
  const text = stringOf(cell)!
  const { value } = parsed(text)!
  const strings: string[] = []
  JSON.stringify(value, (key, one) => {
    strings.push(key, typeof one === 'string' ? one : '')
    return one
  })
  // Of keys that occur twice JSON.parse shows one value only, so the escapes are looked at as well.
  const escapes = text.replaceAll('\\\\', '').replace(/\\ud[89ab]..\\ud[c-f]../gi, '')
  if (strings.some((one) => !one.isWellFormed() || one.includes('\0'))) return 'misfit'
  if (/\\u0000|\\ud[89a-f]../i.test(escapes)) return 'misfit'
  const numbers = text.replace(/"(?:[^"\\]|\\.)*"/gs, '').match(/-?\d+(\.\d+)?([eE][+-]?\d+)?/g) ?? []
  if (numbers.some((number) => !isNumeric(number))) return 'misfit'
  return (arrived) => JSON.stringify(sorted(JSON.parse(arrived))) === JSON.stringify(sorted(value))
}

function isNumeric(number: string): boolean {
  const [, left = '', right = '', power = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number)!
  const places = right.length - Number(power)
  const digits = `${left}${right}`.replace(/^0+/, '')
  return places <= 16_383 && (digits === '' || digits.length - places <= 131_072)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => [key, sorted(one)])
}

function uuid(cell: NonNullable<Cell>): Arrival {
  const hex =
    cell.kind === 'blob'
      ? Buffer.from(cell.bytes).toString('hex')
      : (stringOf(cell) ?? '').replace(/^(.{8})-(.{4})-(.{4})-(.{4})-(.{12})$/s, '$1$2$3$4$5')
  if (!/^[0-9a-f]{32}$/i.test(hex)) return 'misfit'
  return hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function date(cell: NonNullable<Cell>): Arrival {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(stringOf(cell) ?? '')
  const days = match === null ? null : dayNumber(Number(match[1]), Number(match[2]), Number(match[3]))
  return days === null ? 'misfit' : dateText(days).text
}

function time(cell: NonNullable<Cell>): Arrival {
  const match = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?$/.exec(stringOf(cell) ?? '')
  const micros = match === null ? null : clockMicros(match[1]!, match[2]!, match[3], match[4])
  return micros === null ? 'misfit' : clockText(micros)
}

const FIRST = -62_135_596_800_000_000n
const LAST = 253_402_300_799_999_999n

function instant(cell: NonNullable<Cell>, name: 'timestamp' | 'timestamptz', how: string): Arrival {
  const shown = (micros: bigint) =>
    timestampText(micros).replace(/( BC)?$/, name === 'timestamptz' ? '+00$1' : '$1')
  if (how.startsWith('ISO')) {
    const read = readInstant(stringOf(cell) ?? '')
    if (read === null) return 'misfit'
    const zone = / read as (\S+) /.exec(how)?.[1]
    const needsZone = how.includes('with a zone')
    if (read.offset === null ? needsZone : !needsZone && zone === undefined) return 'misfit'
    return shown(read.micros - BigInt(read.offset ?? (zone === 'Etc/GMT-5' ? 300 : 0)) * 60_000_000n)
  }
  if (how.startsWith('Julian')) {
    const value = cell.kind === 'real' || cell.kind === 'integer' ? Number(cell.value) : Number.NaN
    if (!(value >= 1721425.5 && value < 5373484.5)) return 'misfit'
    return shown((BigInt(Math.trunc(value * 86_400_000 + 0.5)) - 210_866_760_000_000n) * 1000n)
  }
  if (how.includes('with a fraction')) {
    const value = cell.kind === 'real' || cell.kind === 'integer' ? Number(cell.value) : Number.NaN
    if (!(value === 0 || (Math.abs(value) >= 5373485 && Math.abs(value) <= 4e9))) return 'misfit'
    // Exact: a double is a whole number of 2^-60 here, and the nearest microsecond is at most half away.
    const exact = BigInt(value * 2 ** 30) * 2n ** 30n * 1_000_000n
    const near = exact / 2n ** 60n
    return (text) =>
      [-1n, 0n, 1n].some(
        (d) => shown(near + d) === text && abs((near + d) * 2n ** 60n - exact) <= (2n ** 60n * 3n) / 4n,
      )
  }
  const unit = /^(seconds|milliseconds|microseconds) since 1970/.exec(how)?.[1]
  if (unit === undefined || cell.kind !== 'integer') return unit === undefined ? unknown(how) : 'misfit'
  const micros =
    cell.value * { seconds: 1_000_000n, milliseconds: 1000n, microseconds: 1n }[unit as 'seconds']
  const size = abs(cell.value)
  const typical =
    unit === 'seconds'
      ? size < 10n ** 11n
      : unit === 'milliseconds'
        ? size === 0n || (size >= 10n ** 11n && size < 10n ** 14n)
        : size === 0n || (size >= 10n ** 14n && size <= 10n ** 17n)
  return (typical || how.includes('sure')) && micros >= FIRST && micros <= LAST ? shown(micros) : 'misfit'
}

const abs = (n: bigint) => (n < 0n ? -n : n)

function unknown(how: string): never {
  throw new Error(`the oracle knows no conversion "${how}"`)
}
