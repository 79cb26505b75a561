import { digestPostgresChunk } from '../copy/postgres-chunk.ts'
import { readChunks } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Plan } from '../plan/model.ts'
import { cloneMoves } from '../plan/postgres-clone.ts'
import type { PostgresStart } from './postgres-start.ts'

/**
 * Moves of a copy that the source would give otherwise by now: something was written on its server since the
 * run began, maybe elsewhere.
 */
export async function changedMoves(
  { from, session, settings }: PostgresStart,
  run: RunRecord,
  plan: Plan,
): Promise<string[]> {
  const now = cloneMoves(from.catalog, settings).moves
  const shapes = (moves: Plan['moves']): Map<string, string> =>
    new Map(moves.map(({ source, relation, target }) => [source, JSON.stringify([relation, target])]))
  const [before, after] = [shapes(plan.moves), shapes(now)]
  const changed = new Set(
    [...before.keys(), ...after.keys()].filter((name) => before.get(name) !== after.get(name)),
  )
  for (const name of await changedChunks({ from, session }, run, plan)) changed.add(name)
  return [...changed]
}

/**
 * Moves of which some chunk that is done would be other rows by now. Each is read once more, without writing
 * it, and its digest compared.
 */
export async function changedChunks(
  { from, session }: Pick<PostgresStart, 'from' | 'session'>,
  run: RunRecord,
  plan: Plan,
): Promise<string[]> {
  const changed = new Set<string>()
  const moves = new Map(plan.moves.map((move) => [move.source, move]))
  const done = (await readChunks(session, run.id)).filter((chunk) => chunk.result !== null)
  await Promise.all(
    done.map(async (chunk) => {
      const move = moves.get(chunk.move)
      if (move === undefined || changed.has(chunk.move)) return
      const { rows, digest } = await from.snapshot.run((one) =>
        digestPostgresChunk({ source: one, move, range: chunk }),
      )
      if (rows !== chunk.result!.loaded || digest !== chunk.result!.digest) changed.add(chunk.move)
    }),
  )
  return [...changed]
}
