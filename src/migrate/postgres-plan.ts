import type { Catalog, Table } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import { isMapped } from '../config/resolve.ts'
import type { Session } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import { createdTables } from '../journal/evidence.ts'
import { readPlan } from '../journal/journal.ts'
import type { PlannedChunk, RunRecord } from '../journal/model.ts'
import { mapMoves } from '../plan/mapped.ts'
import type { Blocker, LeftOut, Move, Plan } from '../plan/model.ts'
import { chunksOf } from '../plan/postgres-chunks.ts'
import { type Clone, cloneMoves } from '../plan/postgres-clone.ts'
import { planSchema, readBlockers } from './postgres-blockers.ts'
import { definitionsDigest } from './postgres-definitions.ts'
import type { PostgresSource } from './postgres-source.ts'
import type { PostgresPlanning } from './postgres-start.ts'

export interface PlannedPostgres {
  readonly plan: Plan
  readonly chunks: readonly PlannedChunk[]
}

/** Compiles the plan of a PostgreSQL source. Writes nothing. Errors: LF001, LF005. */
export async function planPostgres(asked: PostgresPlanning, run: RunRecord | null): Promise<PlannedPostgres> {
  const { settings, from, session, tools } = asked
  tools.progress?.({ kind: 'phase', phase: 'plan' })
  const target = await catalogOf(session, run)
  const inPlace = session !== null && (await isSameDatabase(from, session))
  const clone = isMapped(settings) || inPlace ? null : cloneMoves(from.catalog, settings)
  const taken = clone?.moves.some((move) => isThere(target, move.target)) ?? true
  if (clone !== null && !taken) return await cloned(asked, clone, run)
  if (inPlace && !isMapped(settings))
    throw new LandfallError('LF001', 'source and target are one and the same database', {
      hint: 'Within one database rows are moved by what the config says under moves.',
    })
  return await mapped(asked, target, inPlace)
}

async function mapped(asked: PostgresPlanning, target: Catalog, inPlace: boolean): Promise<PlannedPostgres> {
  const { from, settings, session } = asked
  const found = await mapMoves({
    source: from.catalog,
    target,
    settings,
    columnsOf: (select) => from.snapshot.run((source) => source.columnsOf(select)),
    ...(session === null ? {} : { columnsOfTarget: (select: string) => columnsAsApplied(session, select) }),
    inPlace,
  })
  const blockers = [...found.blockers, ...(await readBlockers(from, found.moves))]
  const { moves, chunks } = await cut(asked, found.moves, blockers.length > 0)
  const plan = planOf(asked, { ...found, moves, blockers })
  return { plan: inPlace ? { ...plan, inPlace: true } : plan, chunks: inPlace ? [] : chunks }
}

/** What the config says for the target sees the schemas that it will see when the moves are applied. */
async function columnsAsApplied(session: Session, select: string): ReturnType<Session['columnsOf']> {
  await session.query('RESET search_path')
  try {
    return await session.columnsOf(select)
  } finally {
    await session.query('SET search_path = pg_catalog')
  }
}

async function cloned(
  asked: PostgresPlanning,
  clone: Clone,
  run: RunRecord | null,
): Promise<PlannedPostgres> {
  const schema = await planSchema(asked, clone, run)
  const { blockers } = schema
  const { moves, chunks } = await cut(asked, clone.moves, blockers.length > 0)
  const plan = planOf(asked, {
    moves,
    leftOut: [...clone.leftOut, ...schema.leftOut],
    blockers,
    notes: schema.notes,
  })
  if (schema.byDump === null) return { plan, chunks }
  const schemaBy = { program: 'pg_dump', schemas: schema.byDump } as const
  if (blockers.length > 0) return { plan: { ...plan, schemaBy }, chunks }
  const digest = await definitionsDigest(asked)
  return { plan: { ...plan, schemaBy: { ...schemaBy, digest } }, chunks }
}

interface Found {
  readonly moves: readonly Move[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
  readonly notes: readonly string[]
}

function planOf({ settings, from, targetLabel }: PostgresPlanning, found: Found): Plan {
  return {
    version: 1,
    migration: settings.name,
    source: { label: from.label, engine: 'postgres', encoding: from.catalog.encoding },
    target: { label: targetLabel, schema: settings.targetSchema },
    badRows: settings.badRows,
    ...found,
    notes: [...from.connection.notes, ...found.notes],
  }
}

/** Each move with what finds its rows, how many there are about, and its chunks. */
async function cut(
  { from, settings }: PostgresPlanning,
  moves: readonly Move[],
  blocked: boolean,
): Promise<{ readonly moves: readonly Move[]; readonly chunks: readonly PlannedChunk[] }> {
  const done = await Promise.all(
    moves.map((move) =>
      chunksOf(from.snapshot, move, settings.batchSize).catch((error: unknown) => {
        // What blocks the plan may be that this very table cannot be read.
        if (blocked && error instanceof LandfallError) return { move, chunks: [] }
        throw error
      }),
    ),
  )
  return {
    moves: done.map(({ move, chunks }) =>
      chunks.length > 1 ? { ...move, chunkRows: settings.batchSize } : move,
    ),
    chunks: blocked
      ? []
      : done.flatMap((one) => one.chunks.map((bounds, seq) => ({ move: one.move.source, seq, ...bounds }))),
  }
}

/** The target without the tables that the run itself has made. */
async function catalogOf(session: Session | null, run: RunRecord | null): Promise<Catalog> {
  if (session === null) return { engine: 'postgres', version: '', encoding: 'UTF8', tables: [], others: [] }
  const catalog = await readPostgresCatalog(session)
  const made = run === null ? [] : await madeBy(session, run)
  const isMade = (table: Table): boolean =>
    made.some((one) => one.schema === table.schema && one.name === table.name)
  return { ...catalog, tables: catalog.tables.filter((table) => !isMade(table)) }
}

/** What `pg_dump` described is the run's as a whole: nothing stood there before. */
async function madeBy(
  session: Session,
  run: RunRecord,
): Promise<readonly { readonly schema: string; readonly name: string }[]> {
  const { schemaBy, moves } = await readPlan(session, run.id)
  return schemaBy === undefined ? await createdTables(session, run.id) : moves.map((move) => move.target)
}

const isThere = (
  target: Catalog,
  { schema, name }: { readonly schema: string; readonly name: string },
): boolean => target.tables.some((table) => table.schema === schema && table.name === name)

/** Two ways to the same server may have different names; when it started, to the microsecond, has one. */
async function isSameDatabase(from: PostgresSource, session: Session): Promise<boolean> {
  const sql = `SELECT pg_catalog.pg_postmaster_start_time()::pg_catalog.text || ' ' || oid::pg_catalog.text AS id
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`
  const [ours] = await from.snapshot.ask<{ id: string }>(sql)
  const { rows } = await session.query<{ id: string }>(sql)
  return ours!.id === rows[0]!.id
}
