import type { Client, QueryResult } from 'pg'
import { LandfallError } from '../errors.ts'
import { type SelectedColumn, selectedColumns } from './postgres-columns.ts'
import { connect } from './postgres-connect.ts'
import { type CopyIn, startCopy } from './postgres-copy.ts'
import { type CopyBytes, startCopyBytes } from './postgres-copy-bytes.ts'
import { type CopyOut, startCopyOut } from './postgres-copy-out.ts'
import { lostFailure, type Role, statementFailure } from './postgres-errors.ts'
import { CHECK_CLIENT, sessionStart } from './postgres-session.ts'
import { type PostgresSettings, settingsLabel } from './settings.ts'

export type { SelectedColumn } from './postgres-columns.ts'
export type { CopyIn } from './postgres-copy.ts'
export type { CopyBytes } from './postgres-copy-bytes.ts'
export { type CopyOut, type RowBlock, WholeRows } from './postgres-copy-out.ts'
export type { ServerFields } from './postgres-errors.ts'

export interface Rows<T> {
  readonly rows: T[]
  /** Rows returned or changed. */
  readonly rowCount: number
}

/**
 * One connection to PostgreSQL with fixed settings (see `postgres-session.ts`). Statements run one
 * after the other. Errors of its methods: LF304 refused, LF305 connection lost, LF308 read-only; of a
 * source LF104 for all of them. `details` holds `ServerFields`.
 */
export interface Session {
  readonly label: string
  /** As `server_version_num`: 180001 is 18.1. */
  readonly serverVersion: number
  /** The process id of the server's side. */
  readonly backend: number
  /**
   * bool, int2, int4, oid, float4, float8, bytea and arrays of text, name, int2, int4, oid become
   * JavaScript values; every other type is the server's text. Without values the text may hold several
   * statements; the rows are those of the last one.
   */
  query<T extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Rows<T>>
  /** What a SELECT yields. It is asked for its columns only, and makes no row. */
  columnsOf(select: string): Promise<SelectedColumn[]>
  /** `sql` is a `COPY … FROM STDIN`. No other statement may be sent before its `end` or `abort`. */
  copyFrom(sql: string): Promise<CopyIn>
  /**
   * `sql` is a `COPY … TO STDOUT WITH (FORMAT binary)`. No other statement may be sent before its rows
   * have been read or drained.
   */
  copyTo(sql: string): Promise<CopyOut>
  /**
   * `sql` is a `COPY … TO STDOUT` of any format. No other statement may be sent before all its bytes have
   * been taken; who wants no more of them closes the session.
   */
  copyBytes(sql: string): Promise<CopyBytes>
  /**
   * Commits when `work` succeeds and rolls back when it throws. Also an error when the server had to
   * roll back because `work` kept quiet about a statement that failed.
   */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** Calls once when the connection ends without `close`; at once when that has happened already. */
  onLost(listener: (error: LandfallError) => void): void
  /** A COPY … TO that is under way is cut off. */
  close(): Promise<void>
}

export interface OpenOptions {
  /** What `pg_stat_activity` shows, unless the connection string names something else. */
  readonly applicationName: string
  /** For messages; made from the settings when it is missing. */
  readonly label?: string
  /** Targets must be PostgreSQL 14 or later, sources 12 or later. `target` when missing. */
  readonly role?: Role
  /**
   * `pg_catalog` (when missing): whatever Landfall writes is qualified, and what the server prints is
   * then qualified too. `server`: as the server has it, for statements and triggers of the user.
   */
  readonly searchPath?: 'pg_catalog' | 'server'
}

/** Errors: LF301 unreachable, LF302 login, LF303 version; of a source LF101 for the first two. */
export async function openPostgres(settings: PostgresSettings, options: OpenOptions): Promise<Session> {
  const label = options.label ?? settingsLabel(settings)
  const role = options.role ?? 'target'
  const client = await connect(settings, options.applicationName, label, role)
  const session = new PostgresSession(client, label, role)
  try {
    session.serverVersion = await prepare(session, options.searchPath ?? 'pg_catalog')
    const least = role === 'target' ? 14 : 12
    if (session.serverVersion < least * 10_000)
      throw new LandfallError(
        'LF303',
        `${label}: the server is version ${session.serverVersion}, as a number.`,
        {
          hint: `Landfall needs PostgreSQL ${least} or later as a ${role}.`,
          details: { serverVersion: session.serverVersion },
        },
      )
    return session
  } catch (error) {
    await session.close()
    throw error
  }
}

/** Returns the server's version number. */
async function prepare(session: PostgresSession, searchPath: 'pg_catalog' | 'server'): Promise<number> {
  const { rows } = await session.query<{ version: string }>(sessionStart(searchPath))
  const version = Number(rows[0]?.version)
  if (version >= 140_000) {
    try {
      await session.query(CHECK_CLIENT)
    } catch (error) {
      if (session.lost) throw error
    }
  }
  return version
}

class PostgresSession implements Session {
  readonly label: string
  serverVersion = 0
  lost: LandfallError | null = null
  readonly #client: Client
  readonly #role: Role
  #closing = false
  #inTransaction = false
  #reader: { readonly isActive: boolean } | null = null
  #last: Promise<void> = Promise.resolve()
  readonly #listeners: ((error: LandfallError) => void)[] = []

  constructor(client: Client, label: string, role: Role) {
    this.#client = client
    this.label = label
    this.#role = role
    const lost = (error?: unknown): void => {
      if (this.#closing || this.lost) return
      this.lost = lostFailure(error, label, role)
      for (const listener of this.#listeners.splice(0)) listener(this.lost)
    }
    client.on('error', lost)
    client.on('end', lost)
  }

  get backend(): number {
    // The driver keeps it, its type declarations do not.
    return (this.#client as Client & { processID: number }).processID
  }

  async query<T extends object>(text: string, values?: readonly unknown[]): Promise<Rows<T>> {
    const config = { text: checked(text), ...(values ? { values: [...values] } : {}) }
    const answer: QueryResult<T> | QueryResult<T>[] = await this.#inTurn(() => this.#client.query<T>(config))
    const result = Array.isArray(answer) ? answer.at(-1) : answer
    return { rows: result?.rows ?? [], rowCount: result?.rowCount ?? 0 }
  }

  async columnsOf(select: string): Promise<SelectedColumn[]> {
    return selectedColumns(checked(select), (sql) => this.#inTurn(() => this.#client.query(sql)))
  }

  async copyFrom(sql: string): Promise<CopyIn> {
    const text = checked(sql)
    return this.#inTurn(() => startCopy(this.#client, text, (error) => this.#failure(error)))
  }

  async copyTo(sql: string): Promise<CopyOut> {
    const text = checked(sql)
    return this.#inTurn(() =>
      this.#reading(startCopyOut(this.#client, text, (error) => this.#failure(error))),
    )
  }

  async copyBytes(sql: string): Promise<CopyBytes> {
    const text = checked(sql)
    return this.#inTurn(() =>
      this.#reading(startCopyBytes(this.#client, text, (error) => this.#failure(error))),
    )
  }

  async #reading<Reader extends { readonly isActive: boolean }>(started: Promise<Reader>): Promise<Reader> {
    const reader = await started
    this.#reader = reader
    return reader
  }

  /** Statements that are asked for at once go one after the other; the driver's own queue is to be dropped. */
  #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      if (this.lost) throw this.lost
      try {
        return await send()
      } catch (error) {
        throw this.#failure(error)
      }
    })
    this.#last = mine.then(
      () => {},
      () => {},
    )
    return mine
  }

  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#inTransaction) throw new TypeError('a transaction is open already')
    this.#inTransaction = true
    try {
      await this.query('BEGIN')
      const result = await work(this)
      await this.#commit()
      return result
    } catch (error) {
      // When this fails the connection is gone, and the transaction with it.
      if (!this.lost) await this.query('ROLLBACK').catch(() => {})
      throw error
    } finally {
      this.#inTransaction = false
    }
  }

  /** COMMIT of a transaction that has failed is no error to the server: it answers ROLLBACK. */
  async #commit(): Promise<void> {
    const { command } = await this.#inTurn(() => this.#client.query('COMMIT'))
    if (command !== 'COMMIT')
      throw new LandfallError(
        this.#role === 'target' ? 'LF304' : 'LF104',
        `${this.label}: the transaction had failed.`,
        {
          details: { sqlstate: '25P02' },
        },
      )
  }

  #failure(error: unknown): LandfallError {
    return statementFailure(error, this.label, this.#role, this.lost !== null)
  }

  onLost(listener: (error: LandfallError) => void): void {
    if (this.lost) listener(this.lost)
    else if (!this.#closing) this.#listeners.push(listener)
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    const { stream } = this.#client.connection
    // Who reads no more would never see the server's answer behind the rows.
    if (this.lost || this.#reader?.isActive) {
      stream.destroy()
      return
    }
    // A server that went away without a word never answers the farewell.
    const patience = setTimeout(() => stream.destroy(), 5_000)
    await this.#client.end().catch(() => {})
    clearTimeout(patience)
  }
}

/** The protocol ends a text at NUL, so that the rest of the statement would be lost in silence. */
function checked(text: string): string {
  if (text.includes('\0')) throw new TypeError('a statement cannot hold NUL')
  return text
}
