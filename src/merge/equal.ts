/** What has to be known of a column's type to compare its values. */
export interface ValueType {
  /** Of a domain: what it is made of; without length or precision, so that a cast never cuts. */
  readonly base: string
  /** `pg_type.typcategory`: S is text of any kind, N numbers. */
  readonly category: string
  /** Its `=`; types of extensions have one of their own, which no path finds. */
  readonly operator: string
}

/** A value: its SQL and type. */
export interface Typed {
  readonly sql: string
  readonly type: ValueType
}

const PLAIN = 'OPERATOR(pg_catalog.=)'
const INTEGERS = ['smallint', 'integer', 'bigint']
const NUMBERS = [...INTEGERS, 'numeric', 'real', 'double precision']
const isText = ({ type }: Typed): boolean => type.category === 'S'
const isNumber = ({ type }: Typed): boolean => NUMBERS.includes(type.base)
const isInteger = ({ type }: Typed): boolean => INTEGERS.includes(type.base)
/** json, xml have no equality, and that of shapes is about their size. */
const asText = ({ type }: Typed): boolean =>
  ['json', 'xml', 'jsonpath'].includes(type.base) || type.category === 'G'

/** How two values are compared: the SQL that makes either comparable, and the operator. */
interface Comparison {
  readonly form: (value: Typed) => string
  readonly operator: string
}

function comparison(a: Typed, b: Typed): Comparison {
  const as = (type: string) => (value: Typed) => `(${value.sql})::${type}`
  if (a.type.base === b.type.base && !asText(a))
    return { form: ({ sql }) => `(${sql})`, operator: a.type.operator }
  // Their indexes serve each other.
  if (isInteger(a) && isInteger(b)) return { form: ({ sql }) => `(${sql})`, operator: PLAIN }
  if (isNumber(a) && isNumber(b)) return { form: as('pg_catalog.numeric'), operator: PLAIN }
  const own = [a, b].find((one) => isText(one) && one.type.operator !== PLAIN)
  if (isText(a) && isText(b) && own)
    return { form: as(`pg_catalog.text::${own.type.base}`), operator: own.type.operator }
  // A uuid may be written in capitals.
  const small = [a, b].some(({ type }) => type.base === 'uuid')
  const text = as('pg_catalog.text')
  return { form: (value) => (small ? `pg_catalog.lower(${text(value)})` : text(value)), operator: PLAIN }
}

/**
 * SQL that is true for equal values, and can be hashed. No cast of it can fail: values of types that do
 * not agree are compared as texts.
 */
export function equal(a: Typed, b: Typed): string {
  const { form, operator } = comparison(a, b)
  return `${form(a)} ${operator} ${form(b)}`
}

/** SQL that is the same for values of `a` that `equal` takes for one value of `b`; integers are as they are. */
export function alike(a: Typed, b: Typed): string {
  return comparison(a, b).form(a)
}
