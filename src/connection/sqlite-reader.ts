import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { LandfallError } from '../errors.ts'
import { type ReaderData, type Reply, type Request, unpackError } from './sqlite-messages.ts'

/** Milliseconds that a thread gets to end by itself. */
const CLOSE_TIMEOUT = 10_000
/** Rows of a batch live until they are encoded: with the default of 16 MB most would be moved first. */
const YOUNG_GENERATION_MB = 24

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  readonly onMessage: ((value: unknown) => void) | undefined
}

/** One reader thread. It handles one request at a time. */
export class Reader {
  readonly #worker: Worker
  readonly #ended: Promise<void>
  #pending: Pending | null = null
  #death: Error | null = null
  #closing = false

  constructor(data: ReaderData) {
    // The worker lies beside this file: as .ts in a checkout, as .js where it was built.
    const file = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(file, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    })
    this.#worker.on('message', (reply: Reply) => this.#take(reply))
    this.#worker.on('error', (error) => this.#die(error instanceof Error ? error.message : String(error)))
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#die(`it exited with ${code}`)
        resolve()
      })
    })
  }

  /** Set once the thread ended without having been asked to. */
  get death(): Error | null {
    return this.#death
  }

  #take(reply: Reply): void {
    const pending = this.#pending
    if (pending === null) return
    if (reply.kind === 'message') {
      pending.onMessage?.(reply.value)
      return
    }
    this.#pending = null
    if (reply.kind === 'done') pending.resolve(reply.value)
    else pending.reject(unpackError(reply.error))
  }

  #die(reason: string): void {
    if (this.#closing && this.#pending === null) return
    this.#death ??= new LandfallError('LF104', `a thread that reads the source ended: ${reason}`, {
      hint: 'If memory ran out, use fewer --jobs.',
    })
    this.#pending?.reject(this.#death)
    this.#pending = null
  }

  request(request: Request, onMessage?: (value: unknown) => void): Promise<unknown> {
    if (this.#death !== null) return Promise.reject(this.#death)
    if (this.#pending !== null) throw new TypeError('the reader is busy')
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject, onMessage }
      this.#worker.postMessage(request)
    })
  }

  /** Lets a running job end (the source's abort flag is set), closes, and in the end does not wait. */
  async close(): Promise<void> {
    this.#closing = true
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_TIMEOUT)
    this.#worker.postMessage({ kind: 'close' } satisfies Request)
    await this.#ended
    clearTimeout(timer)
  }
}
