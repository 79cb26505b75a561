import type { Session } from '../connection/postgres.ts'
import type { ChunkBounds } from './model.ts'
import { storable } from './statements.ts'

/** Rows that an unfinished verification has compared already. */
export interface ComparedRows {
  readonly table: string
  readonly bounds: string
  readonly rows: number
}

export interface Verification {
  readonly id: string
  readonly startedAt: Date
  /** A transaction's number: whatever an older one wrote was there before anything was compared. */
  readonly horizon: string
  /** Of an earlier attempt; empty at first. */
  readonly compared: readonly ComparedRows[]
}

/** A range as the journal knows it. */
export const boundsText = ({ after, upTo }: ChunkBounds): string => storable(JSON.stringify([after, upTo]))

/**
 * The unfinished verification of a migration, if it was one of this very source by this plan; else a new
 * one takes its place.
 */
export async function openVerification(
  session: Session,
  what: { readonly migration: string; readonly fingerprint: string; readonly planHash: string },
): Promise<Verification> {
  const values = [what.migration, what.fingerprint, what.planHash]
  return await session.transaction(async () => {
    await session.query(
      `DELETE FROM landfall.verifications WHERE migration = $1 AND (fingerprint, plan_hash) IS DISTINCT FROM ($2, $3)`,
      values,
    )
    const { rows } = await session.query<{ id: string; since: string; horizon: string }>(
      `INSERT INTO landfall.verifications AS v (migration, fingerprint, plan_hash) VALUES ($1, $2, $3)
        ON CONFLICT (migration) DO UPDATE SET migration = v.migration
        RETURNING id::text AS id, extract(epoch FROM started_at)::text AS since, horizon::text AS horizon`,
      values,
    )
    const { id, since, horizon } = rows[0]!
    const compared = await session.query<{ table: string; bounds: string; rows: string }>(
      'SELECT "table", bounds, rows::text AS rows FROM landfall.compared WHERE verification = $1',
      [id],
    )
    return {
      id,
      startedAt: new Date(Number(since) * 1000),
      horizon,
      compared: compared.rows.map((row) => ({ ...row, rows: Number(row.rows) })),
    }
  })
}

/**
 * How many rows of the target there are, and whether any was written since a verification began. What a
 * row says also depends on what its columns are, which can be changed without a write to any row.
 */
export async function writtenSince(
  session: Session,
  horizon: string,
  rows: { readonly table: string; readonly where: string },
): Promise<{ readonly rows: number; readonly written: boolean }> {
  const {
    rows: [found],
  } = await session.query<{ rows: string; written: boolean }>(
    // Numbers of transactions go round after 2^32, and an age says something for half of that.
    `SELECT count(*)::text AS rows,
        coalesce(bool_or(age(t.xmin) <= age($1::xid8::xid)), false)
          OR NOT (pg_snapshot_xmax(pg_current_snapshot())::text::numeric - $1::xid8::text::numeric
            BETWEEN 0 AND 2147483647)
          OR EXISTS (SELECT FROM pg_class c WHERE c.oid = $2::regclass AND age(c.xmin) <= age($1::xid8::xid))
          OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = $2::regclass AND age(a.xmin) <= age($1::xid8::xid))
          OR EXISTS (SELECT FROM pg_enum e WHERE age(e.xmin) <= age($1::xid8::xid)) AS written
      FROM ${rows.table} AS t WHERE ${rows.where}`,
    [horizon, rows.table],
  )
  return { rows: Number(found!.rows), written: found!.written }
}

/** Ranges that are the same need not be compared again when the verification is interrupted. */
export async function rememberCompared(
  session: Session,
  id: string,
  compared: readonly ComparedRows[],
): Promise<void> {
  await session.query(
    `INSERT INTO landfall.compared (verification, "table", bounds, rows)
      SELECT $1, c."table", c.bounds, c.rows FROM json_to_recordset($2::json) AS c("table" text, bounds text, rows bigint)
      ON CONFLICT DO NOTHING`,
    [id, JSON.stringify(compared.map((one) => ({ ...one, table: storable(one.table) })))],
  )
}

/** The verification has come to its end: the next one compares everything. */
export async function closeVerification(session: Session, id: string): Promise<void> {
  await session.query('DELETE FROM landfall.verifications WHERE id = $1', [id])
}
