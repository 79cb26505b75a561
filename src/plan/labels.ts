import { literal } from '../connection/quote.ts'
import { inRange } from '../connection/sqlite-key.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { ScanRange } from '../profile/model.ts'
import { run } from '../profile/run.ts'
import type { Way } from '../types/model.ts'

/** Gives those of the values that a type of the target does not take. */
export type Refuses = (type: string, values: readonly string[]) => Promise<readonly string[]>

/** Values that were asked for and are remembered. */
const REMEMBERED = 100_000
/** Different values that are told apart from the good ones; with more of them the choice of type is wrong. */
const MOST_REFUSED = 5_000
/** Bytes of a value; longer ones are left to COPY. */
const LONGEST = 65_536

export interface LabelColumn {
  readonly source: SqliteSource
  /** Quoted and qualified. */
  readonly table: string
  readonly keys: readonly string[]
  readonly ranges: readonly ScanRange[]
  /** The quoted source column. */
  readonly expression: string
}

/**
 * Enums, domains, networks, arrays: only the target can say whether a text is one. It is asked once for
 * every different value, so that those it refuses are known before anything is written.
 */
export async function judged(way: Way, column: LabelColumn, refuses: Refuses): Promise<Way> {
  const [read] = way.read(column.expression)
  const misfit = way.misfit(column.expression) ?? '0'
  const seen = new Set<string>()
  const refused = new Set<string>()
  for (const range of column.ranges) {
    const [rows] = await run(column, [
      `SELECT DISTINCT v FROM (SELECT ${read} AS v FROM ${column.table} AS t WHERE ${inRange(column.keys, range)} AND NOT (${misfit})) WHERE octet_length(v) <= ${LONGEST}`,
    ])
    const fresh = rows!.map((row) => String(row[0])).filter((value) => !seen.has(value) && isPlain(value))
    if (fresh.length === 0) continue
    if (seen.size > REMEMBERED) seen.clear()
    for (const value of fresh) seen.add(value)
    for (const value of await refuses(way.type, fresh)) refused.add(value)
    if (refused.size >= MOST_REFUSED) break
  }
  if (refused.size === 0) return way
  const list = [...refused].map(literal).join(', ')
  const test = (c: string) => `(${way.misfit(c) ?? '0'} OR coalesce((${way.read(c)[0]}) IN (${list}), 0))`
  return { ...way, misfit: test, quickMisfit: test, misfitReason: `is no ${way.type} to the target` }
}

/** What cannot stand in a statement cannot be in a text of PostgreSQL either. */
function isPlain(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed() && !value.includes('\ufffd')
}
