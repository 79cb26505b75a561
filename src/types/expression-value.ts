import { ident, literal } from '../connection/quote.ts'
import { Untranslatable } from './expression-tokens.ts'

/** A source column as an expression may read it. Only `target` and `type` are needed. */
export interface ExpressionColumn {
  readonly target: string
  /** The target's type, e.g. `varchar(20)`. */
  readonly type: string
  /** As declared in the source: gives SQLite's affinity. Absent: the one that goes with `type`. */
  readonly declared?: string
  /** The source's collation where it is not BINARY. */
  readonly collation?: string | null
  readonly notNull?: boolean
  /** Why an expression cannot read it, e.g. `is not carried`. */
  readonly unusable?: string
}

export type TypeClass =
  | 'int'
  | 'double'
  | 'float4'
  | 'numeric'
  | 'text'
  | 'boolean'
  | 'bytea'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'uuid'
  | 'json'
  | 'other'

const CLASSES: Readonly<Record<string, TypeClass>> = {
  smallint: 'int',
  int2: 'int',
  integer: 'int',
  int: 'int',
  int4: 'int',
  bigint: 'int',
  int8: 'int',
  'double precision': 'double',
  float8: 'double',
  real: 'float4',
  float4: 'float4',
  numeric: 'numeric',
  decimal: 'numeric',
  text: 'text',
  varchar: 'text',
  'character varying': 'text',
  boolean: 'boolean',
  bool: 'boolean',
  bytea: 'bytea',
  date: 'date',
  time: 'time',
  'time without time zone': 'time',
  timestamp: 'timestamp',
  'timestamp without time zone': 'timestamp',
  timestamptz: 'timestamptz',
  'timestamp with time zone': 'timestamptz',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'json',
}

/** What a PostgreSQL type is to an expression. */
export function typeClass(type: string): TypeClass {
  const name = type
    .toLowerCase()
    .replace(/\([^)]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return Object.hasOwn(CLASSES, name) ? CLASSES[name]! : 'other'
}

export type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric'

/** SQLite's five rules, in their order. */
export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase()
  if (type.includes('INT')) return 'integer'
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text'
  if (type.trim() === '' || type.includes('BLOB')) return 'blob'
  return /REAL|FLOA|DOUB/.test(type) ? 'real' : 'numeric'
}

/**
 * What both engines agree that a value is. `number` may be an integer or a real in the source;
 * `opaque` has another form in the source than in the target, so that only NULL can be asked for.
 */
export type Kind = 'int' | 'real' | 'number' | 'text' | 'bool' | 'blob' | 'null' | 'opaque'

/** A translated part of an expression. */
export interface Value {
  readonly sql: string
  /** It can stand beside any operator without parentheses. */
  readonly atom: boolean
  readonly kind: Kind
  /** An integer that PostgreSQL computes with 64 bits. */
  readonly wide?: boolean
  readonly constant?: bigint | number | string
  /** SQLite's affinity of a column or CAST, which converts what it is compared with. */
  readonly affinity?: 'number' | 'text'
  readonly collation?: { readonly name: string; readonly explicit: boolean }
  readonly column?: ExpressionColumn
  /** Known for every row: `true`, `false`; `known` = true for every value that is not NULL. */
  readonly always?: boolean | 'known'
  readonly notNull?: boolean
}

export const NULL: Value = { sql: 'null', atom: true, kind: 'null' }

/** The value's SQL as an operand. */
export function wrap(value: Value): string {
  return value.atom ? value.sql : `(${value.sql})`
}

export function int(constant: bigint): Value {
  if (constant > 0x7fffffffffffffffn || constant < -0x8000000000000000n) return real(Number(constant))
  return { sql: String(constant), atom: constant >= 0n, kind: 'int', constant, notNull: true }
}

/** A real as SQLite has it: the nearest double, in its shortest form. */
export function real(constant: number): Value {
  if (!Number.isFinite(constant)) throw new Untranslatable('it holds an infinite number')
  const text = String(constant)
  return {
    sql: /[.e]/.test(text) ? text : `${text}.0`,
    atom: constant >= 0,
    kind: 'real',
    constant,
    notNull: true,
  }
}

export function text(constant: string): Value {
  if (constant.includes('\0')) throw new Untranslatable('it holds NUL')
  return { sql: literal(constant), atom: true, kind: 'text', constant, notNull: true }
}

export function truth(value: boolean): Value {
  return { sql: String(value), atom: true, kind: 'bool', always: value, notNull: true }
}

/** SQLite's number for a text that is one, else null. */
export function numberOf(text: string): Value | null {
  const trimmed = text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, '')
  if (/^[+-]?\d+$/.test(trimmed)) return int(BigInt(trimmed.replace(/^\+/, '')))
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? real(Number(trimmed)) : null
}

/** SQLite's text for a constant number, as TEXT affinity makes it. */
export function textOf(constant: bigint | number): string {
  if (typeof constant === 'bigint') return String(constant)
  const size = Math.abs(constant)
  const digits = String(constant)
  // Beyond these SQLite writes another form than JavaScript, by version.
  if (size !== 0 && (size < 1e-4 || size >= 1e15 || digits.length > 16))
    throw new Untranslatable(`${digits} is a number in a text`)
  return Number.isInteger(constant) ? `${digits}.0` : digits
}

/** The reference to a column. */
export function column(of: ExpressionColumn, name: string): Value {
  if (of.unusable !== undefined) throw new Untranslatable(`column ${name} ${of.unusable}`)
  const base = { sql: ident(of.target), atom: true, column: of, notNull: of.notNull === true }
  const affinity = of.declared === undefined ? undefined : affinityOf(of.declared)
  const numeric = affinity === undefined || affinity === 'integer' || affinity === 'numeric'
  switch (typeClass(of.type)) {
    case 'int':
      if (!numeric && affinity !== 'blob') break
      return {
        ...base,
        kind: 'int',
        wide: /^(bigint|int8)$/i.test(of.type.trim()),
        ...(numeric ? { affinity: 'number' } : {}),
      }
    case 'double':
      if (affinity === 'text') break
      if (affinity === 'blob') return { ...base, kind: 'number' }
      return {
        ...base,
        kind: affinity === undefined || affinity === 'real' ? 'real' : 'number',
        affinity: 'number',
      }
    case 'numeric':
      if (affinity === 'text' || affinity === 'blob') break
      return { ...base, kind: 'number', affinity: 'number' }
    case 'boolean':
      if (!numeric) break
      return { ...base, kind: 'bool', affinity: 'number' }
    case 'text':
      if (affinity !== undefined && affinity !== 'text') break
      return { ...base, kind: 'text', affinity: 'text', collation: ownCollation(of) }
    case 'bytea':
      if (affinity !== undefined && affinity !== 'blob') break
      return { ...base, kind: 'blob' }
    default:
  }
  return {
    ...base,
    kind: 'opaque',
    ...(typeClass(of.type) === 'text' ? { collation: ownCollation(of) } : {}),
  }
}

function ownCollation(of: ExpressionColumn): { readonly name: string; readonly explicit: boolean } {
  return { name: (of.collation ?? 'BINARY').toUpperCase(), explicit: false }
}

export function fold(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** SQLite's number as a value: beyond 64 bits it is a real; hexadecimal ones wrap around. */
export function numeral(written: string): Value {
  if (/^0x/i.test(written)) return int(BigInt.asIntN(64, BigInt(written)))
  return /^\d+$/.test(written) ? int(BigInt(written)) : real(Number(written))
}
