import type { Client, Connection } from 'pg'

/** Rows on their way into one COPY … FROM STDIN. */
export interface CopyIn {
  /**
   * Hands over bytes in the COPY's format; rows may be cut anywhere. Resolves when more should follow,
   * which is before the bytes are on their way: a chunk must not be changed before `sent` was called,
   * which does not happen when the connection fails. At most 1 GiB less 5 bytes in one chunk. Rejects as
   * soon as the server has refused a row.
   */
  write(chunk: Uint8Array, sent?: () => void): Promise<void>
  /** Ends the data and waits for the server. Returns the number of rows it stored. */
  end(): Promise<number>
  /** Makes the server forget the rows of this COPY; afterwards the session may be used again. */
  abort(reason: string): Promise<void>
  /** Why the server has given up, as soon as it has; never resolves where all goes well. */
  readonly failed: Promise<Error>
}

/** Bytes that may wait in this process: enough to keep the socket busy while the next chunk is made. */
const IN_FLIGHT = 1 << 20

/**
 * Talks the COPY protocol directly on the driver's connection, without a stream object in between:
 * chunks go to the socket by reference and back-pressure is counted in bytes.
 */
export function startCopy(client: Client, sql: string, wrap: (error: unknown) => Error): Promise<CopyIn> {
  return new Promise((resolve, reject) => {
    const copy = new CopyQuery(sql, wrap, { resolve, reject })
    client.query(copy)
  })
}

interface Settle<T> {
  resolve(value: T): void
  reject(error: Error): void
}

/** The driver calls the `handle…` methods; they are its contract for a query of one's own. */
class CopyQuery implements CopyIn {
  readonly #sql: string
  readonly #wrap: (error: unknown) => Error
  readonly #start: Settle<CopyIn>
  #stream: Connection['stream'] | null = null
  #rows = 0
  #inFlight = 0
  #room: PromiseWithResolvers<void> | null = null
  #failure: Error | null = null
  readonly #finished = Promise.withResolvers<number>()
  readonly #failed = Promise.withResolvers<Error>()

  constructor(sql: string, wrap: (error: unknown) => Error, start: Settle<CopyIn>) {
    this.#sql = sql
    this.#wrap = wrap
    this.#start = start
    // Nobody may be waiting yet when the server refuses a row.
    this.#finished.promise.catch(() => {})
  }

  write(chunk: Uint8Array, sent?: () => void): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (chunk.length === 0) return Promise.resolve()
    const stream = this.#stream!
    const header = Buffer.allocUnsafe(5)
    header.writeUInt8(0x64, 0)
    header.writeUInt32BE(chunk.length + 4, 1)
    this.#inFlight += chunk.length
    stream.cork()
    stream.write(header)
    stream.write(chunk, (error) => {
      this.#sent(chunk.length)
      if (!error) sent?.()
    })
    stream.uncork()
    if (this.#inFlight <= IN_FLIGHT) return Promise.resolve()
    this.#room ??= Promise.withResolvers<void>()
    return this.#room.promise
  }

  end(): Promise<number> {
    if (!this.#failure) this.#stream!.write(Buffer.from([0x63, 0, 0, 0, 4]))
    return this.#finished.promise
  }

  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  async abort(reason: string): Promise<void> {
    if (!this.#failure) {
      const text = Buffer.from(`${reason.replaceAll('\0', '')}\0`)
      const message = Buffer.allocUnsafe(5 + text.length)
      message.writeUInt8(0x66, 0)
      message.writeUInt32BE(4 + text.length, 1)
      text.copy(message, 5)
      this.#stream!.write(message)
    }
    await this.#finished.promise.catch(() => {})
  }

  #sent(bytes: number): void {
    this.#inFlight -= bytes
    if (this.#room === null || this.#inFlight > IN_FLIGHT) return
    this.#room.resolve()
    this.#room = null
  }

  submit(connection: Connection): void {
    connection.query(this.#sql)
  }

  handleCopyInResponse(connection: Connection): void {
    this.#stream = connection.stream
    this.#start.resolve(this)
  }

  handleCommandComplete(message: { text?: string }): void {
    this.#rows = Number(/^COPY (\d+)/.exec(message.text ?? '')?.[1] ?? 0)
  }

  handleReadyForQuery(): void {
    if (this.#stream === null) this.#start.reject(new TypeError('the statement was no COPY … FROM STDIN'))
    this.#finished.resolve(this.#rows)
  }

  handleError(error: unknown): void {
    this.#failure = this.#wrap(error)
    this.#start.reject(this.#failure)
    this.#room?.reject(this.#failure)
    this.#room = null
    this.#finished.reject(this.#failure)
    this.#failed.resolve(this.#failure)
  }

  // Parts of the driver's contract that a COPY FROM has no use for.
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
}
