import type { Reject, Statement } from './model.ts'

/**
 * Returns one row while the epoch is still the run's, and none once another process took the lock.
 * It is the first statement of every transaction that writes for a run: the share lock that it takes
 * makes the next holder wait until the transaction has ended, so that nothing is written behind its back.
 */
export function epochCheck(lock: { readonly migration: string; readonly epoch: string }): Statement {
  return {
    sql: 'SELECT 1 AS held FROM landfall.migrations WHERE name = $1 AND epoch = $2::bigint FOR SHARE',
    values: [lock.migration, lock.epoch],
  }
}

/**
 * Marks a chunk as done; returns one row, or none when it was done already. The executor appends
 * five values: read, loaded, setAside, bytes (numbers or decimal text), digest.
 */
export function chunkDone(run: string, move: string, seq: number): Statement {
  return {
    sql: `UPDATE landfall.chunks
      SET state = 'done', read = $4::bigint, loaded = $5::bigint, set_aside = $6::bigint,
          bytes = $7::bigint, digest = $8::text, done_at = clock_timestamp()
      WHERE run = $1::bigint AND move = $2 AND seq = $3::integer AND state = 'pending'
      RETURNING seq`,
    values: [run, move, seq],
  }
}

/**
 * Stores rejects of a chunk, in the chunk's transaction. The executor appends one value, made by
 * `rejectBatch`.
 */
export function insertRejects(run: string, move: string, seq: number): Statement {
  return {
    sql: `INSERT INTO landfall.rejects (run, move, seq, "table", key, "column", reason, content)
      SELECT $1::bigint, $2::text, $3::integer, r."table", r.key, r."column", r.reason, r.content::json
      FROM json_to_recordset($4::json)
        AS r("table" text, key text, "column" text, reason text, content text)`,
    values: [run, move, seq],
  }
}

/**
 * Records what a verification has repaired, in the repairing transaction. The executor appends three
 * values: the numbers of rows inserted, updated and deleted.
 */
export function repairDone(migration: string, table: string): Statement {
  return {
    sql: `INSERT INTO landfall.repairs (migration, "table", inserted, updated, deleted)
      VALUES ($1, $2, $3::bigint, $4::bigint, $5::bigint)`,
    values: [storable(migration), storable(table)],
  }
}

/**
 * The parameter of `insertRejects`: JSON in which each row's content is a text that holds JSON. Inside
 * of it an escaped NUL or a lone surrogate stays as escaped as it is, and so it survives exactly; in
 * the texts for people both become visible replacements, since PostgreSQL's text can hold neither.
 */
export function rejectBatch(rejects: readonly Reject[]): string {
  return JSON.stringify(
    rejects.map((reject) => ({
      table: storable(reject.table),
      key: storable(reject.key),
      column: reject.column === null ? null : storable(reject.column),
      reason: storable(reject.reason),
      content: JSON.stringify(reject.content),
    })),
  )
}

/** Text that PostgreSQL can hold: NUL becomes the symbol U+2400, a lone surrogate U+FFFD. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\u2400')
}
