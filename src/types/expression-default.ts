import type { ExpressionContext, Tree } from './expression-model.ts'
import { asNow, nowAs } from './expression-now.ts'
import { isNumber, number } from './expression-operators.ts'
import { Untranslatable } from './expression-tokens.ts'
import { translateTree } from './expression-tree.ts'
import { affinityOf, int, numberOf, real, text, textOf, typeClass, type Value } from './expression-value.ts'

const RANGES: Readonly<Record<string, bigint>> = {
  smallint: 15n,
  int2: 15n,
  integer: 31n,
  int: 31n,
  int4: 31n,
}

/** A column's default in the target, of the column's target type. Throws `Untranslatable`. */
export function translateDefault(tree: Tree, context: ExpressionContext): string {
  const type = context.type ?? 'text'
  const now = asNow(tree)
  if (now !== null) return nowAs(now, type)
  const bare = bareWord(tree)
  const value = bare === null ? translateTree(tree, { ...context, columns: new Map() }) : text(bare)
  if (value.kind === 'null') return 'null'
  if (value.constant !== undefined) return constantAs(value.constant, type, context.declared)
  const plain = number(value)
  const wanted = typeClass(type)
  if (wanted === 'boolean' && value.kind === 'bool') return value.sql
  if (wanted === 'text' && plain.kind === 'text') return plain.sql
  if (wanted === 'int' && plain.kind === 'int') return plain.sql
  if ((wanted === 'double' || wanted === 'numeric') && isNumber(plain)) return plain.sql
  if (wanted === 'bytea' && plain.kind === 'blob') return plain.sql
  throw new Untranslatable(`it has no value of the type ${type}`)
}

/** `DEFAULT active` is the string 'active' to SQLite. */
function bareWord(tree: Tree): string | null {
  return tree.node === 'name' && tree.form === 'word' && !/^(true|false)$/i.test(tree.name) ? tree.name : null
}

/** SQLite's affinity is applied first, as it is when the default is stored. */
function constantAs(constant: bigint | number | string, type: string, declared: string | undefined): string {
  const wrong = new Untranslatable(`${shown(constant)} is no ${type}`)
  const affinity = declared === undefined ? undefined : affinityOf(declared)
  const asNumber: Value | null =
    typeof constant === 'string'
      ? numberOf(constant)
      : typeof constant === 'bigint'
        ? int(constant)
        : real(constant)
  const wanted = typeClass(type)
  switch (wanted) {
    case 'int': {
      const whole = asNumber?.constant
      const integer = typeof whole === 'number' && Number.isSafeInteger(whole) ? BigInt(whole) : whole
      if (typeof integer !== 'bigint') throw wrong
      const bits = RANGES[type.toLowerCase().trim()] ?? 63n
      if (BigInt.asIntN(Number(bits) + 1, integer) !== integer) throw wrong
      return String(integer)
    }
    case 'double':
    case 'float4':
    case 'numeric':
      if (asNumber === null) throw wrong
      return asNumber.sql.replace(/\.0$/, '')
    case 'boolean': {
      const word = String(asNumber?.constant ?? constant)
        .trim()
        .toLowerCase()
      if (/^(1|t|true|y|yes|on)$/.test(word)) return 'true'
      if (/^(0|f|false|n|no|off)$/.test(word)) return 'false'
      throw wrong
    }
    case 'text':
      return textual(constant, asNumber, type, affinity)
    case 'uuid':
      if (typeof constant === 'string' && /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(constant))
        return text(constant).sql
      throw wrong
    case 'json':
      if (!isJson(typeof constant === 'string' ? constant : textOf(constant))) throw wrong
      return text(typeof constant === 'string' ? constant : textOf(constant)).sql
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      if (typeof constant !== 'string') throw new Untranslatable(`the number ${constant} is no ${type}`)
      return instant(constant, wanted, wrong)
    default:
      throw wrong
  }
}

function textual(
  constant: bigint | number | string,
  asNumber: Value | null,
  type: string,
  affinity: string | undefined,
): string {
  const numeric = affinity !== undefined && affinity !== 'text' && affinity !== 'blob'
  if (typeof constant === 'string' && numeric && asNumber !== null)
    throw new Untranslatable(`${shown(constant)} is a number in the source`)
  const string = typeof constant === 'string' ? constant : textOf(constant)
  const limit = /\(\s*(\d+)\s*\)/.exec(type)?.[1]
  if (limit !== undefined && [...string].length > Number(limit))
    throw new Untranslatable(`${shown(string)} is longer than ${type}`)
  return text(string).sql
}

const DATE = String.raw`\d{4}-\d\d-\d\d`
const TIME = String.raw`\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?`
const ZONE = String.raw`(?:Z|[+-]\d\d(?::?\d\d)?)`
const FORMS = {
  date: new RegExp(`^${DATE}$`),
  time: new RegExp(`^${TIME}$`),
  timestamp: new RegExp(`^${DATE}(?:[ T]${TIME})?$`),
  timestamptz: new RegExp(`^${DATE}(?:[ T]${TIME} ?(?:${ZONE})?)?$`),
}

function instant(constant: string, wanted: keyof typeof FORMS, wrong: Untranslatable): string {
  if (!FORMS[wanted].test(constant)) throw wrong
  const day = wanted === 'time' ? '2000-01-01' : constant.slice(0, 10)
  const clock = /\d\d:\d\d(?::\d\d)?/.exec(constant)?.[0] ?? '00:00'
  const parsed = new Date(`${day}T${clock}Z`)
  // JavaScript rolls 30 February over to March.
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 10) !== day || day.startsWith('0000'))
    throw wrong
  const zoned = wanted !== 'timestamptz' || new RegExp(`${TIME} ?${ZONE}$`).test(constant)
  if (zoned) return text(constant).sql
  // A time without a zone is UTC in SQLite, whatever the session's zone is here.
  return text(constant.length === 10 ? `${constant} 00:00+00` : `${constant.trim()}+00`).sql
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function shown(constant: bigint | number | string): string {
  return typeof constant === 'string' ? `'${constant}'` : String(constant)
}
