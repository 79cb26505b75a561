import { cut, MOST_BYTES } from '../connection/postgres-names.ts'

/** Columns that every PostgreSQL table has. */
const SYSTEM_COLUMNS = ['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']

export interface NamesOptions {
  /** `keep` the source's spelling (names in the target are quoted), or `snake`: InvoiceLine → invoice_line. */
  readonly style: 'keep' | 'snake'
  /** Those of the names that a person chose: their spelling is never changed. */
  readonly kept?: readonly string[]
  /** Target names that are given away already. */
  readonly taken?: Iterable<string>
  /** Columns may not be called like PostgreSQL's own. */
  readonly columns?: boolean
}

export interface TargetNames {
  /** By source name. */
  readonly names: ReadonlyMap<string, string>
  /** One clause for each name that had to become another one than its style makes of it. */
  readonly notes: readonly string[]
}

/**
 * The target's names for tables, or for the columns of a table: at most 63 bytes, all different. The
 * result depends on the names and their order only; names that fit as they are have the first choice.
 */
export function targetNames(names: readonly string[], options: NamesOptions): TargetNames {
  const kept = new Set(options.kept)
  const taken = new Set([...(options.taken ?? []), ...(options.columns ? SYSTEM_COLUMNS : [])])
  const wanted = new Map(
    names.map((name) => [name, kept.has(name) || options.style === 'keep' ? name : snakeCase(name)]),
  )
  const result = new Map<string, string>()
  const rank = (name: string): number => (kept.has(name) ? 0 : wanted.get(name) === name ? 1 : 2)
  for (const name of [...wanted.keys()].sort((a, b) => rank(a) - rank(b))) {
    const free = freeName(wanted.get(name)!, taken)
    taken.add(free)
    result.set(name, free)
  }
  const notes = [...wanted].flatMap(([name, want]) => {
    const free = result.get(name)!
    return free === want ? [] : [`${name} is called ${free}: ${reason(want, options)}`]
  })
  return { names: new Map([...wanted.keys()].map((name) => [name, result.get(name)!])), notes }
}

function reason(want: string, options: NamesOptions): string {
  if (want === '') return 'PostgreSQL has no empty names'
  if (Buffer.byteLength(want) > MOST_BYTES) return `PostgreSQL's names have at most ${MOST_BYTES} bytes`
  if (options.columns && SYSTEM_COLUMNS.includes(want)) return 'PostgreSQL has a system column of that name'
  return `${want} is taken`
}

/**
 * Gives names to the relations of one schema (tables, indexes and sequences share a namespace in
 * PostgreSQL): each call takes a name that is still free, as close to the wanted one as possible.
 */
export function relationNames(taken: Iterable<string>): (wanted: string) => string {
  const given = new Set(taken)
  return (wanted) => {
    const free = freeName(wanted, given)
    given.add(free)
    return free
  }
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const whole = cut(wanted === '' ? 'unnamed' : wanted, MOST_BYTES)
  if (!taken.has(whole)) return whole
  for (let number = 2; ; number += 1) {
    const suffix = `_${number}`
    const name = `${cut(whole, MOST_BYTES - suffix.length)}${suffix}`
    if (!taken.has(name)) return name
  }
}

/** InvoiceLine → invoice_line, HTTPServer → http_server, `Order Details` → order_details. */
export function snakeCase(name: string): string {
  return name
    .replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, '_')
    .replace(/[^\p{L}\p{M}\p{N}_$]+/gu, '_')
    .replace(/(?<=[^_])__+(?=[^_])/g, '_')
    .toLowerCase()
}
