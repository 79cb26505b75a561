import type { ReachedSettings, Settings, TargetSettings } from './config/model.ts'
import { closing, reachExistingTarget, reachTarget, type Target } from './connection/target.ts'
import { type MigrateReport, REPORT_VERSION, type StatusReport } from './contract/report.ts'
import type { Tools } from './contract/tools.ts'
import { findRun } from './journal/journal.ts'
import { journalState } from './journal/schema.ts'
import { status as journalStatus } from './journal/status.ts'
import { planOfPostgres, postgresSource } from './migrate/postgres.ts'
import { reachSource } from './migrate/reach-source.ts'
import { refuseBlockers } from './migrate/refuse.ts'
import { dryRunReport } from './migrate/report.ts'
import { runMigration } from './migrate/run.ts'
import { planFor } from './migrate/sqlite-begin.ts'
import { type OpenSource, openSourceOf, stoppable } from './migrate/sqlite-source.ts'
import { EMPTY_TARGET } from './migrate/target-catalog.ts'
import { withWork } from './migrate/work.ts'
import { makePlan } from './plan/make.ts'
import type { Plan } from './plan/model.ts'

export type { Tools } from './contract/tools.ts'

/**
 * Compiles the Plan: every decision, every row that does not fit. Writes nothing anywhere; an embedded
 * target that was never made stays unmade.
 *
 * Errors: LF001 to LF005 usage, LF1xx source, LF3xx target. Blockers are part of the Plan.
 */
export async function plan(asked: Settings, tools: Tools = {}): Promise<Plan> {
  const settings = await reachSource(asked, tools)
  const postgres = postgresSource(settings.from)
  if (postgres !== null) return await planOfPostgres(postgres, settings, tools)
  const from = await openSourceOf(settings, tools)
  try {
    return await stoppable(
      () => from,
      tools,
      async () => {
        const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
        if (target === null) return await planForNothing(from, settings, tools)
        return await closing(target, settings.keepRunning, () => planAgainst(target, from, settings, tools))
      },
    )
  } finally {
    await from.source.close()
  }
}

async function planAgainst(
  target: Target,
  from: OpenSource,
  settings: ReachedSettings,
  tools: Tools,
): Promise<Plan> {
  const session = await target.open('plan')
  try {
    const known = (await journalState(session)) === 'present'
    const run = known ? await findRun(session, settings.name) : null
    return (await planFor({ session, settings, from, target, tools }, run)).plan
  } finally {
    await session.close()
  }
}

async function planForNothing(from: OpenSource, settings: Settings, tools: Tools): Promise<Plan> {
  tools.progress?.({ kind: 'phase', phase: 'profile' })
  const planned = await makePlan({
    source: from.source,
    sourceLabel: from.label,
    catalog: from.catalog,
    target: EMPTY_TARGET,
    targetLabel: `embedded PostgreSQL in ${settings.embeddedFolder}`,
    isOccupied: async () => false,
    refuses: null,
    settings,
    progress: tools.progress ?? (() => {}),
  })
  return planned.plan
}

/**
 * Moves the source into the target, or goes on where an earlier attempt stopped: the same end, whenever
 * it was interrupted.
 *
 * Errors: those of `plan`; LF2xx refused before writing; LF401 another run is at work; LF403 when
 * `tools.signal` was aborted.
 */
export async function migrate(asked: Settings, tools: Tools = {}): Promise<MigrateReport> {
  const startedAt = new Date()
  const settings = await reachSource(asked, tools)
  if (settings.dryRun) {
    const found = await plan(settings, tools)
    refuseBlockers(found)
    return dryRunReport(found, settings, startedAt)
  }
  return await withWork(settings, tools, async (work) => {
    const target = await reachTarget(settings.to, settings.embeddedFolder)
    return await closing(target, settings.keepRunning, () =>
      runMigration({ settings, tools, target, startedAt }, work),
    )
  })
}

/** Where every migration of the target stands, by its journal. Writes nothing. */
export async function status(settings: TargetSettings): Promise<StatusReport> {
  const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
  if (target === null)
    return {
      version: REPORT_VERSION,
      command: 'status',
      target: `embedded PostgreSQL in ${settings.embeddedFolder}`,
      migrations: [],
    }
  return await closing(target, false, async () => {
    const session = await target.open('status')
    try {
      return await journalStatus(session, target.label)
    } finally {
      await session.close()
    }
  })
}
