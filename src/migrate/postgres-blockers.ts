import type { Catalog } from '../catalog/model.ts'
import { readDependents } from '../catalog/postgres-dependents.ts'
import { readSurroundings, type Surroundings } from '../catalog/postgres-surroundings.ts'
import type { Session } from '../connection/postgres.ts'
import { nameParts, qualified } from '../connection/quote.ts'
import { createdTables } from '../journal/evidence.ts'
import { readMade } from '../journal/made.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Blocker, LeftOut, Move } from '../plan/model.ts'
import type { Clone } from '../plan/postgres-clone.ts'
import {
  hiddenBlockers,
  type SchemaFindings,
  schemaFindings,
  sequenceBlockers,
} from '../plan/postgres-schema.ts'
import { withoutDumpBlockers, withoutDumpLeftOut, withoutDumpNotes } from '../plan/postgres-tables.ts'
import { dumpToolsFor } from '../schema/postgres-dump.ts'
import { type Held, heldObjects } from '../schema/postgres-empty.ts'
import type { PostgresSource } from './postgres-source.ts'
import type { PostgresPlanning } from './postgres-start.ts'

/** How the target's tables are made, and what stands in the way. */
export interface SchemaPlan {
  /** Schemas that `pg_dump` fills; null: Landfall makes the tables from the plan. */
  readonly byDump: readonly string[] | null
  readonly blockers: readonly Blocker[]
  readonly leftOut: readonly LeftOut[]
  readonly notes: readonly string[]
}

/** A server that is not there yet will be the embedded one. */
export const EMBEDDED_VERSION = 180_000
/** Objects in the way that are named; of more their number. */
const NAMED = 5

/**
 * A whole database is made by what `pg_dump` writes of it, so that nothing is missing; some of its tables,
 * or all where no suitable `pg_dump` is installed, are made by Landfall, which knows tables only.
 */
export async function planSchema(
  asked: PostgresPlanning,
  clone: Clone,
  run: RunRecord | null,
): Promise<SchemaPlan> {
  const { settings, from, session } = asked
  const { catalog, snapshot } = from
  const whole = settings.tables === null && settings.sourceSchema === null
  const tools = dumpToolsFor(snapshot.serverVersion, session?.serverVersion ?? EMBEDDED_VERSION)
  const major = Math.trunc(snapshot.serverVersion / 10_000)
  if (whole && tools !== null) {
    const found = await findSchema(from, session, clone)
    const schemas = await schemasOf(from.snapshot.ask.bind(from.snapshot))
    const held = session === null ? [] : await othersObjects(asked, session, schemas, run)
    return {
      ...found,
      byDump: schemas,
      blockers: [...found.blockers, ...(held.length === 0 ? [] : [notEmpty(held, run)])],
      notes: [
        `what is not rows is made by pg_dump ${tools.version}`,
        ...(await commentsLeft(from, session, run)),
        ...found.notes,
      ],
    }
  }
  const made = catalog.tables.filter((table) => !clone.excluded.includes(table))
  const around = await snapshot.run(readSurroundings)
  const { ids } = await snapshot.run((one) => readDependents(one, clone.excluded))
  const choice =
    tools === null
      ? `install pg_dump ${major} or later, which brings everything that tables are made of`
      : 'move the whole database, which is made by pg_dump, and leave tables out by --exclude instead'
  const types = session === null ? new Set<string>() : await typesOf(session)
  return {
    byDump: null,
    blockers: [
      ...hiddenAmong(around, clone.moves),
      ...sequenceBlockers(around, ids),
      ...withoutDumpBlockers(catalog, around, made, types, choice),
    ],
    leftOut: tools === null ? withoutDumpLeftOut(catalog, around, major) : partLeftOut(catalog),
    notes: withoutDumpNotes(around, made),
  }
}

/** A schema that is there keeps the comment that it has. */
async function commentsLeft(
  { snapshot }: PostgresSource,
  session: Session | null,
  run: RunRecord | null,
): Promise<string[]> {
  const commented = await snapshot.ask<{ name: string }>(
    `SELECT nspname::pg_catalog.text AS name FROM pg_catalog.pg_namespace n
      CROSS JOIN LATERAL pg_catalog.obj_description(n.oid, 'pg_namespace') AS c(about)
      WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'landfall') AND c.about IS NOT NULL
        AND NOT (nspname = 'public' AND c.about = 'standard public schema') ORDER BY 1`,
  )
  const made = run === null || session === null ? [] : await readMade(session, run.id)
  const there =
    session === null
      ? new Set(['public'])
      : new Set(
          (await session.query<{ name: string; oid: number }>(SCHEMAS)).rows
            .filter(({ oid }) => !made.some(({ kind, object }) => kind === 'schema' && object === oid))
            .map(({ name }) => name),
        )
  const left = commented.filter(({ name }) => there.has(name)).map(({ name }) => name)
  return left.length === 0
    ? []
    : [`comments on schemas that the target has already do not move: ${left.join(', ')}`]
}

const SCHEMAS = 'SELECT nspname::pg_catalog.text AS name, oid FROM pg_catalog.pg_namespace'

/** What stands in the schemas, without what a run made that is to be taken back. */
async function othersObjects(
  { settings }: PostgresPlanning,
  session: Session,
  schemas: readonly string[],
  run: RunRecord | null,
): Promise<Held[]> {
  const held = await heldObjects(session, schemas, settings.boot.state)
  if (run === null) return held
  const made = new Set((await readMade(session, run.id)).map((one) => `${one.class}/${one.object}`))
  const tables = (await createdTables(session, run.id)).map(({ schema, name }) => qualified(schema, name))
  return held.filter(
    (one) =>
      !made.has(`${one.class}/${one.object}`) &&
      !(one.kind === 'table' && tables.some((table) => isSameName(table, one.name))),
  )
}

function isSameName(one: string, other: string): boolean {
  return nameParts(one).join('\0') === nameParts(other).join('\0')
}

/** What a dump of the source meets in the target, without the tables that the user leaves out. */
export async function findSchema(
  { snapshot }: PostgresSource,
  session: Session | null,
  { excluded }: Pick<Clone, 'excluded'>,
): Promise<SchemaFindings> {
  return schemaFindings(
    await snapshot.run(readSurroundings),
    session === null ? null : await readSurroundings(session),
    await snapshot.run((one) => readDependents(one, excluded)),
    (name) => {
      const [schema, table] = nameParts(name)
      return !excluded.some((one) => one.schema === schema && one.name === table)
    },
  )
}

/** Tables that mapped moves read and that show this role too few rows. Of a SELECT the server tells. */
export async function readBlockers({ snapshot }: PostgresSource, moves: readonly Move[]): Promise<Blocker[]> {
  return hiddenAmong(await snapshot.run(readSurroundings), moves)
}

function hiddenAmong(around: Surroundings, moves: readonly Move[]): Blocker[] {
  return hiddenBlockers(around, (name) => {
    const [schema, table] = nameParts(name)
    return moves.some(({ relation }) => relation?.includes(qualified(schema!, table!)))
  })
}

function notEmpty(held: readonly Held[], run: RunRecord | null): Blocker {
  const rest = held.length - NAMED
  const named = held.slice(0, NAMED).map(({ kind, name }) => `${kind} ${name}`)
  const listed = `${named.join(', ')}${rest > 0 ? `, and ${rest} more` : ''}`
  return {
    code: 'LF203',
    table: null,
    column: null,
    message:
      run === null
        ? `the target is not empty: it has ${listed}`
        : `not made by the run that is to be taken back: ${listed}`,
    examples: [],
    choices: [
      ...(run === null ? [] : ['move it to another schema or drop it, and start again with --restart']),
      '--to postgres://…   a database in which nothing stands in the way',
      ...(run === null ? ['moves: { … }   in the config, to merge rows into tables that are there'] : []),
    ],
  }
}

function partLeftOut({ others }: Catalog): LeftOut[] {
  return others.map(({ kind, name, table }) => ({
    kind,
    name: table === undefined ? name : `${name} of ${table}`,
    why: 'only some tables are moved',
  }))
}

async function schemasOf(ask: <T extends object>(sql: string) => Promise<T[]>): Promise<string[]> {
  const rows = await ask<{ name: string }>(
    `SELECT nspname::pg_catalog.text AS name FROM pg_catalog.pg_namespace
      WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'landfall') ORDER BY 1`,
  )
  return rows.map((row) => row.name)
}

/** The target's own types, as the source's catalog would print them. */
async function typesOf(session: Session): Promise<ReadonlySet<string>> {
  const { rows } = await session.query<{ name: string }>(
    `SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) AS name
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'landfall')`,
  )
  return new Set(rows.map((row) => row.name))
}
