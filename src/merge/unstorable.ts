import { qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { Staged } from './model.ts'

/** So many are named in a message, so many are given to machines. */
const NAMED = 20
const LISTED = 10_000

/** Rows that a table of the target would refuse. */
export interface Unstorable {
  readonly into: { readonly schema: string; readonly name: string }
  /** SELECT of `key` as people read it, `"column"` or NULL, `reason`, and `ord` that orders them. */
  readonly rows: string
}

/** LF204 with every row that the target would refuse, where the config does not tell to set such rows aside. */
export async function refuseUnstorable(
  { session, move, badRows }: Pick<Staged, 'session' | 'move' | 'badRows'>,
  { into, rows: select }: Unstorable,
): Promise<void> {
  if (badRows !== 'stop') return
  const { rows } = await session.query<{ key: string; column: string | null; reason: string; all: string }>(
    `SELECT u.key, u."column", u.reason, pg_catalog.count(*) OVER ()::pg_catalog.text AS all
      FROM (${select}) AS u ORDER BY u.ord LIMIT ${LISTED}`,
  )
  if (rows.length === 0) return
  const count = Number(rows[0]!.all)
  throw new LandfallError(
    'LF204',
    `${move.source}: ${count === 1 ? '1 row' : `${count} rows`} cannot be stored in ${qualified(into.schema, into.name)}.`,
    {
      hint: [
        ...rows
          .slice(0, NAMED)
          .map(({ key, column, reason }) => `${key}: ${column === null ? '' : `${column} `}${reason}`),
        ...(count > NAMED ? [`and ${count - NAMED} more (--json lists them)`] : []),
        'The target’s tables are as they were. Mend these rows,',
        "or --bad-rows set-aside (badRows: 'set-aside') moves the others and keeps these in landfall.rejects.",
      ].join('\n'),
      place: { table: move.source },
      details: { rows: rows.map(({ key, column, reason }) => ({ key, column, reason })), count },
    },
  )
}
