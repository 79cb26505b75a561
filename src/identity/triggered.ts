import { literal } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { triggersAtWork } from '../merge/triggers.ts'
import { keyText, type Resolving } from './people.ts'
import { PEOPLE } from './tables.ts'

const NAMED = 20

export interface WrittenColumns {
  /** Joins to `p`, the working table: among them the target as `t`. */
  readonly joins: string
  /** SQL: which rows of `p` have been written. */
  readonly where: string
  /** Each with SQL that is true where the target has another value than was written. */
  readonly columns: readonly { readonly name: string; readonly differs: string }[]
  /** Of the config. */
  readonly path: string
}

/**
 * LF304 where triggers or rules of the target table have made something else of what an identity has written:
 * it would be a difference for ever.
 */
export async function refuseTriggered(on: Resolving, written: WrittenColumns): Promise<void> {
  const { session, staged, identity, target } = on
  const { joins, where, columns, path } = written
  const atWork = await triggersAtWork(session, target)
  if (atWork.length === 0) return
  if (columns.length === 0) return
  const tests = columns.map(({ differs }) => `(${differs})`)
  const names = columns.map(({ name }, at) => `CASE WHEN ${tests[at]} THEN ${literal(name)} END`)
  const { rows } = await session.query<{ key: string; columns: string; all: string }>(
    `SELECT ${keyText(on)} AS key, pg_catalog.count(*) OVER () AS all,
        pg_catalog.concat_ws(', ', ${names.join(', ')}) AS columns
      FROM ${PEOPLE} p ${joins} WHERE ${where} AND (${tests.join(' OR ')}) ORDER BY p.nr LIMIT ${NAMED}`,
  )
  if (rows.length === 0) return
  const count = Number(rows[0]!.all)
  throw new LandfallError(
    'LF304',
    `identity ${identity.name}: ${atWork.join(', ')} of ${staged.move.target.name} changed what was written in ${count === 1 ? '1 row' : `${count} rows`}`,
    {
      hint: [
        ...rows.map((row) => `${row.key}: ${row.columns}`),
        ...(count > rows.length ? [`and ${count - rows.length} more`] : []),
        'The target’s tables are as they were.',
        `${path}: make the value that stays, by convert, or leave the column out: false`,
      ].join('\n'),
      place: { table: staged.move.source },
      details: { atWork, count, rows: rows.map(({ key, columns: which }) => ({ key, columns: which })) },
    },
  )
}
