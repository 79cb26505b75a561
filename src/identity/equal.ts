import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'

/** What has to be known of a column's type to compare its values. */
export interface ValueType {
  /** Of a domain: what it is made of; without length or precision, so that a cast never cuts. */
  readonly base: string
  /** `pg_type.typcategory`: S is text of any kind, N numbers. */
  readonly category: string
  /** Its `=`; types of extensions have one of their own, which no path finds. */
  readonly operator: string
}

/** The types of a relation's columns, by name. `relation` is quoted. */
export async function columnTypes(
  session: Session,
  relation: string,
): Promise<ReadonlyMap<string, ValueType>> {
  const { rows } = await session.query<ValueType & { name: string }>(
    `WITH RECURSIVE base (name, type) AS (
        SELECT attname::text, atttypid FROM pg_catalog.pg_attribute
          WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT b.name, t.typbasetype FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT b.name, pg_catalog.format_type(t.oid, NULL) AS base, t.typcategory::text AS category,
        coalesce((SELECT pg_catalog.format('OPERATOR(%I.=)', n.nspname) FROM pg_catalog.pg_operator o
          JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
          WHERE o.oprname = '=' AND o.oprleft = t.oid AND o.oprright = t.oid LIMIT 1),
          'OPERATOR(pg_catalog.=)') AS operator
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'`,
    [relation],
  )
  return new Map(rows.map(({ name, ...type }) => [name, type]))
}

/** A value: its SQL and type. */
export interface Typed {
  readonly sql: string
  readonly type: ValueType
}

const PLAIN = 'OPERATOR(pg_catalog.=)'
const NUMBERS = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision']
const isText = ({ type }: Typed): boolean => type.category === 'S'
const isNumber = ({ type }: Typed): boolean => NUMBERS.includes(type.base)
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

/** SQL that is the same for values of `a` that `equal` takes for one value of `b`. */
export function alike(a: Typed, b: Typed): string {
  return comparison(a, b).form(a)
}

/** What texts are that differ only in case; `null` in SQL for the empty one. */
export function folded(sql: string): string {
  return `nullif(pg_catalog.lower((${sql})::pg_catalog.text), '')`
}

/** Sorts keys by bytes where they are texts, so that no collation has a say in which is the lowest. */
export function inOrder(sql: string, type: ValueType): string {
  return type.category === 'S' ? `(${sql})::pg_catalog.text COLLATE pg_catalog."C"` : sql
}

/** Quoted names of columns with a relation before them. */
export function of(alias: string, name: string): string {
  return `${alias}.${ident(name)}`
}
