/*
 * The calendar for the oracle: in whole microseconds since 1970 as BigInt, counted year by year's rule
 * and not by any closed formula, so that it has nothing in common with the product's.
 */
const DAY = 86_400_000_000n
const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isLeap = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
const monthDays = (year: number, month: number) => LENGTHS[month - 1]! + (month === 2 && isLeap(year) ? 1 : 0)

/** Days from 1970-01-01 to the first of January. */
const yearStarts = new Map<number, number>([[1970, 0]])
for (let year = 1971; year <= 10_001; year += 1)
  yearStarts.set(year, yearStarts.get(year - 1)! + (isLeap(year - 1) ? 366 : 365))
for (let year = 1969; year >= -5; year -= 1)
  yearStarts.set(year, yearStarts.get(year + 1)! - (isLeap(year) ? 366 : 365))

/** Null where the calendar has no such day. Years 1 to 9999. */
export function dayNumber(year: number, month: number, day: number): number | null {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month))
    return null
  let days = yearStarts.get(year)!
  for (let one = 1; one < month; one += 1) days += monthDays(year, one)
  return days + day - 1
}

/** Without seconds it is :00. `fraction` is its digits; more than six that count are none. */
export function clockMicros(hour: string, minute: string, second = '00', fraction = ''): bigint | null {
  const digits = fraction.replace(/0+$/, '')
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || digits.length > 6) return null
  return (
    (BigInt(hour) * 3600n + BigInt(minute) * 60n + BigInt(second)) * 1_000_000n +
    BigInt(digits.padEnd(6, '0'))
  )
}

export interface Instant {
  /** As the text says it, before its zone is taken off. */
  readonly micros: bigint
  /** Minutes east of Greenwich; null: the text names no zone. */
  readonly offset: number | null
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(Z|z| [Uu][Tt][Cc]|[+-]\d\d(?::?\d\d)?)?$/

/** ISO 8601 as people and drivers write it, a zone included. */
export function readInstant(text: string): Instant | null {
  const match = ISO.exec(text)
  if (match === null) return null
  const [, year, month, day, hour = '00', minute = '00', second, fraction, zone] = match
  const days = dayNumber(Number(year), Number(month), Number(day))
  const clock = clockMicros(hour, minute, second, fraction)
  if (days === null || clock === null) return null
  const offset = zone === undefined ? null : minutesEast(zone)
  if (offset === undefined) return null
  // A zone in figures belongs to a time, not to a day alone.
  if (match[4] === undefined && zone !== undefined && /\d/.test(zone)) return null
  return { micros: BigInt(days) * DAY + clock, offset }
}

function minutesEast(zone: string): number | undefined {
  const match = /^([+-])(\d\d):?(\d\d)?$/.exec(zone)
  if (match === null) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0)
  if (Number(match[3] ?? 0) > 59 || minutes >= 16 * 60) return undefined
  return match[1] === '-' ? -minutes : minutes
}

/** As PostgreSQL prints a timestamp with DateStyle ISO. */
export function timestampText(micros: bigint): string {
  const rest = ((micros % DAY) + DAY) % DAY
  const day = dateText(Number((micros - rest) / DAY))
  return `${day.text} ${clockText(rest)}${day.era}`
}

export function clockText(micros: bigint): string {
  const two = (n: bigint) => String(n).padStart(2, '0')
  const seconds = micros / 1_000_000n
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction === '' ? '' : `.${fraction}`}`
}

export function dateText(days: number): { readonly text: string; readonly era: string } {
  let year = 1970 + Math.floor(days / 365.2425)
  while (yearStarts.get(year)! > days) year -= 1
  while (yearStarts.get(year + 1)! <= days) year += 1
  let left = days - yearStarts.get(year)!
  let month = 1
  while (left >= monthDays(year, month)) left -= monthDays(year, month++)
  const shown = year > 0 ? year : 1 - year
  return {
    text: `${String(shown).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(left + 1).padStart(2, '0')}`,
    era: year > 0 ? '' : ' BC',
  }
}
