/** Days from 1970-01-01 to 2000-01-01, where PostgreSQL's dates and timestamps start. */
const EPOCH_DAYS = 10_957
const EPOCH_SECONDS = 946_684_800
const WORD = 2 ** 32

/** Days since 2000-01-01, or null when no date of PostgreSQL can be meant. */
export function dateDays(days: number): number | null {
  const shifted = days - EPOCH_DAYS
  return Number.isInteger(days) && shifted >= -2_451_545 && shifted < 2_145_031_949 ? shifted : null
}

/** PostgreSQL's limits: 4713-11-24 BC to 294276-12-31, in seconds since 1970. */
const FIRST_SECOND = -210_866_803_200
const LAST_SECOND = 9_224_318_015_999

export function isTimestamp(seconds: number, micros: number): boolean {
  return (
    Number.isInteger(seconds) &&
    seconds >= FIRST_SECOND &&
    seconds <= LAST_SECOND &&
    Number.isInteger(micros) &&
    micros >= 0 &&
    micros <= 999_999
  )
}

/**
 * Writes microseconds since 2000 as 8 bytes. They exceed 2^53 outside the years 1715 to 2285, so the
 * seconds are split at 2^20: every product below stays an exact double.
 */
export function putTimestamp(view: DataView, at: number, seconds: number, micros: number): void {
  const since = seconds - EPOCH_SECONDS
  const upper = Math.floor(since / 1_048_576)
  const low = (since - upper * 1_048_576) * 1_000_000 + micros
  // since * 10^6 = upper * 10^6 * 2^20 + low, and 2^32 / 2^20 = 4096.
  const scaled = upper * 1_000_000
  const words = Math.floor(scaled / 4096)
  const rest = (scaled - words * 4096) * 1_048_576 + low
  const carry = Math.floor(rest / WORD)
  view.setInt32(at, words + carry)
  view.setUint32(at + 4, rest - carry * WORD)
}

const two = (n: number) => String(n).padStart(2, '0')

/** Proleptic Gregorian date of days since 1970 as PostgreSQL's ISO input, years before 1 as `BC`. */
function dateParts(days: number): { text: string; era: string } {
  // Years that start in March put the leap day last; 400 years have 146,097 days.
  const shifted = days + 719_468
  const cycle = Math.floor(shifted / 146_097)
  const day = shifted - cycle * 146_097
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  )
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const month = Math.floor((5 * dayOfYear + 2) / 153)
  const dayOfMonth = dayOfYear - Math.floor((153 * month + 2) / 5) + 1
  const civilMonth = month < 10 ? month + 3 : month - 9
  const civilYear = cycle * 400 + year + (civilMonth <= 2 ? 1 : 0)
  const shown = civilYear > 0 ? civilYear : 1 - civilYear
  return {
    text: `${String(shown).padStart(4, '0')}-${two(civilMonth)}-${two(dayOfMonth)}`,
    era: civilYear > 0 ? '' : ' BC',
  }
}

/** `0001-01-01`, `4713-11-24 BC`. */
export function dateText(days: number): string {
  const { text, era } = dateParts(days)
  return text + era
}

/** `HH:MM:SS` with a fraction where there is one; 24:00:00 is a time of PostgreSQL. */
export function timeText(seconds: number, micros: number): string {
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return micros === 0 ? clock : `${clock}.${String(micros).padStart(6, '0')}`
}

/** In UTC, with `+00`, which `timestamp` without a zone ignores. */
export function timestampText(seconds: number, micros: number): string {
  const days = Math.floor(seconds / 86_400)
  const { text, era } = dateParts(days)
  return `${text} ${timeText(seconds - days * 86_400, micros)}+00${era}`
}
