import type { Client, Connection } from 'pg'

/**
 * Rows in COPY's binary form, one behind the other: each goes from the end of the one before it to its
 * own. An object for each row would cost more than its bytes. A large row may be cut, and end in a later
 * block: a hundred megabytes need not be held as a whole by who does not want them.
 */
export interface RowBlock {
  readonly bytes: Buffer
  readonly ends: readonly number[]
  /** How long the row is, in all, that the block ends within; 0 when it ends with a row. */
  readonly cut: number
}

/** Brings rows together that were cut. */
export class WholeRows {
  #row: Buffer<ArrayBuffer> | null = null
  #filled = 0
  #given: Buffer<ArrayBuffer> | null = null

  /** The rows that are whole with this block; their bytes are good until the next call. */
  take({ bytes, ends, cut }: RowBlock): Uint8Array[] {
    this.#given?.buffer.transfer(0)
    this.#given = null
    let start = 0
    const rows = ends.map((end) => {
      const part = bytes.subarray(start, end)
      start = end
      if (this.#row === null) return part
      this.#fill(part)
      this.#given = this.#row
      this.#row = null
      this.#filled = 0
      return this.#given
    })
    if (start < bytes.length) {
      this.#row ??= Buffer.allocUnsafeSlow(cut)
      this.#fill(bytes.subarray(start))
    }
    return rows
  }

  #fill(part: Buffer): void {
    part.copy(this.#row!, this.#filled)
    this.#filled += part.length
  }
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
/** A row of more bytes is handed on in parts. */
const LARGE = 64 * 1024
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

/** The trailer has no fields: their number, which is all of it, is -1. */
function isRow(bytes: Buffer, from: number, to: number): boolean {
  return to - from > 2 || (to - from === 2 && bytes.readInt16BE(from) !== -1)
}

/** In memory of its own, which can be given back. */
function joined(first: Buffer, second: Buffer): Buffer {
  const whole = Buffer.allocUnsafeSlow(first.length + second.length)
  first.copy(whole)
  second.copy(whole, first.length)
  return whole
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
  /** The begin of a message that has not come whole. */
  #tail: Buffer | null = null
  /** Of a large row that is under way: its length, and what is still to come of it. */
  #rowLength = 0
  #rowLeft = 0
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

  /** Rows are moved together where they are: the bytes between them are only the messages' heads. */
  readonly #take = (bytes: Buffer): void => {
    const chunk = this.#tail === null ? bytes : joined(this.#tail, bytes)
    this.#tail = null
    const ends: number[] = []
    let at = Math.min(this.#rowLeft, chunk.length)
    let end = at
    if (at > 0) {
      this.#rowLeft -= at
      if (this.#rowLeft === 0) ends.push(end)
    }
    while (at < chunk.length) {
      const left = chunk.length - at
      const size = left < 5 ? Number.POSITIVE_INFINITY : 1 + chunk.readUInt32BE(at + 1)
      const isData = chunk[at] === COPY_DATA
      const row = at + 5 + (isData && !this.#headerSeen ? HEADER : 0)
      if (left >= size) {
        if (!isData) this.#pass(chunk.subarray(at, at + size))
        else if (isRow(chunk, row, at + size)) {
          chunk.copyWithin(end, row, at + size)
          end += at + size - row
          ends.push(end)
        }
        at += size
      } else if (isData && size > LARGE && row < chunk.length) {
        chunk.copyWithin(end, row, chunk.length)
        end += chunk.length - row
        this.#rowLength = at + size - row
        this.#rowLeft = at + size - chunk.length
        at = chunk.length
      } else {
        this.#tail = Buffer.from(chunk.subarray(at))
        break
      }
      if (isData) this.#headerSeen = true
    }
    if (end > 0) {
      this.#waiting.push({
        bytes: chunk.subarray(0, end),
        ends,
        cut: this.#rowLeft > 0 ? this.#rowLength : 0,
      })
      this.#waitingBytes += end
    }
    // Nobody takes the rows in front of an error, and what comes behind it is for the next statement.
    if (this.#waitingBytes > WAITING && this.#failure === null) this.#stream?.pause()
    this.#wake()
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
