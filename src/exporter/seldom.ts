/** Lets the first of each address through and then one in ten seconds, so that nobody fills the log. */
export class Seldom {
  readonly #last = new Map<string, number>()

  allows(address: string): boolean {
    const now = performance.now()
    const last = this.#last.get(address)
    if (last !== undefined && now - last < 10_000) return false
    this.#last.delete(address)
    if (this.#last.size >= 1000) this.#last.clear()
    this.#last.set(address, now)
    return true
  }
}
