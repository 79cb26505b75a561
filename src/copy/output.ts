/** A buffer is handed over when it is this full; COPY gains nothing from larger messages. */
const CAPACITY = 512 * 1024
/** Buffers that a thread keeps for later; a COPY rarely has more of them on their way. */
const KEPT = 8
/** A value from this size on is a piece of its own instead of being copied into the buffer. */
export const LARGE_VALUE = 64 * 1024
/** Code units of a large string that are encoded at a time. */
const SLICE = 256 * 1024

/** Buffers whose bytes were sent. One job runs on a thread at a time, and the next one can use them. */
const spare: ArrayBuffer[] = []

/**
 * Growing output for encoders. They write into `bytes` (through `view` for numbers) from `length`
 * on, after having reserved room; only slow paths go through the methods below.
 *
 * Buffers are used again, and not left to the garbage collector: to it each is only a small object, and
 * it would let hundreds of megabytes of them pile up.
 */
export class Output {
  bytes: Buffer<ArrayBuffer> = Buffer.alloc(0)
  view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer)
  /** Used bytes of `bytes`. */
  length = 0
  #pieces: Uint8Array[] = []
  #finished = 0
  /** Pieces of each of this output's buffers that are still needed. */
  readonly #needed = new Map<ArrayBufferLike, number>()

  get size(): number {
    return this.#finished + this.length
  }

  #open(capacity: number): void {
    const memory = (capacity === CAPACITY ? spare.pop() : undefined) ?? new ArrayBuffer(capacity)
    const left = this.bytes.buffer
    this.bytes = Buffer.from(memory)
    this.view = new DataView(memory)
    this.length = 0
    this.#freeUnlessNeeded(left)
  }

  /** Makes room for `count` more bytes. `bytes` and `view` may be others afterwards. */
  reserve(count: number): void {
    if (this.bytes.length - this.length >= count) return
    this.#finish()
    this.#open(Math.max(CAPACITY, count))
  }

  #finish(): void {
    if (this.length > 0) this.#push(this.bytes.subarray(0, this.length))
  }

  #push(piece: Uint8Array, own = true): void {
    this.#pieces.push(piece)
    this.#finished += piece.length
    if (own) this.#needed.set(piece.buffer, (this.#needed.get(piece.buffer) ?? 0) + 1)
  }

  /** A piece that was taken is needed no more: its memory may be used for others. */
  release(piece: Uint8Array): void {
    const needed = this.#needed.get(piece.buffer)
    if (needed === undefined) return
    this.#needed.set(piece.buffer, needed - 1)
    this.#freeUnlessNeeded(piece.buffer)
  }

  /** Nothing more will be written; to be called when all pieces were released. */
  close(): void {
    const memory = this.bytes.buffer
    this.bytes = Buffer.alloc(0)
    this.length = 0
    this.#freeUnlessNeeded(memory)
  }

  #freeUnlessNeeded(memory: ArrayBufferLike): void {
    if (memory === this.bytes.buffer || (this.#needed.get(memory) ?? 0) > 0) return
    this.#needed.delete(memory)
    if (!(memory instanceof ArrayBuffer) || memory.byteLength === 0) return
    if (memory.byteLength === CAPACITY && spare.length < KEPT) spare.push(memory)
    else memory.transfer(0)
  }

  /** Appends a large value without copying it; it is given up with its last piece. */
  append(value: Uint8Array): void {
    const used = this.length
    this.#finish()
    for (let start = 0; start < value.length; start += CAPACITY) {
      this.#push(value.subarray(start, start + CAPACITY))
    }
    this.#continueAfter(used)
  }

  /** Appends a large string as UTF-8, a slice at a time, so that no second copy of it is made. */
  appendText(value: string): void {
    const used = this.length
    this.#finish()
    for (let start = 0; start < value.length; ) {
      let end = Math.min(value.length, start + SLICE)
      const last = value.charCodeAt(end - 1)
      if (end < value.length && last >= 0xd800 && last <= 0xdbff) end -= 1
      const slice = Buffer.from(value.slice(start, end), 'utf8')
      // Node keeps short ones together in memory that is not ours alone.
      this.#push(slice, slice.length === slice.buffer.byteLength)
      start = end
    }
    this.#continueAfter(used)
  }

  /** The finished part was handed over; what follows is written behind it in the same memory. */
  #continueAfter(used: number): void {
    if (used === 0) return
    const rest = this.bytes.length - used
    if (rest < CAPACITY / 8) {
      this.#open(CAPACITY)
      return
    }
    this.bytes = this.bytes.subarray(used)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, rest)
    this.length = 0
  }

  take(): Uint8Array[] {
    const used = this.length
    this.#finish()
    const pieces = this.#pieces
    this.#pieces = []
    this.#finished = 0
    this.#continueAfter(used)
    return pieces
  }
}
