import type { Session } from '../connection/postgres.ts'
import { REPORT_VERSION, type StatusReport } from '../contract/report.ts'
import { lockKey } from './lock-key.ts'
import { journalState } from './schema.ts'

type Migration = StatusReport['migrations'][number]

/**
 * Where every migration of the target stands. Reads only, takes no locks that a run could wait for, and
 * works while one is going on. Empty where the journal is missing or this role may not read it; LF404
 * where it is of another version. `target` is the target's label.
 */
export async function status(session: Session, target: string): Promise<StatusReport> {
  const report = { version: REPORT_VERSION, command: 'status', target } as const
  return await session.transaction(async () => {
    await session.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    if ((await journalState(session)) !== 'present') return { ...report, migrations: [] }
    // Locks are seen as they are now, rows as they were at the beginning: a run that ends or begins in
    // between must not look interrupted, hence a look on each side.
    const before = await heldLocks(session)
    const { rows } = await session.query<MigrationRow>(MIGRATIONS)
    const held = new Set([...before, ...(await heldLocks(session))])
    const tables = Map.groupBy((await session.query<TableRow>(PROGRESS)).rows, (row) => row.run)
    const migrations = rows.flatMap((row) => {
      const { classid, objid } = lockKey(row.migration)
      return migration(row, held.has(`${classid} ${objid}`), tables.get(row.run ?? '') ?? [])
    })
    return { ...report, migrations }
  })
}

/** Advisory locks of this database, as `classid objid`. */
async function heldLocks(session: Session): Promise<string[]> {
  const { rows } = await session.query<{ key: string }>(
    `SELECT concat_ws(' ', l.classid, l.objid) AS key FROM pg_catalog.pg_locks l
        JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
      WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted`,
  )
  return rows.map((row) => row.key)
}

interface MigrationRow {
  readonly run: string | null
  readonly migration: string
  readonly state: 'running' | 'failed' | 'done' | null
  readonly phase: string | null
  readonly source: string | null
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly holder: string
  readonly error: string | null
  readonly steps: string
  readonly stepsDone: string
}

interface TableRow
  extends Record<'table' | 'rows' | 'loaded' | 'setAside' | 'chunks' | 'chunksDone', string> {
  readonly run: string
}

const iso = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

const LATEST = `SELECT DISTINCT ON (migration) * FROM landfall.runs WHERE state <> 'forgotten'
  ORDER BY migration, id DESC`

const MIGRATIONS = `SELECT r.id::text AS run, m.name AS migration, r.state, r.phase, r.source_label AS source,
    ${iso('coalesce(r.started_at, m.held_since)')} AS "startedAt", ${iso('r.finished_at')} AS "finishedAt",
    m.host || ', process ' || m.process || ', since ' || ${iso('m.held_since')} AS holder,
    r.error_code || ': ' || r.error_message AS error,
    (SELECT count(*) FROM landfall.steps s WHERE s.run = r.id)::text AS steps,
    (SELECT count(done_at) FROM landfall.steps s WHERE s.run = r.id)::text AS "stepsDone"
  FROM landfall.migrations m LEFT JOIN (${LATEST}) r ON r.migration = m.name
  ORDER BY coalesce(r.started_at, m.held_since) DESC, m.name`

/** Of mapped rows that are applied it says what became of them, and not how they came. */
const PROGRESS = `SELECT m.run::text AS run, m.move AS "table",
    CASE WHEN applied IS NULL THEN m.rows ELSE applied + m.set_aside END::text AS rows,
    coalesce(applied, sum(c.loaded), 0)::text AS loaded,
    coalesce(m.set_aside, sum(c.set_aside), 0)::text AS "setAside",
    count(c.seq)::text AS chunks, count(c.seq) FILTER (WHERE c.state = 'done')::text AS "chunksDone"
  FROM landfall.moves m JOIN (${LATEST}) r ON r.id = m.run
    LEFT JOIN landfall.chunks c ON c.run = m.run AND c.move = m.move
    CROSS JOIN LATERAL (SELECT m.created + m.updated + m.unchanged + m.skipped AS applied) a
  GROUP BY m.run, m.move, m.position, m.rows, m.set_aside, applied ORDER BY m.run, m.position`

function migration(row: MigrationRow, held: boolean, tables: readonly TableRow[]): Migration[] {
  // The lock was taken and given back before anything was begun.
  if (row.state === null && !held) return []
  return [
    {
      migration: row.migration,
      state: stateOf(row.state, held),
      source: row.source ?? '',
      startedAt: row.startedAt,
      finishedAt: row.finishedAt,
      holder: held ? row.holder : null,
      error: held ? null : row.error,
      phase: row.phase ?? 'preparing',
      tables: tables.map((table) => ({
        table: table.table,
        rows: Number(table.rows),
        loaded: Number(table.loaded),
        setAside: Number(table.setAside),
        chunks: Number(table.chunks),
        chunksDone: Number(table.chunksDone),
      })),
      steps: { all: Number(row.steps), done: Number(row.stepsDone) },
    },
  ]
}

function stateOf(recorded: MigrationRow['state'], held: boolean): Migration['state'] {
  if (recorded === 'done') return 'done'
  if (held) return 'running'
  return recorded === 'failed' ? 'failed' : 'interrupted'
}
