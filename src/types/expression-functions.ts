import { comparable, isNumber, lowered, number, textual, unified, widened } from './expression-operators.ts'
import { Untranslatable } from './expression-tokens.ts'
import { NULL, typeClass, type Value, wrap } from './expression-value.ts'

/** `loose`: an index that need not keep a rule, so that the application's own `lower(x)` should find it. */
export type FunctionCall = (args: readonly Value[], loose: boolean) => Value

/** A function that is NULL as soon as an argument is; arguments are texts. */
function ofTexts(
  most: number,
  make: (args: readonly string[], values: readonly Value[]) => string,
  kind: 'text' | 'int',
): FunctionCall {
  return (args) => {
    const texts = args.slice(0, most).map(textual)
    if (texts.some((value) => value.kind === 'null')) return NULL
    return {
      sql: make(
        texts.map((value) => value.sql),
        texts,
      ),
      atom: true,
      kind,
      notNull: texts.every((value) => value.notNull),
    }
  }
}

const letters =
  (name: 'lower' | 'upper'): FunctionCall =>
  ([of], loose) => {
    const value = textual(of!)
    if (value.kind === 'null') return NULL
    if (!loose && name === 'lower') return lowered(value)
    return {
      sql: loose ? `${name}(${value.sql})` : `${name}(${wrap(value)} collate "C")`,
      atom: true,
      kind: 'text',
      notNull: value.notNull === true,
    }
  }

const coalesce: FunctionCall = (args) => {
  const { values, kind, wide } = unified(args)
  if (kind === 'null') return NULL
  const notNull = values.some((value) => value.notNull)
  return { sql: `coalesce(${values.map((value) => value.sql).join(', ')})`, atom: true, kind, wide, notNull }
}

/** SQLite's scalar min() and max() are NULL when any argument is; PostgreSQL's pass NULL over. */
const extreme =
  (name: 'least' | 'greatest'): FunctionCall =>
  (args) => {
    if (args.length < 2) throw new Untranslatable('min() and max() of one argument are aggregates')
    const { values, kind, wide } = unified(args)
    if (!values.every((value) => value.notNull))
      throw new Untranslatable('min() and max() are NULL where an argument is, which PostgreSQL ignores')
    if (values.some((value) => (value.collation?.name ?? 'BINARY') !== 'BINARY'))
      throw new Untranslatable('it compares with a collation')
    const parts = values.map((value) => (kind === 'text' ? `${wrap(value)} collate "C"` : value.sql))
    return { sql: `${name}(${parts.join(', ')})`, atom: true, kind, wide, notNull: true }
  }

const abs: FunctionCall = ([of]) => {
  const value = number(of!)
  if (value.kind === 'null') return NULL
  if (!isNumber(value)) throw new Untranslatable('abs() of a text')
  return {
    sql: `abs(${value.kind === 'int' ? widened(value) : value.sql})`,
    atom: true,
    kind: value.kind,
    wide: true,
    notNull: value.notNull === true,
  }
}

/** Half away from zero, as SQLite does it on doubles; more digits go through its own decimal writer. */
const round: FunctionCall = ([of, digits]) => {
  if (digits !== undefined && digits.constant !== 0n)
    throw new Untranslatable('round() to decimals differs in the last digit')
  const value = number(of!)
  if (value.kind === 'null') return NULL
  if (!isNumber(value)) throw new Untranslatable('round() of a text')
  const double = `${wrap(value)}::double precision`
  const sql =
    value.kind === 'int' ? double : `trunc(${double} + case when ${wrap(value)} < 0 then -0.5 else 0.5 end)`
  return { sql, atom: true, kind: 'real', notNull: value.notNull === true }
}

const substr: FunctionCall = (args) => {
  const [from, count] = [args[1], args[2]]
  if (typeof from?.constant !== 'bigint' || from.constant < 1n)
    throw new Untranslatable('substr() from a position that is not known or not positive')
  if (args.length === 3 && (typeof count?.constant !== 'bigint' || count.constant < 0n))
    throw new Untranslatable('substr() of a length that is not known')
  if ([from.constant, count?.constant ?? 0n].some((value) => BigInt(value) > 1_000_000_000n))
    throw new Untranslatable('substr() beyond any text')
  return ofTexts(
    1,
    ([of]) => `substr(${[of, ...args.slice(1).map((value) => value.sql)].join(', ')})`,
    'text',
  )([args[0]!], false)
}

const replace: FunctionCall = (args, loose) => {
  const [, from, to] = args
  // SQLite gives the text back where there is nothing to look for, even if the replacement is NULL.
  if (!to!.notNull && (typeof from!.constant !== 'string' || from!.constant === ''))
    throw new Untranslatable('replace() by what may be NULL')
  return ofTexts(3, (texts) => `replace(${texts.join(', ')})`, 'text')(args, loose)
}

const length: FunctionCall = (args, loose) => {
  const [of] = args
  if (of?.kind !== 'blob') return ofTexts(1, ([value]) => `length(${value})`, 'int')(args, loose)
  return { sql: `length(${of.sql})`, atom: true, kind: 'int', notNull: of.notNull === true }
}

const nullif: FunctionCall = ([a, b]) => {
  if (a!.kind === 'null') return NULL
  const [left, right] = comparable(a!, b!)
  // A side that was converted for the comparison is not what nullif() gives back.
  if (left.sql !== a!.sql || left.kind !== right.kind)
    throw new Untranslatable('nullif() compares values of two types')
  return { sql: `nullif(${left.sql}, ${right.sql})`, atom: true, kind: left.kind, wide: left.wide === true }
}

const jsonValid: FunctionCall = ([of]) => {
  if (of?.column === undefined || typeClass(of.column.type) !== 'json')
    throw new Untranslatable('json_valid() of a column that is no JSON in the target')
  return {
    sql: `nullif(${of.sql} is not null, false)`,
    atom: true,
    kind: 'bool',
    always: 'known',
    notNull: of.notNull === true,
  }
}

interface Entry {
  readonly least: number
  readonly most: number
  readonly call: FunctionCall
}
const entry = (least: number, most: number, call: FunctionCall): Entry => ({ least, most, call })
const same: FunctionCall = ([of]) => ({
  sql: of!.sql,
  atom: of!.atom,
  kind: of!.kind,
  wide: of!.wide === true,
  notNull: of!.notNull === true,
})

const FUNCTIONS: ReadonlyMap<string, Entry> = new Map([
  ['coalesce', entry(2, 99, coalesce)],
  ['ifnull', entry(2, 2, coalesce)],
  ['nullif', entry(2, 2, nullif)],
  ['abs', entry(1, 1, abs)],
  ['round', entry(1, 2, round)],
  ['lower', entry(1, 1, letters('lower'))],
  ['upper', entry(1, 1, letters('upper'))],
  ['length', entry(1, 1, length)],
  [
    'trim',
    entry(
      1,
      2,
      ofTexts(2, (args) => `btrim(${args.join(', ')})`, 'text'),
    ),
  ],
  [
    'ltrim',
    entry(
      1,
      2,
      ofTexts(2, (args) => `ltrim(${args.join(', ')})`, 'text'),
    ),
  ],
  [
    'rtrim',
    entry(
      1,
      2,
      ofTexts(2, (args) => `rtrim(${args.join(', ')})`, 'text'),
    ),
  ],
  ['replace', entry(3, 3, replace)],
  [
    'instr',
    entry(
      2,
      2,
      ofTexts(2, (args) => `strpos(${args.join(', ')})`, 'int'),
    ),
  ],
  ['substr', entry(2, 3, substr)],
  ['substring', entry(2, 3, substr)],
  ['min', entry(1, 99, extreme('least'))],
  ['max', entry(1, 99, extreme('greatest'))],
  ['json_valid', entry(1, 1, jsonValid)],
  ['likely', entry(1, 1, same)],
  ['unlikely', entry(1, 1, same)],
])

/** Translates a call; throws `Untranslatable` naming the function. */
export function call(name: string, args: readonly Value[], loose: boolean): Value {
  const found = FUNCTIONS.get(name)
  if (found === undefined || args.length < found.least || args.length > found.most)
    throw new Untranslatable(`${name}() has no equal in PostgreSQL`)
  return found.call(args, loose)
}
