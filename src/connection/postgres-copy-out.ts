import type { Client, Connection } from 'pg'

/**
 * Whole rows in COPY's binary form, one behind the other: each goes from the end of the one before it to
 * its own. An object for each row would cost more than its bytes.
 */
export interface RowBlock {
  readonly bytes: Buffer
  readonly ends: readonly number[]
}

/** The rows of a block one by one; their bytes are the block's. */
export function rowsOf({ bytes, ends }: RowBlock): Uint8Array[] {
  let start = 0
  return ends.map((end) => {
    const row = bytes.subarray(start, end)
    start = end
    return row
  })
}

/** Rows on their way out of one COPY … TO STDOUT WITH (FORMAT binary). */
export interface CopyOut {
  /**
   * The next rows that have arrived, without the stream's header and trailer; null after the last one.
   * The bytes are good until the next call. Rejects when the server gives up.
   */
  next(): Promise<RowBlock | null>
  /** Throws the rest away, so that the session may be used again. */
  drain(): Promise<void>
}

/** `PGCOPY\n\377\r\n\0`, no flags, no extension. */
const HEADER = 19
const COPY_DATA = 0x64
const COPY_OUT_RESPONSE = 0x48
const READY_FOR_QUERY = 0x5a
/** Bytes of rows that may wait here before the socket is told to pause. */
const WAITING = 1 << 20

/**
 * Takes the rows straight off the socket: the driver would make an object and an event of each. Everything
 * else that the server says during the COPY goes on to the driver.
 */
export function startCopyOut(client: Client, sql: string, wrap: (error: unknown) => Error): Promise<CopyOut> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOutQuery(sql, wrap, { resolve, reject }))
  })
}

interface Settle<T> {
  resolve(value: T): void
  reject(error: Error): void
}

type Listener = (bytes: Buffer) => void

/** The driver calls the `handle…` methods; they are its contract for a query of one's own. */
class CopyOutQuery implements CopyOut {
  readonly #sql: string
  readonly #wrap: (error: unknown) => Error
  readonly #start: Settle<CopyOut>
  #stream: Connection['stream'] | null = null
  #driver: Listener[] = []
  #started = false
  #ended = false
  #failure: Error | null = null
  readonly #waiting: RowBlock[] = []
  #waitingBytes = 0
  #given: RowBlock | null = null
  #wanted: PromiseWithResolvers<void> | null = null
  /** Bytes of a message that has not come whole, and how many it will have. */
  #partial: Buffer[] = []
  #partialBytes = 0
  #partialWanted = 0
  #headerSeen = false

  constructor(sql: string, wrap: (error: unknown) => Error, start: Settle<CopyOut>) {
    this.#sql = sql
    this.#wrap = wrap
    this.#start = start
  }

  async next(): Promise<RowBlock | null> {
    this.#release()
    for (;;) {
      if (this.#failure) throw this.#failure
      const block = this.#waiting.shift()
      if (block !== undefined) {
        this.#waitingBytes -= block.bytes.length
        if (this.#waitingBytes <= WAITING) this.#stream?.resume()
        this.#given = block
        return block
      }
      if (this.#ended) return null
      this.#wanted ??= Promise.withResolvers()
      await this.#wanted.promise
    }
  }

  /**
   * The garbage collector would let tens of megabytes of read bytes pile up, since to it each is a small
   * object. Their memory is this object's alone: what is kept of a message is copied.
   */
  #release(): void {
    const memory = this.#given?.bytes.buffer
    if (memory instanceof ArrayBuffer) memory.transfer(0)
    this.#given = null
  }

  async drain(): Promise<void> {
    while ((await this.next()) !== null);
  }

  submit(connection: Connection): void {
    this.#stream = connection.stream
    this.#driver = connection.stream.listeners('data') as Listener[]
    connection.stream.removeAllListeners('data')
    connection.stream.on('data', this.#take)
    connection.query(this.#sql)
  }

  readonly #take = (bytes: Buffer): void => {
    let at = 0
    if (this.#partialWanted > 0) {
      at = Math.min(bytes.length, this.#partialWanted - this.#partialBytes)
      this.#keep(bytes.subarray(0, at))
      if (this.#partialBytes < this.#partialWanted) return
      const whole = Buffer.allocUnsafeSlow(this.#partialBytes)
      let filled = 0
      for (const part of this.#partial) filled += part.copy(whole, filled)
      this.#partial = []
      this.#partialBytes = 0
      this.#partialWanted = 0
      // Of a head that came in two, only now the message's length is known.
      if (!this.#messages(whole)) {
        this.#take(bytes.subarray(at))
        return
      }
    }
    this.#messages(bytes.subarray(at))
    if (this.#waitingBytes > WAITING) this.#stream?.pause()
    this.#wake()
  }

  /**
   * Takes the whole messages in `bytes` and keeps the rest; true when nothing was kept. Rows are moved
   * together where they are: the bytes between them are only the messages' heads.
   */
  #messages(bytes: Buffer): boolean {
    const ends: number[] = []
    let end = 0
    let at = 0
    while (at < bytes.length) {
      const left = bytes.length - at
      const size = left < 5 ? 5 : 1 + bytes.readUInt32BE(at + 1)
      if (left < size) {
        this.#partialWanted = size
        this.#keep(Buffer.from(bytes.subarray(at)))
        break
      }
      if (bytes[at] !== COPY_DATA) this.#pass(bytes.subarray(at, at + size))
      else {
        const row = at + 5 + this.#headerLength()
        // The trailer has no fields, and their number is -1.
        const isRow = at + size - row > 2 || (at + size - row === 2 && bytes.readInt16BE(row) !== -1)
        if (isRow) {
          bytes.copyWithin(end, row, at + size)
          end += at + size - row
          ends.push(end)
        }
      }
      at += size
    }
    if (ends.length > 0) {
      this.#waiting.push({ bytes: bytes.subarray(0, end), ends })
      this.#waitingBytes += end
    }
    return at >= bytes.length
  }

  /** In front of the first row. */
  #headerLength(): number {
    if (this.#headerSeen) return 0
    this.#headerSeen = true
    return HEADER
  }

  #keep(part: Buffer): void {
    this.#partial.push(part)
    this.#partialBytes += part.length
  }

  #pass(message: Buffer): void {
    if (message[0] === COPY_OUT_RESPONSE) {
      this.#started = true
      this.#start.resolve(this)
    }
    // The driver listens again before it learns that the next query may be sent.
    if (message[0] === READY_FOR_QUERY) this.#handBack()
    for (const listener of this.#driver) listener(message)
  }

  #handBack(): void {
    const stream = this.#stream
    if (stream === null) return
    stream.removeListener('data', this.#take)
    for (const listener of this.#driver) stream.on('data', listener)
    stream.resume()
    this.#stream = null
  }

  #wake(): void {
    this.#wanted?.resolve()
    this.#wanted = null
  }

  handleReadyForQuery(): void {
    if (!this.#started) this.#start.reject(new TypeError('the statement was no COPY … TO STDOUT'))
    this.#ended = true
    this.#wake()
  }

  handleError(error: unknown): void {
    this.#failure = this.#wrap(error)
    this.#start.reject(this.#failure)
    this.#wake()
  }

  // Parts of the driver's contract that a COPY TO has no use for.
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handleCopyData(): void {}
}
