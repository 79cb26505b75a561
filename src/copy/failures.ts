import type { DatabaseSync } from 'node:sqlite'
import type { ServerFields } from '../connection/postgres.ts'
import { LandfallError } from '../errors.ts'
import type { MisfitError } from './model.ts'
import { keyAt } from './read-chunk.ts'
import type { ChunkRead } from './select.ts'

const HINT = 'Run landfall plan again: it tests every row and shows what can be chosen.'

/** `before`: rows of the chunk that came ahead of the batch. */
export function misfitError(
  error: MisfitError,
  database: DatabaseSync,
  read: ChunkRead,
  before: number,
): LandfallError {
  const column = read.columns[error.column]
  const key = keyAt(database, read, before + error.row)
  return new LandfallError('LF204', `column ${column} of ${read.table}: a value ${error.reason}`, {
    hint: HINT,
    place: {
      table: read.table,
      ...(key === null ? {} : { key }),
      ...(column === undefined ? {} : { column }),
    },
  })
}

/**
 * When the server refused one row (its context says `COPY t, line 7, column c`), says which row of
 * the source that is. Every other error comes back as it is.
 */
export function refusedRow(
  error: LandfallError,
  database: DatabaseSync,
  args: { readonly read: ChunkRead },
): LandfallError {
  const { where, sqlstate, column: named } = (error.details ?? {}) as Partial<ServerFields>
  // Classes 22, data, and 23, constraints, speak of the row; others only happen to come during it.
  if (error.code !== 'LF304' || !/^2[23]/.test(sqlstate ?? '')) return error
  const { read } = args
  const line = /^COPY .*?, line (\d+)(?:, column ([^:]+))?/s.exec(where ?? '')
  if (line === null) return sqlstate?.startsWith('23') ? brokenRule(error, read) : error
  const key = keyAt(database, read, Number(line[1]) - 1)
  const column = line[2] ?? named
  return new LandfallError('LF204', error.message, {
    hint: HINT,
    place: {
      table: read.table,
      ...(key === null ? {} : { key }),
      ...(column === undefined ? {} : { column }),
    },
    ...(error.details ? { details: error.details } : {}),
    cause: error,
  })
}

/** Foreign keys are tested when all rows are there: the server names the values, not the row. */
function brokenRule(error: LandfallError, { table }: ChunkRead): LandfallError {
  const detail = typeof error.details?.detail === 'string' ? ` (${error.details.detail})` : ''
  return new LandfallError('LF204', `${error.message}${detail}`, {
    hint: HINT,
    place: { table },
    ...(error.details ? { details: error.details } : {}),
    cause: error,
  })
}

export function rowsDiffer(
  read: Pick<ChunkRead, 'table'>,
  expected: number,
  found: number,
  who = 'the source gave',
): LandfallError {
  return new LandfallError(
    who === 'the source gave' ? 'LF104' : 'LF204',
    `${read.table}: ${who} ${found} rows of a chunk that holds ${expected}`,
    {
      hint:
        who === 'the source gave'
          ? "The database may be damaged. Look at it with: sqlite3 <file> 'pragma integrity_check'"
          : 'A trigger or rule of the target table leaves rows out.',
      place: { table: read.table },
    },
  )
}
