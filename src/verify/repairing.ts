import { setTimeout as sleep } from 'node:timers/promises'
import { differing } from '../compare/model.ts'
import type { Deletable, RepairRecord } from '../compare/repair.ts'
import type { Compared, TablesInput } from '../compare/tables.ts'
import { holdingTarget } from '../compare/target-snapshot.ts'
import type { Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import type { Target } from '../connection/target.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Tools } from '../contract/tools.ts'
import type { RepairReport, VerifiedTable } from '../contract/verify.ts'
import { LandfallError } from '../errors.ts'
import { findRun } from '../journal/journal.ts'
import { acquireLock } from '../journal/lock.ts'
import type { RunRecord } from '../journal/model.ts'
import { epochCheck, repairDone } from '../journal/statements.ts'
import { holder } from '../migrate/holder.ts'
import { sequenceStatement } from '../schema/sequences.ts'
import { sequencesOf } from '../schema/steps.ts'
import { isDifferent, MOMENT } from './looks.ts'
import type { Prepared } from './prepare.ts'
import { repairTables } from './repair.ts'

export interface RepairInput {
  readonly settings: Settings
  readonly tools: Tools
  readonly target: Target
  readonly session: Session
  readonly prepared: Prepared
  /** The source as it is when nobody is asked any more: an answer takes its time. */
  readonly again: () => Promise<TablesInput>
  readonly found: Compared
}

/**
 * Asks, and makes the target equal to the source, under the migration's lock. Null when no row has to be
 * repaired.
 *
 * Errors: LF206 the answer was no, or nobody could be asked; LF208 a run was begun meanwhile and is not
 * done; LF401 another run is at work; LF403.
 */
export async function repair(input: RepairInput): Promise<RepairReport | null> {
  const { settings, session, target, prepared, again, found } = input
  return await underLock(input, found.tables, async (record) => {
    const repairing = async (deletable: Deletable): Promise<RepairReport> =>
      await repairTables({ tables: await again(), found, catalog: prepared.catalog, deletable, record })
    const access = { postgres: target.settings, label: target.label }
    const report = settings.verification.deleteExtra
      ? await holdingTarget(access, async (snapshot) => {
          // What the target has of rows that come to both sides, the source has after a moment.
          await sleep(MOMENT)
          return await repairing(snapshot)
        })
      : await repairing(null)
    await moveSequences(session, prepared)
    return report
  })
}

/** Asks, and repairs as the only one that works on the migration. Errors: see `repair`. */
export async function underLock(
  { settings, tools, target, session }: Pick<RepairInput, 'settings' | 'tools' | 'target' | 'session'>,
  tables: readonly VerifiedTable[],
  work: (record: (table: string) => RepairRecord) => Promise<RepairReport>,
): Promise<RepairReport | null> {
  const { deleteExtra } = settings.verification
  const sum = { missing: 0, extra: 0, changed: 0 }
  for (const table of tables)
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += table[name]
  if (differing(sum) === 0) return null
  if (sum.missing + sum.changed === 0 && !deleteExtra)
    return { inserted: 0, updated: 0, deleted: 0, extraLeft: sum.extra, failed: [] }
  const names = tables.filter(isDifferent)
  await confirmed(
    tools,
    question(
      target.label,
      names.map((table) => table.source),
      sum,
      deleteExtra,
    ),
  )
  const locking = await target.open('lock')
  try {
    const lock = await acquireLock(locking, settings.name, holder(), { another: () => target.open('probe') })
    try {
      refuseUnfinished(await findRun(session, settings.name))
      return await work((table) => ({ before: epochCheck(lock), after: repairDone(settings.name, table) }))
    } finally {
      await lock.release()
    }
  } finally {
    await locking.close()
  }
}

/** LF208: chunks that are still to come would load what was repaired once more. */
export function refuseUnfinished(run: RunRecord | null): void {
  if (run === null || run.state === 'done') return
  throw new LandfallError('LF208', `the run of this migration is not done (${run.state})`, {
    hint: 'landfall migrate goes on with it, and compares everything at its end.',
  })
}

const number = (rows: number): string => `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`

function question(
  target: string,
  tables: readonly string[],
  { missing, extra, changed }: { missing: number; extra: number; changed: number },
  deleteExtra: boolean,
): string {
  const what = [
    ...(missing > 0 ? [`insert ${number(missing)}`] : []),
    ...(changed > 0 ? [`overwrite ${number(changed)}`] : []),
    ...(extra > 0 && deleteExtra ? [`delete ${number(extra)}`] : []),
  ]
  const where = tables.length > 5 ? `${tables.length} tables` : tables.join(', ')
  return `In ${target}: ${what.join(', ')} (${where})?`
}

async function confirmed({ ask }: Tools, text: string): Promise<void> {
  if (ask !== undefined && (await ask(text))) return
  throw new LandfallError('LF206', ask ? 'the repair was declined' : 'a repair writes to the target', {
    hint: ask ? 'Nothing was written.' : '--yes   repair without a question',
  })
}

/** Sets sequences forward where no row has to be repaired; asks before that, as for rows. */
export async function repairSequences(
  { tools, target, session, prepared }: Pick<RepairInput, 'tools' | 'target' | 'session' | 'prepared'>,
  checks: readonly CheckResult[],
): Promise<void> {
  const behind = checks.filter((check) => check.result === 'fail' && check.name.endsWith(': sequences'))
  if (behind.length === 0) return
  const tables = behind.map((check) => check.name.slice(0, -': sequences'.length)).join(', ')
  await confirmed(
    tools,
    `In ${target.label}: set the sequences of ${tables} behind the numbers that are taken?`,
  )
  await moveSequences(session, prepared)
}

/** Numbers that a table holds must not be given out again. */
async function moveSequences(session: Session, { plan, catalog }: Prepared): Promise<void> {
  const isThere = ({ schema, name }: { readonly schema: string; readonly name: string }): boolean =>
    catalog.tables.some((table) => table.schema === schema && table.name === name)
  for (const move of plan.moves.filter(({ target }) => isThere(target))) {
    for (const use of sequencesOf(move, catalog))
      await session.query(sequenceStatement(move.target.schema, move.target.name, use))
  }
}
