import { hash } from 'node:crypto'
import type { RowBytes } from './row.ts'

/** Rows are summed up in so many buckets; those that differ are read again. */
export const BUCKETS = 4096
/** 32-bit numbers of a digest that count: 128 bits of SHA-256. */
export const LANES = 4

/** SHA-256 with a character for each byte, the form that takes least time to make. */
export function digestOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary')
}

/** The digest's 32-bit number at a position. */
export function lane(digest: string, at: number): number {
  const i = at * 4
  const high = (digest.charCodeAt(i + 3) << 24) | (digest.charCodeAt(i + 2) << 16)
  return (high | (digest.charCodeAt(i + 1) << 8) | digest.charCodeAt(i)) >>> 0
}

/** Finds the key's fields within rows, with their lengths, so that keys never run into each other. */
export class KeyFields {
  readonly #key: readonly number[]
  readonly #last: number
  /** Start and end of each field up to the last one of the key, in one array that is used again. */
  readonly #bounds: Int32Array

  /** `key`: positions of the fields. */
  constructor(key: readonly number[]) {
    this.#key = key
    this.#last = Math.max(-1, ...key)
    this.#bounds = new Int32Array(this.#last + 2)
    this.#bounds[0] = 2
  }

  get none(): boolean {
    return this.#key.length === 0
  }

  #find(row: RowBytes): void {
    let at = 2
    for (let field = 0; field <= this.#last; field += 1) {
      const length = (row[at]! << 24) | (row[at + 1]! << 16) | (row[at + 2]! << 8) | row[at + 3]!
      at += 4 + (length > 0 ? length : 0)
      this.#bounds[field + 1] = at
    }
  }

  /**
   * 32 evenly spread bits. They choose a bucket and the rows of a sample and prove nothing, so that they
   * need no strong digest: FNV-1a with the last steps of MurmurHash3.
   */
  hash(row: RowBytes): number {
    this.#find(row)
    let h = 0x811c9dc5
    for (const field of this.#key) {
      const end = this.#bounds[field + 1]!
      for (let at = this.#bounds[field]!; at < end; at += 1) h = Math.imul(h ^ row[at]!, 0x01000193)
    }
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }

  digest(row: RowBytes): string {
    this.#find(row)
    const parts = this.#key.map((field) => row.subarray(this.#bounds[field]!, this.#bounds[field + 1]!))
    return digestOf(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
  }
}

/** Called for each row that counts. `place` is the bucket. */
export type Visit = (row: RowBytes, digest: string, bucket: number) => void

/** Which rows count: those of the sample, and those of some buckets. */
export interface Choice {
  /** Positions of the key's fields; empty: rows are chosen by all of their bytes. */
  readonly key: readonly number[]
  /** Numbers of 32 bits below this one are in the sample; null: all. */
  readonly below: number | null
  /** 1 for each bucket that is wanted; null: all. */
  readonly buckets: Uint8Array | null
}

/** Passes on the rows that count. No digest is made of those whose key tells that they do not. */
export function chooser({ key, below, buckets }: Choice, visit: Visit): (row: RowBytes) => void {
  const fields = new KeyFields(key)
  const counts = (number: number): boolean =>
    (below === null || number < below) && (buckets === null || buckets[number % BUCKETS] === 1)
  if (fields.none)
    return (row) => {
      const digest = digestOf(row)
      // Behind the bits that are compared.
      const number = lane(digest, LANES)
      if (counts(number)) visit(row, digest, number % BUCKETS)
    }
  return (row) => {
    const number = fields.hash(row)
    if (counts(number)) visit(row, digestOf(row), number % BUCKETS)
  }
}

/** Plain data, to be sent between threads. */
export interface Sums {
  /** `LANES` numbers for each bucket, the lowest first. */
  readonly lanes: Uint32Array
  readonly counts: Float64Array
}

/** For each bucket the sum of its rows' digests modulo 2^128, and how many there are. */
export class BucketSums implements Sums {
  readonly lanes = new Uint32Array(BUCKETS * LANES)
  readonly counts = new Float64Array(BUCKETS)

  add(digest: string, bucket: number): void {
    this.#add(bucket, lane(digest, 0), lane(digest, 1), lane(digest, 2), lane(digest, 3))
    this.counts[bucket]! += 1
  }

  addAll({ lanes, counts }: Sums): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const at = bucket * LANES
      this.#add(bucket, lanes[at]!, lanes[at + 1]!, lanes[at + 2]!, lanes[at + 3]!)
      this.counts[bucket]! += counts[bucket]!
    }
  }

  #add(bucket: number, a: number, b: number, c: number, d: number): void {
    const { lanes } = this
    const at = bucket * LANES
    const first = lanes[at]! + a
    const second = lanes[at + 1]! + b + (first > 0xffffffff ? 1 : 0)
    const third = lanes[at + 2]! + c + (second > 0xffffffff ? 1 : 0)
    lanes[at] = first
    lanes[at + 1] = second
    lanes[at + 2] = third
    lanes[at + 3] = lanes[at + 3]! + d + (third > 0xffffffff ? 1 : 0)
  }

  get rows(): number {
    return this.counts.reduce((sum, count) => sum + count, 0)
  }

  /** The buckets that are not the same in both. */
  differing(other: Sums): number[] {
    const found: number[] = []
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      let same = this.counts[bucket] === other.counts[bucket]
      for (let at = bucket * LANES; at < (bucket + 1) * LANES; at += 1)
        same &&= this.lanes[at] === other.lanes[at]
      if (!same) found.push(bucket)
    }
    return found
  }
}
