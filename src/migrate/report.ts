import { tally } from '../checks/rows.ts'
import type { Settings } from '../config/model.ts'
import type { CheckResult } from '../contract/check.ts'
import {
  type MigrateReport,
  type PhaseReport,
  REPORT_VERSION,
  type RejectSummary,
  type TableReport,
} from '../contract/report.ts'
import type { ChunkRecord } from '../journal/model.ts'
import type { Applied } from '../plan/mapping.ts'
import type { Move, Plan } from '../plan/model.ts'
import type { Span } from './load.ts'

/** Measures the phases of one attempt. */
export class PhaseClock {
  readonly #phases: PhaseReport[] = []

  async measure<T>(name: PhaseReport['name'], work: () => Promise<T>): Promise<T> {
    const began = performance.now()
    try {
      return await work()
    } finally {
      this.#phases.push({ name, seconds: (performance.now() - began) / 1000 })
    }
  }

  get phases(): readonly PhaseReport[] {
    return [...this.#phases]
  }
}

export interface ReportParts {
  readonly settings: Settings
  readonly startedAt: Date
  readonly plan: Plan
  readonly target: string
  readonly outcome: MigrateReport['outcome']
  readonly resumed: boolean
  readonly phases: readonly PhaseReport[]
  readonly chunks: readonly ChunkRecord[]
  readonly spans: ReadonlyMap<string, Span>
  readonly rejects: readonly RejectSummary[]
  readonly checks: readonly CheckResult[]
  readonly verification: MigrateReport['verification']
  readonly backups?: MigrateReport['backups']
  /** What applying mapped moves came to, by `Move.source`. */
  readonly applied?: ReadonlyMap<string, Applied>
  readonly notes: readonly string[]
}

/** One object for people and machines. Status 1 when rows were set aside or a check did not pass. */
export function migrateReport(parts: ReportParts): MigrateReport {
  const { settings, plan, chunks, checks } = parts
  const tables = plan.moves.map((move): TableReport => {
    const span = parts.spans.get(move.source)
    const seconds = span ? (span.to - span.from) / 1000 : 0
    return {
      source: move.source,
      target: `${move.target.schema}.${move.target.name}`,
      ...countsOf(move, chunks, parts.applied),
      seconds,
      rowsPerSecond: seconds > 0 ? Math.round(span!.rows / seconds) : 0,
    }
  })
  const clean =
    tables.every((table) => table.setAside === 0) &&
    parts.rejects.length === 0 &&
    checks.every((check) => check.result === 'pass')
  return {
    version: REPORT_VERSION,
    command: 'migrate',
    migration: settings.name,
    outcome: parts.outcome,
    exitCode: clean ? 0 : 1,
    source: plan.source.label,
    target: parts.target,
    resumed: parts.resumed,
    startedAt: parts.startedAt.toISOString(),
    seconds: (Date.now() - parts.startedAt.getTime()) / 1000,
    phases: parts.phases,
    tables,
    rejects: parts.rejects,
    checks,
    verification: parts.verification,
    ...(parts.backups === undefined || parts.backups.length === 0 ? {} : { backups: parts.backups }),
    leftOut: plan.leftOut,
    notes: parts.notes,
  }
}

function countsOf(
  move: Move,
  chunks: readonly ChunkRecord[],
  applied: ReportParts['applied'],
): Pick<TableReport, 'read' | 'loaded' | 'setAside' | 'bytes' | 'merged'> {
  const told = tally(chunks, move.source)
  const came = applied?.get(move.source)
  if (came === undefined) return told
  const { setAside, ...merged } = came
  const loaded = merged.created + merged.updated + merged.unchanged + merged.skipped
  return { read: loaded + setAside, loaded, setAside, bytes: told.bytes, merged }
}

/** What `--dry-run` gives: the plan's tables, with nothing loaded. */
export function dryRunReport(plan: Plan, settings: Settings, startedAt: Date): MigrateReport {
  return migrateReport({
    settings,
    startedAt,
    plan,
    target: plan.target.label,
    outcome: 'dry-run',
    resumed: false,
    phases: [],
    chunks: [],
    spans: new Map(),
    rejects: plan.moves.flatMap((move) =>
      move.statistics.misfits.map((misfit) => ({ table: move.source, ...misfit })),
    ),
    checks: [],
    verification: null,
    notes: plan.notes,
  })
}
