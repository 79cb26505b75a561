import type { Way } from './model.ts'
import { way } from './way.ts'

/** The largest integer that a JavaScript number holds exactly. */
const SAFE = '9007199254740991'

const notInteger = (c: string) => `(typeof(${c}) <> 'integer' AND ${c} IS NOT NULL)`
const outside = (c: string, low: string, high: string) => `(${c} > ${high} OR ${c} < ${low})`

function integer(
  id: string,
  type: string,
  carrier: 'int2' | 'int4' | 'int8',
  low: string,
  high: string,
  reason: string,
  wider: string | null = null,
): Way {
  return way({
    wider,
    id,
    type,
    carrier,
    misfit: (c) => `${notInteger(c)} OR ${outside(c, low, high)}`,
    misfitReason: reason,
  })
}

export const int2 = integer('int2', 'smallint', 'int2', '-32768', '32767', 'is no integer of 16 bits')
export const int4 = integer(
  'int4',
  'integer',
  'int4',
  '-2147483648',
  '2147483647',
  'is no integer of 32 bits',
)
export const int8 = integer('int8', 'bigint', 'int8', `-${SAFE}`, SAFE, 'is no integer', 'int8-halves')

/** All 64 bits, in two halves, so that no number in between rounds them. */
export const int8Halves = way({
  id: 'int8-halves',
  type: 'bigint',
  carrier: 'int8Halves',
  read: (c) => [`(${c} >> 32)`, `(${c} & 4294967295)`],
  misfit: notInteger,
  misfitReason: 'is no integer',
})

/** Columns declared boolean that hold only 0 and 1. */
export const boolean = way({
  id: 'boolean',
  type: 'boolean',
  carrier: 'bool',
  misfit: (c) => `${notInteger(c)} OR ${outside(c, '0', '1')}`,
  misfitReason: 'is neither 0 nor 1',
  conversion: '0 and 1 to false and true',
  wider: 'boolean-words',
})

const TRUE_WORDS = "('1','t','true','y','yes','on')"
const FALSE_WORDS = "('0','f','false','n','no','off')"

export const booleanWords = way({
  id: 'boolean-words',
  type: 'boolean',
  carrier: 'bool',
  read: (c) => [
    `CASE WHEN lower(CAST(${c} AS TEXT)) IN ${TRUE_WORDS} THEN 1 WHEN ${c} IS NOT NULL THEN 0 END`,
  ],
  misfit: (c) =>
    `(${c} IS NOT NULL AND NOT (typeof(${c}) IN ('integer','text') AND (lower(CAST(${c} AS TEXT)) IN ${TRUE_WORDS} OR lower(CAST(${c} AS TEXT)) IN ${FALSE_WORDS})))`,
  misfitReason: 'is no truth value',
  conversion: '0, 1 and words such as true, f, yes to boolean',
  injective: false,
})

/** A REAL column: SQLite itself turns integers there into reals, so only text and blobs are foreign. */
export const float8 = way({
  id: 'float8',
  type: 'double precision',
  carrier: 'float8',
  misfit: (c) => `${c} >= ''`,
  misfitReason: 'is no number',
})

/** Integers and reals side by side, where every integer is exact as a double. */
export const float8Mixed = way({
  id: 'float8-mixed',
  type: 'double precision',
  carrier: 'float8',
  misfit: (c) => `${c} >= '' OR (typeof(${c}) = 'integer' AND ${outside(c, `-${SAFE}`, SAFE)})`,
  misfitReason: 'is no number that a double holds exactly',
  injective: false,
})

/** 4 bytes, for a target that has such a column; only values that survive are let through. */
export const float4 = way({
  id: 'float4',
  type: 'real',
  carrier: 'float4',
  // An integer beyond 2^53 that 4 bytes hold exactly would not reach JavaScript as a number.
  read: (c) => [`CAST(${c} AS REAL)`],
  misfit: (c) => `(${c} IS NOT NULL AND NOT coalesce(landfall_is_float4(${c}), 0))`,
  misfitReason: 'is no number that 4 bytes hold exactly',
})

/** Longer ones than `numeric` holds are refused; GLOB and length() stop at NUL. */
const plainDecimal = (c: string) =>
  `(typeof(${c}) = 'text' AND octet_length(${c}) <= 16384 AND instr(${c}, char(0)) = 0 AND ltrim(${c}, '+-') GLOB '[0-9]*' AND ltrim(${c}, '+-') NOT GLOB '*[^0-9.]*' AND ${c} NOT GLOB '*.*.*' AND ${c} NOT GLOB '?*[+-]*')`

const decimalRead = (c: string) => [
  `CASE WHEN typeof(${c}) = 'integer' THEN CAST(${c} AS TEXT) ELSE ${c} END`,
]
const decimalEqual = (c: string) => [`landfall_decimal(${c})`]

/** Decimal numbers of any size. Reals travel in their shortest exact form. */
export const numeric = way({
  id: 'numeric',
  type: 'numeric',
  carrier: 'numeric',
  read: decimalRead,
  equal: decimalEqual,
  misfit: (c) => `(${c} >= '' AND NOT ${plainDecimal(c)})`,
  misfitReason: 'is no decimal number',
  injective: false,
})

/** `numeric(p,s)` where no value would be rounded or overflow. */
export function numericFixed(precision: number, scale: number): Way {
  const bound = `1e${precision - scale}`
  return way({
    id: `numeric(${precision},${scale})`,
    type: `numeric(${precision},${scale})`,
    carrier: 'numeric',
    read: decimalRead,
    equal: decimalEqual,
    misfit: (c) =>
      `${c} >= '' OR ${c} >= ${bound} OR ${c} <= -${bound} OR (typeof(${c}) = 'real' AND round(${c}, ${scale}) <> ${c})`,
    misfitReason: `is no number of at most ${precision} digits with ${scale} after the point`,
    injective: false,
  })
}
