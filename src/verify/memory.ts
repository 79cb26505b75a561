import type { RangeMemory } from '../compare/model.ts'
import type { Session } from '../connection/postgres.ts'
import {
  boundsText,
  type ComparedRows,
  rememberCompared,
  type Verification,
} from '../journal/verifications.ts'

/** How often what was compared is written down, in milliseconds. */
const EVERY = 1_000

/** What an unfinished verification has found to be the same, kept in the journal as it goes on. */
export class Memory {
  readonly #session: Session
  readonly #verification: Verification
  readonly #known: ReadonlyMap<string, number>
  #news: ComparedRows[] = []
  #written = performance.now()
  #writing: Promise<void> = Promise.resolve()

  constructor(session: Session, verification: Verification) {
    this.#session = session
    this.#verification = verification
    this.#known = new Map(
      verification.compared.map(({ table, bounds, rows }) => [JSON.stringify([table, bounds]), rows]),
    )
  }

  /** Rows that an earlier attempt has compared. */
  get rows(): number {
    return [...this.#known.values()].reduce((sum, rows) => sum + rows, 0)
  }

  of(table: string): RangeMemory {
    return {
      recall: (bounds) => this.#known.get(JSON.stringify([table, boundsText(bounds)])) ?? null,
      remember: (bounds, rows) => {
        this.#news.push({ table, bounds: boundsText(bounds), rows })
        if (performance.now() - this.#written > EVERY) this.#write()
      },
    }
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

  /** Writes what is left. */
  async flush(): Promise<void> {
    this.#write()
    await this.#writing
  }
}
