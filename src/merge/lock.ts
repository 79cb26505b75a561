import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'

/** How long other writers may keep us waiting, in ms, where the connection string has no `lock_timeout`. */
const PATIENCE = 30_000
/**
 * All are let go when one could not be had in this time, which is less than servers take to look for a
 * deadlock: whoever writes to the tables in another order goes on and is never the victim.
 */
const TRY = 500
/** The pause between two tries, in seconds, for those who waited behind us. */
const PAUSE = 0.05

/** Somebody else has it, or waits for us while we wait for them. */
const TAKEN = new Set(['55P03', '40P01'])

/**
 * Locks tables of the target against other writers until the transaction ends, all or none at a time;
 * readers go on. Call it before anything of them is read.
 *
 * @param tables quoted.
 * Errors: LF304 where other writers hold one of them for longer than the connection's `lock_timeout`, or half a minute.
 */
export async function lockTables(session: Session, tables: readonly string[]): Promise<void> {
  if (tables.length === 0) return
  // A session's own is fixed; what the server or the connection string wants is what it would be reset to.
  const { rows } = await session.query<{ own: number; wanted: number }>(
    `SELECT setting::pg_catalog.int4 AS own, reset_val::pg_catalog.int4 AS wanted
      FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'`,
  )
  const { own, wanted } = rows[0]!
  const patience = wanted > 0 ? wanted : PATIENCE
  const until = performance.now() + patience
  for (;;) {
    const left = Math.ceil(until - performance.now())
    await session.query(
      `SAVEPOINT landfall_lock; SET LOCAL lock_timeout = ${Math.max(1, Math.min(TRY, left))}`,
    )
    try {
      await session.query(`LOCK TABLE ${tables.join(', ')} IN SHARE ROW EXCLUSIVE MODE`)
      await session.query(`SET LOCAL lock_timeout = ${own}; RELEASE SAVEPOINT landfall_lock`)
      return
    } catch (error) {
      if (!(error instanceof LandfallError) || !TAKEN.has(String(error.details?.sqlstate))) throw error
      await session.query('ROLLBACK TO SAVEPOINT landfall_lock')
      if (performance.now() >= until) throw await refusal(session, tables, patience, error)
      await session.query(`SELECT pg_catalog.pg_sleep(${PAUSE})`)
    }
  }
}

async function refusal(
  session: Session,
  tables: readonly string[],
  patience: number,
  cause: LandfallError,
): Promise<LandfallError> {
  const { rows } = await session.query<{ who: string }>(
    `SELECT DISTINCT l.relation::pg_catalog.regclass || ': process ' || a.pid || ' (' || coalesce(nullif(a.application_name, ''), 'no name')
        || ', ' || coalesce(a.state, 'state unknown') || ' since ' || coalesce(pg_catalog.date_trunc('second', a.state_change)::pg_catalog.text, 'unknown') || ')' AS who
      FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid() AND l.relation = ANY ($1::pg_catalog.regclass[])
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock') ORDER BY 1`,
    [tables],
  )
  const waited = patience < 1000 ? `${patience} ms` : `${Math.round(patience / 1000)} s`
  return new LandfallError(
    'LF304',
    `the tables could not be locked within ${waited}: another transaction has written to them and has not ended`,
    {
      hint: [
        ...rows.map(({ who }) => who),
        'End that transaction, or stop the application while rows are merged, and run again.',
        'The target’s tables are as they were.',
      ].join('\n'),
      details: { ...cause.details, holders: rows.map(({ who }) => who) },
      cause,
    },
  )
}
