import { setTimeout as sleep } from 'node:timers/promises'
import { rowsCheck } from '../compare/rows-check.ts'
import { isMapped } from '../config/resolve.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Session } from '../connection/postgres.ts'
import type { CheckResult } from '../contract/check.ts'
import type { VerifyReport } from '../contract/verify.ts'
import { LandfallError } from '../errors.ts'
import { addChecks } from '../journal/evidence.ts'
import { findRun, readPlan } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import { journalState } from '../journal/schema.ts'
import { compareMapped, type MappedCompared } from '../migrate/postgres-mapped.ts'
import { planPostgres } from '../migrate/postgres-plan.ts'
import { openPostgresSource } from '../migrate/postgres-source.ts'
import { refuseBlockers } from '../migrate/refuse.ts'
import { isMappedPlan, type Plan } from '../plan/model.ts'
import { isDifferent, LOOKS, MOMENT } from './looks.ts'
import type { PostgresVerification } from './postgres-sides.ts'
import { isWhole, verifyReport } from './report.ts'

/** The migration maps its rows: the config says so, or its last run did so. */
export async function isMappedMigration({ settings, target }: PostgresVerification): Promise<boolean> {
  if (isMapped(settings)) return true
  const session = await target.open('verify')
  try {
    const run = await runOf(session, settings.name)
    return run !== null && isMappedPlan(await readPlan(session, run.id))
  } finally {
    await session.close()
  }
}

/**
 * Compares what the source holds, mapped as the config says, with what the target holds. Rows that only the
 * target has are not looked for: it held rows before. Nothing is written but the checks.
 *
 * Errors: LF001 for limits that mapped moves do not know; those of `plan`; LF403.
 */
export async function verifyMapped(asked: PostgresVerification): Promise<VerifyReport> {
  const { settings, tools, from, target, startedAt } = asked
  refuseLimits(asked)
  const { maxSeconds } = settings.verification
  const deadline = maxSeconds === null ? null : performance.now() + maxSeconds * 1000
  const session = await target.open('verify')
  try {
    const run = await runOf(session, settings.name)
    let found: MappedCompared | null = null
    let plan: Plan | null = null
    for (let look = 1; look <= LOOKS; look += 1) {
      const source = await openPostgresSource(from, settings, tools)
      const stop = (): void => void source.snapshot.abort()
      tools.signal?.addEventListener('abort', stop)
      try {
        const planned = await planPostgres(
          // The whole of it: what is compared may need what is not.
          {
            settings: { ...settings, tables: null, exclude: [] },
            tools,
            from: source,
            session,
            targetLabel: target.label,
          },
          run,
        )
        plan = planned.plan
        refuseBlockers(plan)
        tools.progress?.({ kind: 'phase', phase: 'verify' })
        const { verification } = settings
        const input = {
          source: source.snapshot,
          target,
          plan,
          isInScope: inScope(asked, plan),
          verification,
          deadline,
          tools,
        }
        found = await compareMapped(input)
      } finally {
        tools.signal?.removeEventListener('abort', stop)
        await source.snapshot.close()
      }
      if (!found.tables.some(isDifferent)) break
      if (deadline !== null && performance.now() + MOMENT > deadline) break
      // What only had not arrived yet is no difference.
      if (look < LOOKS) await sleep(MOMENT)
    }
    const report = verifyReport({
      settings,
      source: from.label,
      target: target.label,
      startedAt,
      tables: found!.tables,
      differences: found!.differences,
      checks: await rejectChecks(session, run, found!),
      repair: null,
      mapped: true,
      notes: [
        ...from.notes,
        ...found!.notes,
        'rows that only the target has were not looked for: it held rows before',
      ],
    })
    if (run?.state === 'done' && settings.record && isWhole(settings)) {
      const checks = [...found!.tables.map((table) => rowsCheck(table, null)), ...report.checks]
      await session.transaction((inner) => addChecks(inner, run.id, checks))
    }
    return report
  } finally {
    await session.close()
  }
}

async function runOf(session: Session, name: string): Promise<RunRecord | null> {
  return (await journalState(session)) === 'present' ? await findRun(session, name) : null
}

function refuseLimits({ settings: { verification } }: PostgresVerification): void {
  const { repair, counts, sample, deleteExtra } = verification
  if (repair || deleteExtra)
    throw new LandfallError('LF001', 'mapped moves are repaired by moving them again', {
      hint: 'landfall migrate   adds what is missing and updates what differs',
    })
  if (counts || sample !== null)
    throw new LandfallError(
      'LF001',
      `mapped moves are compared row by row, without ${counts ? '--counts' : '--sample'}`,
      {
        hint: '--tables NAME,…   compares some of them',
      },
    )
}

/** The moves that `--tables` and `--exclude` leave; identities, too, only when they are named or all are. */
function inScope(
  { settings: { tables, exclude } }: PostgresVerification,
  plan: Plan,
): (move: Plan['moves'][number]) => boolean {
  const names = plan.moves.flatMap((move) => [move.source, move.target.name])
  for (const name of [...(tables ?? []), ...exclude]) {
    if (names.includes(name)) continue
    throw new LandfallError('LF005', `${name} is no table of this migration${didYouMean(name, names)}`, {
      hint: `Its moves: ${plan.moves.map((move) => move.source).join(', ')}`,
    })
  }
  return ({ source, target }) =>
    (tables === null || tables.includes(source) || tables.includes(target.name)) &&
    !exclude.includes(source) &&
    !exclude.includes(target.name)
}

/** Rows that the target cannot hold must be those that the run has set aside. */
async function rejectChecks(
  session: Session,
  run: RunRecord | null,
  { tables }: MappedCompared,
): Promise<CheckResult[]> {
  const { rows } =
    run === null
      ? { rows: [] }
      : await session.query<{ move: string; n: string }>(
          // Of the run that wrote last: a later one that was refused has set nothing aside.
          `SELECT "table" AS move, count(*)::text AS n FROM landfall.rejects
            WHERE run = (SELECT max(m.run) FROM landfall.moves m JOIN landfall.runs r ON r.id = m.run
              WHERE r.migration = $1 AND m.applied_at IS NOT NULL)
            GROUP BY 1`,
          [run.migration],
        )
  return tables.flatMap(({ source, setAside, incomplete }): CheckResult[] => {
    const kept = Number(rows.find((row) => row.move === source)?.n ?? 0)
    if (incomplete !== null || (setAside === 0 && kept === 0)) return []
    return [
      {
        name: `${source}: rows that the target cannot hold are set aside`,
        result: setAside === kept ? 'pass' : 'fail',
        expected: `${setAside} in landfall.rejects`,
        found: String(kept),
      },
    ]
  })
}
