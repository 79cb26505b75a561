import type { PostgresComparison, SideSql } from './postgres-comparison.ts'
import { type BytesHash, bytesOf, chainedHash, type HashParts, hashParts } from './postgres-hash.ts'
import { inSample, threshold } from './sample.ts'

/**
 * How rows are divided into leaves of about a thousand: by ranges of the one integer that is their key, or
 * by a hash of the key, or of the whole row where there is none.
 */
export type Leaves =
  | { readonly by: 'range' /** A leaf is 2^shift numbers wide. */; readonly shift: number }
  | { readonly by: 'hash' /** The hash's bits that choose the leaf. */; readonly mask: number }

/** Rows of a leaf, as far as they are spread evenly. */
const LEAF_ROWS = 1000
/** More leaves would take more memory than they save in reading. */
const MOST_LEAVES = 65_536

const SEEDS = { first: '7221413528143921', second: '6832907746183329', key: '5318008411937' } as const

/** `span`: the lowest and highest key of both sides, where there is one integer that is the key. */
export function leavesFor(
  rows: number,
  span: { readonly low: bigint; readonly high: bigint } | null,
): Leaves {
  const wanted = Math.min(MOST_LEAVES, Math.max(1, Math.ceil(rows / LEAF_ROWS)))
  if (span === null) return { by: 'hash', mask: 2 ** Math.ceil(Math.log2(wanted)) - 1 }
  let shift = 0
  while ((span.high >> BigInt(shift)) - (span.low >> BigInt(shift)) > BigInt(wanted) && shift < 63) shift += 1
  return { by: 'range', shift }
}

/** How one side is read. */
export interface Reading {
  readonly comparison: PostgresComparison
  readonly leaves: Leaves
  readonly hash: BytesHash
  /** Share of the rows, chosen by their keys; null: all. */
  readonly sample: number | null
}

/**
 * For each leaf of some rows: how many there are, and two sums of 64-bit hashes of each whole row.
 *
 * @param where which rows; the text `true` for all.
 */
export function leafSums(side: SideSql, reading: Reading, where: string): string {
  const { comparison, leaves, hash, sample } = reading
  const { values, marks, bytes } = hashParts(side.hashed)
  const keyed = comparison.key > 0
  const chosen = keyed ? chosenBy(side, reading) : 'true'
  const parts = [
    ...(keyed ? [`${leafOf(placeOf(side, reading), leaves)} AS leaf`] : []),
    ...values.map(({ sql }, at) => `${sql} AS v${at}`),
    ...(marks === null ? [] : [`${marks} AS marks`]),
    ...(bytes === null ? [] : [`${bytes} AS bytes`]),
  ]
  // OFFSET keeps the planner from computing each part once for each hash.
  const rows = `SELECT ${parts.join(', ')} FROM ${side.from} AS t WHERE ${where} AND ${chosen} OFFSET 0`
  const made: HashParts = {
    values: values.map(({ type }, at) => ({ type, sql: `p.v${at}` })),
    marks: marks === null ? null : 'p.marks',
    bytes: bytes === null ? null : 'p.bytes',
  }
  const a = chainedHash(made, SEEDS.first, hash)
  const b = chainedHash(made, SEEDS.second, hash)
  if (keyed)
    return `SELECT p.leaf::pg_catalog.text AS leaf, ${sums(a, b)} FROM (${rows}) AS p GROUP BY p.leaf`
  const hashes = `SELECT ${a} AS a, ${b} AS b FROM (${rows}) AS p OFFSET 0`
  const below = sample === null ? 'true' : isBelow('h.b', sample)
  const leaf = leafOf('h.a', leaves)
  return `SELECT (${leaf})::pg_catalog.text AS leaf, ${sums('h.a', 'h.b')} FROM (${hashes}) AS h WHERE ${below} GROUP BY ${leaf}`
}

/** Exact: numbers of 64 bits are added up without an end to them. */
const sums = (a: string, b: string): string =>
  `pg_catalog.count(*)::pg_catalog.text AS rows, pg_catalog.sum(${a})::pg_catalog.text AS a, pg_catalog.sum(${b})::pg_catalog.text AS b`

function leafOf(value: string, leaves: Leaves): string {
  return leaves.by === 'range' ? `${value} >> ${leaves.shift}` : `${value} & ${leaves.mask}`
}

/** What a row's leaf is made of: the number that is its key, else a hash. */
function placeOf(side: SideSql, { comparison, hash }: Reading): string {
  if (comparison.integer) return side.fields[0]!
  return comparison.key === 0
    ? chainedHash(hashParts(side.hashed), SEEDS.first, hash)
    : chainedHash(hashParts(side.hashed.slice(0, comparison.key)), SEEDS.key, hash)
}

const isBelow = (hash: string, sample: number): string => `(${hash} & 4294967295) < ${threshold(sample)}`

/** Whether a row is in the sample. */
function chosenBy(side: SideSql, reading: Reading): string {
  const { comparison, sample, hash } = reading
  if (sample === null) return 'true'
  if (comparison.integer) return inSample(side.fields[0]!, sample)
  return comparison.key === 0
    ? isBelow(chainedHash(hashParts(side.hashed), SEEDS.second, hash), sample)
    : isBelow(placeOf(side, reading), sample)
}

/** Which rows are read one by one: those of some leaves, or all. */
export interface Selection {
  readonly where: string
  /** By which they come in an order that is the same on both sides, whatever the collations. */
  readonly order: string
}

/** One reading for each run of leaves side by side, or one for all. `differing` null: all leaves. */
export function selections(
  side: SideSql,
  reading: Reading,
  differing: readonly bigint[] | null,
): Selection[] {
  const { comparison, leaves } = reading
  const key = comparison.key === 0 ? side.fields : side.fields.slice(0, comparison.key)
  const order = side.number ?? bytesOf(key)
  const chosen = chosenBy(side, reading)
  if (differing === null) return [{ where: chosen, order }]
  if (leaves.by === 'range')
    return runs(differing).map(([first, last]) => {
      const from = `${side.number} >= ${bound(first << BigInt(leaves.shift))}`
      const upTo = `${side.number} <= ${bound(((last + 1n) << BigInt(leaves.shift)) - 1n)}`
      return { where: `${from} AND ${upTo} AND ${chosen}`, order }
    })
  const list = `'{${differing.join(',')}}'::pg_catalog.int8[]`
  return [{ where: `(${leafOf(placeOf(side, reading), leaves)}) = ANY (${list}) AND ${chosen}`, order }]
}

/** The sign of a number of 19 digits is not part of it to the server. */
const bound = (value: bigint): string => `'${value}'::pg_catalog.int8`

/** First and last of each run of neighbours. */
function runs(leaves: readonly bigint[]): (readonly [bigint, bigint])[] {
  const found: [bigint, bigint][] = []
  for (const leaf of [...leaves].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = found.at(-1)
    if (last !== undefined && last[1] + 1n === leaf) last[1] = leaf
    else found.push([leaf, leaf])
  }
  return found
}
