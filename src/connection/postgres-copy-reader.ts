import type { Client, Connection } from 'pg'

const COPY_OUT_RESPONSE = 0x48
const READY_FOR_QUERY = 0x5a
/** Bytes that may wait here before the socket is told to pause. */
const WAITING = 1 << 20

/** The begin of what the server sends for COPY's data: one message for each row. */
export const COPY_DATA = 0x64

interface Block {
  readonly bytes: Buffer
}

/**
 * What a COPY … TO STDOUT sends, taken straight off the socket: the driver would make an object and an event
 * of each row. Everything else that the server says during the COPY goes on to the driver, who calls the
 * `handle…` methods; they are its contract for a query of one's own.
 *
 * Each block's memory is its own, so that it can be given back at once: the garbage collector would let tens
 * of megabytes of read bytes pile up, since to it each is a small object.
 */
export abstract class CopyReader<B extends Block> {
  readonly #sql: string
  readonly #wrap: (error: unknown) => Error
  readonly #start = Promise.withResolvers<void>()
  #stream: Connection['stream'] | null = null
  #driver: ((bytes: Buffer) => void)[] = []
  #started = false
  #ended = false
  #failure: Error | null = null
  readonly #waiting: B[] = []
  #waitingBytes = 0
  #wanted: PromiseWithResolvers<void> | null = null
  /** The begin of a message that has not come whole. */
  #tail: Buffer | null = null
  #rows = 0

  constructor(sql: string, wrap: (error: unknown) => Error) {
    this.#sql = sql
    this.#wrap = wrap
  }

  /** Resolves when the server has begun to answer. */
  start(client: Client): Promise<this> {
    client.query(this)
    return this.#start.promise.then(() => this)
  }

  /** Takes what it can of the bytes and returns what is over: the begin of a message, if any. */
  protected abstract take(bytes: Buffer): Buffer | null

  /** Rows that the server says it has sent; known when all have been taken. */
  get rows(): number {
    return this.#rows
  }

  /** The server is, or may be, still sending. */
  get isActive(): boolean {
    return this.#stream !== null
  }

  /** The next block; null after the last one. Rejects when the server gives up. */
  protected async nextBlock(): Promise<B | null> {
    for (;;) {
      if (this.#failure) throw this.#failure
      const block = this.#waiting.shift()
      if (block !== undefined) {
        this.#waitingBytes -= block.bytes.length
        if (this.#waitingBytes <= WAITING) this.#stream?.resume()
        return block
      }
      if (this.#ended) return null
      this.#wanted ??= Promise.withResolvers()
      await this.#wanted.promise
    }
  }

  protected hand(block: B): void {
    this.#waiting.push(block)
    this.#waitingBytes += block.bytes.length
  }

  protected static free({ buffer }: Buffer): void {
    if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  }

  submit(connection: Connection): void {
    this.#stream = connection.stream
    this.#driver = connection.stream.listeners('data') as ((bytes: Buffer) => void)[]
    connection.stream.removeAllListeners('data')
    connection.stream.on('data', this.#arrived)
    connection.query(this.#sql)
  }

  readonly #arrived = (bytes: Buffer): void => {
    const chunk = this.#tail === null ? bytes : joined(this.#tail, bytes)
    const over = this.take(chunk)
    this.#tail = over === null ? null : Buffer.from(over)
    // Nobody takes the rows in front of an error, and what comes behind it is for the next statement.
    if (this.#waitingBytes > WAITING && this.#failure === null) this.#stream?.pause()
    this.#wake()
  }

  /** A whole message that is not data. */
  protected pass(message: Buffer): void {
    if (message[0] === COPY_OUT_RESPONSE) {
      this.#started = true
      this.#start.resolve()
    }
    // The driver listens again before it learns that the next query may be sent.
    if (message[0] === READY_FOR_QUERY) this.#handBack()
    for (const listener of this.#driver) listener(message)
  }

  #handBack(): void {
    const stream = this.#stream
    if (stream === null) return
    stream.removeListener('data', this.#arrived)
    for (const listener of this.#driver) stream.on('data', listener)
    stream.resume()
    this.#stream = null
  }

  #wake(): void {
    this.#wanted?.resolve()
    this.#wanted = null
  }

  handleCommandComplete(message: { text?: string }): void {
    this.#rows = Number(/^COPY (\d+)/.exec(message.text ?? '')?.[1] ?? 0)
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
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handleCopyData(): void {}
}

/** In memory of its own, which can be given back. */
function joined(first: Buffer, second: Buffer): Buffer {
  const whole = Buffer.allocUnsafeSlow(first.length + second.length)
  first.copy(whole)
  second.copy(whole, first.length)
  return whole
}
