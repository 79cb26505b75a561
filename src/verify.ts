import { structureChecks } from './checks/structure.ts'
import type { TablesInput } from './compare/tables.ts'
import type { Settings } from './config/model.ts'
import type { Session } from './connection/postgres.ts'
import { closing, reachExistingTarget, type Target } from './connection/target.ts'
import type { Tools } from './contract/tools.ts'
import type { VerifyReport } from './contract/verify.ts'
import { LandfallError } from './errors.ts'
import { addChecks } from './journal/evidence.ts'
import { type OpenSource, openSourceOf, stoppable } from './migrate/ends.ts'
import { compareUntilSettled } from './verify/looks.ts'
import { type Prepared, prepare } from './verify/prepare.ts'
import { isWhole, verifyReport } from './verify/report.ts'

/**
 * Compares the source with the target, all rows and all columns, after the plan's conversions, and names
 * every difference. With `settings.verification.repair` the target is made equal to the source. Without it
 * nothing is written but the checks, in the schema `landfall`.
 *
 * Errors: those of `plan`; LF401 for a repair while another run is at work, LF403 when `tools.signal` was
 * aborted.
 */
export async function verify(settings: Settings, tools: Tools = {}): Promise<VerifyReport> {
  const startedAt = new Date()
  const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
  if (target === null)
    throw new LandfallError('LF301', `there is no embedded PostgreSQL in ${settings.embeddedFolder}`, {
      hint: 'landfall migrate --from …   makes and fills one\n--to postgres://user@host/name   another target',
    })
  return await closing(target, settings.keepRunning, async () => {
    const session = await target.open('verify')
    try {
      return await new Verifying(settings, tools, target, session).run(startedAt)
    } finally {
      await session.close()
    }
  })
}

/** The source may be opened anew on the way, to be seen as it is by then. */
class Verifying {
  readonly #settings: Settings
  readonly #tools: Tools
  readonly #target: Target
  readonly #session: Session
  #from: OpenSource | null = null
  #prepared: Prepared | null = null

  constructor(settings: Settings, tools: Tools, target: Target, session: Session) {
    this.#settings = settings
    this.#tools = tools
    this.#target = target
    this.#session = session
  }

  async run(startedAt: Date): Promise<VerifyReport> {
    const { maxSeconds } = this.#settings.verification
    const deadline = maxSeconds === null ? null : performance.now() + maxSeconds * 1000
    try {
      const input = await this.#input(deadline)
      this.#tools.progress?.({ kind: 'phase', phase: 'verify' })
      const compared = await this.#stoppable(() =>
        compareUntilSettled(input, async () => await this.#renewed(deadline)),
      )
      const { plan, catalog, run, checks, notes } = this.#prepared!
      const structure = await structureChecks({
        session: this.#session,
        plan,
        catalog,
        source: this.#from!.catalog,
        tables: this.#prepared!.work.map(({ move }) => move.source),
      })
      const report = verifyReport({
        settings: this.#settings,
        source: this.#from!.label,
        target: this.#target.label,
        startedAt,
        ...compared,
        checks: [...checks, ...structure],
        repair: null,
        notes,
      })
      if (run?.state === 'done' && this.#settings.record && isWhole({ settings: this.#settings }))
        await this.#session.transaction((session) => addChecks(session, run.id, report.checks))
      return report
    } finally {
      await this.#from?.source.close()
    }
  }

  async #input(deadline: number | null): Promise<TablesInput> {
    const from = await openSourceOf(this.#settings, this.#tools)
    this.#from = from
    return await this.#stoppable(async () => {
      const { settings } = this.#target
      this.#prepared = await prepare({
        settings: this.#settings,
        tools: this.#tools,
        from,
        target: this.#target,
        session: this.#session,
      })
      return {
        source: from.source,
        session: this.#session,
        access: { postgres: settings, label: this.#target.label },
        work: this.#prepared.work,
        verification: this.#settings.verification,
        deadline,
        jobs: this.#settings.jobs,
        progress: this.#tools.progress,
      }
    })
  }

  /** As the databases are now. */
  async #renewed(deadline: number | null): Promise<TablesInput> {
    await this.#from?.source.close()
    return await this.#input(deadline)
  }

  async #stoppable<T>(work: () => Promise<T>): Promise<T> {
    return await stoppable(this.#from!, this.#tools, work)
  }
}
