import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import {
  bigint,
  type Finding,
  identity,
  integer,
  LandfallError,
  type MigrationConfig,
  makeSchemaSettings,
  references,
  type SchemaOptions,
  type SchemaSettings,
  sql,
  timestamp,
  varchar,
} from '../../src/index.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

/** The tables of an application's token system, as `landfall schema` is told. */
export const TOKENS: MigrationConfig = {
  name: 'token-system',
  schema: {
    users: {
      columns: {
        role: varchar(32)
          .notNull()
          .default('user')
          .check(sql.target`role in ('admin', 'user')`)
          .comment('admin or user'),
        token_balance: bigint().notNull().default(0),
        token_updated_at: timestamp(),
      },
      indexes: { idx_users_role: ['role'] },
      unique: { uq_users_email: 'email' },
    },
    invite_codes: {
      columns: {
        id: identity(),
        code: varchar(64).notNull().unique(),
        tokens: bigint().notNull().default(1_000_000),
        redeemed_by: references('users').onDelete('set null'),
      },
      comment: 'Codes that one user can redeem once',
      ensureRows: { key: 'code', rows: [{ code: 'WELCOME', tokens: 5 }] },
    },
    token_logs: {
      columns: {
        id: identity(),
        user_id: references('users'),
        total_tokens: integer(),
        model_name: varchar(128),
        assistant_name: varchar(128),
        created_at: timestamp().default('now'),
      },
      indexes: { idx_token_logs_user: ['user_id', { desc: 'created_at' }] },
      comment: 'Real use per model call',
    },
  },
}

/** What the application had before. */
export const USERS = `CREATE TABLE users (id bigint PRIMARY KEY, email text);
  INSERT INTO users SELECT n, 'user' || n || '@example.org' FROM generate_series(1, 1000) AS n`

export interface Bench {
  readonly folder: string
  /** A new database, with these statements carried out in it. */
  database(sql?: string): Promise<string>
  settings(config: MigrationConfig, to: string, options?: SchemaOptions): SchemaSettings
}

export function bench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-declared-'))
  let server: TestServer | undefined
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    folder,
    async database(text) {
      const url = await server!.database()
      if (text !== undefined) await query(url, text)
      return url
    },
    settings: (config, to, options) =>
      makeSchemaSettings(config, { to, ...options }, { cwd: folder, environment: {} }),
  }
}

/** Rows of the last statement, all values as the server's texts. */
export async function query(url: string, text: string): Promise<Record<string, string | null>[]> {
  const client = await connected(url)
  try {
    const answer = await client.query<Record<string, string | null>>(text)
    return (Array.isArray(answer) ? answer.at(-1) : answer).rows
  } finally {
    await client.end()
  }
}

/** A session of somebody else's. */
export async function connected(url: string, name = 'the application'): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: name,
    types: { getTypeParser: () => (text: string) => text },
  })
  // A failed test may leave it open when its database is dropped.
  client.on('error', () => {})
  await client.connect()
  return client
}

export async function failure(work: Promise<unknown>): Promise<LandfallError> {
  try {
    await work
  } catch (error) {
    if (error instanceof LandfallError) return error
    throw error
  }
  throw new Error('it was expected to fail, and did not')
}

/** `column users.role: its type is text`, for a short look. */
export function told({ object, conflict }: Finding): string {
  return `${object.kind} ${object.table}.${object.name}: ${conflict?.why}`
}

/**
 * Everything that the database has outside the system's schemas and `landfall`, in the server's words, and
 * what the record says; numbers that differ from database to database are left out.
 */
export async function state(url: string): Promise<Record<string, string[]>> {
  const parts: Record<string, string> = {
    columns: `SELECT concat_ws(' ', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) AS x
      FROM ours c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind = 'r'`,
    indexes: `SELECT concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready) AS x
      FROM ours c JOIN pg_index i ON i.indrelid = c.oid`,
    constraints: `SELECT concat_ws(' ', c.oid::regclass, n.conname, pg_get_constraintdef(n.oid), n.convalidated) AS x
      FROM ours c JOIN pg_constraint n ON n.conrelid = c.oid WHERE n.contype <> 'n'`,
    relations: `SELECT concat_ws(' ', c.oid::regclass, c.relkind, obj_description(c.oid, 'pg_class')) AS x FROM ours c`,
  }
  const found: Record<string, string[]> = {}
  const ours = `WITH ours AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'landfall'))`
  for (const [part, text] of Object.entries(parts))
    found[part] = (await query(url, `${ours} ${text} ORDER BY 1`)).map(({ x }) => x!)
  const [there] = await query(url, `SELECT to_regclass('landfall.declared') AS x`)
  if (there?.x != null)
    found.record = (
      await query(
        url,
        `SELECT concat_ws(' ', kind, schema_name, table_name, name, coalesce(regexp_replace(definition, '^table .*', 'table'), 'begun')) AS x
          FROM landfall.declared ORDER BY 1`,
      )
    ).map(({ x }) => x!)
  return found
}
