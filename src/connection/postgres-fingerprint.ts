import { createHash } from 'node:crypto'
import type { Session } from './postgres.ts'

export interface PostgresFingerprint {
  /** Of all tables together, and of the database that they are in. */
  readonly whole: string
  /** By quoted and qualified name. */
  readonly tables: ReadonlyMap<string, string>
}

/**
 * Cheap identity of the content of a PostgreSQL database from the server's own counters: nothing is read of
 * the tables. Of each one: which table it is, in which file it lies (TRUNCATE and rewriting make a new one),
 * and how many rows have been inserted, updated and deleted in it ever since. A standby counts nothing: there
 * it is the newest transaction, of whatever database.
 *
 * It says "changed" too often: rows that were rolled back count, and a backend tells its counts up to ten
 * seconds after its transaction, before version 15 only with its next one or at its end. And it may miss
 * something: what such a backend has not told yet, what a session with `track_counts` off does, and what
 * happened before a crash of the server, which sets all counters to nothing. Who has to be certain compares
 * the rows.
 *
 * @param schemas only tables of these; without them all. Landfall's own and the server's are left out.
 * Errors: as `Session.query`.
 */
export async function fingerprintOf(
  session: Session,
  schemas: readonly string[] | null = null,
): Promise<PostgresFingerprint> {
  // Within a transaction the server shows the counters as they were when they were asked for first.
  await session.query('SELECT pg_catalog.pg_stat_clear_snapshot()')
  const { rows: tables } = await session.query<{ name: string; facts: string }>(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
        pg_catalog.json_build_array(c.oid, pg_catalog.pg_relation_filenode(c.oid),
          s.n_tup_ins, s.n_tup_upd, s.n_tup_del)::pg_catalog.text AS facts
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
      WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'landfall')
        AND ($1::pg_catalog.text[] IS NULL OR n.nspname = ANY ($1::pg_catalog.text[]))
      ORDER BY c.oid`,
    [schemas],
  )
  const { rows: database } = await session.query<{ facts: string }>(
    `SELECT pg_catalog.json_build_array(d.oid, d.datname, s.stats_reset,
          CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.txid_current_snapshot() END)::pg_catalog.text AS facts
      FROM pg_catalog.pg_database d JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid
      WHERE d.datname = pg_catalog.current_database()`,
  )
  const each = tables.map(({ name, facts }) => [name, hash(facts)] as const)
  return { whole: hash(JSON.stringify([database[0]?.facts, each])), tables: new Map(each) }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
