import type { Client, Connection } from 'pg'

/** Rows on their way out of one COPY … TO STDOUT WITH (FORMAT binary). */
export interface CopyOut {
  /**
   * The next rows that have arrived, each in COPY's binary form without the stream's header and trailer;
   * null after the last one. The bytes stay as they are. Rejects when the server gives up.
   */
  rows(): Promise<readonly Uint8Array[] | null>
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
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
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

  async rows(): Promise<readonly Uint8Array[] | null> {
    for (;;) {
      if (this.#failure) throw this.#failure
      if (this.#waiting.length > 0) {
        const rows = this.#waiting
        this.#waiting = []
        this.#waitingBytes = 0
        this.#stream?.resume()
        return rows
      }
      if (this.#ended) return null
      this.#wanted ??= Promise.withResolvers()
      await this.#wanted.promise
    }
  }

  async drain(): Promise<void> {
    while ((await this.rows()) !== null);
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
      const whole = Buffer.concat(this.#partial, this.#partialBytes)
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

  /** Takes the whole messages in `bytes` and keeps the rest; true when nothing was kept. */
  #messages(bytes: Buffer): boolean {
    let at = 0
    while (at < bytes.length) {
      const left = bytes.length - at
      const size = left < 5 ? 5 : 1 + bytes.readUInt32BE(at + 1)
      if (left < size) {
        this.#partialWanted = size
        this.#keep(bytes.subarray(at))
        return false
      }
      if (bytes[at] === COPY_DATA) this.#row(bytes.subarray(at + 5, at + size))
      else this.#pass(bytes.subarray(at, at + size))
      at += size
    }
    return true
  }

  #keep(part: Buffer): void {
    this.#partial.push(part)
    this.#partialBytes += part.length
  }

  #row(payload: Buffer): void {
    let row = payload
    if (!this.#headerSeen) {
      this.#headerSeen = true
      row = payload.subarray(HEADER)
    }
    // The trailer has no fields, and their number is -1.
    if (row.length === 0 || (row.length === 2 && row.readInt16BE(0) === -1)) return
    this.#waiting.push(row)
    this.#waitingBytes += row.length
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
