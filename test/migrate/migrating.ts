import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import {
  LandfallError,
  type MigrateReport,
  type MigrationConfig,
  makeSettings,
  migrate,
  type Options,
  type Plan,
  plan,
} from '../../src/index.ts'
import type { Tools } from '../../src/migrate.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

/** What a test says of a run besides its two ends. */
export interface Ask {
  readonly options?: Options
  readonly config?: MigrationConfig
  readonly tools?: Tools
}

export interface Bench {
  /** Removed after the file's tests. */
  readonly folder: string
  /** A new SQLite file; `fill` is SQL, or does it itself. */
  sqlite(fill: string | ((database: DatabaseSync) => void), name?: string): string
  /** A new database, with these statements carried out in it. */
  postgres(sql?: string): Promise<string>
  /** `from`: the path of a SQLite file, or the URL of a PostgreSQL database. */
  plan(from: string, to: string, ask?: Ask): Promise<Plan>
  migrate(from: string, to: string, ask?: Ask): Promise<MigrateReport>
}

/** A folder and a server for the tests of one file. */
export function bench(): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-migrate-'))
  let server: TestServer | undefined
  let files = 0
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true })
  })
  const settings = (from: string, to: string, { options, config }: Ask) =>
    makeSettings(
      config ?? {},
      { from: from.startsWith('postgres:') ? from : `sqlite:${from}`, to, jobs: 2, ...options },
      { cwd: folder, environment: {} },
    )
  return {
    folder,
    sqlite(fill, name = `s${++files}.db`) {
      const path = join(folder, name)
      const database = new DatabaseSync(path)
      try {
        if (typeof fill === 'string') database.exec(fill)
        else fill(database)
      } finally {
        database.close()
      }
      return path
    },
    async postgres(sql) {
      const url = await server!.database()
      if (sql !== undefined) await query(url, sql)
      return url
    },
    plan: (from, to, ask = {}) => plan(settings(from, to, ask), ask.tools),
    migrate: (from, to, ask = {}) => migrate(settings(from, to, ask), ask.tools),
  }
}

/** Rows as arrays of the server's texts. */
export async function query(url: string, sql: string): Promise<(string | null)[][]> {
  const client = new Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } })
  await client.connect()
  try {
    const answer = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
    return (Array.isArray(answer) ? answer.at(-1) : answer).rows
  } finally {
    await client.end()
  }
}

/** The failure that a call ends with. Anything else is thrown on. */
export async function failure(work: Promise<unknown>): Promise<LandfallError> {
  try {
    await work
  } catch (error) {
    if (error instanceof LandfallError) return error
    throw error
  }
  throw new Error('it was expected to fail, and did not')
}

/** Everything that a target holds outside the system's schemas: what a verb that only reads must not change. */
export async function contents(url: string): Promise<(string | null)[][]> {
  return await query(
    url,
    `SELECT n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::text, pg_relation_filenode(c.oid)::text, pg_relation_size(c.oid)::text
      FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2`,
  )
}
