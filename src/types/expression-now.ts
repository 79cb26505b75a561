import type { Tree } from './expression-model.ts'
import { Untranslatable } from './expression-tokens.ts'
import { typeClass } from './expression-value.ts'

/** The present instant, as a default of SQLite writes it. */
interface Now {
  /** `text` is written by the `to_char` pattern; the others are numbers. */
  readonly form: 'text' | 'seconds' | 'milliseconds' | 'julian'
  readonly pattern: string
  /** What the text holds. */
  readonly holds: 'both' | 'date' | 'time' | 'part'
  readonly local: boolean
  /** SQL that is added to `now()`, e.g. ` + interval '7 days'`. */
  readonly shift: string
  /** Seconds may have a fraction. */
  readonly fraction: boolean
}

const DATE = 'YYYY-MM-DD'
const TIME = 'HH24:MI:SS'
const BOTH = `${DATE} ${TIME}`
const BASE: Now = { form: 'text', pattern: BOTH, holds: 'both', local: false, shift: '', fraction: false }
const SECONDS: Now = { ...BASE, form: 'seconds' }

/** The instant that a default stands for, or null when it is something else. Throws for a time that is not now. */
export function asNow(tree: Tree): Now | null {
  if (tree.node === 'name' && tree.form === 'word') {
    const word = tree.name.toLowerCase()
    if (word === 'current_timestamp') return BASE
    if (word === 'current_date') return { ...BASE, pattern: DATE, holds: 'date' }
    return word === 'current_time' ? { ...BASE, pattern: TIME, holds: 'time' } : null
  }
  if (tree.node === 'call') return called(tree.name, tree.args)
  if (tree.node === 'cast' && /INT/i.test(tree.type)) return whole(asNow(tree.of))
  if (tree.node === 'binary' && tree.op === '*')
    return multiplied(tree.left, tree.right) ?? multiplied(tree.right, tree.left)
  if (tree.node === 'binary' && tree.op === '+' && isNumeral(tree.right, 0)) {
    const now = asNow(tree.left)
    return now?.form === 'text' ? null : now
  }
  return null
}

function isNumeral(tree: Tree, number: number): boolean {
  return tree.node === 'number' && Number(tree.text) === number
}

function whole(now: Now | null): Now | null {
  return now === null || now.form === 'text' || now.form === 'julian' ? null : { ...now, fraction: false }
}

/** `unixepoch() * 1000`, and `(julianday('now') - 2440587.5) * 86400000`. */
function multiplied(of: Tree, by: Tree): Now | null {
  if (of.node === 'binary' && of.op === '-' && isNumeral(of.right, 2440587.5)) {
    const now = asNow(of.left)
    if (now?.form !== 'julian') return null
    if (isNumeral(by, 86400)) return { ...now, form: 'seconds', fraction: true }
    return isNumeral(by, 86400000) ? { ...now, form: 'milliseconds', fraction: true } : null
  }
  const now = isNumeral(by, 1000) ? asNow(of) : null
  return now?.form === 'seconds' ? { ...now, form: 'milliseconds', fraction: false } : null
}

function called(name: string, args: readonly Tree[]): Now | null {
  const given = name === 'strftime' ? args.slice(1) : args
  if (!['date', 'time', 'datetime', 'julianday', 'unixepoch', 'strftime'].includes(name)) return null
  const words = given.map((item) =>
    item.node === 'string' ? item.text : item.node === 'name' && item.form === 'quoted' ? item.name : null,
  )
  if (words.length > 0 && words[0]?.toLowerCase() !== 'now')
    throw new Untranslatable(`${name}() of something else than 'now'`)
  const now = modified(named(name, args), words.slice(1))
  if (now.local && now.form !== 'text') throw new Untranslatable('it counts from an epoch in local time')
  return now
}

function named(name: string, args: readonly Tree[]): Now {
  if (name === 'date') return { ...BASE, pattern: DATE, holds: 'date' }
  if (name === 'time') return { ...BASE, pattern: TIME, holds: 'time' }
  if (name === 'datetime') return BASE
  if (name === 'unixepoch') return SECONDS
  if (name === 'julianday') return { ...BASE, form: 'julian', fraction: true }
  const format = args[0]
  if (format?.node !== 'string' && !(format?.node === 'name' && format.form === 'quoted'))
    throw new Untranslatable('strftime() with a format that is not a constant')
  const text = format.node === 'string' ? format.text : format.name
  if (text === '%s') return SECONDS
  if (text === '%J') return { ...BASE, form: 'julian', fraction: true }
  const date = /%F|%Y.*%m.*%d/.test(text)
  const time = /%T|%R|%H.*%M/.test(text)
  return {
    ...BASE,
    pattern: pattern(text),
    holds: date && time ? 'both' : date ? 'date' : time ? 'time' : 'part',
  }
}

function modified(start: Now, modifiers: readonly (string | null)[]): Now {
  let now = start
  for (const modifier of modifiers) {
    const word = modifier?.trim().toLowerCase() ?? ''
    const shift = /^([+-]?)(\d{1,6}) (day|hour|minute|second)s?$/.exec(word)
    if (word === 'localtime' && !now.local) now = { ...now, local: true }
    else if (/^(subsec|subsecond)$/.test(word))
      now = { ...now, fraction: true, pattern: now.pattern.replace(/SS$/, 'SS.MS') }
    else if (shift !== null)
      now = { ...now, shift: `${now.shift} ${shift[1] || '+'} interval '${shift[2]} ${shift[3]}s'` }
    else
      throw new Untranslatable(
        `the time modifier ${JSON.stringify(modifier ?? '…')} has no equal in PostgreSQL`,
      )
  }
  return now
}

const CODES: Readonly<Record<string, string>> = {
  Y: 'YYYY',
  m: 'MM',
  d: 'DD',
  H: 'HH24',
  M: 'MI',
  S: 'SS',
  f: 'SS.MS',
  j: 'DDD',
  F: DATE,
  T: TIME,
  R: 'HH24:MI',
  '%': '"%"',
}

function pattern(format: string): string {
  return format.replace(/%(.?)|[^%]+/gs, (part, code: string | undefined) => {
    if (part.startsWith('%')) {
      if (code === undefined || CODES[code] === undefined) throw new Untranslatable(`strftime() with ${part}`)
      return CODES[code]
    }
    if (/["\\]/.test(part)) throw new Untranslatable('strftime() with quotes in its format')
    return /^[-/:., ]+$/.test(part) ? part : `"${part}"`
  })
}

/** The default of a column of the given type that stands for the instant. */
export function nowAs(now: Now, type: string): string {
  const base = now.shift === '' ? 'now()' : `(now()${now.shift})`
  const wall = now.local ? `${base}::timestamp` : `(${base} at time zone 'utc')`
  const epoch = `extract(epoch from ${base})`
  const wrong = new Untranslatable(`the present time in that form is no ${type}`)
  switch (typeClass(type)) {
    case 'timestamp':
      if (now.form === 'text' && now.holds !== 'both' && now.holds !== 'date') throw wrong
      return now.holds === 'date' ? `date_trunc('day', ${wall})` : wall
    case 'timestamptz':
      if (now.form === 'text' && now.holds !== 'both' && now.holds !== 'date') throw wrong
      if (now.holds === 'date')
        return now.local ? `date_trunc('day', ${base})` : `date_trunc('day', ${base}, 'UTC')`
      return base
    case 'date':
      if (now.form === 'text' && now.holds !== 'both' && now.holds !== 'date') throw wrong
      return `${wall}::date`
    case 'time':
      if (now.form !== 'text' || now.holds !== 'time') throw wrong
      return `${wall}::time(${now.pattern.includes('MS') ? 3 : 0})`
    case 'text':
      if (now.form === 'text') return `to_char(${wall}, '${now.pattern.replaceAll("'", "''")}')`
      if (now.form !== 'seconds' || now.fraction) throw wrong
      return `floor(${epoch})::bigint::text`
    case 'int':
    case 'double':
    case 'numeric': {
      const whole = typeClass(type) === 'int'
      if (now.form === 'text' && /^[A-Z0-9]+$/.test(now.pattern) && now.holds === 'part')
        return `to_char(${wall}, '${now.pattern}')::int`
      if (now.form === 'text' || (now.fraction && whole)) throw wrong
      if (now.form === 'julian') return `(${epoch} / 86400 + 2440587.5)::double precision`
      if (now.form === 'milliseconds')
        return now.fraction ? `(${epoch} * 1000)::double precision` : `floor(${epoch} * 1000)::bigint`
      return now.fraction ? `${epoch}::double precision` : `floor(${epoch})::bigint`
    }
    default:
      throw wrong
  }
}
