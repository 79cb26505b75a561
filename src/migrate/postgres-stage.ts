import { tally } from '../checks/rows.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import { forgetChunks } from '../journal/applied.ts'
import { doneSteps, recordStep } from '../journal/evidence.ts'
import { fenced } from '../journal/fence.ts'
import type { RunRecord } from '../journal/model.ts'
import { stageStatements } from '../merge/stage.ts'
import type { Move, Plan } from '../plan/model.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'

/** Where a move's rows wait in the target until all are there; nobody but the run knows it. */
export function stageOf(
  run: RunRecord,
  plan: Plan,
  move: Move,
): { readonly schema: string; readonly name: string } {
  return { schema: 'landfall', name: `stage_${run.id}_${plan.moves.indexOf(move) + 1}` }
}

/**
 * Makes the stages that are missing. They are not logged, for they can be filled again: after a crash of
 * the server they are empty, and the rows that the journal says to be there are staged anew.
 */
export async function makeStages(start: PostgresStart, begun: PostgresBegun): Promise<void> {
  const { session, lock } = start
  const { run, plan } = begun
  if (plan.inPlace) return
  const done = await doneSteps(session, run.id)
  for (const move of plan.moves) {
    const { schema, name } = stageOf(run, plan, move)
    const stage = qualified(schema, name)
    const step = `stage ${stage}`
    await fenced(session, lock, async () => {
      if (!done.has(step)) {
        for (const sql of stageStatements(stage, move, 'unlogged')) await session.query(sql)
        await recordStep(session, run.id, step)
        return
      }
      const { rows } = await session.query<{ n: string }>(`SELECT count(*)::text AS n FROM ${stage}`)
      if (Number(rows[0]!.n) === tally(begun.chunks, move.source).loaded) return
      await session.query(`TRUNCATE ONLY ${stage}`)
      await forgetChunks(session, run.id, move.source)
    })
  }
}

/** Inside a transaction. */
export async function dropStages(
  session: Session,
  { run, plan }: { readonly run: RunRecord; readonly plan: Plan },
): Promise<void> {
  for (const move of plan.moves) {
    if (move.mapping === undefined || plan.inPlace) continue
    const { schema, name } = stageOf(run, plan, move)
    await session.query(`DROP TABLE IF EXISTS ${qualified(schema, name)}`)
  }
}
