import { LandfallError } from '../errors.ts'
import { type OpenOptions, openPostgres, type Session } from './postgres.ts'
import { literal } from './quote.ts'
import type { PostgresSettings } from './settings.ts'

const BEGIN = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY'
/** Sorting the rows of leaves that differ is the one thing that takes more than a little. */
const MEMORY = "SELECT pg_catalog.set_config('work_mem', '32MB', true)"

/**
 * A database as it was at one moment, for as many connections as are wanted: they share the snapshot of the
 * first one. Nothing is written.
 */
export class PostgresSnapshot {
  readonly #settings: PostgresSettings
  readonly #options: OpenOptions
  readonly #size: number
  readonly #first: Session
  readonly #name: string
  readonly #idle: Session[] = []
  readonly #busy = new Set<Session>()
  readonly #waiting: (() => void)[] = []
  #taken = 0
  readonly #aborted = new AbortController()
  #closed = false
  #lost = false

  private constructor(
    settings: PostgresSettings,
    options: OpenOptions,
    size: number,
    first: Session,
    name: string,
  ) {
    this.#settings = settings
    this.#options = options
    this.#size = size
    this.#first = first
    this.#name = name
    first.onLost(() => {
      this.#lost = true
    })
  }

  /** `size`: connections that work at once. Errors: those of `openPostgres`. */
  static async open(
    settings: PostgresSettings,
    options: OpenOptions,
    size: number,
  ): Promise<PostgresSnapshot> {
    const first = await openPostgres(settings, options)
    try {
      await first.query(BEGIN)
      const { rows } = await first.query<{ name: string }>('SELECT pg_catalog.pg_export_snapshot() AS name')
      return new PostgresSnapshot(settings, options, size, first, rows[0]!.name)
    } catch (error) {
      await first.close()
      throw error
    }
  }

  /** By which others see the same moment: `SET TRANSACTION SNAPSHOT`. */
  get name(): string {
    return this.#name
  }

  get serverVersion(): number {
    return this.#first.serverVersion
  }

  /** The server went away, so that what failed was not the statement. */
  get isLost(): boolean {
    return this.#lost
  }

  /** Aborted by `abort`. */
  get signal(): AbortSignal {
    return this.#aborted.signal
  }

  /** On the connection that holds the snapshot, for what is quick: after a failure it can do no more. */
  async ask<T extends object>(sql: string): Promise<T[]> {
    return (await this.#first.query<T>(sql)).rows
  }

  /** Lends a connection as soon as one is free. LF403 when aborted. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    while (this.#taken >= this.#size) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#taken += 1
    try {
      return await this.#lend(work)
    } finally {
      this.#taken -= 1
      this.#waiting.shift()?.()
    }
  }

  async #lend<T>(work: (session: Session) => Promise<T>): Promise<T> {
    this.#refuseAborted()
    const session = this.#idle.pop() ?? (await this.#another())
    this.#busy.add(session)
    try {
      this.#refuseAborted()
      const result = await work(session)
      if (this.#closed) await session.close()
      else this.#idle.push(session)
      return result
    } catch (error) {
      // Its transaction has failed, and with it the snapshot.
      await session.close()
      this.#refuseAborted()
      throw error
    } finally {
      this.#busy.delete(session)
    }
  }

  async #another(): Promise<Session> {
    const session = await openPostgres(this.#settings, this.#options)
    try {
      session.onLost(() => {
        this.#lost = true
      })
      await session.query(`${BEGIN}; SET TRANSACTION SNAPSHOT ${literal(this.#name)}; ${MEMORY}`)
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }

  #refuseAborted(): void {
    if (this.signal.aborted) throw new LandfallError('LF403', 'interrupted')
  }

  /** Ends what the connections are doing; whoever waits for it gets LF403. */
  async abort(): Promise<void> {
    this.#aborted.abort()
    for (const { backend } of this.#busy)
      await this.#first.query(`SELECT pg_catalog.pg_cancel_backend(${backend})`).catch(() => {})
  }

  /** Whoever still works on a connection may finish; the connection ends with it. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#idle.splice(0).map((session) => session.close()))
    await this.#first.close()
  }
}
