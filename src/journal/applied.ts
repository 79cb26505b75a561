import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { Applied } from '../plan/mapping.ts'
import { storable } from './statements.ts'

/** Records what applying a move came to; call it in the transaction that wrote the rows. */
export async function recordApplied(
  session: Session,
  run: string,
  move: string,
  { created, updated, unchanged, skipped, setAside }: Applied,
  notes: readonly string[],
): Promise<void> {
  const { rowCount } = await session.query(
    `UPDATE landfall.moves SET created = $3, updated = $4, unchanged = $5, skipped = $6, set_aside = $7,
        notes = $8, applied_at = clock_timestamp()
      WHERE run = $1 AND move = $2 AND applied_at IS NULL`,
    [run, move, created, updated, unchanged, skipped, setAside, JSON.stringify(notes.map(storable))],
  )
  if (rowCount !== 1) throw new LandfallError('LF900', `move ${move} of run ${run} was applied before`)
}

/** What was decided when the moves of a run were applied, in the order of the plan. */
export async function readNotes(session: Session, run: string): Promise<readonly string[]> {
  const { rows } = await session.query<{ move: string; notes: string }>(
    `SELECT move, notes::text AS notes FROM landfall.moves
      WHERE run = $1 AND notes IS NOT NULL ORDER BY position`,
    [run],
  )
  return rows.flatMap(({ move, notes }) => (JSON.parse(notes) as string[]).map((line) => `${move}: ${line}`))
}

/** The moves that were applied, by name. */
export async function readApplied(session: Session, run: string): Promise<ReadonlyMap<string, Applied>> {
  const { rows } = await session.query<Record<'move' | keyof Applied, string>>(
    `SELECT move, created::text AS created, updated::text AS updated, unchanged::text AS unchanged,
        skipped::text AS skipped, set_aside::text AS "setAside"
      FROM landfall.moves WHERE run = $1 AND applied_at IS NOT NULL`,
    [run],
  )
  return new Map(
    rows.map((row) => [
      row.move,
      {
        created: Number(row.created),
        updated: Number(row.updated),
        unchanged: Number(row.unchanged),
        skipped: Number(row.skipped),
        setAside: Number(row.setAside),
      },
    ]),
  )
}

/** All chunks of a move are to be loaded again; call it in the transaction that empties where they went. */
export async function forgetChunks(session: Session, run: string, move: string): Promise<void> {
  await session.query(
    `UPDATE landfall.chunks SET state = 'pending', read = NULL, loaded = NULL, set_aside = NULL,
        bytes = NULL, digest = NULL, done_at = NULL
      WHERE run = $1 AND move = $2`,
    [run, move],
  )
}
