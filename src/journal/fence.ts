import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import { epochCheck } from './statements.ts'

/** What a run's writes are checked against: a `Lock`, or a copy of these two in another thread. */
export interface Epoch {
  readonly migration: string
  readonly epoch: string
}

/**
 * Runs `work` in one transaction that is refused (LF402) when another process has taken the lock since.
 * Everything written for a run outside its chunks goes through here.
 */
export async function fenced<T>(session: Session, epoch: Epoch, work: () => Promise<T>): Promise<T> {
  return await session.transaction(async () => {
    const { sql, values } = epochCheck(epoch)
    if ((await session.query(sql, values)).rowCount === 0)
      throw new LandfallError('LF402', `another process has taken over migration "${epoch.migration}"`, {
        hint: 'See `landfall status` for who works on it now.',
      })
    return await work()
  })
}

/** Inside a transaction: its commit waits for the disk, even where the database does not by default. */
export async function commitToDisk(session: Session): Promise<void> {
  // Only ever raised: the server may ask for more than `on`.
  await session.query(
    `SELECT set_config('synchronous_commit', 'on', true)
      WHERE current_setting('synchronous_commit') IN ('off', 'local')`,
  )
}
