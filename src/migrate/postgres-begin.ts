import type { BackupReport } from '../contract/report.ts'
import { LandfallError } from '../errors.ts'
import { compareCheckpoint } from '../journal/checkpoint.ts'
import { fenced } from '../journal/fence.ts'
import {
  beginRun,
  findRun,
  forgetRun,
  readChunks,
  readPlan,
  resumeRun,
  setFingerprint,
} from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import { planHash } from '../plan/compare.ts'
import type { Plan } from '../plan/model.ts'
import { backUp } from './backup.ts'
import { choicesOf } from './choices.ts'
import { askBeforeWriting } from './consent.ts'
import { holder } from './holder.ts'
import { isApplied } from './postgres-apply.ts'
import { changedMoves } from './postgres-changed.ts'
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
  const { session, settings, lock } = start
  const run = await findRun(session, settings.name)
  if (settings.checkpoint)
    compareCheckpoint(
      settings.checkpoint,
      run,
      run ? await readChunks(session, run.id) : [],
      settings.restart,
    )
  if (run === null) return await beginNew(start)
  const before = await readPlan(session, run.id)
  if (before.moves.some((move) => move.mapping !== undefined)) {
    if (run.state === 'done') return await beginNew(start)
    // What it has changed itself is no other source, and what it has applied is not applied again.
    if (before.inPlace && !settings.restart && isSameEnds(start, run) && (await isApplied(session, run)))
      return await goOn(start, run, before)
    const planned = await planPostgres(planning(start), run)
    const same = isSame(start, run) && run.planHash === planHash(planned.plan)
    if (same && !settings.restart) return await goOn(start, run, planned.plan)
    await fenced(session, lock, async () => {
      await dropStages(session, { run, plan: before })
      await forgetRun(session, run.id)
    })
    return await beginNew(start)
  }
  if (settings.restart) {
    const backups = await backUp(start, before)
    await takeBackClone(start, run, before)
    return await beginNew(start, backups)
  }
  if (run.state === 'done') await refuseMissing(session, before)
  await refuseOther(start, run, before)
  if (run.state === 'done') return { kind: 'nothing', run }
  return await goOn(start, run, before)
}

const planning = (start: PostgresStart) => ({ ...start, targetLabel: start.target.label })

/** The same source with the same content, moved by the same choices. */
const isSame = (start: PostgresStart, run: RunRecord): boolean =>
  isSameEnds(start, run) && run.fingerprint === start.from.fingerprint.whole

/** Whatever the source holds by now. */
const isSameEnds = ({ from, settings }: PostgresStart, run: RunRecord): boolean =>
  run.sourceLabel === from.label && run.choices === choicesOf(settings)

async function goOn(start: PostgresStart, { id }: RunRecord, plan: Plan): Promise<PostgresBegun> {
  const { session, lock } = start
  const run = await resumeRun(session, lock, id, holder())
  return { kind: 'run', run, plan, chunks: await readChunks(session, id), resumed: true, backups: [] }
}

async function beginNew(
  start: PostgresStart,
  made: readonly BackupReport[] | null = null,
): Promise<PostgresBegun> {
  const { session, settings, lock, from } = start
  const planned = await planPostgres(planning(start), null)
  const { plan } = planned
  refuseBlockers(plan)
  await askBeforeWriting({
    plan,
    source: from.label,
    target: start.target.label,
    session,
    tools: start.tools,
    backup: settings.backup !== null,
  })
  const backups = made ?? (await backUp(start, plan))
  const run = await beginRun(session, lock, newRun(start, planned))
  return { kind: 'run', run, plan, chunks: await readChunks(session, run.id), resumed: false, backups }
}

function newRun(
  { settings, from }: PostgresStart,
  { plan, chunks }: PlannedPostgres,
): Parameters<typeof beginRun>[2] {
  return {
    holder: holder(),
    sourceLabel: from.label,
    fingerprint: from.fingerprint.whole,
    planHash: planHash(plan),
    plan,
    choices: choicesOf(settings),
    phase: 'schema',
    chunks,
  }
}

/** LF201 or LF202 when going on would mix two plans, or two states of the source. */
async function refuseOther(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { from, settings, session, lock } = start
  if (isSame(start, run)) return
  const since = run.state === 'done' ? 'was done' : 'began'
  const restart = '--restart   take back what was loaded and move everything again'
  if (run.sourceLabel !== from.label)
    throw new LandfallError(
      'LF201',
      `the migration ${run.migration} began with ${run.sourceLabel}; this is ${from.label}`,
      { hint: `--name NAME   if this is another database: a migration of its own\n${restart}` },
    )
  if (run.choices !== choicesOf(settings))
    throw new LandfallError('LF202', `what is to be moved changed since the run ${since}`, {
      hint: `undo the change of the config or the options, and the run goes on\n${restart}`,
    })
  const tables = await changedMoves(start, run, plan)
  if (tables.length > 0)
    throw new LandfallError('LF201', `the source changed since the run ${since}: ${tables.join(', ')}`, {
      hint: [
        ...(run.state === 'done' ? ['landfall verify --repair   bring the target up to date'] : []),
        restart,
      ].join('\n'),
      details: { tables },
    })
  await setFingerprint(session, lock, run.id, from.fingerprint.whole)
}
