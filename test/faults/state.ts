import { Client } from 'pg'
import { ident } from '../../src/connection/quote.ts'

/** Everything in a target database that a migration decides, in a form that two runs can be compared by. */
export type EndState = Readonly<Record<string, readonly unknown[]>>

const USER_RELATIONS = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('information_schema', 'pg_catalog', 'pg_toast') AND n.nspname !~ '^pg_temp'`

const QUESTIONS = {
  relations: `SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.relacl::text, c.reloptions,
      pg_get_userbyid(c.relowner) AS owner,
      CASE WHEN n.nspname = 'landfall' THEN NULL ELSE c.reltuples END AS tuples
    ${USER_RELATIONS} ORDER BY 1, 2`,
  columns: `SELECT n.nspname, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS type,
      a.attnotnull, a.attidentity, a.attgenerated, a.attcollation::regcollation::text AS collation,
      pg_get_expr(d.adbin, d.adrelid) AS "default"
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = 'public' AND a.attnum > 0 AND c.relkind = 'r' ORDER BY 1, 2, 3`,
  constraints: `SELECT conrelid::regclass::text AS "table", conname, convalidated, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`,
  indexes: `SELECT indrelid::regclass::text AS "table", pg_get_indexdef(indexrelid) AS definition,
      indisvalid, indisready, indisprimary
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2`,
  sequences: `SELECT * FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename`,
  others: `SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL SELECT t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL SELECT t.typname FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace
      AND t.typtype NOT IN ('c', 'b') ORDER BY 1`,
  migrations: 'SELECT name FROM landfall.migrations',
  runs: `SELECT migration, state, phase, plan_hash, choices, fingerprint, error_code,
      finished_at IS NOT NULL AS finished FROM landfall.runs`,
  moves: 'SELECT move, position, target_schema, target_table, rows FROM landfall.moves ORDER BY position',
  chunks: `SELECT move, seq, "after", up_to, state, read, loaded, set_aside, bytes, digest
    FROM landfall.chunks ORDER BY move, seq`,
  steps: `SELECT name, created_schema, created_table, done_at IS NOT NULL AS done FROM landfall.steps
    ORDER BY name`,
  rejects: `SELECT move, seq, "table", key, "column", reason, content::text FROM landfall.rejects
    ORDER BY move, seq, key, "column", reason`,
  checks: 'SELECT name, result, expected, found, evidence::text FROM landfall.checks ORDER BY id',
}

/** Reads the whole end state: rows, definitions, sequences, and the journal without times and numbers of runs. */
export async function endState(url: string): Promise<EndState> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const state: Record<string, readonly unknown[]> = {}
    for (const [name, sql] of Object.entries(QUESTIONS)) state[name] = (await client.query(sql)).rows
    const tables = state.relations as readonly { nspname: string; relname: string; relkind: string }[]
    for (const { nspname, relname, relkind } of tables) {
      if (nspname !== 'public' || relkind !== 'r') continue
      const { rows } = await client.query({
        text: `SELECT t::text FROM ${ident(nspname)}.${ident(relname)} t ORDER BY 1`,
        rowMode: 'array',
      })
      state[`rows of ${relname}`] = rows.flat()
    }
    return state
  } finally {
    await client.end()
  }
}

/** What a client that is gone may leave in the server: its sessions, advisory locks, prepared transactions. */
export async function leftInServer(url: string): Promise<readonly unknown[]> {
  return await ask(
    url,
    `SELECT 'session ' || application_name || ' ' || state AS found FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      UNION ALL SELECT 'advisory lock' FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      UNION ALL SELECT 'prepared ' || gid FROM pg_prepared_xacts WHERE database = current_database()`,
  )
}

/** One statement over a connection of its own. */
export async function ask<Row extends object = Record<string, unknown>>(
  url: string,
  sql: string,
): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}
