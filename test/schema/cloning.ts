import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { readPostData } from '../../src/catalog/postgres-post-data.ts'
import { libpqEnvironment } from '../../src/connection/libpq-environment.ts'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import { ident, literal, qualified } from '../../src/connection/quote.ts'
import type { PostgresSettings } from '../../src/connection/settings.ts'
import { type RunStepsOptions, runSteps } from '../../src/schema/apply.ts'
import { dumpSchema, dumpToolsFor, type SchemaDump } from '../../src/schema/postgres-dump.ts'
import { postDataSteps } from '../../src/schema/postgres-post-data.ts'
import type { Step } from '../../src/schema/steps.ts'

export const settingsOf = (url: string): PostgresSettings => parsePostgres(url, {}).settings

export const openAs = (url: string, role: 'source' | 'target'): Promise<Session> =>
  openPostgres(settingsOf(url), { applicationName: 'landfall test', role })

const MAX = 512 * 1024 * 1024

/** A program beside the `pg_dump` that knows this server; what it printed. */
function run(url: string, program: string, args: readonly string[], input?: string): string {
  const tools = dumpToolsFor(140_000, 140_000)!
  return execFileSync(join(dirname(tools.dump), program), args, {
    env: libpqEnvironment(settingsOf(url), 'landfall test'),
    encoding: 'utf8',
    maxBuffer: MAX,
    stdio: 'pipe',
    ...(input === undefined ? {} : { input }),
  })
}

export function psql(url: string, input: string): string {
  return run(url, 'psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-f', '-'], input)
}

let databases = 0

/** A new, empty database beside the one of this URL. */
export function databaseOn(server: string): string {
  const name = `d${++databases}`
  psql(server, `create database ${ident(name)};`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Everything that `pg_dump` says of a database's definitions, one object after the other. */
export function described(url: string): string[] {
  const text = run(url, 'pg_dump', ['--schema-only', '--no-owner', '--no-privileges', '--no-subscriptions'])
  return text
    .replace(/^\\(un)?restrict .*$/gm, '')
    .split(/\n+(?=--\n-- Name: )/)
    .map((object) => object.trim())
}

export interface Cloned {
  readonly dump: SchemaDump
  readonly steps: readonly Step[]
}

/** A whole database from one server to another, with a simple copy of the rows. */
export async function clone(
  from: string,
  to: string,
  more: {
    readonly exclude?: readonly { readonly schema: string; readonly name: string }[]
    readonly skipped?: ReadonlySet<string>
    readonly jobs?: number
    readonly run?: Partial<RunStepsOptions>
  } = {},
): Promise<Cloned> {
  const source = await openAs(from, 'source')
  const target = await openAs(to, 'target')
  try {
    const tools = dumpToolsFor(source.serverVersion, target.serverVersion)!
    const { dump, data } = await source.transaction(async (session) => {
      await session.query('set transaction isolation level repeatable read, read only')
      const { rows } = await session.query<{ id: string }>('select pg_catalog.pg_export_snapshot() as id')
      const snapshot = rows[0]!.id
      const settings = settingsOf(from)
      return {
        dump: await dumpSchema({ settings, tools, session, snapshot, ...more }),
        data: await readPostData(session, more),
      }
    })
    await target.transaction((session) => session.query(dump.preData))
    await copyRows(source, from, to, more.exclude ?? [])
    const steps = postDataSteps(data, dump)
    const done: string[] = []
    await runSteps(steps, {
      open: () => openAs(to, 'target'),
      jobs: more.jobs ?? 3,
      done: new Set(),
      record: async (_, step) => void done.push(step.name),
      ...more.run,
    })
    return { dump, steps }
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}

async function copyRows(
  source: Session,
  from: string,
  to: string,
  exclude: readonly { readonly schema: string; readonly name: string }[],
): Promise<void> {
  const { rows } = await source.query<{ schema: string; name: string; columns: string[] }>(
    `select n.nspname::text as schema, c.relname::text as name, array(select attname::text from pg_attribute
       where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum) as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'landfall')
     order by c.oid`,
  )
  // One program prints a script for the other: a COPY statement, and its rows.
  const script = rows
    .filter(({ columns }) => columns.length > 0)
    .filter(({ schema, name }) => !exclude.some((one) => one.schema === schema && one.name === name))
    .map(({ schema, name, columns }) => {
      const list = columns.map(ident).join(', ')
      const table = qualified(schema, name)
      return `select ${literal(`copy ${table} (${list}) from stdin;`)};
        copy (select ${list} from only ${table}) to stdout;
        select '\\.';\n`
    })
  psql(to, psql(from, script.join('')))
}
