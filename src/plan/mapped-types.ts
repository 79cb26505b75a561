/**
 * What the server does with a value of one type that is stored in another. `same`: nothing; `assigned`: the
 * server converts it by itself, exactly, or the merge finds what does not fit (texts that are too long);
 * `asked`: only where the config asks for it, since values may be refused or lose something; `zone`: a
 * moment is made of a local time, or the other way round, which needs a time zone.
 */
export type Fitting = 'same' | 'assigned' | 'asked' | 'zone'

interface PgType {
  /** Without length and brackets, e.g. `character varying`. */
  readonly name: string
  readonly numbers: readonly number[]
  readonly array: boolean
}

const parseType = (type: string): PgType => ({
  name: type.replace(/\[\]$/, '').replace(/\s*\([^()]*\)/, ''),
  numbers: [...(/\(([^()]*)\)/.exec(type)?.[1] ?? '').matchAll(/-?\d+/g)].map(([n]) => Number(n)),
  array: type.endsWith('[]'),
})

/** Types whose binary form in COPY is the same in every version and does not name objects of the database. */
const CARRIED = new Set(
  `boolean smallint integer bigint real double|precision numeric money oid text character|varying character bpchar name
  "char" bytea uuid date time|without|time|zone time|with|time|zone timestamp|without|time|zone timestamp|with|time|zone
  interval json jsonb xml inet cidr macaddr macaddr8 bit bit|varying point line lseg box path polygon circle
  tsvector tsquery int4range int8range numrange tsrange tstzrange daterange`
    .split(/\s+/)
    .map((word) => word.replaceAll('|', ' ')),
)

/** Other types (enums, those of extensions, whatever holds OIDs) travel as their text. */
export function travelsAsItIs(type: string): boolean {
  return CARRIED.has(parseType(type).name)
}

const TEXTS = new Set(['text', 'character varying', 'character', 'bpchar', 'name'])
const INTEGERS = ['smallint', 'integer', 'bigint']
const DIGITS: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 }

export function isText(type: string): boolean {
  const { name, array } = parseType(type)
  return !array && TEXTS.has(name)
}

/** The extension's text, in whatever schema it is. */
export function isCitext(type: string): boolean {
  return /^(?:.*\.)?citext$/.test(type)
}

export function isArray(type: string): boolean {
  return type.endsWith('[]')
}

export function isJson(type: string): boolean {
  return type === 'json' || type === 'jsonb'
}

/**
 * The type to which an explicit cast is made for a column. Texts and bits would be cut in silence by a cast
 * to a type with a length; without it the server, or the merge beforehand, refuses what is too long.
 *
 * @param base the column's type, of a domain the type beneath; `declared` as the column is declared.
 */
export function castType(base: string, declared: string): string {
  const { name, array } = parseType(base)
  const uncut = TEXTS.has(name) ? 'text' : name.startsWith('bit') ? 'bit varying' : null
  return uncut === null ? declared : `${uncut}${array ? '[]' : ''}`
}

export function isNaiveTime(type: string): boolean {
  return parseType(type).name === 'timestamp without time zone' || type === 'date'
}

export function isMoment(type: string): boolean {
  return parseType(type).name === 'timestamp with time zone'
}

/** n of `varchar(n)` and `char(n)`. */
export function maxLength(type: string): number | null {
  return isText(type) ? (parseType(type).numbers[0] ?? null) : null
}

/** Both as `format_type` prints them; of a domain the type beneath. */
export function fitting(from: string, to: string): Fitting {
  if (from === to) return 'same'
  const [a, b] = [parseType(from), parseType(to)]
  // Lengths of elements are not looked at beforehand.
  if (a.array && b.array) return b.numbers.length === 0 ? fitting(elementOf(from), elementOf(to)) : 'asked'
  if (a.array || b.array) return isText(to) ? 'assigned' : 'asked'
  if (isText(from) && isCitext(to)) return 'assigned'
  // The merge measures texts.
  if (TEXTS.has(b.name) && b.name !== 'name') return isMoment(from) ? 'zone' : 'assigned'
  if (isInstantPair(from, to)) return 'zone'
  return isExact(a, b) ? 'assigned' : 'asked'
}

const elementOf = (type: string): string => type.slice(0, -2)

function isInstantPair(from: string, to: string): boolean {
  return (
    (isNaiveTime(from) && isMoment(to) && isKept(parseType(from), parseType(to))) ||
    (isMoment(from) && isNaiveTime(to) && to !== 'date' && isKept(parseType(from), parseType(to)))
  )
}

/** Every value of the one has a value of the other. */
function isExact(a: PgType, b: PgType): boolean {
  const [from, to] = [INTEGERS.indexOf(a.name), INTEGERS.indexOf(b.name)]
  if (from >= 0 && to >= 0) return from <= to
  if (from >= 0 && b.name === 'numeric') return isRoomFor(b, DIGITS[a.name]!, 0)
  if (from >= 0 && b.name === 'double precision') return a.name !== 'bigint'
  if (from >= 0 && b.name === 'real') return a.name === 'smallint'
  if (a.name === 'real' && b.name === 'double precision') return true
  if (a.name === 'numeric' && b.name === 'numeric')
    return b.numbers.length === 0 || (a.numbers.length > 0 && isRoomFor(b, whole(a), a.numbers[1] ?? 0))
  if (a.name === 'date') return b.name.startsWith('timestamp without')
  if (a.name === b.name) return isKept(a, b)
  return (
    (a.name === 'jsonb' && b.name === 'json') ||
    (a.name === 'cidr' && b.name === 'inet') ||
    (a.name === 'bit' && b.name === 'bit varying' && (b.numbers[0] ?? Infinity) >= (a.numbers[0] ?? 1))
  )
}

const whole = ({ numbers: [precision = 0, scale = 0] }: PgType): number => precision - scale

function isRoomFor(to: PgType, digits: number, scale: number): boolean {
  return to.numbers.length === 0 || (whole(to) >= digits && (to.numbers[1] ?? 0) >= scale)
}

/** The same type with other numbers: fractions of seconds, number of bits. */
function isKept(a: PgType, b: PgType): boolean {
  if (b.numbers.length === 0 && b.name !== 'bit') return true
  return (b.numbers[0] ?? 6) >= (a.numbers[0] ?? 6) && (b.name !== 'bit' || b.numbers[0] === a.numbers[0])
}

const NUMBERS = [...INTEGERS, 'numeric', 'real', 'double precision']

/** Two values may be equal: both numbers, both times, of one type, or one of them a text. */
export function isComparable(a: string, b: string): boolean {
  if (isText(a) || isText(b) || !travelsAsItIs(a) || !travelsAsItIs(b)) return true
  const [left, right] = [parseType(a), parseType(b)]
  const are = (names: readonly string[]): boolean => names.includes(left.name) && names.includes(right.name)
  return left.array === right.array && (left.name === right.name || are(NUMBERS))
}
