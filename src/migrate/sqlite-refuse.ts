import type { Settings } from '../config/model.ts'
import { LandfallError } from '../errors.ts'
import { readChunks, setFingerprint } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import { countedOn, onlyCarriedOtherwise, planDifferences, planHash } from '../plan/compare.ts'
import type { Planned } from '../plan/make.ts'
import type { Plan } from '../plan/model.ts'
import { choicesOf } from './choices.ts'
import { changedTables } from './sqlite-changed.ts'
import type { Start } from './start.ts'

/** LF201 or LF202 when going on would mix two plans, or two states of the source. */
export async function refuseChanges(
  start: Start,
  run: RunRecord,
  before: Plan,
  planned: Planned,
): Promise<void> {
  const { from, session, lock, settings } = start
  const sourceChanged = run.fingerprint !== from.source.fingerprint
  const refuse = (what: string, differences: readonly string[], details: Record<string, unknown>) => {
    throw new LandfallError(sourceChanged ? 'LF201' : 'LF202', `${begunWith(run, from.label)}${what}`, {
      hint: waysOn(run, from.label, settings, differences),
      details,
    })
  }
  const otherPlan = run.planHash !== planHash(planned.plan)
  // A run that began with --profile-rows may go on without it, by what was found since.
  const widened =
    otherPlan && run.choices === choicesOf(settings) && onlyCarriedOtherwise(before, planned.plan)
  if (otherPlan && !widened) {
    const differences = planDifferences(before, planned.plan)
    const what = sourceChanged
      ? 'the source changed since the run began, and the plan with it'
      : 'the plan changed since the run began'
    refuse(`${what}:\n  ${differences.join('\n  ')}`, differences, { differences })
  }
  if (!sourceChanged) return
  const rows = await changedTables(
    from.source,
    planned,
    await readChunks(session, run.id),
    widened ? before : null,
  )
  // A run that is not done sets its sequences by today's plan.
  const counted = run.state === 'done' ? countedOn(before, planned.plan) : []
  const tables = [...new Set([...rows, ...counted])]
  if (tables.length > 0) {
    const since = run.state === 'done' ? 'was done' : 'began'
    refuse(`the source changed since the run ${since}: ${tables.join(', ')}`, [], { tables })
  }
  await setFingerprint(session, lock, run.id, from.source.fingerprint)
}

/** The most likely reason why everything differs: two files of the same name. */
function begunWith(run: RunRecord, label: string): string {
  if (run.sourceLabel === label) return ''
  return `the migration ${run.migration} began with ${run.sourceLabel}; this is ${label}\n`
}

function waysOn(run: RunRecord, label: string, settings: Settings, differences: readonly string[]): string {
  const named = '--name NAME   or name: in the config,'
  const selected = settings.tables !== null || settings.exclude.length > 0
  return [
    ...(run.sourceLabel !== label ? [`${named} if this is another database: a migration of its own`] : []),
    ...(differences.length > 0 ? ['undo the change, and the run goes on'] : []),
    ...(run.sourceLabel === label && selected && differences.length > 0
      ? [`${named} to move these tables as a migration of their own`]
      : []),
    '--restart   take back what was loaded and move everything again',
  ].join('\n')
}
