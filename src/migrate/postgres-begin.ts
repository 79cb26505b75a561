import type { BackupReport } from '../contract/report.ts'
import { LandfallError } from '../errors.ts'
import { fenced } from '../journal/fence.ts'
import {
  beginRun,
  failRun,
  findRun,
  forgetRun,
  readBackups,
  readChunks,
  readPlan,
  resumeRun,
  setBackups,
  setFingerprint,
} from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import { planHash } from '../plan/compare.ts'
import { isMappedPlan, type Plan } from '../plan/model.ts'
import { backUp } from './backup.ts'
import { refuseOtherCheckpoint } from './checkpoint.ts'
import { choicesOf } from './choices.ts'
import { askBeforeWriting } from './consent.ts'
import { holder } from './holder.ts'
import { isApplied } from './postgres-apply.ts'
import { changedChunks, changedMoves } from './postgres-changed.ts'
import { definitionsDigest } from './postgres-definitions.ts'
import { type PlannedPostgres, planPostgres } from './postgres-plan.ts'
import { takeBackClone } from './postgres-restart.ts'
import { dropStages } from './postgres-stage.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'
import { refuseBlockers, refuseMissing } from './refuse.ts'

type Nothing = { readonly kind: 'nothing'; readonly run: RunRecord }

/**
 * Decides between a new run, going on with one, and having nothing to do. What was copied as it is goes on
 * only from the very same source. Mapped moves may always be repeated: they make the target what the source
 * is now, and what was only staged is nobody's data.
 */
export async function beginPostgres(start: PostgresStart): Promise<PostgresBegun | Nothing> {
  const { session, settings } = start
  const run = await findRun(session, settings.name)
  await refuseOtherCheckpoint(start, run)
  if (run === null) return await beginNew(start)
  const before = await readPlan(session, run.id)
  return isMappedPlan(before) ? await beginMapped(start, run, before) : await beginCopy(start, run, before)
}

async function beginCopy(
  start: PostgresStart,
  run: RunRecord,
  before: Plan,
): Promise<PostgresBegun | Nothing> {
  if (start.settings.restart)
    return await beginNew(start, { run, takeBack: () => takeBackClone(start, run, before) })
  if (run.state === 'done') await refuseMissing(start.session, before)
  await refuseOther(start, run, before)
  if (run.state === 'done') return { kind: 'nothing', run }
  return await goOn(start, run, before)
}

/** What was applied stays, as history; what was only staged goes once a new run may begin. */
async function beginMapped(start: PostgresStart, run: RunRecord, before: Plan): Promise<PostgresBegun> {
  const { session, settings, lock } = start
  if (!settings.restart) refuseOtherSource(start, run, ANOTHER_SOURCE)
  if (run.state === 'done') {
    if (settings.restart && run.sourceLabel === start.from.label) throw notTakenBack()
    return await beginNew(start)
  }
  const applied = await isApplied(session, run)
  if (!settings.restart && (await isUnchanged(start, run, before, applied))) {
    // What is staged is nobody's data: the tables of the application are about to be written for the first time.
    const backups = applied ? await readBackups(session, run.id) : await agreed(start, before)
    const going = await goOn(start, run, before)
    await setBackups(session, lock, run.id, backups)
    return { ...going, backups }
  }
  const takeBack = async (): Promise<void> => {
    await fenced(session, lock, async () => {
      await dropStages(session, { run, plan: before })
      if (!applied) await forgetRun(session, run.id)
    })
    if (applied) await failRun(session, lock, run.id, NOT_VERIFIED)
  }
  return await beginNew(start, { run, takeBack })
}

const ANOTHER_SOURCE = '--restart   go on with this source; what was merged from the other one stays'
const NOT_VERIFIED = {
  code: 'LF201',
  message: 'its rows were merged and not verified; the source or the plan changed, and a new run began',
}

function notTakenBack(): LandfallError {
  return new LandfallError(
    'LF001',
    'rows that were merged into tables of the application cannot be taken back',
    {
      hint: 'without --restart: what the source holds now is merged again\na backup that was made before brings back what was there',
    },
  )
}

/** The run may go on: what it has staged, and what there is left to do, are what they would be today. */
async function isUnchanged(
  start: PostgresStart,
  run: RunRecord,
  before: Plan,
  applied: boolean,
): Promise<boolean> {
  const { from, settings } = start
  if (run.choices !== choicesOf(settings)) return false
  // What it has changed itself is no other source, and what it has applied is not applied again.
  if (before.inPlace) return applied
  const { plan } = await planPostgres(planning(start), run)
  if (run.planHash !== planHash(plan)) return false
  return run.fingerprint === from.fingerprint || (await changedChunks(start, run, before)).length === 0
}

const planning = (start: PostgresStart) => ({ ...start, targetLabel: start.target.label })

async function goOn(start: PostgresStart, { id }: RunRecord, plan: Plan): Promise<PostgresBegun> {
  const { session, lock } = start
  const run = await resumeRun(session, lock, id, holder())
  const backups = await readBackups(session, id)
  return { kind: 'run', run, plan, chunks: await readChunks(session, id), resumed: true, backups }
}

/** A run that a new one takes the place of, once that is certain to begin. */
interface Replaced {
  readonly run: RunRecord
  readonly takeBack: () => Promise<void>
}

async function beginNew(start: PostgresStart, replaced: Replaced | null = null): Promise<PostgresBegun> {
  const { session, lock } = start
  const planned = await planPostgres(planning(start), replaced?.run ?? null)
  const { plan } = planned
  refuseBlockers(plan)
  const backups = await agreed(start, plan)
  await replaced?.takeBack()
  const run = await beginRun(session, lock, newRun(start, planned, backups))
  return { kind: 'run', run, plan, chunks: await readChunks(session, run.id), resumed: false, backups }
}

/** Somebody agrees, and the backups are made, before tables of the target are written. LF206, LF310, LF311. */
async function agreed(start: PostgresStart, plan: Plan): Promise<readonly BackupReport[]> {
  const { session, settings, from, target, tools } = start
  const backup = settings.backup !== null
  await askBeforeWriting({ plan, source: from.label, target: target.label, session, tools, backup })
  return await backUp(start, plan)
}

function newRun(
  { settings, from, seal }: PostgresStart,
  { plan, chunks }: PlannedPostgres,
  backups: readonly BackupReport[],
): Parameters<typeof beginRun>[2] {
  return {
    holder: holder(),
    sourceLabel: from.label,
    fingerprint: from.fingerprint,
    planHash: planHash(plan),
    plan,
    choices: choicesOf(settings),
    phase: 'schema',
    chunks,
    backups,
    sealed: seal !== undefined,
  }
}

const RESTART = '--restart   take back what was loaded and move everything again'

function refuseOtherSource({ from }: PostgresStart, run: RunRecord, restart: string): void {
  if (run.sourceLabel === from.label) return
  throw new LandfallError(
    'LF201',
    `the migration ${run.migration} began with ${run.sourceLabel}; this is ${from.label}`,
    { hint: `--name NAME   if this is another database: a migration of its own\n${restart}` },
  )
}

/** LF201 or LF202 when going on would mix two plans, or two states of the source. */
async function refuseOther(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { from, settings, session, lock } = start
  refuseOtherSource(start, run, RESTART)
  const since = run.state === 'done' ? 'was done' : 'began'
  if (run.choices !== choicesOf(settings))
    throw new LandfallError('LF202', `what is to be moved changed since the run ${since}`, {
      hint: `undo the change of the config or the options, and the run goes on\n${RESTART}`,
    })
  if (run.fingerprint === from.fingerprint) return
  const tables = await changedMoves(start, run, plan)
  if (tables.length > 0)
    throw new LandfallError('LF201', `the source changed since the run ${since}: ${tables.join(', ')}`, {
      hint: [
        ...(run.state === 'done' ? ['landfall verify --repair   bring the target up to date'] : []),
        RESTART,
      ].join('\n'),
      details: { tables },
    })
  // Without pg_dump the tables' shapes are all that there is.
  const digest = plan.schemaBy?.digest
  if (digest !== undefined && digest !== (await definitionsDigest(start)))
    throw new LandfallError('LF201', `the source's definitions changed since the run ${since}`, {
      hint: `undo the change, and the run goes on\n${RESTART}`,
    })
  await setFingerprint(session, lock, run.id, from.fingerprint)
}
