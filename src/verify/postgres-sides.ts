import type { Settings } from '../config/model.ts'
import { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import type { PostgresConnection } from '../connection/settings.ts'
import type { Target } from '../connection/target.ts'
import type { Tools } from '../contract/tools.ts'

export interface PostgresVerification {
  readonly settings: Settings
  readonly tools: Tools
  readonly from: PostgresConnection
  readonly target: Target
  readonly startedAt: Date
}

/** The snapshots of both databases; they are taken anew to look again. */
export class PostgresSides {
  readonly #asked: PostgresVerification
  both: { readonly source: PostgresSnapshot; readonly target: PostgresSnapshot }
  #aborted = false

  private constructor(asked: PostgresVerification, both: PostgresSides['both']) {
    this.#asked = asked
    this.both = both
  }

  static async open(asked: PostgresVerification): Promise<PostgresSides> {
    return new PostgresSides(asked, await openBoth(asked))
  }

  get source(): PostgresSnapshot {
    return this.both.source
  }

  get target(): PostgresSnapshot {
    return this.both.target
  }

  async renew(): Promise<void> {
    await this.close()
    this.both = await openBoth(this.#asked)
    if (this.#aborted) await this.#abort()
  }

  async stoppable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const stop = (): void => void this.#abort()
    signal?.addEventListener('abort', stop)
    if (signal?.aborted) stop()
    try {
      return await work()
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #abort(): Promise<void> {
    this.#aborted = true
    await Promise.all([this.source.abort(), this.target.abort()])
  }

  async close(): Promise<void> {
    await Promise.all([this.source.close(), this.target.close()])
  }
}

async function openBoth({ from, target, settings }: PostgresVerification): Promise<PostgresSides['both']> {
  const applicationName = 'landfall verify'
  const source = await PostgresSnapshot.open(
    from.settings,
    { applicationName, label: from.label, role: 'source' },
    settings.jobs,
  )
  try {
    const options = { applicationName, label: target.label }
    return { source, target: await PostgresSnapshot.open(target.settings, options, settings.jobs) }
  } catch (error) {
    await source.close()
    throw error
  }
}
