import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'

/** Connections to the target that are opened when they are needed, and used again. */
export class TargetSessions {
  readonly #target: Target
  readonly #purpose: string
  readonly #idle: Session[] = []

  constructor(target: Target, purpose: string) {
    this.#target = target
    this.#purpose = purpose
  }

  /** After a failure the connection is closed: nobody knows what state it is in. */
  async lend<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? (await this.#target.open(this.#purpose))
    try {
      const result = await work(session)
      this.#idle.push(session)
      return result
    } catch (error) {
      await session.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((session) => session.close()))
  }
}
