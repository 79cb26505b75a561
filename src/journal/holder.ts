import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { LockKey } from './lock-key.ts'

/** LF401 that names who holds the lock: machine, process, since when, and the server's process for it. */
export async function takenBy(session: Session, migration: string, key: LockKey): Promise<LandfallError> {
  const {
    rows: [row],
  } = await session.query<Record<'backend' | 'holder' | 'since' | 'client', string | null>>(
    `SELECT l.pid::text AS backend, m.host || ', process ' || m.process AS holder,
        ${instant('coalesce(m.held_since, a.backend_start)')} AS since,
        concat_ws(' from ', a.application_name, host(a.client_addr)) AS client
      FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
        LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        LEFT JOIN landfall.migrations m ON m.name = $1 AND m.backend = l.pid
          AND m.held_since >= coalesce(a.backend_start, m.held_since)
      WHERE l.locktype = 'advisory' AND l.classid = $2::oid AND l.objid = $3::oid AND l.objsubid = 1 AND l.granted`,
    [migration, key.classid, key.objid],
  )
  if (row === undefined)
    return new LandfallError('LF401', `migration "${migration}" was being run until a moment ago`, {
      hint: 'Start it again.',
    })
  const who = row.holder ?? (row.client || 'a process that is just starting')
  return new LandfallError(
    'LF401',
    `migration "${migration}" is being run by ${who}${row.since === null ? '' : `, since ${row.since}`}`,
    {
      hint: `Wait for it, or stop it there with Ctrl-C: it can go on later.\nIf that machine is gone for good, end its connection: SELECT pg_terminate_backend(${row.backend})`,
      details: { holder: row.holder, since: row.since, backend: row.backend },
    },
  )
}

/** LF401 for a dead holder whose transactions have not ended in the target: names the backends. */
export async function stillWriting(
  session: Session,
  migration: string,
  waited: number,
): Promise<LandfallError> {
  const { rows } = await session.query<{ backend: string; what: string | null }>(
    `SELECT DISTINCT l.pid::text AS backend,
        concat_ws(', ', a.application_name, a.state, 'since ' || ${instant('a.xact_start')}) AS what
      FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE l.relation = 'landfall.migrations'::regclass AND l.granted AND l.pid <> pg_backend_pid()
        AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
      ORDER BY 1`,
  )
  const names = rows.map((row) => `${row.backend}${row.what ? ` (${row.what})` : ''}`)
  return new LandfallError(
    'LF401',
    `the last run of "${migration}" is dead, but its transactions still write in the target after ${waited / 1000} s`,
    {
      hint: `Backends in question: ${names.join('; ') || 'none any more, start again'}.\nWait for them, or end each: SELECT pg_terminate_backend(number)`,
      details: { backends: rows.map((row) => row.backend) },
    },
  )
}

/** SQL: an instant as people read it. */
function instant(expression: string): string {
  return `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')`
}
