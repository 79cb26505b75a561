import type { Session } from '../connection/postgres.ts'
import type { BackupReport, MigrateReport } from '../contract/report.ts'
import { LandfallError } from '../errors.ts'
import type { Plan } from '../plan/model.ts'
import { commitToDisk, type Epoch, fenced } from './fence.ts'
import type { ChunkRecord, Holder, PlannedChunk, RunRecord } from './model.ts'
import { storable } from './statements.ts'

export interface NewRun {
  readonly holder: Holder
  readonly sourceLabel: string
  readonly fingerprint: string
  readonly planHash: string
  readonly plan: Plan
  /** Hash of what the user chose: while it and the source are the same, so is the plan. */
  readonly choices: string
  readonly phase: string
  /** Every `move` is the source name of one of the plan's moves. */
  readonly chunks: readonly PlannedChunk[]
  /** Made before it began. */
  readonly backups?: readonly BackupReport[]
  /** As in `RunRecord`. */
  readonly sealed?: boolean
}

const RUN = `r.id::text AS id, r.migration, r.epoch::text AS epoch, r.attempt, r.state, r.phase,
  r.source_label AS "sourceLabel", r.plan_hash AS "planHash", r.choices, r.fingerprint,
  floor(extract(epoch FROM r.started_at) * 1000)::text AS "startedAt",
  floor(extract(epoch FROM r.finished_at) * 1000)::text AS "finishedAt",
  r.error_code || ': ' || r.error_message AS error, r.sealed`

type RunRow = Omit<RunRecord, 'startedAt' | 'finishedAt'> & {
  readonly startedAt: string
  readonly finishedAt: string | null
}

/** The latest run of a migration that was not forgotten. The journal must be there. */
export async function findRun(session: Session, migration: string): Promise<RunRecord | null> {
  const {
    rows: [row],
  } = await session.query<RunRow>(
    `SELECT ${RUN} FROM landfall.runs r
      WHERE r.migration = $1 AND r.state <> 'forgotten' ORDER BY r.id DESC LIMIT 1`,
    [migration],
  )
  return row === undefined ? null : record(row)
}

/** Writes a new run with its moves and all its chunks, in one transaction. */
export async function beginRun(session: Session, epoch: Epoch, run: NewRun): Promise<RunRecord> {
  return await fenced(session, epoch, async () => {
    const {
      rows: [row],
    } = await session.query<RunRow>(
      `INSERT INTO landfall.runs AS r (migration, epoch, phase, source_label, plan_hash, plan, choices,
          fingerprint, host, process, backups, sealed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ${RUN}`,
      [
        epoch.migration,
        epoch.epoch,
        run.phase,
        run.sourceLabel,
        run.planHash,
        JSON.stringify(run.plan),
        run.choices,
        run.fingerprint,
        run.holder.host,
        run.holder.pid,
        JSON.stringify(run.backups ?? []),
        run.sealed ?? false,
      ],
    )
    const begun = record(row!)
    await session.query(
      `INSERT INTO landfall.moves (run, move, position, target_schema, target_table, rows)
        SELECT $1, m.move, m.position, m."schema", m."table", m.rows FROM json_to_recordset($2::json)
          AS m(move text, position integer, "schema" text, "table" text, rows bigint)`,
      [begun.id, JSON.stringify(run.plan.moves.map(moveRow))],
    )
    await insertChunks(session, begun.id, run.chunks)
    return begun
  })
}

function moveRow(move: Plan['moves'][number], position: number): Record<string, unknown> {
  const { schema, name } = move.target
  return { move: move.source, position, schema, table: name, rows: move.statistics.rows }
}

async function insertChunks(session: Session, run: string, all: readonly PlannedChunk[]): Promise<void> {
  // A few megabytes for each statement, whatever the number of chunks.
  for (let from = 0; from < all.length; from += 10_000) {
    const rows = all.slice(from, from + 10_000)
    await session.query(
      `INSERT INTO landfall.chunks (run, move, seq, "after", up_to)
        SELECT $1, c.move, c.seq, c."after", c."upTo" FROM json_to_recordset($2::json)
          AS c(move text, seq integer, "after" text[], "upTo" text[])`,
      [run, JSON.stringify(rows)],
    )
  }
}

/** A new attempt at a run that was interrupted or failed. Its chunks and steps stay as they are. */
export async function resumeRun(
  session: Session,
  epoch: Epoch,
  run: string,
  holder: Holder,
): Promise<RunRecord> {
  return await fenced(session, epoch, async () => {
    const {
      rows: [row],
    } = await session.query<RunRow>(
      `UPDATE landfall.runs AS r SET epoch = $2, attempt = attempt + 1, state = 'running', host = $3,
          process = $4, attempt_at = clock_timestamp(), error_code = NULL, error_message = NULL
        WHERE id = $1 AND state IN ('running', 'failed') RETURNING ${RUN}`,
      [run, epoch.epoch, holder.host, holder.pid],
    )
    if (row === undefined) throw new LandfallError('LF900', `run ${run} cannot be resumed: it has ended`)
    return record(row)
  })
}

export async function setPhase(session: Session, epoch: Epoch, run: string, phase: string): Promise<void> {
  await fenced(session, epoch, () =>
    session.query('UPDATE landfall.runs SET phase = $2 WHERE id = $1', [run, phase]),
  )
}

/** The source was written to since, and every chunk would be the same again: that is its new identity. */
export async function setFingerprint(
  session: Session,
  epoch: Epoch,
  run: string,
  fingerprint: string,
): Promise<void> {
  await fenced(session, epoch, () =>
    session.query('UPDATE landfall.runs SET fingerprint = $2 WHERE id = $1', [run, fingerprint]),
  )
}

/** The plan as it was when the run began. */
export async function readPlan(session: Session, run: string): Promise<Plan> {
  const {
    rows: [row],
  } = await session.query<{ plan: string }>('SELECT plan::text AS plan FROM landfall.runs WHERE id = $1', [
    run,
  ])
  if (row === undefined) throw new LandfallError('LF900', `run ${run} is not in the journal`)
  return JSON.parse(row.plan) as Plan
}

/** The backups that were made before a run began. */
export async function readBackups(session: Session, run: string): Promise<readonly BackupReport[]> {
  const { rows } = await session.query<{ backups: string | null }>(
    'SELECT backups::text AS backups FROM landfall.runs WHERE id = $1',
    [run],
  )
  return JSON.parse(rows[0]?.backups ?? '[]') as BackupReport[]
}

/** The backups that hold what was there before a run wrote to tables of the target. */
export async function setBackups(
  session: Session,
  epoch: Epoch,
  run: string,
  backups: readonly BackupReport[],
): Promise<void> {
  await fenced(session, epoch, () =>
    session.query('UPDATE landfall.runs SET backups = $2 WHERE id = $1', [run, JSON.stringify(backups)]),
  )
}

/** The report of a run that is done; null for any other. */
export async function readResult(session: Session, run: string): Promise<MigrateReport | null> {
  const {
    rows: [row],
  } = await session.query<{ result: string | null }>(
    'SELECT result::text AS result FROM landfall.runs WHERE id = $1',
    [run],
  )
  return row === undefined || row.result === null ? null : (JSON.parse(row.result) as MigrateReport)
}

/** All chunks of a run, by the plan's order of moves and by key. */
export async function readChunks(session: Session, run: string): Promise<ChunkRecord[]> {
  const { rows } = await session.query<
    Record<'move' | 'seq' | 'bounds' | 'state' | 'digest', string> & Counts
  >(
    `SELECT c.move, c.seq::text AS seq, json_build_array(c."after", c.up_to)::text AS bounds, c.state,
        c.read::text AS read, c.loaded::text AS loaded, c.set_aside::text AS "setAside",
        c.bytes::text AS bytes, c.digest
      FROM landfall.chunks c JOIN landfall.moves m USING (run, move)
      WHERE c.run = $1 ORDER BY m.position, c.seq`,
    [run],
  )
  return rows.map((row) => {
    const [after, upTo] = JSON.parse(row.bounds) as [string[] | null, string[] | null]
    const planned = { move: row.move, seq: Number(row.seq), after, upTo }
    if (row.state === 'pending') return { ...planned, state: 'pending', result: null }
    const { digest } = row
    const [read, loaded] = [Number(row.read), Number(row.loaded)]
    const [setAside, bytes] = [Number(row.setAside), Number(row.bytes)]
    return { ...planned, state: 'done', result: { read, loaded, setAside, bytes, digest } }
  })
}

type Counts = Record<'read' | 'loaded' | 'setAside' | 'bytes', string>

/** Records why an attempt ended. It says nothing of a run that another process has taken over. */
export async function failRun(
  session: Session,
  epoch: Epoch,
  run: string,
  error: { readonly code: string; readonly message: string },
): Promise<void> {
  await session.query(
    `UPDATE landfall.runs SET state = 'failed', error_code = $3, error_message = $4
      WHERE id = $1 AND epoch = $2 AND state = 'running'`,
    [run, epoch.epoch, error.code, storable(error.message)],
  )
}

/**
 * Records that a run is done, in a transaction that is on disk before its commit returns. A run with a chunk
 * that is not done is a bug (LF900) and stays as it is.
 */
export async function recordDone(session: Session, run: string, result: MigrateReport): Promise<void> {
  await commitToDisk(session)
  const done = await session.query(
    `UPDATE landfall.runs SET state = 'done', phase = 'done', finished_at = clock_timestamp(), result = $2
      WHERE id = $1 AND state = 'running'
        AND NOT EXISTS (SELECT FROM landfall.chunks c WHERE c.run = $1 AND c.state = 'pending')`,
    [run, JSON.stringify(result)],
  )
  if (done.rowCount === 0) throw new LandfallError('LF900', `run ${run} was to be finished before its chunks`)
}

/**
 * Takes a run out of the way, so that the next one starts anew; its row stays as history. To be called
 * after the tables in `createdTables` have been dropped, or in the same transaction through `fenced`.
 */
export async function forgetRun(session: Session, run: string): Promise<void> {
  for (const table of ['rejects', 'checks', 'made', 'steps', 'chunks', 'moves'])
    await session.query(`DELETE FROM landfall.${table} WHERE run = $1`, [run])
  await session.query(
    `UPDATE landfall.runs SET state = 'forgotten', finished_at = clock_timestamp() WHERE id = $1`,
    [run],
  )
}

function record(row: RunRow): RunRecord {
  const finished = row.finishedAt === null ? null : new Date(Number(row.finishedAt))
  return { ...row, startedAt: new Date(Number(row.startedAt)), finishedAt: finished }
}
