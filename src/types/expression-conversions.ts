import { isNumber, lowered, number, textual, widened } from './expression-operators.ts'
import { Untranslatable } from './expression-tokens.ts'
import { affinityOf, NULL, text, typeClass, type Value, wrap } from './expression-value.ts'

/** What `typeof()` says of a column's values that are not NULL, or null where it depends on the value. */
export function typeofColumn(value: Value): string | null {
  const column = value.column
  if (column === undefined) return null
  switch (typeClass(column.type)) {
    case 'int':
      return value.kind === 'opaque' ? null : 'integer'
    case 'boolean':
      return value.kind === 'bool' ? 'integer' : null
    case 'double':
      return value.kind === 'real' ? 'real' : null
    case 'text':
    case 'uuid':
    case 'json':
      return column.declared === undefined || affinityOf(column.declared) === 'text' ? 'text' : null
    case 'bytea':
      return value.kind === 'blob' ? 'blob' : null
    default:
      return null
  }
}

export function cast(value: Value, type: string): Value {
  const affinity = affinityOf(type)
  const plain = number(value)
  if (plain.kind === 'null') return NULL
  if (affinity === 'text') {
    const { column: _, ...rest } = textual(plain)
    return { ...rest, affinity: 'text' }
  }
  if (plain.kind === 'int' && (affinity === 'integer' || affinity === 'numeric'))
    return {
      sql: widened(plain),
      atom: true,
      kind: 'int',
      wide: true,
      affinity: 'number',
      notNull: plain.notNull === true,
    }
  if (isNumber(plain) && affinity === 'real')
    return {
      sql: `${wrap(plain)}::double precision`,
      atom: true,
      kind: 'real',
      affinity: 'number',
      notNull: plain.notNull === true,
    }
  throw new Untranslatable(`CAST to ${type} takes what it can read of a value`)
}

/** `x LIKE 'pattern'`: without case for ASCII letters, and without an escape character unless one is given. */
export function like(of: Value, pattern: Value, mark: Value | null): Value {
  if (typeof pattern.constant !== 'string')
    throw new Untranslatable('LIKE takes a pattern that is not a constant')
  const value = textual(of)
  if (value.kind === 'null') return NULL
  const sign = mark === null ? '' : mark.constant
  if (
    typeof sign !== 'string' ||
    [...sign].length > 1 ||
    /[A-Za-z%_]/.test(sign) ||
    (mark !== null && sign === '')
  )
    throw new Untranslatable('LIKE has an unusual ESCAPE')
  const signs = sign === '' ? 0 : (new RegExp(`(?:\\${sign})*$`).exec(pattern.constant)?.[0].length ?? 0)
  if (signs % 2 === 1) throw new Untranslatable('LIKE has a pattern that ends in its ESCAPE')
  const [left, right] = /[A-Za-z]/.test(pattern.constant)
    ? [lowered(value), lowered(pattern)]
    : [value, pattern]
  const suffix =
    sign === '' ? (pattern.constant.includes('\\') ? " escape ''" : '') : ` escape ${text(sign).sql}`
  return {
    sql: `${wrap(left)} like ${right.sql}${suffix}`,
    atom: false,
    kind: 'bool',
    notNull: value.notNull === true,
  }
}
