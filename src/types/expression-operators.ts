import { Untranslatable } from './expression-tokens.ts'
import {
  fold,
  int,
  type Kind,
  NULL,
  numberOf,
  text,
  textOf,
  truth,
  type Value,
  wrap,
} from './expression-value.ts'

const NUMBERS: readonly Kind[] = ['int', 'real', 'number']

export function isNumber(value: Value): boolean {
  return NUMBERS.includes(value.kind)
}

function opaque(value: Value): Untranslatable {
  const column = value.column
  return new Untranslatable(
    column === undefined
      ? 'its values have another form in the target'
      : `${column.target} has another form in the target (${column.type})`,
  )
}

/** A condition: SQLite takes any number for one. */
export function condition(value: Value): Value {
  if (value.kind === 'bool') return value
  if (value.kind === 'opaque') throw opaque(value)
  if (value.kind === 'null') return { sql: 'null::boolean', atom: true, kind: 'bool' }
  if (value.constant !== undefined && typeof value.constant !== 'string')
    return truth(Number(value.constant) !== 0)
  if (!isNumber(value)) throw new Untranslatable('a text is used as a condition')
  return { sql: `${wrap(value)} <> 0`, atom: false, kind: 'bool', notNull: value.notNull === true }
}

/** A condition as the number that SQLite has for it; other values as they are. */
export function number(value: Value): Value {
  if (value.kind === 'opaque') throw opaque(value)
  if (value.kind !== 'bool') return value
  if (typeof value.always === 'boolean') return int(value.always ? 1n : 0n)
  return { sql: `${wrap(value)}::int`, atom: true, kind: 'int', notNull: value.notNull === true }
}

/** An operand of `||` or of a function of texts. Null for the constant NULL. */
export function textual(value: Value): Value {
  const plain = number(value)
  if (plain.kind === 'text' || plain.kind === 'null') return plain
  if (typeof plain.constant === 'bigint') return text(textOf(plain.constant))
  if (plain.kind !== 'int') throw new Untranslatable('a number is written as text')
  return { sql: `${wrap(plain)}::text`, atom: true, kind: 'text', notNull: plain.notNull === true }
}

/** `+ - * / % & | << >>` with SQLite's rules: integers have 64 bits, reals 8 bytes, division by 0 is NULL. */
export function arithmetic(op: string, a: Value, b: Value): Value {
  const left = number(a)
  const right = number(b)
  if (left.kind === 'null' || right.kind === 'null') return NULL
  if (!isNumber(left) || !isNumber(right)) throw new Untranslatable(`${op} is applied to a text`)
  const integers = left.kind === 'int' && right.kind === 'int'
  if (!integers && !['+', '-', '*', '/'].includes(op))
    throw new Untranslatable(`${op} is applied to a number with a fraction`)
  if (op === '<<' || op === '>>') {
    if (typeof right.constant !== 'bigint' || right.constant < 0n || right.constant > 63n)
      throw new Untranslatable(`${op} shifts by a number that is not known`)
    return { sql: `${widened(left)} ${op} ${right.sql}`, atom: false, kind: 'int', wide: true }
  }
  const definite = left.kind === 'real' || right.kind === 'real'
  if (op === '/' && !integers && !definite)
    throw new Untranslatable('/ is applied to a number that may be an integer or not')
  let divisor = integers ? (left.wide || !right.wide ? wrap(right) : widened(right)) : double(right)
  if ((op === '/' || op === '%') && (right.constant === undefined || Number(right.constant) === 0))
    divisor = `nullif(${divisor}, 0)`
  return integers
    ? {
        sql: `${right.wide && left.constant !== undefined ? wrap(left) : widened(left)} ${op} ${divisor}`,
        atom: false,
        kind: 'int',
        wide: true,
      }
    : { sql: `${double(left)} ${op} ${divisor}`, atom: false, kind: definite ? 'real' : 'number' }
}

export function widened(value: Value): string {
  return value.wide ? wrap(value) : `${wrap(value)}::bigint`
}

export function double(value: Value): string {
  return `${wrap(value)}::double precision`
}

/** Both sides as SQLite compares them: affinities applied, one kind, collation folded into the values. */
export function comparable(a: Value, b: Value): readonly [Value, Value] {
  if (a.kind === 'opaque') throw opaque(a)
  if (b.kind === 'opaque') throw opaque(b)
  if (a.kind === 'null' || b.kind === 'null') return [a, b]
  let left = adapted(a, b)
  let right = adapted(b, a)
  if (left.kind === 'bool' && right.kind !== 'bool') right = asBool(right) ?? right
  else if (right.kind === 'bool' && left.kind !== 'bool') left = asBool(left) ?? left
  if (left.kind !== right.kind) {
    left = number(left)
    right = number(right)
  }
  if (left.kind !== right.kind && !(isNumber(left) && isNumber(right)))
    throw new Untranslatable(`${a.sql} and ${b.sql} are of different types`)
  if (left.kind !== 'text') return [left, right]
  const collation =
    [left, right].find((side) => side.collation?.explicit)?.collation ?? left.collation ?? right.collation
  return [collated(left, collation?.name), collated(right, collation?.name)]
}

/** A text as PostgreSQL must see it to find equal what one of SQLite's collations does. */
export function collated(value: Value, collation: string | undefined): Value {
  switch (collation ?? 'BINARY') {
    case 'BINARY':
      return value
    case 'NOCASE':
      return lowered(value)
    case 'RTRIM':
      return trimmed(value)
    default:
      throw new Untranslatable(`it compares with the collation ${collation}`)
  }
}

/** What the other side's affinity makes of a constant. */
function adapted(value: Value, other: Value): Value {
  if (value.constant === undefined || value.affinity !== undefined) return value
  if (other.affinity === 'number' && typeof value.constant === 'string')
    return numberOf(value.constant) ?? value
  if (other.affinity === 'text' && typeof value.constant !== 'string') return text(textOf(value.constant))
  return value
}

function asBool(value: Value): Value | null {
  return value.constant === 0n ? truth(false) : value.constant === 1n ? truth(true) : null
}

/** SQLite's `lower()` and NOCASE know ASCII only, as PostgreSQL's does under collation C. */
export function lowered(value: Value): Value {
  if (typeof value.constant === 'string') return text(fold(value.constant))
  return {
    sql: `lower(${wrap(value)} collate "C")`,
    atom: true,
    kind: 'text',
    notNull: value.notNull === true,
  }
}

function trimmed(value: Value): Value {
  if (typeof value.constant === 'string') return text(value.constant.replace(/ +$/, ''))
  return { sql: `rtrim(${wrap(value)})`, atom: true, kind: 'text', notNull: value.notNull === true }
}

const WORDS: Readonly<Record<string, string>> = { is: 'is not distinct from', 'is not': 'is distinct from' }

/** `= <> < <= > >= is 'is not'`. */
export function comparison(op: string, a: Value, b: Value): Value {
  if (WORDS[op] !== undefined) {
    if (b.kind === 'null') return { sql: `${wrap(a)} ${op} null`, atom: false, kind: 'bool', notNull: true }
    if (a.kind === 'null') return { sql: `${wrap(b)} ${op} null`, atom: false, kind: 'bool', notNull: true }
  }
  const [left, right] = comparable(a, b)
  const notNull = WORDS[op] !== undefined || (left.notNull === true && right.notNull === true)
  if ((op === '=' || op === '<>') && left.kind === 'bool') {
    const [side, fixed] =
      typeof right.always === 'boolean'
        ? [left, right.always]
        : typeof left.always === 'boolean'
          ? [right, left.always]
          : [left, null]
    if (fixed !== null) return (op === '=') === fixed ? side : not(side)
  }
  // BINARY orders by bytes, whatever the database's own collation is.
  const order = left.kind === 'text' && !['=', '<>', 'is', 'is not'].includes(op) ? ' collate "C"' : ''
  return {
    sql: `${wrap(left)} ${WORDS[op] ?? op} ${wrap(right)}${order}`,
    atom: false,
    kind: 'bool',
    notNull,
  }
}

export function not(value: Value): Value {
  if (typeof value.always === 'boolean') return truth(!value.always)
  return { sql: `not ${wrap(value)}`, atom: false, kind: 'bool', notNull: value.notNull === true }
}

/** One kind for values of which one is the result (CASE, coalesce …), and these values as that kind. */
export function unified(values: readonly Value[]): {
  readonly kind: Kind
  readonly wide: boolean
  readonly values: readonly Value[]
} {
  const hidden = values.find((value) => value.kind === 'opaque')
  if (hidden !== undefined) throw opaque(hidden)
  let known = values.filter((value) => value.kind !== 'null')
  let all = values
  if (known.some((value) => value.kind === 'bool') && known.some((value) => value.kind !== 'bool')) {
    const bools = known.every((value) => value.kind === 'bool' || asBool(value) !== null)
    all = values.map((value) =>
      value.kind === 'null' ? value : bools ? (asBool(value) ?? value) : number(value),
    )
    known = all.filter((value) => value.kind !== 'null')
  }
  const kinds = new Set(known.map((value) => value.kind))
  const wide =
    known.every((value) => value.wide === true || value.constant !== undefined) &&
    known.some((value) => value.wide)
  if (kinds.size <= 1) return { kind: [...kinds][0] ?? 'null', wide, values: all }
  const mixed = known.every((value) => value.kind !== 'int' || value.constant !== undefined)
  if (!mixed || ![...kinds].every((kind) => NUMBERS.includes(kind)))
    throw new Untranslatable('its results are of different types')
  return { kind: 'number', wide: false, values: all }
}
