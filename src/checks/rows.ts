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

/**
 * No row is lost without a word: what the source holds is what was read, every row read was loaded or
 * set aside, and the target and the rejects hold as many as the journal says.
 */
export async function checkRows(
  session: Session,
  run: string,
  move: Move,
  sourceRows: number,
  counted: Tally,
): Promise<CheckResult> {
  const table = qualified(move.target.schema, move.target.name)
  const {
    rows: [found],
  } = await session.query<{ rows: string; rejects: string }>(
    `SELECT (SELECT count(*) FROM ${table})::text AS rows,
        (SELECT count(*) FROM landfall.rejects WHERE run = $1 AND "table" = $2)::text AS rejects`,
    [run, move.source],
  )
  const rows = Number(found!.rows)
  const rejects = Number(found!.rejects)
  const right =
    sourceRows === counted.read &&
    counted.read === counted.loaded + counted.setAside &&
    rows === counted.loaded &&
    rejects === counted.setAside
  return {
    name: `${move.source}: every row is accounted for`,
    result: right ? 'pass' : 'fail',
    expected: `${sourceRows} rows of the source, loaded or set aside`,
    found: `${rows} rows in the target, ${rejects} set aside`,
    ...(right
      ? {}
      : {
          evidence: [
            `read ${counted.read}, loaded ${counted.loaded}, set aside ${counted.setAside} by the journal`,
          ],
        }),
  }
}
