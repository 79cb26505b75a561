import type { Way } from './model.ts'
import { way } from './way.ts'

/*
 * SQLite's date functions are lenient (2023-02-31 becomes March) and know milliseconds only. So a text
 * is accepted when it is what SQLite would print for the instant it reads, fractions are cut off
 * before and carried beside it as microseconds, and the year 0, which PostgreSQL lacks, is refused;
 * so is the hour 24, which SQLite prints as it came. NUL is looked for first: most functions stop there.
 */

/** The plus takes the column's affinity away, which would turn '0001' into the number 1. */
const beforeYearOne = (c: string) => `+${c} < '0001'`

/** `YYYY-MM-DD`, exactly. */
export const date = way({
  id: 'date',
  type: 'date',
  carrier: 'date',
  read: (c) => [`unixepoch(${c}) / 86400`],
  misfit: (c) => `date(${c}) IS NOT ${c} OR ${beforeYearOne(c)}`,
  misfitReason: 'is no date as in 2024-12-31',
  conversion: 'ISO text to date',
})

/** `YYYY-MM-DD HH:MM:SS`, exactly: the form that SQLite's own CURRENT_TIMESTAMP has, and the fastest. */
export const timestampPlain = way({
  id: 'timestamp-plain',
  type: 'timestamp',
  carrier: 'timestamp',
  read: (c) => [`unixepoch(${c})`],
  misfit: (c) => `datetime(${c}) IS NOT ${c} OR ${beforeYearOne(c)} OR instr(${c}, ' 24:') > 0`,
  misfitReason: 'is no time as in 2024-12-31 23:59:59',
  wider: 'timestamp-naive',
  conversion: 'ISO text to timestamp',
})

/** A text with date, T or blank, time, seconds and fraction optional; here brought to SQLite's form. */
const seconds = (t: string) =>
  `(CASE length(${t}) WHEN 10 THEN ${t} || ' 00:00:00' WHEN 16 THEN substr(${t},1,10) || ' ' || substr(${t},12) || ':00' ELSE substr(${t},1,10) || ' ' || substr(${t},12,8) END)`
const fraction = (t: string) => `substr(${t}, 20)`
const micros = (t: string) => `CAST(substr(substr(${t}, 21) || '000000', 1, 6) AS INTEGER)`
const notNaive = (t: string) =>
  `(datetime(${seconds(t)}) IS NOT ${seconds(t)} OR ${beforeYearOne(t)} OR substr(${t},12,2) = '24' OR substr(${t},11,1) NOT IN ('',' ','T','t') OR length(${t}) IN (11,12,13,14,15,17,18) OR (${fraction(t)} <> '' AND (${fraction(t)} NOT GLOB '.[0-9]*' OR substr(${t},21) GLOB '*[^0-9]*' OR length(rtrim(substr(${t},21),'0')) > 6)))`

/** The zone at the end of a text: how many characters it has, and its offset in seconds. */
const zoneLength = (c: string) =>
  `(CASE WHEN ${c} GLOB '*[0-9][Zz]' THEN 1 WHEN ${c} GLOB '*[0-9] [Uu][Tt][Cc]' THEN 4 WHEN length(${c}) > 16 AND ${c} GLOB '*[+-][0-9][0-9]:[0-9][0-9]' THEN 6 WHEN length(${c}) > 16 AND ${c} GLOB '*[+-][0-9][0-9][0-9][0-9]' THEN 5 WHEN length(${c}) > 13 AND ${c} GLOB '*[:.0-9][+-][0-9][0-9]' THEN 3 ELSE 0 END)`
const zoneOffset = (c: string) =>
  `(CASE ${zoneLength(c)} WHEN 6 THEN (CASE substr(${c},-6,1) WHEN '-' THEN -1 ELSE 1 END) * (CAST(substr(${c},-5,2) AS INTEGER) * 3600 + CAST(substr(${c},-2) AS INTEGER) * 60) WHEN 5 THEN (CASE substr(${c},-5,1) WHEN '-' THEN -1 ELSE 1 END) * (CAST(substr(${c},-4,2) AS INTEGER) * 3600 + CAST(substr(${c},-2) AS INTEGER) * 60) WHEN 3 THEN (CASE substr(${c},-3,1) WHEN '-' THEN -1 ELSE 1 END) * CAST(substr(${c},-2) AS INTEGER) * 3600 ELSE 0 END)`
const withoutZone = (c: string) => `substr(${c}, 1, length(${c}) - ${zoneLength(c)})`

const notText = (c: string) => `typeof(${c}) <> 'text'`
const present = (c: string, test: string) =>
  `(${c} IS NOT NULL AND (${notText(c)} OR instr(${c}, char(0)) > 0 OR ${test}))`

export const timestampNaive = way({
  id: 'timestamp-naive',
  type: 'timestamp',
  carrier: 'timestampHalves',
  read: (c) => [`unixepoch(${seconds(c)})`, `CASE WHEN ${c} IS NOT NULL THEN ${micros(c)} END`],
  misfit: (c) => present(c, notNaive(c)),
  misfitReason: 'is no ISO time without a zone',
  conversion: 'ISO text to timestamp',
  injective: false,
})

const zonedRead = (c: string) => [
  `unixepoch(${seconds(withoutZone(c))}) - ${zoneOffset(c)}`,
  `CASE WHEN ${c} IS NOT NULL THEN ${micros(withoutZone(c))} END`,
]
/** Offsets beyond what exists (±15:59) are refused. */
const badZone = (c: string) =>
  `(abs(${zoneOffset(c)}) >= 57600 OR (${zoneLength(c)} IN (5,6) AND substr(${c},-2) >= '60'))`

export const timestampZoned = way({
  id: 'timestamp-zoned',
  type: 'timestamptz',
  carrier: 'timestampHalves',
  read: zonedRead,
  misfit: (c) => present(c, `(${zoneLength(c)} = 0 OR ${badZone(c)} OR ${notNaive(withoutZone(c))})`),
  misfitReason: 'is no ISO time with a zone',
  conversion: 'ISO text with a zone to timestamptz',
  injective: false,
})

/** Texts without a zone are read as UTC, because the user said so; a zone in the text wins. */
export const timestampUtc = way({
  id: 'timestamp-utc',
  type: 'timestamptz',
  carrier: 'timestampHalves',
  read: zonedRead,
  misfit: (c) => present(c, `(${badZone(c)} OR ${notNaive(withoutZone(c))})`),
  misfitReason: 'is no ISO time',
  conversion: 'ISO text, read as UTC where it names no zone, to timestamptz',
  injective: false,
})

/** The same for any other zone: PostgreSQL knows its rules, so the text travels with the zone's name. */
export function timestampIn(zone: string): Way {
  const name = zone.replaceAll("'", "''")
  return way({
    id: `timestamp-in ${zone}`,
    type: 'timestamptz',
    carrier: 'label',
    read: (c) => [
      `CASE WHEN ${zoneLength(c)} > 0 OR ${c} IS NULL THEN ${c} ELSE ${seconds(c)} || ${fraction(c)} || ' ${name}' END`,
    ],
    misfit: (c) => present(c, `(${badZone(c)} OR ${notNaive(withoutZone(c))})`),
    misfitReason: 'is no ISO time',
    conversion: `ISO text, read as ${zone} where it names no zone, to timestamptz`,
    injective: false,
  })
}

const notInteger = (c: string) => `typeof(${c}) <> 'integer'`
/** Times of the years 1 to 9999, which both databases have. */
const FIRST = -62135596800
const BEYOND = 253402300800

type Unit = 's' | 'ms' | 'us'
const PER_SECOND: Record<Unit, number> = { s: 1, ms: 1_000, us: 1_000_000 }
/** The sizes of 1973 to 5138 and before 1966; seconds may be small. */
const TYPICAL: Record<Unit, readonly [least: number, most: number]> = {
  s: [0, 99_999_999_999],
  ms: [1e11, 99_999_999_999_999],
  us: [1e14, 1e17],
}
const UNIT_NAME: Record<Unit, string> = { s: 'seconds', ms: 'milliseconds', us: 'microseconds' }

/**
 * Numbers since 1970. Seconds and milliseconds can only be told apart by their size, so a column is
 * taken for one of them when all its values are of that size (0 fits every unit), unless `sure`:
 * then the user named the unit.
 */
export function epoch(unit: Unit, sure = false): Way {
  const n = PER_SECOND[unit]
  const zeros = String(n).slice(1)
  const [least, most] = TYPICAL[unit]
  const untypical = (c: string) =>
    `(${c} <> 0 AND ${c} > -${least} AND ${c} < ${least}) OR ${c} > ${most} OR ${c} < ${FIRST}${zeros}`
  const out = (c: string) => (sure ? `${c} < ${FIRST}${zeros} OR ${c} >= ${BEYOND}${zeros}` : untypical(c))
  // Floor division, so that times before 1970 keep a fraction that counts forwards.
  const floor = (c: string) => `((${c} - (((${c} % ${n}) + ${n}) % ${n})) / ${n})`
  return way({
    id: `epoch-${unit}${sure ? '-sure' : ''}`,
    type: 'timestamptz',
    carrier: unit === 's' ? 'timestamp' : 'timestampHalves',
    read: (c) => (unit === 's' ? [c] : [floor(c), `((${c} % ${n}) + ${n}) % ${n} * ${1_000_000 / n}`]),
    misfit: (c) => `(${c} IS NOT NULL AND (${notInteger(c)} OR ${out(c)}))`,
    misfitReason: `is no time in ${UNIT_NAME[unit]} since 1970`,
    conversion: `${UNIT_NAME[unit]} since 1970 to timestamptz`,
  })
}

/** Seconds since 1970 with a fraction; a double holds about a quarter of a microsecond there. */
export const epochReal = way({
  id: 'epoch-real',
  type: 'timestamptz',
  carrier: 'timestampHalves',
  read: (c) => [
    `CAST(floor(round(${c} * 1000000) / 1000000) AS INTEGER)`,
    `CAST(round(${c} * 1000000) - floor(round(${c} * 1000000) / 1000000) * 1000000 AS INTEGER)`,
  ],
  // Small reals are rather Julian days: those of the years 1 to 9999 lie below 5,373,485.
  misfit: (c) =>
    `(${c} IS NOT NULL AND (typeof(${c}) NOT IN ('real','integer') OR (${c} <> 0 AND ${c} > -5373485 AND ${c} < 5373485) OR ${c} < -4e9 OR ${c} > 4e9))`,
  misfitReason: 'is no time in seconds since 1970',
  conversion: 'seconds since 1970 with a fraction to timestamptz, rounded to microseconds',
  injective: false,
})

/** Julian days as SQLite's julianday() gives them: exact to a millisecond by SQLite's own definition. */
export const julian = way({
  id: 'julian',
  type: 'timestamp',
  carrier: 'timestampHalves',
  read: (c) => [`unixepoch(${c})`, `CAST(substr(strftime('%f', ${c}), 4) AS INTEGER) * 1000`],
  misfit: (c) =>
    `(${c} IS NOT NULL AND (typeof(${c}) NOT IN ('real','integer') OR ${c} < 1721425.5 OR ${c} >= 5373484.5))`,
  misfitReason: 'is no Julian day',
  conversion: 'Julian days to timestamp, exact to a millisecond',
  injective: false,
})

/** `HH:MM`, `HH:MM:SS`, with a fraction of up to six digits. */
export const time = way({
  id: 'time',
  type: 'time',
  carrier: 'time',
  read: (c) => [
    `(unixepoch('1970-01-01 ' || substr(${c} || ':00', 1, 8)) * 1000000 + CAST(substr(substr(${c}, 10) || '000000', 1, 6) AS INTEGER))`,
  ],
  misfit: (c) =>
    present(
      c,
      `(time(substr(${c} || ':00', 1, 8)) IS NOT substr(${c} || ':00', 1, 8) OR substr(${c}, 1, 2) = '24' OR length(${c}) IN (6,7) OR (length(${c}) > 8 AND (substr(${c}, 9) NOT GLOB '.[0-9]*' OR substr(${c}, 10) GLOB '*[^0-9]*' OR length(rtrim(substr(${c}, 10), '0')) > 6)))`,
    ),
  misfitReason: 'is no time of day',
  conversion: 'ISO text to time',
  injective: false,
})

/**
 * The same instant in a column of the other kind: a target's `timestamp` takes zoned values as UTC.
 */
export function asType(base: Way, type: 'timestamp' | 'timestamptz'): Way {
  if (base.type === type) return base
  return {
    ...base,
    id: `${base.id} as ${type}`,
    type,
    conversion: `${base.conversion ?? 'value'}, as ${type} in UTC`,
  }
}

/**
 * The same in a type of fewer than six digits, such as `timestamptz(3)`: PostgreSQL would round what is
 * more exact, so only values that lose nothing are let through.
 */
export function precise(base: Way, digits: number): Way {
  const unit = 10 ** (6 - digits)
  const micros = microsOf(base)
  const misfit = (c: string) => {
    const test = base.misfit(c) ?? '0'
    return micros === null ? test : `((${test}) OR (${micros(c)}) % ${unit} <> 0)`
  }
  return {
    ...base,
    id: `${base.id} (${digits})`,
    type: `${base.type}(${digits})`,
    wider: base.wider === null ? null : `${base.wider} (${digits})`,
    misfit,
    quickMisfit: misfit,
    misfitReason:
      micros === null
        ? base.misfitReason
        : `${base.misfitReason}, or is finer than the ${digits} digits of ${base.type}(${digits})`,
  }
}

/** Where a way's microseconds are; null for whole seconds. */
function microsOf(base: Way): ((c: string) => string) | null {
  if (base.carrier === 'timestamp') return null
  if (base.carrier === 'label') return (c) => micros(withoutZone(c))
  return (c) => base.read(c).at(-1)!
}
