import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { fenced } from '../journal/fence.ts'
import { forgetRun, readChunks } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { dropAll } from '../schema/postgres-empty.ts'
import type { PostgresStart } from './postgres-start.ts'
import { confirm, isThere, refuseOther, takeBack } from './restart.ts'

/**
 * Takes back what a copy of a whole database wrote. What `pg_dump` described stands in schemas in which
 * nothing stood before; refused where a table of them holds other rows than the run's.
 */
export async function takeBackClone(start: PostgresStart, run: RunRecord, plan: Plan): Promise<void> {
  const { session, lock, tools } = start
  if (plan.schemaBy === undefined) return await takeBack(session, lock, run, tools)
  const chunks = await readChunks(session, run.id)
  for (const { source, target } of plan.moves) {
    const { schema, name } = target
    if (await isThere(session, schema, name))
      refuseOther(schema, name, await countOnly(session, target), tally(chunks, source).loaded)
  }
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

/** The rows of a table without those of the tables that inherit from it, which are counted as their own. */
export async function countOnly(
  session: Session,
  { schema, name }: { readonly schema: string; readonly name: string },
): Promise<number> {
  const { rows } = await session.query<{ n: string }>(
    `SELECT count(*)::text AS n FROM ONLY ${qualified(schema, name)}`,
  )
  return Number(rows[0]!.n)
}
