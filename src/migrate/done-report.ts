import type { Session } from '../connection/postgres.ts'
import type { BackupReport, MigrateReport } from '../contract/report.ts'
import { rejectSummaries } from '../journal/evidence.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { migrateReport, type ReportParts } from './report.ts'
import type { Attempt } from './run.ts'

/** What a run came to that has done all it was to do. */
export interface Done {
  readonly begun: {
    readonly run: RunRecord
    readonly resumed: boolean
    readonly backups: readonly BackupReport[]
  }
  readonly plan: Plan
  readonly loaded: Pick<ReportParts, 'chunks' | 'spans'>
  readonly checked: Pick<ReportParts, 'checks' | 'verification'>
  readonly applied?: ReportParts['applied']
  /** Besides those of the plan and of the target. */
  readonly notes?: readonly string[]
}

/** What is told of such a run. `session`: where its last transaction is, if that is open. */
export async function doneReport(
  { settings, startedAt, target, clock }: Attempt,
  session: Session,
  { begun, plan, loaded, checked, applied, notes }: Done,
): Promise<MigrateReport> {
  return migrateReport({
    settings,
    startedAt,
    plan,
    target: target.label,
    outcome: 'done',
    resumed: begun.resumed,
    phases: clock.phases,
    chunks: loaded.chunks,
    spans: loaded.spans,
    ...(applied === undefined ? {} : { applied }),
    rejects: await rejectSummaries(session, begun.run.id),
    checks: checked.checks,
    verification: checked.verification,
    backups: begun.backups,
    notes: [...plan.notes, ...(notes ?? []), ...(target.embedded?.notes ?? [])],
  })
}
