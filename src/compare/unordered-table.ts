import { LANES, lane } from './digest.ts'

/** Keys only pair rows that are known to differ, so that half of a digest is enough for them. */
const KEY_LANES = 2
/** Numbers of an entry: the row's digest, then its key's. */
const WIDTH = LANES + KEY_LANES
const SMALLEST = 1024
/** The table is full up to this share of its slots. */
const LOAD = 3 / 4
const UNUSED = -1

/** Entries as plain data, to be sent between threads. */
export interface Entries {
  readonly lanes: Uint32Array
  /** How often the row is there. */
  readonly counts: Int32Array
}

/** Gives the memory back at once: the garbage collector would let much of it pile up. */
export function release({ lanes, counts }: Entries): void {
  for (const { buffer } of [lanes, counts]) if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/**
 * How often each row is in the source less how often it is in the target, by digests alone: a table of
 * numbers without an object for any row. An entry's slot is good until the next row is added.
 */
export class DigestTable {
  #capacity: number
  #most: number
  #lanes: Uint32Array<ArrayBuffer>
  #counts: Int32Array<ArrayBuffer>
  #parts: Int32Array<ArrayBuffer>
  #size = 0
  readonly #entry = new Uint32Array(WIDTH)
  /** True when a row was left out because there are too many. */
  full = false

  /** Room for so many rows, to begin with and at most. */
  constructor(rows: number, most = Number.POSITIVE_INFINITY) {
    this.#capacity = capacityFor(Math.min(rows, most))
    this.#most = most
    this.#lanes = new Uint32Array(this.#capacity * WIDTH)
    this.#counts = new Int32Array(this.#capacity)
    this.#parts = new Int32Array(this.#capacity).fill(UNUSED)
  }

  /** Different rows that were met. */
  get size(): number {
    return this.#size
  }

  get slots(): number {
    return this.#capacity
  }

  /** Source's less target's. */
  count(slot: number): number {
    return this.#counts[slot]!
  }

  /** A part of the side with more of them in which the row is. */
  part(slot: number): number {
    return this.#parts[slot]!
  }

  /** The first 128 bits of the row's digest, as `digestOf` writes them. */
  digest(slot: number): string {
    let text = ''
    for (let at = slot * WIDTH; at < slot * WIDTH + LANES; at += 1) {
      const word = this.#lanes[at]!
      text += String.fromCharCode(word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24)
    }
    return text
  }

  /** `by`: times that the row is in the source, negative in the target; `part`: where it was read. */
  add(digest: string, keyDigest: string | null, by: number, part: number): void {
    this.#read(digest)
    if (keyDigest !== null) for (let i = 0; i < KEY_LANES; i += 1) this.#entry[LANES + i] = lane(keyDigest, i)
    this.#add(this.#entry, 0, by, part)
  }

  #read(digest: string): void {
    for (let i = 0; i < LANES; i += 1) this.#entry[i] = lane(digest, i)
  }

  /** Adds what another table counted of one part; `sign` -1: of the target. */
  addAll({ lanes, counts }: Entries, sign: 1 | -1, part: number): void {
    for (let i = 0; i < counts.length; i += 1) this.#add(lanes, i * WIDTH, counts[i]! * sign, part)
  }

  #add(lanes: Uint32Array, from: number, by: number, part: number): void {
    let slot = this.#slotOf(lanes, from)
    if (this.#parts[slot] === UNUSED) {
      if (this.#size >= this.#most) {
        this.full = true
        return
      }
      if (this.#size >= this.#capacity * LOAD) {
        this.#grow()
        slot = this.#slotOf(lanes, from)
      }
      this.#size += 1
      copyEntry(lanes, from, this.#lanes, slot * WIDTH)
      this.#parts[slot] = part
    }
    const count = this.#counts[slot]! + by
    this.#counts[slot] = count
    if (Math.sign(count) === Math.sign(by)) this.#parts[slot] = part
  }

  /** The row's slot, or the unused one that would be its. */
  #slotOf(lanes: Uint32Array, from: number): number {
    const mask = this.#capacity - 1
    for (let slot = lanes[from]! & mask; ; slot = (slot + 1) & mask)
      if (this.#parts[slot] === UNUSED || sameLanes(this.#lanes, slot * WIDTH, lanes, from)) return slot
  }

  /** The slot of a row; -1 when it was not met. */
  find(digest: string): number {
    this.#read(digest)
    const slot = this.#slotOf(this.#entry, 0)
    return this.#parts[slot] === UNUSED ? -1 : slot
  }

  /** Counts one row of that slot as dealt with. */
  settle(slot: number): void {
    this.#counts[slot]! -= Math.sign(this.#counts[slot]!)
  }

  #sameKey(a: number, b: number): boolean {
    for (let i = LANES; i < WIDTH; i += 1)
      if (this.#lanes[a * WIDTH + i] !== this.#lanes[b * WIDTH + i]) return false
    return true
  }

  #grow(): void {
    const old = { lanes: this.#lanes, counts: this.#counts }
    const parts = this.#parts
    this.#capacity = parts.length * 2
    this.#lanes = new Uint32Array(this.#capacity * WIDTH)
    this.#counts = new Int32Array(this.#capacity)
    this.#parts = new Int32Array(this.#capacity).fill(UNUSED)
    for (const [slot, part] of parts.entries()) {
      if (part === UNUSED) continue
      const to = this.#slotOf(old.lanes, slot * WIDTH)
      copyEntry(old.lanes, slot * WIDTH, this.#lanes, to * WIDTH)
      this.#counts[to] = old.counts[slot]!
      this.#parts[to] = part
    }
    release(old)
  }

  clear(): void {
    this.#counts.fill(0)
    this.#parts.fill(UNUSED)
    this.#size = 0
    this.full = false
  }

  /** The end of the table: its memory is given back. */
  free(): void {
    release({ lanes: this.#lanes, counts: this.#counts })
    this.#parts.buffer.transfer(0)
  }

  /** Takes everything out. */
  take(): Entries {
    const lanes = new Uint32Array(this.#size * WIDTH)
    const counts = new Int32Array(this.#size)
    let n = 0
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      if (this.#parts[slot] === UNUSED) continue
      copyEntry(this.#lanes, slot * WIDTH, lanes, n * WIDTH)
      counts[n] = this.#counts[slot]!
      n += 1
    }
    this.clear()
    return { lanes, counts }
  }

  /**
   * Pairs rows that only the source has with rows of the same key that only the target has. For each slot:
   * how many of its rows found a partner.
   */
  pairByKey(paired: (source: number, target: number, times: number) => void = () => {}): Int32Array {
    const times = new Int32Array(this.#capacity)
    const mask = this.#capacity - 1
    const byKey = new Int32Array(this.#capacity).fill(UNUSED)
    const placeOf = (slot: number): number => {
      const key = slot * WIDTH + LANES
      for (let at = this.#lanes[key]! & mask; ; at = (at + 1) & mask) {
        const other = byKey[at]!
        if (other === UNUSED || this.#sameKey(other, slot)) return at
      }
    }
    for (let slot = 0; slot < this.#capacity; slot += 1)
      if (this.#counts[slot]! > 0) byKey[placeOf(slot)] = slot
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      const other = this.#counts[slot]! < 0 ? byKey[placeOf(slot)]! : UNUSED
      if (other === UNUSED) continue
      const both = Math.min(this.#counts[other]! - times[other]!, -this.#counts[slot]!)
      if (both === 0) continue
      times[other]! += both
      times[slot]! += both
      paired(other, slot, both)
    }
    return times
  }
}

function capacityFor(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(SMALLEST, rows / LOAD)))
}

function copyEntry(from: Uint32Array, at: number, to: Uint32Array, place: number): void {
  for (let i = 0; i < WIDTH; i += 1) to[place + i] = from[at + i]!
}

function sameLanes(a: Uint32Array, from: number, b: Uint32Array, at: number): boolean {
  return (
    a[from] === b[at] && a[from + 1] === b[at + 1] && a[from + 2] === b[at + 2] && a[from + 3] === b[at + 3]
  )
}
