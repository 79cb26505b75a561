import type { Session } from '../connection/postgres.ts'
import { type Archive, withArchive } from '../connection/postgres-archive.ts'
import { lookForPostgresTools, type PostgresTools } from '../connection/postgres-tools.ts'
import { ident, literal, qualified } from '../connection/quote.ts'
import type { PostgresSettings } from '../connection/settings.ts'
import { contentsOf } from './postgres-contents.ts'

/**
 * The definitions of a whole database as SQL, each text for one transaction of a session whose
 * `search_path` is empty or `pg_catalog`. Indexes, keys and the content of materialized views are not in
 * it: see `postgres-post-data.ts`.
 */
export interface SchemaDump {
  /** The `pg_dump` that wrote it, e.g. `18.4`. */
  readonly version: string
  /** For before the rows come: schemas, types, functions, tables with their checks, views. */
  readonly preData: string
  /** For when all keys are there; empty as a rule. */
  readonly postponed: string
  /** For the very end: triggers, policies, publications, event triggers, comments on keys and indexes. */
  readonly last: string
  /** Indexes and keys, which are built otherwise. */
  readonly built: string
}

export interface DumpOptions {
  readonly settings: PostgresSettings
  readonly tools: PostgresTools
  /** A session of the source inside the snapshot. */
  readonly session: Session
  /** The name of the exported snapshot. */
  readonly snapshot?: string
  /** Relations that are left out. */
  readonly exclude?: readonly { readonly schema: string; readonly name: string }[]
  /** Whatever else is left out, as `class/object` by oid. */
  readonly skipped?: ReadonlySet<string>
  readonly signal?: AbortSignal | undefined
}

/**
 * The programs for moving a schema: of the target's release where that knows the source, for then the
 * target knows all that they write; else of the nearest release that is not older than the source.
 *
 * @param source as `server_version_num`; `target` likewise.
 */
export function dumpToolsFor(
  source: number,
  target: number,
  env: Readonly<Record<string, string | undefined>> = process.env,
): PostgresTools | null {
  const major = (version: number): number => Math.trunc(version / 10_000)
  const right = major(target) < major(source) ? null : lookForPostgresTools(target, env)
  return right?.major === major(target) ? right : lookForPostgresTools(source, env)
}

/** How long another session's lock on a table is waited for. */
const LOCK_WAIT_MS = 60_000

/**
 * Reads the schema with `pg_dump`, without owners and privileges: the source's roles may not be in the
 * target, so everything belongs to whoever makes it.
 *
 * Errors: LF105.
 */
export async function dumpSchema(options: DumpOptions): Promise<SchemaDump> {
  const { settings, tools, session, snapshot, exclude = [], skipped = new Set(), signal } = options
  const args = [
    '--schema-only',
    '--no-subscriptions',
    '--no-security-labels',
    `--lock-wait-timeout=${LOCK_WAIT_MS}`,
    '--exclude-schema=landfall',
    ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
    // A quoted name stands for itself, whatever is in it.
    ...exclude.map(({ schema, name }) => `--exclude-table=${qualified(schema, name)}`),
  ]
  return withArchive({ settings, tools, args, signal }, async (archive: Archive) => {
    const contents = contentsOf(await archive.list('pre-data'), await archive.list('post-data'), skipped)
    const schemas = await schemasOf(session, contents.schemas)
    const sql = async (lines: readonly string[]): Promise<string> =>
      lines.length === 0 ? '' : `${SETTINGS}\n${await archive.sql(lines)}`
    return {
      version: tools.version,
      preData: [...schemas.map(makeSchema), await sql(contents.preData)].join('\n'),
      postponed: await sql(contents.postponed),
      last: await sql(contents.last),
      built: await sql(contents.built),
    }
  })
}

/** They end with the transaction. Names in the dump are qualified, bodies are checked when they run. */
const SETTINGS = `set local search_path = '';
set local check_function_bodies = off;
set local client_min_messages = warning;`

interface Schema {
  readonly name: string
  readonly comment: string | null
}

async function schemasOf(session: Session, oids: readonly number[]): Promise<Schema[]> {
  const { rows } = await session.query<Schema>(
    `select nspname::text as name, pg_catalog.obj_description(oid, 'pg_namespace') as comment
      from pg_catalog.pg_namespace where oid operator(pg_catalog.=) any ($1::oid[]) order by oid`,
    [`{${oids.join(',')}}`],
  )
  return rows
}

/** IF NOT EXISTS asks for the right to make schemas even where there is nothing to make. */
function makeSchema({ name, comment }: Schema): string {
  const comments = comment === null ? '' : `\n    comment on schema ${ident(name)} is ${literal(comment)};`
  const body = `begin
  if not exists (select from pg_catalog.pg_namespace where nspname = ${literal(name)}) then
    create schema ${ident(name)};${comments}
  end if;
end`
  return `do ${literal(body)};`
}
