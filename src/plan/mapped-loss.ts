import { isArray, isText } from './mapped-types.ts'

const INTEGERS = ['smallint', 'integer', 'bigint']
const NUMBERS = [...INTEGERS, 'numeric', 'real', 'double precision', 'money']

/** Types between which values are cast there and back. */
const PAIRS = [
  NUMBERS,
  ['boolean', 'integer'],
  ['bit', ...INTEGERS],
  ['date', 'timestamp without time zone'],
  ['time without time zone', 'interval'],
  ['inet', 'cidr'],
]

/** Of a text that became such a type: one that holds all that the text says. */
const EXACT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(NUMBERS.filter((name) => name !== 'money').map((name) => [name, 'numeric'])),
  'time without time zone': 'time',
  'time with time zone': 'timetz',
  interval: 'interval',
  bit: 'bit varying',
  'bit varying': 'bit varying',
}

/**
 * SQL that is true where a cast has made something else of a value: cast back it is not what it was. Null
 * where the server itself refuses what does not fit.
 *
 * @param from null: a text.
 */
export function lossTest(value: string, from: string | null, made: string, to: string): string | null {
  const [a, b] = [from === null || isText(nameOf(from)) ? null : nameOf(from), nameOf(to)]
  const many = isArray(to) ? '[]' : ''
  const differ = (left: string, right: string): string => `${left} IS DISTINCT FROM ${right}`
  const asText = (sql: string): string => `(${sql})::text${many}`
  if (b === 'jsonb' && many === '' && (a === null || a === 'json')) return repeatedKey(`(${value})::json`)
  if (a === null) {
    const exact = EXACT[b]
    return exact === undefined
      ? null
      : differ(`${asText(made)}::${exact}${many}`, `(${value})::${exact}${many}`)
  }
  if (a === 'jsonb' && many === '') return differ(`pg_catalog.to_jsonb(${made})`, `(${value})`)
  if (a === 'money' || b === 'money') return differ(`(${made})::numeric${many}`, `(${value})::numeric${many}`)
  // The shortest text of a float is what was written, all its digits are not.
  if (a === 'numeric' && ['real', 'double precision'].includes(b))
    return differ(`${asText(made)}::numeric${many}`, `(${value})`)
  const isBack = a === b || PAIRS.some((names) => names.includes(a) && names.includes(b))
  return isBack && !UNEQUAL.has(b)
    ? differ(`(${made})::${from}`, `(${value})`)
    : differ(asText(made), asText(value))
}

/** Types without an equality of their own, or one that asks for their size only. */
const UNEQUAL = new Set('json xml point line lseg box path polygon circle'.split(' '))

const nameOf = (type: string): string => type.replace(/\[\]$/, '').replace(/\s*\([^()]*\)/, '')

/** Of several values of one key in an object `jsonb` keeps the last. */
function repeatedKey(json: string): string {
  return `EXISTS (WITH RECURSIVE landfall_part (json) AS (
    SELECT ${json}
    UNION ALL SELECT i.value FROM landfall_part AS p CROSS JOIN LATERAL (
      SELECT o.value FROM pg_catalog.json_each(CASE WHEN pg_catalog.json_typeof(p.json) = 'object' THEN p.json END) AS o
      UNION ALL SELECT a.value FROM pg_catalog.json_array_elements(CASE WHEN pg_catalog.json_typeof(p.json) = 'array' THEN p.json END) AS a) AS i)
    SELECT FROM landfall_part AS p WHERE pg_catalog.json_typeof(p.json) = 'object'
      AND (SELECT pg_catalog.count(*) > pg_catalog.count(DISTINCT k) FROM pg_catalog.json_object_keys(p.json) AS k))`
}
