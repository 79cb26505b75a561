import type { PostgresComparison, SideSql } from './postgres-comparison.ts'
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

const SEEDS = ['7221413528143921', '-1832907746183329', '5318008411937'] as const

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

/** What both servers can compute in the same way. `versions` as `server_version_num`. */
export function hashing(versions: readonly number[]): (bytes: string, seed: string) => string {
  // Before 18 only an array of them has a hash that takes a seed.
  return versions.every((version) => version >= 180_000)
    ? (bytes, seed) => `pg_catalog.hashbyteaextended(${bytes}, ${seed})`
    : (bytes, seed) => `pg_catalog.hash_array_extended(ARRAY[${bytes}], ${seed})`
}

type Hash = ReturnType<typeof hashing>

/** How one side is read. */
export interface Reading {
  readonly comparison: PostgresComparison
  readonly leaves: Leaves
  readonly hash: Hash
  /** Share of the rows, chosen by their keys; null: all. */
  readonly sample: number | null
}

/**
 * For each leaf of some rows: how many there are, and two sums of 64-bit hashes of each whole row. Hashes
 * that are made column by column will not do: they are added up, too, so that values which have changed
 * places would not be seen; and those of integers and numerics hold less than the value. The rows' binary
 * form holds it all, each value with its length.
 *
 * @param where which rows; the text `true` for all.
 */
export function leafSums(
  side: SideSql,
  { comparison, leaves, hash, sample }: Reading,
  where: string,
): string {
  const bytes = bytesOf(side.fields)
  const sums = (a: string, b: string): string =>
    `pg_catalog.count(*)::pg_catalog.text AS rows, pg_catalog.sum(${a})::pg_catalog.text AS a, pg_catalog.sum(${b})::pg_catalog.text AS b`
  if (comparison.key === 0) {
    const hashed = `SELECT ${hash('y.b', SEEDS[0])} AS a, ${hash('y.b', SEEDS[1])} AS b FROM (SELECT ${bytes} AS b FROM ${side.from} AS t WHERE ${where} OFFSET 0) AS y OFFSET 0`
    const chosen = sample === null ? 'true' : below('x.b', sample)
    return `SELECT (${leafOf('x.a', leaves)})::pg_catalog.text AS leaf, ${sums('x.a', 'x.b')} FROM (${hashed}) AS x WHERE ${chosen} GROUP BY ${leafOf('x.a', leaves)}`
  }
  const place = comparison.integer
    ? leafOf(side.fields[0]!, leaves)
    : leafOf(keyHash(side, comparison, hash), leaves)
  // OFFSET keeps the planner from making the bytes once for each hash.
  const rows = `SELECT ${place} AS leaf, ${bytes} AS b FROM ${side.from} AS t WHERE ${where} AND ${chosenBy(side, comparison, hash, sample)} OFFSET 0`
  return `SELECT x.leaf::pg_catalog.text AS leaf, ${sums(hash('x.b', SEEDS[0]), hash('x.b', SEEDS[1]))} FROM (${rows}) AS x GROUP BY x.leaf`
}

/** Each value with its type and length, one behind the other. */
const bytesOf = (fields: readonly string[]): string => `pg_catalog.record_send(ROW(${fields.join(', ')}))`

function leafOf(value: string, leaves: Leaves): string {
  return leaves.by === 'range' ? `${value} >> ${leaves.shift}` : `${value} & ${leaves.mask}`
}

function keyHash(side: SideSql, { key }: PostgresComparison, hash: Hash): string {
  return hash(bytesOf(side.fields.slice(0, key)), SEEDS[2])
}

const below = (hash: string, sample: number): string => `(${hash} & 4294967295) < ${threshold(sample)}`

function chosenBy(side: SideSql, comparison: PostgresComparison, hash: Hash, sample: number | null): string {
  if (sample === null) return 'true'
  if (comparison.integer) return inSample(side.fields[0]!, sample)
  return below(keyHash(side, comparison, hash), sample)
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
  const { comparison, leaves, hash, sample } = reading
  const key = comparison.key === 0 ? side.fields : side.fields.slice(0, comparison.key)
  const order = side.number ?? bytesOf(key)
  const chosen =
    comparison.key === 0
      ? sample === null
        ? 'true'
        : below(hash(bytesOf(side.fields), SEEDS[1]), sample)
      : chosenBy(side, comparison, hash, sample)
  if (differing === null) return [{ where: chosen, order }]
  if (leaves.by === 'range')
    return runs(differing).map(([first, last]) => {
      const from = `${side.number} >= ${bound(first << BigInt(leaves.shift))}`
      const upTo = `${side.number} <= ${bound(((last + 1n) << BigInt(leaves.shift)) - 1n)}`
      return { where: `${from} AND ${upTo} AND ${chosen}`, order }
    })
  const place = comparison.key === 0 ? hash(bytesOf(side.fields), SEEDS[0]) : keyHash(side, comparison, hash)
  const list = `'{${differing.join(',')}}'::pg_catalog.int8[]`
  return [{ where: `(${leafOf(place, leaves)}) = ANY (${list}) AND ${chosen}`, order }]
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
