import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { Step } from './steps.ts'

/** What runs statements; `connection/postgres.ts` opens these. */
export type StepSession = Pick<Session, 'query' | 'transaction' | 'close' | 'backend'>

export interface StepProgress {
  readonly step: Step
  readonly state: 'started' | 'done'
  /** Steps that are done, those of earlier attempts included. */
  readonly done: number
  readonly total: number
}

export interface RunStepsOptions {
  readonly open: () => Promise<StepSession>
  /** Connections at most. */
  readonly jobs: number
  /** Names of the steps that an earlier attempt finished. */
  readonly done: ReadonlySet<string>
  /** Called before the step's statements, in their transaction. */
  readonly prepare?: (session: Session, step: Step) => Promise<void>
  /** Writes the step's record; called in the step's transaction, so that neither is there without the other. */
  readonly record: (session: Session, step: Step) => Promise<void>
  readonly onStep?: (progress: StepProgress) => void
  /**
   * Called once, when all tables have their indexes and keys: their rows can be found from then on. While
   * what it returns is not settled somebody reads them, and no step that blocks readers is begun.
   */
  readonly onKeys?: () => Promise<unknown> | undefined
  /** Stops before the next steps; those under way are finished, or cut off by `cancel`. */
  readonly signal?: AbortSignal
  /** Ends what a backend does, when the signal is aborted. */
  readonly cancel?: (backend: number) => Promise<unknown>
}

/** Memory for building indexes, of all connections together and of each at least, in kB. */
const MEMORY = 512 * 1024
const LEAST_MEMORY = 64 * 1024
/** Processes that build one index, over all connections together. */
const BUILDERS = 4

const STAGES = { load: 0, indexes: 1, keys: 2, all: 3, end: 4 } as const

/**
 * Runs the steps that are not done, several at a time where their locks allow it.
 *
 * Errors: LF304 naming the step whose statement the target refused, LF305 and others of the session as
 * they are, LF403 when `signal` was aborted. Steps under way are finished (and recorded) first.
 */
export async function runSteps(steps: readonly Step[], options: RunStepsOptions): Promise<void> {
  const queue = new Queue(steps, options.done, options.onKeys ?? (() => undefined))
  const jobs = Math.min(Math.max(1, options.jobs), queue.left)
  const stop = (): void => queue.stop(options.cancel ?? (async () => {}))
  options.signal?.addEventListener('abort', stop)
  try {
    await Promise.all(Array.from({ length: jobs }, () => work(queue, jobs, options)))
  } finally {
    options.signal?.removeEventListener('abort', stop)
  }
  if (queue.failure !== undefined) throw queue.failure
  if (options.signal?.aborted && queue.left > 0)
    throw new LandfallError('LF403', `Stopped with ${queue.left} of ${steps.length} steps left.`, {
      hint: 'The same command goes on with them.',
    })
}

async function work(queue: Queue, jobs: number, options: RunStepsOptions): Promise<void> {
  let session: StepSession | null = null
  try {
    for (;;) {
      const step = await queue.next(options.signal)
      if (step === null) return
      options.onStep?.({ step, state: 'started', done: queue.done, total: queue.total })
      session ??= await prepared(await options.open(), jobs)
      queue.busy.add(session.backend)
      if (options.signal?.aborted && options.cancel) return
      await runStep(session, step, options)
      queue.busy.delete(session.backend)
      queue.finish(step)
      options.onStep?.({ step, state: 'done', done: queue.done, total: queue.total })
    }
  } catch (error) {
    // What was cut off has not failed.
    if (!(options.signal?.aborted && options.cancel && isRefused(error))) queue.fail(error)
  } finally {
    if (session !== null) queue.busy.delete(session.backend)
    await session?.close()
  }
}

function isRefused(error: unknown): error is LandfallError {
  return error instanceof LandfallError && error.code === 'LF304'
}

/** Only ever more than the server gives already. */
async function prepared(session: StepSession, jobs: number): Promise<StepSession> {
  const raise = (name: string, least: number, unit: string): string =>
    `select pg_catalog.set_config(name, greatest(setting::bigint, ${least})::text || '${unit}', false) from pg_catalog.pg_settings where name = '${name}'`
  try {
    await session.query(
      raise('maintenance_work_mem', Math.max(LEAST_MEMORY, Math.floor(MEMORY / jobs)), 'kB'),
    )
    await session.query(raise('max_parallel_maintenance_workers', Math.floor(BUILDERS / jobs), ''))
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

async function runStep(session: StepSession, step: Step, options: RunStepsOptions): Promise<void> {
  let refused = true
  try {
    await session.transaction(async (inner) => {
      // As with chunks: a step and its record are lost together or not at all, so nobody waits for the disk.
      await inner.query('SET LOCAL synchronous_commit = off')
      await options.prepare?.(inner, step)
      await inner.query(step.sql)
      refused = false
      await options.record(inner, step)
      // What is checked only at COMMIT is the statement's business again.
      refused = true
    })
  } catch (error) {
    if (!refused || !isRefused(error)) throw error
    // The detail names the key that is there twice, or that has no parent.
    const detail = typeof error.details?.detail === 'string' ? ` (${error.details.detail})` : ''
    throw new LandfallError('LF304', `${step.name}: ${error.message}${detail}`, {
      hint: [error.hint, 'Once the reason is gone, the same command goes on.']
        .filter((line) => line !== undefined)
        .join('\n'),
      place: { table: step.table },
      details: { ...error.details, step: step.name, statement: step.sql },
      cause: error,
    })
  }
}

/** Hands out the steps whose time has come and whose locks are free. */
class Queue {
  readonly total: number
  failure: unknown
  readonly #waiting: Step[]
  readonly #running = new Set<Step>()
  /** Backends that carry out a step. */
  readonly busy = new Set<number>()
  #changed = Promise.withResolvers<void>()
  #onKeys: (() => Promise<unknown> | undefined) | null
  #isRead = false

  constructor(steps: readonly Step[], done: ReadonlySet<string>, onKeys: () => Promise<unknown> | undefined) {
    this.total = steps.length
    this.#waiting = steps.filter((step) => !done.has(step.name))
    this.#onKeys = onKeys
    this.#lookForKeys()
  }

  #lookForKeys(): void {
    // What blocks readers comes before they begin, where it need not come last.
    const isEarly = ({ after, blocksReaders }: Step): boolean =>
      STAGES[after] < (blocksReaders === true ? STAGES.end : STAGES.keys)
    if (this.#onKeys === null || this.#waiting.some(isEarly) || [...this.#running].some(isEarly)) return
    const reading = this.#onKeys()
    this.#onKeys = null
    if (reading === undefined) return
    this.#isRead = true
    reading
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.#isRead = false
        this.#wake()
      })
  }

  /** No other step is begun, and those under way are cut off. */
  stop(cancel: (backend: number) => Promise<unknown>): void {
    for (const backend of this.busy) cancel(backend).catch(() => {})
    this.#wake()
  }

  get left(): number {
    return this.#waiting.length + this.#running.size
  }

  get done(): number {
    return this.total - this.left
  }

  /** The next step, as soon as there is one; null when nothing is left to do. */
  async next(signal: AbortSignal | undefined): Promise<Step | null> {
    for (;;) {
      if (this.failure !== undefined || signal?.aborted || this.#waiting.length === 0) return null
      const index = this.#waiting.findIndex((step) => this.#isReady(step))
      const [step] = index === -1 ? [] : this.#waiting.splice(index, 1)
      if (step !== undefined) {
        this.#running.add(step)
        return step
      }
      if (this.#running.size === 0 && !this.#isRead) throw new TypeError('steps wait for each other')
      await this.#changed.promise
    }
  }

  finish(step: Step): void {
    this.#running.delete(step)
    this.#lookForKeys()
    this.#wake()
  }

  /** The first failure counts. */
  fail(error: unknown): void {
    this.failure ??= error
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #isReady(step: Step): boolean {
    const meets = (other: Step): boolean => other.touches.some((table) => step.touches.includes(table))
    const earlier = (other: Step): boolean => STAGES[other.after] < STAGES[step.after] && meets(other)
    if (this.#waiting.some(earlier) || (step.blocksReaders === true && this.#isRead)) return false
    for (const other of this.#running) {
      if (earlier(other) || (meets(other) && (step.lock === 'exclusive' || other.lock === 'exclusive')))
        return false
    }
    return true
  }
}
