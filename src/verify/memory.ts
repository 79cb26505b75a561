import type { RangeMemory } from '../compare/model.ts'
import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import {
  boundsText,
  type ComparedRows,
  closeVerification,
  openVerification,
  rememberCompared,
  type Verification,
  writtenSince,
} from '../journal/verifications.ts'

/** How often what was compared is written down, in milliseconds. */
const EVERY = 1_000

/** What an unfinished verification has found to be the same, kept in the journal as it goes on. */
export class Memory {
  readonly #session: Session
  readonly #verification: Verification
  readonly #known: ReadonlyMap<string, number>
  #recalled = 0
  #news: ComparedRows[] = []
  #written = performance.now()
  #writing: Promise<void> = Promise.resolve()

  /** Errors: LF304 and LF308 where the journal cannot be written, with the way round it. */
  static async open(session: Session, what: Parameters<typeof openVerification>[1]): Promise<Memory> {
    return new Memory(session, await openVerification(session, what).catch(withWayOut))
  }

  private constructor(session: Session, verification: Verification) {
    this.#session = session
    this.#verification = verification
    this.#known = new Map(
      verification.compared.map(({ table, bounds, rows }) => [JSON.stringify([table, bounds]), rows]),
    )
  }

  /** What was not compared once more, in words; null when everything was. */
  get note(): string | null {
    if (this.#recalled === 0) return null
    return `${this.#recalled.toLocaleString('en')} rows were compared before, by a verification that did not come to its end (begun ${this.#verification.startedAt.toISOString()}); nobody has written them since, and they were not compared again (--no-record does)`
  }

  of(table: string): RangeMemory {
    return {
      recall: async (bounds, rows) => {
        const known = this.#known.get(JSON.stringify([table, boundsText(bounds)])) ?? null
        if (known === null || !(await this.#isUntouched(known, rows))) return null
        this.#recalled += known
        return known
      },
      remember: (bounds, rows) => {
        this.#news.push({ table, bounds: boundsText(bounds), rows })
        if (performance.now() - this.#written > EVERY) this.#write()
      },
    }
  }

  /** What was written or deleted since may differ, and is compared anew. */
  async #isUntouched(
    known: number,
    rows: { readonly table: string; readonly where: string },
  ): Promise<boolean> {
    const found = await writtenSince(this.#session, this.#verification.horizon, rows)
    return found.rows === known && !found.written
  }

  #write(): void {
    const news = this.#news
    this.#news = []
    this.#written = performance.now()
    if (news.length === 0) return
    this.#writing = this.#writing
      .then(() => rememberCompared(this.#session, this.#verification.id, news))
      // What could not be written down is compared again; the verification itself is none the worse.
      .catch(() => {})
  }

  /** The next verification compares everything. */
  async close(): Promise<void> {
    await this.#writing
    await closeVerification(this.#session, this.#verification.id)
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    this.#write()
    await this.#writing
  }
}

function withWayOut(error: unknown): never {
  const isRefused =
    error instanceof LandfallError && (error.code === 'LF308' || error.details?.sqlstate === '42501')
  if (!isRefused) throw error
  throw new LandfallError(error.code, error.message, {
    hint: '--no-record   compares all the same, and writes nothing into the schema landfall either\n--repair needs a role that may write there',
    ...(error.details === undefined ? {} : { details: error.details }),
    cause: error,
  })
}
