import type { Session } from '../connection/postgres.ts'
import type { LockMode, TableLock } from '../contract/schema.ts'
import { relationOf } from './definition.ts'

/** A process of the server that is in the way, as far as this role may see it. */
export interface Blocker {
  /** 0: a transaction that was prepared for a second phase, and belongs to nobody. */
  readonly pid: number
  /** `psql, app, idle in transaction, for 12 s`. */
  readonly what: string
}

/** Modes that a lock does not go together with, as `pg_locks` spells them. */
const CONFLICTS: Readonly<Record<LockMode, readonly string[]>> = (() => {
  const all = [
    'AccessShare',
    'RowShare',
    'RowExclusive',
    'ShareUpdateExclusive',
    'Share',
    'ShareRowExclusive',
    'Exclusive',
    'AccessExclusive',
  ].map((mode) => `${mode}Lock`)
  return {
    'ROW SHARE': all.slice(6),
    'ROW EXCLUSIVE': all.slice(4),
    'SHARE UPDATE EXCLUSIVE': all.slice(3),
    SHARE: [all[2]!, all[3]!, ...all.slice(5)],
    'SHARE ROW EXCLUSIVE': all.slice(2),
    'ACCESS EXCLUSIVE': all,
  }
})()

/** Never its statement, which may hold anything. */
const WHAT = `pg_catalog.concat_ws(', ', coalesce(nullif(a.application_name, ''), a.backend_type), a.usename, a.state,
  'for ' || pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.query_start))) || ' s') AS what`

/** Those for whom a backend waits at this moment. */
export async function blockersOf(session: Session, backend: number): Promise<readonly Blocker[]> {
  const { rows } = await session.query<Blocker>(
    `SELECT DISTINCT b.pid, ${WHAT} FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS b (pid)
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid ORDER BY 1`,
    [backend],
  )
  return rows
}

/**
 * Those who have held a lock in the way of these for longer than `olderThan` milliseconds: to queue behind
 * them would only make others queue, too. Who may not see how old a transaction is takes it for young; with
 * `olderThan` 0 all who hold one are told. Partitions and tables that inherit count as the table.
 */
export async function holdersOf(
  session: Session,
  backend: number,
  locks: readonly TableLock[],
  olderThan: number,
): Promise<readonly Blocker[]> {
  if (locks.length === 0) return []
  const ways = locks.map(({ schema, table, mode }) => {
    const modes = CONFLICTS[mode].map((name) => `'${name}'`).join(', ')
    return `l.relation IN (${familyOf(schema, table)}) AND l.mode IN (${modes})`
  })
  const { rows } = await session.query<Blocker>(
    `SELECT DISTINCT coalesce(l.pid, 0) AS pid, ${WHAT}
      FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
      LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE d.datname = pg_catalog.current_database() AND l.granted AND l.pid IS DISTINCT FROM $1 AND (${ways.join(' OR ')})
        AND ($2::double precision = 0
          OR pg_catalog.clock_timestamp() - a.xact_start > pg_catalog.make_interval(secs => $2::double precision / 1000)) ORDER BY 1`,
    [backend, olderThan],
  )
  return rows
}

/** SQL: the oids of a table and of all that inherit from it. */
function familyOf(schema: string, table: string): string {
  return `WITH RECURSIVE family (oid) AS (SELECT ${relationOf(schema, table)}
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN family f ON f.oid = i.inhparent)
    SELECT oid FROM family`
}

export function named(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'somebody who is gone by now'
  return blockers
    .map(({ pid, what }) =>
      pid === 0 ? 'a prepared transaction' : `process ${pid}${what === '' ? '' : ` (${what})`}`,
    )
    .join('; ')
}
