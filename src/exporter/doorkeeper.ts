import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds: the delay after the first refusal doubles with each further one, up to the last. */
const DELAY = { first: 100, last: 8000 }
/** So many requests of an address wait for their turn; more are sent away. */
const MOST_WAITING = 1
/** Refusals are forgotten after so many milliseconds. */
const MEMORY = 600_000
const MOST_ADDRESSES = 1000

interface Refused {
  refusals: number
  /** When the next token of this address is looked at. */
  freeAt: number
  waiting: number
}

/**
 * `admitted` and `refused` are what the token was worth; `full`: it was not looked at, since others of the
 * address wait already; `gone`: the caller did not wait.
 */
export type Judged =
  | { readonly kind: 'admitted' | 'full' | 'gone' }
  | { readonly kind: 'refused'; readonly inARow: number }

/**
 * Slows guessing down: after a refusal the next token of the same address is looked at only when a delay
 * is over, and one after the other. What is delayed is the looking and not the answer: a caller that hangs
 * up instead of waiting gains nothing. Other addresses are not held up.
 */
export class Doorkeeper {
  readonly #refused = new Map<string, Refused>()

  async judge(address: string, isRight: () => boolean, hungUp: AbortSignal): Promise<Judged> {
    const known = this.#refused.get(address)
    if (known === undefined) return this.#look(address, isRight)
    if (known.waiting >= MOST_WAITING) return { kind: 'full' }
    known.waiting += 1
    try {
      await sleep(Math.max(0, known.freeAt - performance.now()), undefined, { signal: hungUp })
    } catch {
      return { kind: 'gone' }
    } finally {
      known.waiting -= 1
    }
    return this.#look(address, isRight)
  }

  #look(address: string, isRight: () => boolean): Judged {
    const known = this.#refused.get(address)
    this.#refused.delete(address)
    if (isRight()) return { kind: 'admitted' }
    this.#forget()
    const refusals = (known?.refusals ?? 0) + 1
    const entry = known ?? { refusals, freeAt: 0, waiting: 0 }
    entry.refusals = refusals
    entry.freeAt = performance.now() + Math.min(DELAY.first * 2 ** (refusals - 1), DELAY.last)
    // At the end of the map, whose first entries are the oldest.
    this.#refused.set(address, entry)
    return { kind: 'refused', inARow: refusals }
  }

  #forget(): void {
    const now = performance.now()
    for (const [address, { freeAt }] of this.#refused) {
      if (freeAt + MEMORY > now && this.#refused.size < MOST_ADDRESSES) return
      this.#refused.delete(address)
    }
  }
}
