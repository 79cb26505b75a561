import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { Plan } from '../plan/model.ts'
import { isThere } from './restart.ts'

export async function refuseMissing(session: Session, plan: Plan): Promise<void> {
  for (const { target } of plan.moves) {
    if (await isThere(session, target.schema, target.name)) continue
    throw new LandfallError(
      'LF205',
      `the migration is done, but its table ${target.schema}.${target.name} is gone from the target`,
      { place: { table: target.name }, hint: '--restart   drop the others and move everything again' },
    )
  }
}

/** LF204 when rows do not fit, LF205 or its like for everything else that has to be decided first. */
export function refuseBlockers(plan: Plan): void {
  const [first] = plan.blockers
  if (first === undefined) return
  const lines = plan.blockers.map((blocker) =>
    [
      blocker.message,
      ...(blocker.examples.length > 0 ? [`  rows   ${blocker.examples.join(', ')}`] : []),
    ].join('\n'),
  )
  const choices = [...new Set(plan.blockers.flatMap((blocker) => blocker.choices))]
  throw new LandfallError(first.code, `${lines.join('\n')}`, {
    hint: [...choices, 'nothing was written; landfall plan shows everything'].join('\n'),
    ...(first.table === null
      ? {}
      : { place: { table: first.table, ...(first.column === null ? {} : { column: first.column }) } }),
    details: { blockers: plan.blockers },
  })
}
