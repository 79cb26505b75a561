import { createHash } from 'node:crypto'
import type { Session } from './postgres.ts'

/**
 * Identity of all that a PostgreSQL server holds at a moment, for a session in a transaction of REPEATABLE READ:
 * the server, the database, and which transactions the snapshot sees. Equal means that nothing was written in
 * between, in whatever database of the server; different means only that something was, and who wants to know
 * whether it is of any interest compares the rows. The server's counters of rows would say more often "the
 * same", and at times falsely: a backend tells them late, or never.
 *
 * Errors: as `Session.query`.
 */
export async function fingerprintOf(session: Session): Promise<string> {
  const snapshot = session.serverVersion >= 130_000 ? 'pg_current_snapshot' : 'txid_current_snapshot'
  const { rows } = await session.query<{ facts: string }>(
    `SELECT pg_catalog.json_build_array(
        (SELECT system_identifier FROM pg_catalog.pg_control_system()),
        (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()),
        pg_catalog.pg_is_in_recovery(), pg_catalog.${snapshot}()::pg_catalog.text)::pg_catalog.text AS facts`,
  )
  return createHash('sha256').update(rows[0]!.facts).digest('hex')
}
