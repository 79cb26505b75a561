import { structureChecks } from './checks/structure.ts'
import { TIME_IS_UP } from './compare/ordered.ts'
import type { Compared, TablesInput } from './compare/tables.ts'
import type { ReachedSettings, Settings } from './config/model.ts'
import type { Session } from './connection/postgres.ts'
import { closing, reachExistingTarget, type Target } from './connection/target.ts'
import type { CheckResult } from './contract/check.ts'
import type { Tools } from './contract/tools.ts'
import type { RepairReport, VerifyReport } from './contract/verify.ts'
import { LandfallError } from './errors.ts'
import { addChecks } from './journal/evidence.ts'
import { postgresSource } from './migrate/postgres.ts'
import { reachSource } from './migrate/reach-source.ts'
import { type OpenSource, openSourceOf, stoppable } from './migrate/sqlite-source.ts'
import { planHash } from './plan/compare.ts'
import { compareRepaired, compareUntilSettled } from './verify/looks.ts'
import { Memory } from './verify/memory.ts'
import { verifyPostgres } from './verify/postgres-source.ts'
import { type Prepared, prepare } from './verify/prepare.ts'
import { refuseUnfinished, repair, repairSequences } from './verify/repairing.ts'
import { isWhole, verifyReport } from './verify/report.ts'

/**
 * Compares the source with the target, all rows and all columns, after the plan's conversions, and names
 * every difference. With `settings.verification.repair` the target is made equal to the source. Without it
 * nothing is written but the checks, in the schema `landfall`.
 *
 * Errors: those of `plan`; of a repair LF208 while the migration is not done, LF401 while another run is at
 * work; LF403 when `tools.signal` was aborted.
 */
export async function verify(asked: Settings, tools: Tools = {}): Promise<VerifyReport> {
  const startedAt = new Date()
  const target = await reachExistingTarget(asked.to, asked.embeddedFolder)
  if (target === null)
    throw new LandfallError('LF301', `there is no embedded PostgreSQL in ${asked.embeddedFolder}`, {
      hint: 'landfall migrate --from …   makes and fills one\n--to postgres://user@host/name   another target',
    })
  return await closing(target, asked.keepRunning, async () => {
    const settings = await reachSource(asked, tools)
    const from = postgresSource(settings.from)
    if (from !== null) return await verifyPostgres({ settings, tools, from, target, startedAt })
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
  readonly #settings: ReachedSettings
  readonly #tools: Tools
  readonly #target: Target
  readonly #session: Session
  #from: OpenSource | null = null
  #prepared: Prepared | null = null
  #tables: TablesInput | null = null
  readonly #notes: string[] = []

  constructor(settings: ReachedSettings, tools: Tools, target: Target, session: Session) {
    this.#settings = settings
    this.#tools = tools
    this.#target = target
    this.#session = session
  }

  async run(startedAt: Date): Promise<VerifyReport> {
    const { maxSeconds } = this.#settings.verification
    try {
      this.#tables = await this.#input(null)
      // The time is that of comparing: a large source may take longer to be opened.
      const deadline = maxSeconds === null ? null : performance.now() + maxSeconds * 1000
      this.#tables = { ...this.#tables, deadline }
      if (this.#settings.verification.repair) refuseUnfinished(this.#prepared!.run)
      const found = await this.#compare(deadline)
      const repaired = this.#settings.verification.repair ? await this.#repair(found, deadline) : null
      const compared = repaired === null ? found : await this.#compareAgain(found, repaired, deadline)
      const { run, checks, notes } = this.#prepared!
      const structure = await this.#structure()
      const report = verifyReport({
        settings: this.#settings,
        source: this.#from!.label,
        target: this.#target.label,
        startedAt,
        ...compared,
        checks: [...checks, ...structure],
        repair: repaired,
        notes: [...notes, ...this.#notes],
      })
      // What a limit of time kept from looking is no news of what was found by an earlier one.
      const isCut = this.#settings.verification.maxSeconds !== null && report.outcome === 'incomplete'
      if (run?.state === 'done' && this.#settings.record && isWhole(this.#settings) && !isCut)
        await this.#session.transaction((session) => addChecks(session, run.id, report.checks))
      return report
    } finally {
      await this.#from?.source.close()
    }
  }

  async #structure(): Promise<CheckResult[]> {
    const { plan, stored, catalog, work } = this.#prepared!
    return await structureChecks({
      session: this.#session,
      plan: stored ?? plan,
      catalog,
      source: this.#from!.catalog,
      tables: isWhole(this.#settings) ? null : work.map(({ move }) => move.source),
    })
  }

  async #compare(deadline: number | null): Promise<Compared> {
    this.#tools.progress?.({ kind: 'phase', phase: 'verify' })
    const memory = await this.#memory()
    const input = { ...this.#tables!, memory: memory?.of.bind(memory) ?? null }
    try {
      const found = await this.#stoppable(() => compareUntilSettled(input, () => this.#again(deadline)))
      const isCut = found.tables.some((table) => table.incomplete === TIME_IS_UP)
      await (isCut ? memory?.flush() : memory?.close())
      if (memory !== null && memory.note !== null) this.#notes.push(memory.note)
      return found
    } catch (error) {
      await memory?.flush()
      throw error
    }
  }

  /** Null where nothing may be written down, or what is compared is a part. */
  async #memory(): Promise<Memory | null> {
    const { run, plan } = this.#prepared!
    const { sample, counts } = this.#settings.verification
    if (run === null || !this.#settings.record || sample !== null || counts) return null
    return await Memory.open(this.#session, {
      migration: run.migration,
      fingerprint: this.#from!.source.fingerprint,
      planHash: planHash(plan),
    })
  }

  /** The source as it is by now. */
  async #again(deadline: number | null): Promise<TablesInput> {
    if (this.#from?.source.isStale() === false) return this.#tables!
    await this.#from?.source.close()
    this.#tables = await this.#input(deadline)
    return this.#tables
  }

  async #repair(found: Compared, deadline: number | null): Promise<RepairReport | null> {
    this.#tools.progress?.({ kind: 'phase', phase: 'repair' })
    return await this.#stoppable(async () => {
      const input = {
        settings: this.#settings,
        tools: this.#tools,
        target: this.#target,
        session: this.#session,
        prepared: this.#prepared!,
        again: () => this.#again(deadline),
        found,
      }
      const repaired = await repair(input)
      if (repaired !== null) return repaired
      await repairSequences(input, await this.#structure())
      return { inserted: 0, updated: 0, deleted: 0, extraLeft: 0, failed: [] }
    })
  }

  async #compareAgain(before: Compared, repaired: RepairReport, deadline: number | null): Promise<Compared> {
    this.#tools.progress?.({ kind: 'phase', phase: 'verify' })
    return await this.#stoppable(async () => {
      const now = await this.#again(deadline)
      return await compareRepaired(now, before, repaired, this.#prepared!.catalog)
    })
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
        catalog: this.#prepared.catalog,
        work: this.#prepared.work,
        verification: this.#settings.verification,
        deadline,
        jobs: this.#settings.jobs,
        progress: this.#tools.progress,
        memory: null,
      }
    })
  }

  async #stoppable<T>(work: () => Promise<T>): Promise<T> {
    return await stoppable(() => this.#from!, this.#tools, work)
  }
}
