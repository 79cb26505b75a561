import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import { commitToDisk } from './fence.ts'
import { stillWriting, takenBy } from './holder.ts'
import { type LockKey, lockKey } from './lock-key.ts'
import type { Holder } from './model.ts'
import { refuseTransactionPooler } from './pooler.ts'
import { ensureJournal } from './schema.ts'

/** Proof that this process is the only one that works on a migration. */
export interface Lock {
  readonly migration: string
  /** Decimal text; higher than that of every holder before. */
  readonly epoch: string
  /** Aborts, with LF402 as its reason, when the lock may be somebody else's by now. */
  readonly lost: AbortSignal
  /** Looks at once, instead of within a few seconds; throws LF402 when the lock is lost. */
  check(): Promise<void>
  /** Gives the lock back. Never throws: with the connection, the lock goes in any case. */
  release(): Promise<void>
}

export interface LockOptions {
  /** How long to wait, in milliseconds, for what a dead holder left running in the target. */
  readonly waitForEpoch?: number
  /** Milliseconds between two looks at the lock. */
  readonly every?: number
  /** Milliseconds without an answer after which the connection counts as lost. */
  readonly answerWithin?: number
  /** Opens one more connection to the same target; closed again here. It tells poolers apart. */
  readonly another?: () => Promise<Session>
}

/**
 * Takes the lock of a migration and raises its epoch; makes the journal where it is missing. `session`
 * is the lock: give it a connection that does nothing else, for a long statement would hide a lost one.
 *
 * LF401 another process holds it (it never waits for that), or transactions that a dead holder left in
 * the target did not end in time; LF309 a pooler lends connections for a transaction at a time.
 */
export async function acquireLock(
  session: Session,
  migration: string,
  holder: Holder,
  options: LockOptions = {},
): Promise<Lock> {
  await refuseTransactionPooler(session, options.another)
  await ensureJournal(session)
  const key = lockKey(migration)
  const {
    rows: [answer],
  } = await session.query<{ taken: boolean }>(
    // Asked of its own holder the server would say yes again.
    `SELECT CASE WHEN ${OWN} THEN false ELSE pg_try_advisory_lock($3::bigint) END AS taken`,
    [key.classid, key.objid, key.key],
  )
  if (answer?.taken !== true) throw await takenBy(session, migration, key)
  try {
    const epoch = await raiseEpoch(session, migration, holder, options.waitForEpoch ?? 60_000)
    return watch(session, { migration, epoch, key }, options)
  } catch (error) {
    await unlock(session, key)
    throw error
  }
}

/** Whether somebody runs the migration at this moment. */
export async function isHeld(session: Session, migration: string): Promise<boolean> {
  const { classid, objid } = lockKey(migration)
  const { rows } = await session.query<{ held: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
      WHERE l.locktype = 'advisory' AND l.classid = $1::oid AND l.objid = $2::oid AND l.objsubid = 1
        AND l.granted) AS held`,
    [classid, objid],
  )
  return rows[0]!.held
}

/** SQL: whether this very session has the lock. */
const OWN = `EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
  AND classid = $1::oid AND objid = $2::oid AND objsubid = 1 AND granted)`

/** SQLSTATE of a statement that waited longer than `lock_timeout`. */
const LOCK_NOT_AVAILABLE = '55P03'

/** Waits, within limits, for transactions that checked the epoch before: see `epochCheck`. */
async function raiseEpoch(
  session: Session,
  migration: string,
  holder: Holder,
  patience: number,
): Promise<string> {
  try {
    return await session.transaction(async () => {
      await session.query("SELECT set_config('lock_timeout', $1, true)", [String(patience)])
      // An epoch that a crash of the server takes back would be given twice.
      await commitToDisk(session)
      const {
        rows: [row],
      } = await session.query<{ epoch: string }>(
        `INSERT INTO landfall.migrations AS m (name, epoch, host, process, backend, held_since)
          VALUES ($1, 1, $2, $3, pg_backend_pid(), clock_timestamp())
          ON CONFLICT (name) DO UPDATE SET epoch = m.epoch + 1, host = excluded.host,
            process = excluded.process, backend = excluded.backend, held_since = excluded.held_since
          RETURNING m.epoch::text AS epoch`,
        [migration, holder.host, holder.pid],
      )
      return row!.epoch
    })
  } catch (error) {
    if (!(error instanceof LandfallError) || error.details?.sqlstate !== LOCK_NOT_AVAILABLE) throw error
    throw await stillWriting(session, migration, patience)
  }
}

function watch(
  session: Session,
  held: { readonly migration: string; readonly epoch: string; readonly key: LockKey },
  { every = 3_000, answerWithin = 20_000 }: LockOptions,
): Lock {
  const { migration, epoch, key } = held
  const loss = new AbortController()
  const lostSoon = new Promise<void>((resolve) => {
    loss.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  let released = false
  const lose = (): void => {
    if (!released) loss.abort(lostError(migration))
  }
  session.onLost(lose)
  let looking: Promise<void> | undefined
  const look = async (): Promise<void> => {
    const late = setTimeout(lose, answerWithin)
    try {
      const {
        rows: [row],
      } = await session.query<{ held: boolean | null }>(
        `SELECT ${OWN} AND (SELECT epoch = $4::bigint FROM landfall.migrations WHERE name = $3) AS held`,
        [key.classid, key.objid, migration, epoch],
      )
      if (row?.held !== true) lose()
    } catch {
      // Whatever made the question fail, the answer is no proof any more.
      lose()
    } finally {
      clearTimeout(late)
    }
  }
  const lookOnce = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
  const timer = setInterval(() => void lookOnce(), every)
  timer.unref()
  loss.signal.addEventListener('abort', () => clearInterval(timer))
  return {
    migration,
    epoch,
    lost: loss.signal,
    async check() {
      if (!loss.signal.aborted) await Promise.race([lookOnce(), lostSoon])
      loss.signal.throwIfAborted()
    },
    async release() {
      released = true
      clearInterval(timer)
      if (!loss.signal.aborted) await unlock(session, key)
    },
  }
}

async function unlock(session: Session, key: LockKey): Promise<void> {
  try {
    await session.query('SELECT pg_advisory_unlock($1::bigint)', [key.key])
  } catch {
    // The connection is gone, and the lock with it.
  }
}

function lostError(migration: string): LandfallError {
  return new LandfallError('LF402', `the lock of migration "${migration}" was lost`, {
    hint: 'The connection that held it broke. What was loaded is safe; the same command goes on.',
  })
}
