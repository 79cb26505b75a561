import type { Way } from './model.ts'
import { way } from './way.ts'

/** Values up to this many bytes are read in batches; a column with a longer one is read row by row. */
const BATCHED = 1_048_576

/** `typeof` looks at a row's head only; a comparison would load the value, whatever its size. */
const not = (type: 'text' | 'blob', c: string) => `(typeof(${c}) <> '${type}' AND ${c} IS NOT NULL)`
const notText = (c: string) => not('text', c)
const badBytes = (c: string) => `NOT landfall_text_ok(CAST(${c} AS BLOB))`
const tooLarge = (c: string) => `octet_length(${c}) > ${BATCHED}`

/** A way that carries text: the test of bytes is added here, once. */
function textual(parts: {
  id: string
  type: string
  carrier?: 'text' | 'json' | 'jsonb' | 'textBytes'
  read?: (c: string) => readonly string[]
  also?: (c: string) => string
  reason: string
  conversion?: string | null
  injective?: boolean
  large?: boolean
  wider?: string
}): Way {
  const quick = (c: string) =>
    [notText(c), ...(parts.large ? [] : [tooLarge(c)]), ...(parts.also ? [parts.also(c)] : [])].join(' OR ')
  return way({
    id: parts.id,
    type: parts.type,
    carrier: parts.carrier ?? 'text',
    misfit: (c) => `${quick(c)} OR ${badBytes(c)}`,
    quickMisfit: quick,
    misfitReason: parts.reason,
    bytes: true,
    large: parts.large ?? false,
    injective: parts.injective ?? true,
    conversion: parts.conversion ?? null,
    wider: parts.wider ?? null,
    ...(parts.read ? { read: parts.read } : {}),
  })
}

const plain = 'is no text that PostgreSQL can hold (bytes, a NUL, or invalid UTF-8)'

export const text = textual({ id: 'text', type: 'text', reason: plain, wider: 'text-large' })

/**
 * Values of more than a megabyte: their bytes go through untouched. A UTF-16 database has no UTF-8
 * bytes to give, so there the text itself travels.
 */
export function textLarge(encoding: string): Way {
  const utf8 = encoding === 'UTF-8'
  return textual({
    id: 'text-large',
    type: 'text',
    carrier: utf8 ? 'textBytes' : 'text',
    read: (c) => [utf8 ? `CAST(${c} AS BLOB)` : c],
    reason: plain,
    large: true,
  })
}

const tooLong = (c: string, n: number) => `(octet_length(${c}) > ${n} AND length(${c}) > ${n})`

/** At most `n` characters; two ways where so many may be more than a megabyte. */
export function limited(type: string, n: number): readonly Way[] {
  const parts = {
    type,
    also: (c: string) => tooLong(c, n),
    reason: `is no text of at most ${n} characters that PostgreSQL can hold`,
  }
  const batched = { ...parts, id: type, wider: `${type}-large` }
  const large = { ...parts, id: `${type}-large`, large: true }
  return n * 4 > BATCHED ? [textual(batched), textual(large)] : [textual({ ...parts, id: type })]
}

/**
 * Text with the NUL characters taken out, invalid UTF-8 replaced by U+FFFD, or both: only when the
 * user chose so, because it changes values.
 */
export function repairedText(type: string, limit: number | null, nul: boolean, utf8: boolean): Way {
  const repaired = (c: string) => `landfall_text_repair(CAST(${c} AS BLOB), ${nul ? 1 : 0}, ${utf8 ? 1 : 0})`
  const kept =
    nul && utf8
      ? null
      : (c: string) => `landfall_text_repair(CAST(${c} AS BLOB), ${nul ? 1 : 0}, ${utf8 ? 1 : 0}) IS NULL`
  const over = limit === null ? null : (c: string) => tooLong(repaired(c), limit)
  // What a program stored as bytes in a text column is text whose encoding nobody checked.
  const foreign = utf8 ? (c: string) => `${c} < ''` : notText
  return way({
    id: `${type} repaired${nul ? ' nul' : ''}${utf8 ? ' utf8' : ''}`,
    type,
    carrier: 'text',
    read: (c) => [
      `CASE WHEN ${c} IS NULL OR (typeof(${c}) = 'text' AND landfall_text_ok(CAST(${c} AS BLOB))) THEN ${c} ELSE ${repaired(c)} END`,
    ],
    misfit: (c) =>
      [foreign(c), ...(kept ? [`(${badBytes(c)} AND ${kept(c)})`] : []), ...(over ? [over(c)] : [])].join(
        ' OR ',
      ),
    misfitReason: plain,
    large: true,
    injective: false,
    conversion: [nul && 'NUL characters taken out', utf8 && 'invalid UTF-8 replaced by U+FFFD']
      .filter(Boolean)
      .join(', '),
  })
}

/** The shortest text that reads back as the same real. */
const realText = (c: string) =>
  `CASE WHEN CAST(CAST(${c} AS TEXT) AS REAL) = ${c} THEN CAST(${c} AS TEXT) ELSE printf('%!.17g', ${c}) END`

/** Text and numbers side by side, the numbers written out. */
export const mixedText = way({
  id: 'text-mixed',
  type: 'text',
  carrier: 'text',
  read: (c) => [
    `CASE typeof(${c}) WHEN 'real' THEN ${realText(c)} WHEN 'integer' THEN CAST(${c} AS TEXT) ELSE ${c} END`,
  ],
  misfit: (c) => `${c} >= x'' OR (typeof(${c}) = 'text' AND ${badBytes(c)})`,
  misfitReason: plain,
  large: true,
  injective: false,
  conversion: 'numbers to their text',
})

const notJson = (c: string) => `NOT json_valid(${c})`

export const json = textual({
  id: 'json',
  type: 'json',
  carrier: 'json',
  also: notJson,
  reason: 'is no valid JSON text',
  wider: 'json-large',
})

/** Normalised by PostgreSQL (spaces, key order, doubled keys), so only where it is asked for. */
const jsonbParts = {
  type: 'jsonb',
  carrier: 'jsonb',
  // Only escapes and very large or exact numbers can be valid JSON that jsonb has no place for.
  also: (c: string) =>
    `${notJson(c)} OR ((instr(${c}, '\\u') > 0 OR octet_length(${c}) > 16000 OR ${c} GLOB '*[0-9][eE]*') AND NOT landfall_jsonb_ok(${c}))`,
  reason: 'is no JSON text that jsonb can hold',
  conversion: 'JSON text to jsonb, which normalises spaces, key order and doubled keys',
  injective: false,
} as const
export const jsonb = textual({ ...jsonbParts, id: 'jsonb', wider: 'jsonb-large' })
export const jsonbLarge = textual({ ...jsonbParts, id: 'jsonb-large', large: true, wider: 'jsonb-numbers' })

export const jsonLarge = textual({
  id: 'json-large',
  wider: 'json-numbers',
  type: 'json',
  carrier: 'json',
  also: notJson,
  reason: 'is no valid JSON text',
  large: true,
})

/**
 * A column declared JSON has the affinity NUMERIC: SQLite itself turns the document `5` into a number,
 * which is written out again here.
 */
function jsonNumbers(type: 'json' | 'jsonb'): Way {
  const base = type === 'json' ? jsonLarge : jsonbLarge
  const number = (c: string) => `typeof(${c}) IN ('integer', 'real')`
  const infinite = (c: string) => `${c} IN (9e999, -9e999)`
  const unlessNumber = (test: string | null, c: string) =>
    `CASE WHEN ${number(c)} THEN ${infinite(c)} ELSE ${test} END`
  return {
    ...base,
    id: `${type}-numbers`,
    wider: null,
    read: mixedText.read,
    equal: mixedText.equal,
    misfit: (c) => unlessNumber(base.misfit(c), c),
    quickMisfit: (c) => unlessNumber(base.quickMisfit(c), c),
    injective: false,
    conversion: [base.conversion, 'numbers to their JSON text'].filter(Boolean).join('; '),
  }
}
export const jsonOrNumber = jsonNumbers('json')
export const jsonbOrNumber = jsonNumbers('jsonb')

export const bytea = way({
  id: 'bytea',
  type: 'bytea',
  carrier: 'bytea',
  misfit: (c) => `${not('blob', c)} OR ${tooLarge(c)}`,
  misfitReason: 'is no BLOB',
  wider: 'bytea-large',
})

export const byteaLarge = way({
  id: 'bytea-large',
  type: 'bytea',
  carrier: 'bytea',
  misfit: (c) => not('blob', c),
  misfitReason: 'is no BLOB',
  large: true,
})

/** Text in a BLOB column becomes its bytes. */
export const byteaOfText = way({
  id: 'bytea-of-text',
  type: 'bytea',
  carrier: 'bytea',
  read: (c) => [`CAST(${c} AS BLOB)`],
  misfit: (c) => `${c} < ''`,
  misfitReason: 'is neither BLOB nor text',
  large: true,
  injective: false,
  conversion: 'text to its bytes',
})

/** GLOB stops at NUL. */
const noNul = (c: string) => `instr(${c}, char(0)) = 0`

const HEX = '[0-9a-fA-F]'
const hyphenated = [8, 4, 4, 4, 12].map((n) => HEX.repeat(n)).join('-')
const hyphenatedLower = hyphenated.replaceAll('a-fA-F', 'a-f')

export const uuid = way({
  id: 'uuid',
  type: 'uuid',
  carrier: 'uuid',
  misfit: (c) =>
    `NOT (typeof(${c}) = 'text' AND ${c} GLOB '${hyphenatedLower}' AND ${noNul(c)}) AND ${c} IS NOT NULL`,
  misfitReason: 'is no UUID in canonical form',
  wider: 'uuid-any',
})

export const uuidAny = way({
  id: 'uuid-any',
  type: 'uuid',
  carrier: 'uuid',
  // One spelling for each UUID, so that equal ones are found.
  read: (c) => [`lower(CASE typeof(${c}) WHEN 'blob' THEN hex(${c}) ELSE replace(${c}, '-', '') END)`],
  misfit: (c) =>
    `${c} IS NOT NULL AND NOT ((typeof(${c}) = 'text' AND ${noNul(c)} AND (${c} GLOB '${hyphenated}' OR ${c} GLOB '${HEX.repeat(32)}')) OR (typeof(${c}) = 'blob' AND length(${c}) = 16))`,
  misfitReason: 'is no UUID',
  injective: false,
  conversion: 'other spellings of a UUID to the canonical one',
})
