import type { RowDifference } from '../contract/verify.ts'
import { BUCKETS, type BucketSums } from './digest.ts'
import type { CompareInput, TableOutcome } from './model.ts'
import type { RowBytes } from './row.ts'
import { describe } from './show.ts'
import type { FetchArgs, Fetched } from './unordered-job.ts'
import type { Scan, Stopped } from './unordered-scan.ts'
import { DigestTable, type Entries, release } from './unordered-table.ts'

/** How far differing buckets are looked into. */
export interface Depth {
  /** Rows of both sides whose digests are held at once. */
  readonly groupRows: number
  /** When enough differences are listed, the others are counted in so many groups only. */
  readonly groups: number
}

export const DEPTH: Depth = { groupRows: 96 * 1024, groups: 8 }

/** Bytes of rows that are held to be shown. */
const SHOWN = 32 * 1024 * 1024

/** One of the differences that are to be shown: slots of the table. */
interface Example {
  readonly source: number | null
  readonly target: number | null
}

type Found = Omit<TableOutcome, 'sourceRows' | 'targetRows'>

/** Finds out which rows of differing buckets differ, group by group. */
export class Localiser {
  readonly #input: CompareInput
  readonly #scan: Scan
  readonly #source: BucketSums
  readonly #target: BucketSums
  readonly #depth: Depth
  readonly #counts = { missing: 0, extra: 0, changed: 0 }
  readonly #differences: RowDifference[] = []

  constructor(
    input: CompareInput,
    scan: Scan,
    sums: { readonly source: BucketSums; readonly target: BucketSums },
    depth: Depth,
  ) {
    this.#input = input
    this.#scan = scan
    this.#source = sums.source
    this.#target = sums.target
    this.#depth = depth
  }

  async localise(buckets: readonly number[]): Promise<Found> {
    const { groupRows } = this.#depth
    const groups = groupsOf(buckets, this.#source, this.#target, groupRows)
    const table = new DigestTable(Math.max(...groups.map((group) => group.rows)), groupRows)
    try {
      return await this.#groups(groups, table)
    } finally {
      table.free()
    }
  }

  async #groups(groups: readonly Group[], table: DigestTable): Promise<Found> {
    let exact = true
    for (const [done, group] of groups.entries()) {
      if (done >= this.#depth.groups && this.#left() === 0) return this.#found(false, null)
      table.clear()
      const stopped = (await this.#list(group, table)) ?? (await this.#tell(group, table))
      if (stopped !== null) return this.#found(false, stopped.message)
      exact &&= !table.full
    }
    return this.#found(exact, null)
  }

  #found(exact: boolean, incomplete: string | null): Found {
    const order = (one: RowDifference): string => `${one.key ?? ''}\0${one.kind}`
    const differences = this.#differences.sort((a, b) => (order(a) < order(b) ? -1 : 1))
    return { ...this.#counts, exact, differences, incomplete }
  }

  #left(): number {
    return this.#input.listing.most - this.#differences.length
  }

  #list(group: Group, table: DigestTable): Promise<Stopped | null> {
    return this.#scan.run<null>({
      job: 'listRows',
      buckets: group.mask,
      message({ side }, at, value) {
        const entries = value as Entries
        table.addAll(entries, side === 'source' ? 1 : -1, at)
        release(entries)
      },
    })
  }

  /** Counts the table's differences, and describes the first ones. */
  async #tell(group: Group, table: DigestTable): Promise<Stopped | null> {
    const most = this.#left()
    const examples: Example[] = []
    const example = (times: number, one: Example): void => {
      for (let i = 0; i < times && examples.length < most; i += 1) examples.push(one)
    }
    const paired =
      this.#input.comparison.key.length === 0
        ? null
        : table.pairByKey((source, target, times) => {
            this.#counts.changed += times
            example(times, { source, target })
          })
    for (let slot = 0; slot < table.slots; slot += 1) {
      const count = table.count(slot)
      const times = Math.abs(count) - (paired?.[slot] ?? 0)
      if (times === 0) continue
      this.#counts[count > 0 ? 'missing' : 'extra'] += times
      example(times, count > 0 ? { source: slot, target: null } : { source: null, target: slot })
    }
    return examples.length === 0 ? null : await this.#describe(group, table, examples)
  }

  async #describe(group: Group, table: DigestTable, examples: readonly Example[]): Promise<Stopped | null> {
    const wanted = new Map<number, Set<string>>()
    for (const slot of examples.flatMap(({ source, target }) => [source ?? [], target ?? []].flat())) {
      const part = table.part(slot)
      wanted.set(part, (wanted.get(part) ?? new Set()).add(table.digest(slot)))
    }
    const rows = new Map<string, RowBytes>()
    let bytes = 0
    const stopped = await this.#scan.run<readonly Fetched[]>({
      job: 'fetchRows',
      buckets: group.mask,
      only: [...wanted.keys()],
      more: (at): Pick<FetchArgs, 'digests'> => ({ digests: [...wanted.get(at)!] }),
      done(_, fetched) {
        for (const [digest, row] of fetched) {
          bytes += row.length
          if (bytes <= SHOWN) rows.set(digest, row)
        }
      },
    })
    const rowOf = (slot: number | null): RowBytes | null | undefined =>
      slot === null ? null : rows.get(table.digest(slot))
    for (const { source, target } of examples) {
      const [ours, theirs] = [rowOf(source), rowOf(target)]
      if (ours === undefined || theirs === undefined) continue
      this.#differences.push(describe(this.#input.comparison, ours, theirs, this.#input.listing))
    }
    return stopped
  }
}

/** Buckets that are read together. */
export interface Group {
  /** 1 for each of them. */
  readonly mask: Uint8Array
  /** Of both sides. */
  readonly rows: number
}

/** Buckets of at most so many rows together, unless one alone has more. */
export function groupsOf(
  buckets: readonly number[],
  source: BucketSums,
  target: BucketSums,
  most: number,
): Group[] {
  const groups: { mask: Uint8Array; rows: number }[] = []
  for (const bucket of buckets) {
    const rows = source.counts[bucket]! + target.counts[bucket]!
    let group = groups.at(-1)
    if (group === undefined || group.rows + rows > most) {
      group = { mask: new Uint8Array(BUCKETS), rows: 0 }
      groups.push(group)
    }
    group.mask[bucket] = 1
    group.rows += rows
  }
  return groups
}
