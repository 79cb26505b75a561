import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import type { MigrateReport } from '../../src/contract/report.ts'
import type { NewRun } from '../../src/journal/journal.ts'
import type { PlannedChunk, Statement } from '../../src/journal/model.ts'
import type { Plan } from '../../src/plan/model.ts'

export const HOLDER = { host: 'host-1', pid: 4711 }

export async function open(url: string): Promise<Session> {
  const connection = parseConnection(url, {})
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return await openPostgres(connection.settings, { applicationName: 'landfall test' })
}

/** A plan of tables with these names and as many rows as given. */
export function plan(migration: string, tables: Readonly<Record<string, number>>): Plan {
  const moves = Object.entries(tables).map(([source, rows]): Plan['moves'][number] => ({
    source,
    target: {
      schema: 'public',
      name: source,
      columns: [],
      primaryKey: null,
      indexes: [],
      foreignKeys: [],
      checks: [],
    },
    existing: false,
    key: { kind: 'rowid', expressions: ['"rowid"'], names: ['rowid'] },
    columns: [],
    format: 'binary',
    largeValues: false,
    chunkRows: 10,
    after: [],
    profiledRows: null,
    notes: [],
    statistics: { rows, misfits: [] },
  }))
  return {
    version: 1,
    migration,
    source: { label: 'sqlite:app.db', engine: 'sqlite', encoding: 'UTF-8' },
    target: { label: 'postgres://t', schema: 'public' },
    badRows: 'stop',
    moves,
    leftOut: [],
    blockers: [],
    notes: [],
  }
}

export function newRun(of: Plan, chunks: readonly PlannedChunk[]): NewRun {
  return {
    holder: HOLDER,
    sourceLabel: of.source.label,
    fingerprint: 'f1',
    planHash: 'h1',
    choices: 'c1',
    plan: of,
    phase: 'schema',
    chunks,
  }
}

/** `count` chunks of ten keys each. */
export function chunksOf(move: string, count: number): PlannedChunk[] {
  return Array.from({ length: count }, (_, seq) => ({
    move,
    seq,
    after: seq === 0 ? null : [String(seq * 10)],
    upTo: seq === count - 1 ? null : [String(seq * 10 + 10)],
  }))
}

export async function execute(
  session: Session,
  statement: Statement,
  ...appended: Statement['values']
): Promise<number> {
  return (await session.query(statement.sql, [...statement.values, ...appended])).rowCount
}

export function reportOf(migration: string): MigrateReport {
  return {
    version: 1,
    command: 'migrate',
    migration,
    outcome: 'done',
    exitCode: 0,
    source: 'sqlite:app.db',
    target: 'postgres://t',
    resumed: false,
    startedAt: new Date(0).toISOString(),
    seconds: 1,
    phases: [],
    tables: [],
    rejects: [],
    checks: [],
    verification: null,
    notes: ['a \0 in a note'],
  }
}
