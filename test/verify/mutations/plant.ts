import { literal } from '../../../src/connection/quote.ts'
import type { Bed } from './bed.ts'
import { CELLS, type CellChange, isTextual, textFor } from './cells.ts'
import type { Row } from './target.ts'

/** A mutation: what it is, its statements, and how many differences it makes. */
export interface Mutation {
  readonly kind: string
  readonly sql: readonly string[]
  readonly differences: number
}

type Planted = Omit<Mutation, 'kind'>
type Planting = (bed: Bed) => Planted | null

/** Each of these statements changes one row. */
const changes = (bed: Bed, sql: readonly string[]): Planted => ({ sql, differences: sql.length * bed.weight })

const sameTyped = (bed: Bed): [number, number][] =>
  bed.free.flatMap((a) =>
    bed.free.flatMap((b): [number, number][] => (a < b && bed.type(a) === bed.type(b) ? [[a, b]] : [])),
  )

/** Two neighbouring columns of text, or of bytes. */
function neighbours(bed: Bed, fits: (type: string) => boolean): [number, number] | null {
  const pairs = bed.free.flatMap((at): [number, number][] =>
    bed.free.includes(at + 1) && fits(bed.type(at)) && fits(bed.type(at + 1)) ? [[at, at + 1]] : [],
  )
  return pairs.length === 0 ? null : bed.random.of(pairs)
}

/** The end of one text becomes the beginning of the next; both together are the same text as before. */
function moveDelimiter(bed: Bed): Planted | null {
  const pair = neighbours(bed, (type) => isTextual(type) && !type.startsWith('character('))
  if (pair === null) return null
  const [a, b] = pair
  const moved = ({ values }: Row): Map<number, string> | null => {
    const left = [...(values[a] ?? '')]
    if (left.length === 0 || values[b] === null) return null
    const comma = left.indexOf(',')
    const cut = comma === -1 ? left.length - 1 : comma
    const texts = [
      textFor(bed.type(a), left.slice(0, cut).join('')),
      textFor(bed.type(b), `${left.slice(cut).join('')}${values[b]}`),
    ]
    return texts.includes(null)
      ? null
      : new Map([
          [a, texts[0]!],
          [b, texts[1]!],
        ])
  }
  const rows = bed.take(1, (row) => moved(row) !== null)
  return (
    rows &&
    changes(
      bed,
      rows.map((row) => bed.update(row, moved(row)!)),
    )
  )
}

/** The second value and the four bytes of its length become the end of the first one. */
function swallowLength(bed: Bed): Planted | null {
  const pair = neighbours(bed, (type) => type === 'bytea')
  if (pair === null) return null
  const [a, b] = pair
  const rows = bed.take(1, ({ values }) => values[a] !== null && values[b] !== null)
  if (rows === null) return null
  const [one, other] = [bed.column(a), bed.column(b)]
  const values = new Map([
    [a, `${one} || int4send(length(${other})) || ${other}`],
    [b, "''"],
  ])
  return changes(
    bed,
    rows.map((row) => bed.update(row, values)),
  )
}

/** Two rows give each other their values in these columns. */
function exchange(bed: Bed, columns: readonly number[]): Planted | null {
  const first = bed.take(1)
  if (first === null) return null
  const second = bed.take(1, ({ values }) => columns.some((at) => values[at] !== first[0]!.values[at]))
  if (second === null) {
    bed.giveBack(first)
    return null
  }
  const pair = [...first, ...second]
  const literalOf = (row: Row, at: number): string => {
    const value = row.values[at]!
    return value === null ? 'NULL' : literal(value)
  }
  return changes(
    bed,
    pair.map((row, i) => bed.update(row, new Map(columns.map((at) => [at, literalOf(pair[1 - i]!, at)])))),
  )
}

function cellKind(change: CellChange, count: number): Planting {
  return (bed) => {
    const columns = [...bed.free].sort(() => bed.random.next() - 0.5)
    for (const at of columns) {
      const rows = bed.take(count, (row) => bed.changed(change, row, at) !== null)
      if (rows !== null)
        return changes(
          bed,
          rows.map((row) => bed.update(row, new Map([[at, bed.changed(change, row, at)!]]))),
        )
    }
    return null
  }
}

/** Sums that forget how often something was added would not see these. */
function evenly(bed: Bed, count: number): Planted | null {
  const kinds = Object.values(CELLS)
  const first = bed.random.below(kinds.length)
  for (const at of kinds.keys()) {
    const planted = cellKind(kinds[(first + at) % kinds.length]!, count)(bed)
    if (planted !== null) return planted
  }
  return null
}

const ROWS: Readonly<Record<string, Planting>> = {
  'cells swapped within a row': (bed) => {
    for (const [a, b] of sameTyped(bed)) {
      const rows = bed.take(1, ({ values }) => values[a] !== values[b])
      if (rows === null) continue
      const swapped = new Map([
        [a, bed.column(b)],
        [b, bed.column(a)],
      ])
      return changes(
        bed,
        rows.map((row) => bed.update(row, swapped)),
      )
    }
    return null
  },
  'cells swapped between two rows': (bed) =>
    bed.free.length === 0 ? null : exchange(bed, [bed.random.of(bed.free)]),
  'the same change in two rows': (bed) => evenly(bed, 2),
  'the same change in four rows': (bed) => evenly(bed, 4),
  'delimiter moved': moveDelimiter,
  'length and bytes moved': swallowLength,
  'row deleted': (bed) => {
    const rows = bed.take(1)
    return rows && { sql: rows.map((row) => bed.delete(row)), differences: 1 }
  },
  'row inserted': (bed) => {
    const rows = bed.take(1)
    return rows && { sql: rows.map((row) => bed.insert(row, bed.otherKey(row))), differences: 1 }
  },
  'rows that are alike changed alike': (bed) => {
    const rows = bed.table.key.length === 0 ? bed.takeAlike(2) : null
    if (rows === null) return null
    const first = bed.random.below(bed.free.length)
    for (const offset of bed.free.keys()) {
      const at = bed.free[(first + offset) % bed.free.length]!
      const fits = Object.values(CELLS).filter((change) => bed.changed(change, rows[0]!, at) !== null)
      if (fits.length === 0) continue
      const values = new Map([[at, bed.changed(bed.random.of(fits), rows[0]!, at)!]])
      return changes(
        bed,
        rows.map((row) => bed.update(row, values)),
      )
    }
    return null
  },
  'row twice': (bed) => {
    const rows = bed.table.key.length === 0 ? bed.takeAlike(1) : null
    return rows && { sql: [bed.insert(rows[0]!, new Map())], differences: 1 }
  },
  'key changed': (bed) => {
    const rows = bed.take(1)
    return rows && { sql: rows.map((row) => bed.update(row, bed.otherKey(row))), differences: 2 }
  },
  'rows exchange all but the key': (bed) => (bed.table.key.length === 0 ? null : exchange(bed, bed.free)),
}

const PLANTINGS: readonly (readonly [string, Planting])[] = [
  ...Object.entries(CELLS).map(([kind, change]): [string, Planting] => [kind, cellKind(change, 1)]),
  ...Object.entries(ROWS),
]
export const MUTATIONS: readonly string[] = PLANTINGS.map(([kind]) => kind)

/**
 * Up to `most` mutations, none of which touches a row of another: each of the kind that was planted least
 * of all that the table's columns and rows allow. `times`: how often each was planted; it is kept.
 */
export function plant(bed: Bed, most: number, times: Map<string, number>): Mutation[] {
  const planted: Mutation[] = []
  const possible = new Map(PLANTINGS)
  while (planted.length < most && bed.left > 0 && possible.size > 0) {
    const rank = (kind: string): number => (times.get(kind) ?? 0) + bed.random.next()
    const ranked = [...possible.keys()].map((kind) => ({ kind, rank: rank(kind) }))
    const { kind } = ranked.reduce((least, one) => (one.rank < least.rank ? one : least))
    const made = possible.get(kind)!(bed)
    // What no row allows now none will allow later.
    if (made === null) possible.delete(kind)
    else {
      planted.push({ kind, ...made })
      times.set(kind, (times.get(kind) ?? 0) + 1)
    }
  }
  return planted
}
