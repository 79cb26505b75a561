import * as integers from './integer.ts'
import { label } from './label.ts'
import type { Way } from './model.ts'
import * as texts from './text.ts'
import * as times from './time.ts'

/** What a column's declaration proposes: ways in the order of preference; the last is the base. */
export interface Proposal {
  /**
   * The first way that every value fits is taken. When none is, the base is, and the values that do
   * not fit it are the rows that cannot be stored.
   */
  readonly ways: readonly Way[]
  /** Why these: a clause such as `declared DATETIME`. */
  readonly why: string
}

const INTEGERS = [integers.int8, integers.int8Halves]
const ANY_NUMBER = [...INTEGERS, integers.float8Mixed]

/** By content alone, for columns that are declared without a type, or as something that content vetoed. */
function byContent(encoding: string): readonly Way[] {
  return [
    ...ANY_NUMBER,
    texts.text,
    texts.textLarge(encoding),
    texts.bytea,
    texts.byteaLarge,
    texts.mixedText,
  ]
}

/**
 * SQLite's declared types are free text. Known words propose their PostgreSQL type; anything else
 * goes by the affinity that SQLite itself gives it (its five rules, in their order).
 */
export function propose(declared: string, encoding: string): Proposal {
  const type = declared.trim().toUpperCase().replace(/\s+/g, ' ')
  const why = declared.trim() === '' ? 'declared without a type' : `declared ${declared.trim()}`
  return { why, ways: waysFor(type, encoding) }
}

function waysFor(type: string, encoding: string): readonly Way[] {
  const word = /^[A-Z0-9_]*/.exec(type)?.[0] ?? ''
  const [first, second] = lengths(type)
  if (/^BOOL/.test(word)) return [integers.boolean, integers.booleanWords, ...byContent(encoding)]
  if (/^(TIMESTAMP|DATETIME)/.test(word)) return [...TIMESTAMPS, ...byContent(encoding)]
  if (word === 'DATE') return [times.date, ...TIMESTAMPS, ...byContent(encoding)]
  if (word === 'TIME' || word === 'TIMETZ') return [times.time, ...byContent(encoding)]
  if (/^JSON/.test(word)) return [texts.json, texts.jsonLarge, texts.jsonOrNumber, ...byContent(encoding)]
  if (word === 'UUID' || word === 'GUID' || word === 'UNIQUEIDENTIFIER')
    return [texts.uuid, texts.uuidAny, ...byContent(encoding)]
  if (/^(DECIMAL|NUMERIC|NUMBER|DEC)$/.test(word)) return decimals(first, second)
  if (/^(TINYINT|SMALLINT|INT2)$/.test(word)) return [integers.int2, ...INTEGERS]
  if (/^(INTEGER|INT|INT4|INT8|BIGINT|MEDIUMINT|UNSIGNED|SERIAL|BIGSERIAL)$/.test(word)) return INTEGERS
  if (type.includes('INT')) return byContent(encoding)
  if (/CHAR|CLOB|TEXT/.test(type)) return texted(first, encoding)
  if (type === '' || type === 'ANY') return byContent(encoding)
  if (/BLOB|BINARY|BYTEA/.test(type)) return [texts.bytea, texts.byteaLarge, texts.byteaOfText]
  if (/REAL|FLOA|DOUB/.test(type)) return [integers.float8]
  return byContent(encoding)
}

const TIMESTAMPS = [
  times.timestampPlain,
  times.timestampNaive,
  times.timestampZoned,
  times.epoch('s'),
  times.epoch('ms'),
  times.epoch('us'),
  times.epochReal,
  times.julian,
]

function texted(limit: number | undefined, encoding: string): readonly Way[] {
  const plain = [texts.text, texts.textLarge(encoding)]
  return limit === undefined || limit < 1 || limit > 10_485_760
    ? plain
    : [...texts.limited(`varchar(${limit})`, limit), ...plain]
}

function decimals(precision: number | undefined, scale: number | undefined): readonly Way[] {
  // Beyond 15 digits a double cannot tell whether a value was rounded, so only `numeric` is proposed.
  const fixed =
    precision !== undefined && precision >= 1 && precision <= 15 && (scale ?? 0) <= precision
      ? [integers.numericFixed(precision, scale ?? 0)]
      : []
  return [...fixed, integers.numeric]
}

function lengths(type: string): [number | undefined, number | undefined] {
  const match = /\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)/.exec(type)
  return [match?.[1], match?.[2]].map((digits) => (digits === undefined ? undefined : Number(digits))) as [
    number | undefined,
    number | undefined,
  ]
}

/** What the user chose for a column, or what a target table that is there already prescribes. */
export interface Wish {
  readonly zone?: string
  readonly epoch?: 's' | 'ms' | 'us'
  readonly nul?: 'strip'
  readonly invalidUtf8?: 'replace'
}

/** The ways into one given PostgreSQL type (as `format_type` spells it, or as a user would). */
export function proposeFor(type: string, wish: Wish, encoding: string): readonly Way[] {
  const [name, first, second] = parseType(type)
  const renamed = (ways: readonly Way[]) => ways.map((way) => ({ ...way, type }))
  const repair = wish.nul === 'strip' || wish.invalidUtf8 === 'replace'
  switch (name) {
    case 'smallint':
      return [integers.int2]
    case 'integer':
      return [integers.int4]
    case 'bigint':
      return INTEGERS
    case 'boolean':
      return [integers.boolean, integers.booleanWords]
    case 'double precision':
      return [integers.float8Mixed]
    case 'real':
      return [integers.float4]
    case 'numeric':
      return first === undefined ? [integers.numeric] : [integers.numericFixed(first, second ?? 0)]
    case 'text':
    case 'citext':
      if (repair)
        return [texts.repairedText(type, null, wish.nul === 'strip', wish.invalidUtf8 === 'replace')]
      return renamed([texts.text, texts.textLarge(encoding), texts.mixedText])
    case 'varchar':
    case 'char': {
      const limit = first ?? (name === 'char' ? 1 : undefined)
      if (repair)
        return [texts.repairedText(type, limit ?? null, wish.nul === 'strip', wish.invalidUtf8 === 'replace')]
      return renamed(
        limit === undefined ? [texts.text, texts.textLarge(encoding)] : texts.limited(type, limit),
      )
    }
    case 'bytea':
      return [texts.bytea, texts.byteaLarge, texts.byteaOfText]
    case 'json':
      return [texts.json, texts.jsonLarge, texts.jsonOrNumber]
    case 'jsonb':
      return [texts.jsonb, texts.jsonbLarge, texts.jsonbOrNumber]
    case 'uuid':
      return [texts.uuid, texts.uuidAny]
    case 'date':
      return [times.date]
    case 'time':
      return withPrecision([times.time], first)
    case 'timestamp':
    case 'timestamptz':
      return withPrecision(instants(name, wish), first)
    default:
      return [label(type)]
  }
}

/** Six digits are what these types have when none is said, and the most. */
function withPrecision(ways: readonly Way[], digits: number | undefined): readonly Way[] {
  return digits === undefined || digits > 5 ? ways : ways.map((way) => times.precise(way, digits))
}

function instants(name: 'timestamp' | 'timestamptz', wish: Wish): readonly Way[] {
  const numbers = wish.epoch
    ? [times.epoch(wish.epoch, true)]
    : [times.epoch('s'), times.epoch('ms'), times.epoch('us'), times.epochReal]
  if (name === 'timestamp')
    return [
      ...(wish.epoch ? [] : [times.timestampPlain, times.timestampNaive]),
      ...numbers.map((way) => times.asType(way, 'timestamp')),
      times.julian,
      times.asType(times.timestampZoned, 'timestamp'),
    ]
  if (wish.epoch) return numbers
  const zoned =
    wish.zone === undefined
      ? [times.timestampZoned]
      : [/^(utc|z|gmt|etc\/utc)$/i.test(wish.zone) ? times.timestampUtc : times.timestampIn(wish.zone)]
  return [...zoned, ...numbers]
}

/** `character varying(20)` and `VARCHAR (20)` are both `['varchar', 20]`. */
export function parseType(type: string): [string, number | undefined, number | undefined] {
  const plain = type
    .toLowerCase()
    .replace(/\s*\([^)]*\)/, '')
    .replace(/\s+/g, ' ')
    .trim()
  return [SYNONYMS[plain] ?? plain, ...lengths(type)]
}

const SYNONYMS: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  bool: 'boolean',
  float8: 'double precision',
  float: 'double precision',
  float4: 'real',
  decimal: 'numeric',
  'character varying': 'varchar',
  character: 'char',
  bpchar: 'char',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
}
