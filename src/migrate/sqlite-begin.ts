import { rmSync } from 'node:fs'
import type { Table } from '../catalog/model.ts'
import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import type { BackupReport } from '../contract/report.ts'
import { createdTables } from '../journal/evidence.ts'
import { beginRun, findRun, readChunks, readPlan, resumeRun } from '../journal/journal.ts'
import type { ChunkRecord, PlannedChunk, RunRecord } from '../journal/model.ts'
import { planHash } from '../plan/compare.ts'
import { makePlan, type Planned } from '../plan/make.ts'
import { backUp } from './backup.ts'
import { checkTypes } from './check-types.ts'
import { refuseOtherCheckpoint } from './checkpoint.ts'
import { choicesOf } from './choices.ts'
import { holder } from './holder.ts'
import { refuseBlockers, refuseMissing } from './refuse.ts'
import { refusedBy } from './refuses.ts'
import { countRows, holdsRows, takeBack } from './restart.ts'
import { spaceBlockers } from './space.ts'
import { refuseChanges } from './sqlite-refuse.ts'
import type { Start } from './start.ts'
import { targetCatalog } from './target-catalog.ts'

/** A run that may go on, or the news that there is nothing to do. */
export type Begun =
  | { readonly kind: 'nothing'; readonly run: RunRecord }
  | {
      readonly kind: 'run'
      readonly run: RunRecord
      readonly planned: Planned
      readonly chunks: readonly ChunkRecord[]
      readonly resumed: boolean
      readonly backups: readonly BackupReport[]
    }

/**
 * Decides between a new run, going on with one, and having nothing to do; refuses (status 5) when
 * plan or source are not what they were when the run began.
 */
export async function begin(start: Start): Promise<Begun> {
  const { session, settings, from, lock, tools } = start
  let run = await findRun(session, settings.name)
  await refuseOtherCheckpoint(start, run)
  let backups: readonly BackupReport[] | null = null
  const undo = async (what: RunRecord) => {
    backups ??= await backUp(start, {})
    await takeBack(session, lock, what, tools)
    // What it says of the run is not true any more.
    if (settings.checkpoint) rmSync(settings.checkpoint, { force: true })
  }
  if (run && settings.restart) {
    await undo(run)
    run = null
  }
  const before = run ? await readPlan(session, run.id) : null
  if (run?.state === 'done') {
    await refuseMissing(session, before!)
    if (run.fingerprint === from.source.fingerprint && run.choices === choicesOf(settings))
      return { kind: 'nothing', run }
  }
  const planned = await planFor(run?.state === 'done' ? await asItWasDone(start, run) : start, run)
  if (run && before && (await isIdle(session, run, from.label)) && run.planHash !== planHash(planned.plan)) {
    // Nothing was loaded by the old plan: it failed early, and what made it fail was mended.
    refuseBlockers(planned.plan)
    await undo(run)
    run = null
  }
  if (run && before) await refuseChanges(start, run, before, planned)
  if (run?.state === 'done') return { kind: 'nothing', run }
  refuseBlockers(planned.plan)
  if (run) {
    const resumed = await resumeRun(session, lock, run.id, holder())
    const chunks = await readChunks(session, run.id)
    return { kind: 'run', run: resumed, planned, chunks, resumed: true, backups: [] }
  }
  backups ??= await backUp(start, {})
  const begun = await beginRun(session, lock, {
    holder: holder(),
    sourceLabel: from.label,
    fingerprint: from.source.fingerprint,
    planHash: planHash(planned.plan),
    plan: planned.plan,
    choices: choicesOf(settings),
    phase: 'schema',
    chunks: plannedChunks(planned),
    sealed: start.seal !== undefined,
  })
  const chunks = await readChunks(session, begun.id)
  return { kind: 'run', run: begun, planned, chunks, resumed: false, backups }
}

/** Rows that a run has set aside are compared as such; --bad-rows is of no more use to what is done. */
async function asItWasDone(start: Start, run: RunRecord): Promise<Start> {
  const aside = (await readChunks(start.session, run.id)).some((chunk) => (chunk.result?.setAside ?? 0) > 0)
  return aside ? { ...start, settings: { ...start.settings, badRows: 'set-aside' } } : start
}

/** The run of this very source has loaded nothing yet. */
async function isIdle(session: Session, run: RunRecord, label: string): Promise<boolean> {
  if (run.state === 'done' || run.sourceLabel !== label) return false
  return (await readChunks(session, run.id)).every((chunk) => chunk.state === 'pending')
}

/** Plans against the target as it would be without this migration's own tables. */
export async function planFor(start: Omit<Start, 'lock'>, run: RunRecord | null): Promise<Planned> {
  const { session, settings, from, target, tools } = start
  const made = run ? await createdTables(session, run.id) : []
  const catalog = await targetCatalog(session, settings, made)
  const chunks = run ? await readChunks(session, run.id) : []
  const isOccupied = async ({ schema, name }: Table, source: string) => {
    if (run?.state === 'done') return false
    const ours = tally(chunks, source).loaded
    return ours === 0
      ? await holdsRows(session, schema, name)
      : (await countRows(session, schema, name)) !== ours
  }
  await checkTypes(session, settings.moves)
  tools.progress?.({ kind: 'phase', phase: 'profile' })
  const planned = await makePlan({
    source: from.source,
    sourceLabel: from.label,
    catalog: from.catalog,
    target: catalog,
    targetLabel: target.label,
    isOccupied,
    refuses: refusedBy(session),
    settings,
    progress: tools.progress ?? (() => {}),
  })
  if (run || settings.to !== 'embedded') return planned
  const space = spaceBlockers(from.source.path, settings.embeddedFolder)
  return { ...planned, plan: { ...planned.plan, blockers: [...planned.plan.blockers, ...space] } }
}

function plannedChunks(planned: Planned): PlannedChunk[] {
  return planned.plan.moves.flatMap((move) =>
    planned.work
      .get(move.source)!
      .chunks.map(({ after, upTo }, seq) => ({ move: move.source, seq, after, upTo })),
  )
}
