import { tally } from '../checks/rows.ts'
import { qualified } from '../connection/quote.ts'
import { copyPostgresChunk } from '../copy/postgres-chunk.ts'
import { forgetChunks } from '../journal/applied.ts'
import { fenced } from '../journal/fence.ts'
import { readChunks } from '../journal/journal.ts'
import type { ChunkRecord } from '../journal/model.ts'
import { chunkDone, epochCheck } from '../journal/statements.ts'
import type { Move } from '../plan/model.ts'
import { isResumable } from '../plan/postgres-chunks.ts'
import { load } from './load.ts'
import { countOnly } from './postgres-restart.ts'
import { TargetSessions } from './postgres-sessions.ts'
import { stageOf } from './postgres-stage.ts'
import type { PostgresBegun, PostgresStart } from './postgres-start.ts'

/** Loads every pending chunk, into the tables themselves or into the stages of mapped moves. */
export async function loadPostgres(
  start: PostgresStart,
  begun: PostgresBegun,
  signal: AbortSignal,
): ReturnType<typeof load> {
  const { session, lock, from, target } = start
  const { run, plan } = begun
  if (plan.inPlace) return { chunks: [], spans: new Map() }
  await emptyHalfLoaded(start, begun)
  await reloadUnlogged(start, begun)
  const sessions = new TargetSessions(target, 'copy')
  const stop = (): void => void from.snapshot.abort()
  signal.addEventListener('abort', stop)
  try {
    return await load({
      ...start,
      run,
      moves: plan.moves,
      chunks: await readChunks(session, run.id),
      signals: [signal],
      loadChunk: (move, chunk) =>
        sessions.lend((into) =>
          copyPostgresChunk({
            source: from.snapshot,
            target: into,
            move,
            chunk,
            into: destination(begun, move),
            before: [epochCheck(lock)],
            after: chunkDone(run.id, move.source, chunk.seq),
          }),
        ),
    })
  } finally {
    signal.removeEventListener('abort', stop)
    await sessions.close()
  }
}

function destination({ run, plan }: PostgresBegun, move: Move): string {
  const { schema, name } = move.mapping === undefined ? move.target : stageOf(run, plan, move)
  return qualified(schema, name)
}

/**
 * A chunk that is a range of places in the source's file is other rows by now, though the table holds the
 * same ones: such a table begins again unless it is complete.
 */
async function emptyHalfLoaded({ session, lock }: PostgresStart, begun: PostgresBegun): Promise<void> {
  if (!begun.resumed) return
  const chunks = Map.groupBy(await readChunks(session, begun.run.id), (chunk) => chunk.move)
  const states = (move: Move): Set<ChunkRecord['state']> =>
    new Set((chunks.get(move.source) ?? []).map((chunk) => chunk.state))
  for (const move of begun.plan.moves) {
    if (isResumable(move) || states(move).size < 2) continue
    await fenced(session, lock, async () => {
      // Tables that inherit from it are moves of their own.
      await session.query(`TRUNCATE ONLY ${destination(begun, move)}`)
      await forgetChunks(session, begun.run.id, move.source)
    })
  }
}

/** After a crash of its server a table that is not logged is empty, whatever the journal says. */
async function reloadUnlogged({ session, lock }: PostgresStart, begun: PostgresBegun): Promise<void> {
  if (!begun.resumed) return
  const { rows } = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND n.nspname <> 'landfall'`,
  )
  const chunks = await readChunks(session, begun.run.id)
  for (const move of begun.plan.moves) {
    const { schema, name } = move.target
    if (move.mapping !== undefined || !rows.some((one) => one.schema === schema && one.name === name))
      continue
    if ((await countOnly(session, move.target)) === tally(chunks, move.source).loaded) continue
    await fenced(session, lock, async () => {
      await session.query(`DELETE FROM ONLY ${destination(begun, move)}`)
      await forgetChunks(session, begun.run.id, move.source)
    })
  }
}
