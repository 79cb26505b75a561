import { tally } from '../checks/rows.ts'
import { fenced } from '../journal/fence.ts'
import { forgetRun, readChunks } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { dropAll } from '../schema/postgres-empty.ts'
import type { PostgresStart } from './postgres-start.ts'
import { confirm, refuseOtherRows, takeBack } from './restart.ts'

/**
 * Takes back what a copy of a whole database wrote. What `pg_dump` described stands in schemas in which
 * nothing stood before; refused where a table of them holds other rows than the run's.
 */
export async function takeBackClone(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { session, lock, tools } = start
  if (plan.schemaBy === undefined) return await takeBack(session, lock, run, tools)
  const chunks = await readChunks(session, run.id)
  for (const { source, target } of plan.moves)
    await refuseOtherRows(session, target.schema, target.name, tally(chunks, source).loaded)
  if (run.state === 'done') {
    const dropped = plan.moves.map((move) => move.target)
    await confirm(run, dropped, [], tools)
  }
  const { schemas } = plan.schemaBy
  await fenced(session, lock, async () => {
    await dropAll(session, schemas)
    await forgetRun(session, run.id)
  })
}
