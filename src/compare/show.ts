import type { ColumnDifference, RowDifference } from '../contract/verify.ts'
import type { BinaryCarrier } from '../types/model.ts'
import type { Comparison, Listing } from './model.ts'
import { differingFields, type Field, fieldsOf, type RowBytes } from './row.ts'

/** Characters of a value that are shown. */
const SHOWN = 60
const POSTGRES_EPOCH_DAYS = 10_957n
const DAY_MICROS = 86_400_000_000n

/** The two rows of a difference as people read it; one is null where a side lacks the row. */
export function describe(
  comparison: Comparison,
  source: RowBytes | null,
  target: RowBytes | null,
  listing: Pick<Listing, 'showValues'>,
): RowDifference {
  const ours = source === null ? null : fieldsOf(source)
  const theirs = target === null ? null : fieldsOf(target)
  const kind = ours === null ? 'extra' : theirs === null ? 'missing' : 'changed'
  const positions =
    ours !== null && theirs !== null
      ? differingFields(ours, theirs)
      : listing.showValues
        ? comparison.columns.map((_, at) => at)
        : []
  const columns = positions.map((at): ColumnDifference => {
    const { source: column, carrier } = comparison.columns[at]!
    if (!listing.showValues) return { column }
    return {
      column,
      ...(ours === null ? {} : { source: show(carrier, ours[at]!) }),
      ...(theirs === null ? {} : { target: show(carrier, theirs[at]!) }),
    }
  })
  return { table: comparison.table, kind, key: keyOf(comparison, (ours ?? theirs)!), columns }
}

function keyOf(comparison: Comparison, fields: readonly Field[]): string | null {
  if (comparison.key.length === 0) return null
  return comparison.key
    .map((at) => {
      const { source, carrier } = comparison.columns[at]!
      const value = show(carrier, fields[at]!)
      return `${source} = ${/^text|^json/.test(carrier) && value !== null ? JSON.stringify(value) : value}`
    })
    .join(', ')
}

/** A binary field as text; long ones are cut. */
export function show(carrier: BinaryCarrier, field: Field): string | null {
  if (field === null) return null
  const text = textOf(carrier, Buffer.from(field.buffer, field.byteOffset, field.byteLength))
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

function textOf(carrier: BinaryCarrier, bytes: Buffer): string {
  switch (carrier) {
    case 'int2':
      return String(bytes.readInt16BE())
    case 'int4':
      return String(bytes.readInt32BE())
    case 'int8':
    case 'int8Halves':
      return String(bytes.readBigInt64BE())
    case 'bool':
      return bytes[0] === 1 ? 'true' : 'false'
    case 'float4':
      return real(bytes.readFloatBE())
    case 'float8':
      return real(bytes.readDoubleBE())
    case 'bytea':
      return `\\x${bytes.toString('hex', 0, SHOWN)}`
    case 'uuid':
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    case 'date':
      return day(BigInt(bytes.readInt32BE()))
    case 'time':
      return clock(bytes.readBigInt64BE())
    case 'timestamp':
    case 'timestampHalves':
      return moment(bytes.readBigInt64BE())
    case 'numeric':
    case 'numericTrimmed':
      return decimal(bytes)
    default:
      return bytes.toString('utf8', 0, SHOWN * 4 + 4)
  }
}

const real = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

const INFINITE_DAYS = [-(2n ** 31n), 2n ** 31n - 1n]
const INFINITE_MICROS = [-(2n ** 63n), 2n ** 63n - 1n]

function day(days: bigint): string {
  if (INFINITE_DAYS.includes(days)) return days < 0n ? '-infinity' : 'infinity'
  const instant = new Date(Number(days + POSTGRES_EPOCH_DAYS) * 86_400_000)
  if (Number.isNaN(instant.getTime())) return `2000-01-01 plus ${days} days`
  // As PostgreSQL writes it: there is no year 0, and no sign before a year.
  const year = instant.getUTCFullYear()
  const rest = instant.toISOString().replace(/T.*/, '').slice(-6)
  return `${String(year > 0 ? year : 1 - year).padStart(4, '0')}${rest}${year > 0 ? '' : ' BC'}`
}

const pad = (value: bigint, width: number): string => String(value).padStart(width, '0')

function clock(micros: bigint): string {
  const seconds = micros / 1_000_000n
  const fraction = micros % 1_000_000n === 0n ? '' : `.${pad(micros % 1_000_000n, 6)}`
  return `${pad(seconds / 3600n, 2)}:${pad((seconds / 60n) % 60n, 2)}:${pad(seconds % 60n, 2)}${fraction}`
}

function moment(micros: bigint): string {
  if (INFINITE_MICROS.includes(micros)) return micros < 0n ? '-infinity' : 'infinity'
  const within = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS
  const [date, ...era] = day((micros - within) / DAY_MICROS).split(/(?= BC$)/)
  return `${date} ${clock(within)}${era.join('')}`
}

const SPECIAL: Readonly<Record<number, string>> = { 49152: 'NaN', 53248: 'Infinity', 61440: '-Infinity' }

/** Groups of four digits; `weight` is how many stand before the point, less one. */
function decimal(bytes: Buffer): string {
  const groups = bytes.readInt16BE(0)
  const weight = bytes.readInt16BE(2)
  const sign = bytes.readUInt16BE(4)
  const scale = bytes.readInt16BE(6)
  const special = SPECIAL[sign]
  if (special !== undefined) return special
  const group = (at: number): string =>
    String(at >= 0 && at < groups ? bytes.readInt16BE(8 + at * 2) : 0).padStart(4, '0')
  const range = (from: number, to: number): string => {
    let text = ''
    for (let at = from; at < to; at += 1) text += group(at)
    return text
  }
  const left = range(0, weight + 1).replace(/^0+(?=\d)/, '') || '0'
  const right = range(weight + 1, weight + 1 + Math.ceil(scale / 4)).slice(0, scale)
  return `${sign === 0 ? '' : '-'}${left}${scale === 0 ? '' : `.${right}`}`
}
