import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { ChunkRecord } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'

/** Rows of one table, added up over its chunks as the journal has them. */
export interface Tally {
  readonly read: number
  readonly loaded: number
  readonly setAside: number
  readonly bytes: number
}

export function tally(chunks: readonly ChunkRecord[], move: string): Tally {
  const sum = { read: 0, loaded: 0, setAside: 0, bytes: 0 }
  for (const { result } of chunks.filter((chunk) => chunk.move === move)) {
    sum.read += result?.read ?? 0
    sum.loaded += result?.loaded ?? 0
    sum.setAside += result?.setAside ?? 0
    sum.bytes += result?.bytes ?? 0
  }
  return sum
}

/** Rows of one table as they were counted anew, after everything was done. */
export interface Counted {
  readonly source: number
  readonly target: number
}

/**
 * No row is lost without a word: what the source holds is what was read, every row read was loaded or
 * set aside, and the target and the rejects hold as many as the journal says.
 */
export async function checkRows(
  session: Session,
  run: string,
  table: string,
  counted: Counted,
  told: Tally,
): Promise<CheckResult> {
  const {
    rows: [found],
  } = await session.query<{ rejects: string }>(
    'SELECT count(*)::text AS rejects FROM landfall.rejects WHERE run = $1 AND "table" = $2',
    [run, table],
  )
  const rejects = Number(found!.rejects)
  const right =
    counted.source === told.read &&
    told.read === told.loaded + told.setAside &&
    counted.target === told.loaded &&
    rejects === told.setAside
  return {
    name: `${table}: every row is accounted for`,
    result: right ? 'pass' : 'fail',
    expected: `${counted.source} rows of the source, loaded or set aside`,
    found: `${counted.target} rows in the target, ${rejects} set aside`,
    ...(right
      ? {}
      : {
          evidence: [`read ${told.read}, loaded ${told.loaded}, set aside ${told.setAside} by the journal`],
        }),
  }
}

/** Counts the target's rows. */
export async function countRows(session: Session, move: Move): Promise<number> {
  const { rows } = await session.query<{ rows: string }>(
    `SELECT count(*)::text AS rows FROM ${qualified(move.target.schema, move.target.name)}`,
  )
  return Number(rows[0]!.rows)
}
