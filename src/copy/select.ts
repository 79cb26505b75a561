import { ident, qualified } from '../connection/quote.ts'
import { inRange, keyPreview } from '../connection/sqlite-key.ts'
import type { ChunkBounds, Statement } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'
import { type Carrier, width } from '../types/model.ts'

/** How a chunk's rows are read, as data for a reader thread. SQL is the source's. */
export interface ChunkRead {
  /** Both for messages: the source table, and its columns in the order of `carriers`. */
  readonly table: string
  readonly columns: readonly string[]
  readonly carriers: readonly Carrier[]
  readonly format: 'binary' | 'text'
  /** `SELECT … FROM …`, without a WHERE. */
  readonly select: string
  /** The source table, named `t` in all expressions. */
  readonly from: string
  readonly keys: readonly string[]
  readonly keyKind: 'rowid' | 'columns'
  readonly bounds: ChunkBounds
  /** True for rows of the range that are not loaded; `0` for none. */
  readonly excluded: string
  /** The text that names a row, e.g. `id = 2`. */
  readonly keyPreview: string
  /** Bytes of a row's values, where some may be large: reading then takes few rows at a time. */
  readonly sizeOfRow: string | null
}

/** Rows that are set aside; what `profile/` marked, in a form for a reader thread. */
export interface SetAside {
  /** SQL over the source table: true for a row that is set aside. */
  readonly excluded: string
  /** Yields the row's number in `reasons`. */
  readonly reason: string
  readonly reasons: readonly { readonly column: string | null; readonly text: string }[]
  /** `insertRejects` of the journal. */
  readonly insert: Statement
}

export interface RejectRead {
  /** Yields the key, the reason's number, then `typeof` and value of each column. */
  readonly sql: string
  readonly table: string
  readonly columns: readonly string[]
}

/** `excluded`: SQL, true for a row of the source that is not loaded. */
export function chunkSelect(move: Move, bounds: ChunkBounds, excluded = '0'): ChunkRead {
  const from = sourceTable(move)
  const carriers = move.columns.map((column) => column.carrier)
  for (const { read, carrier, source } of move.columns) {
    if (read.length !== width(carrier))
      throw new TypeError(`${source}: ${carrier} takes ${width(carrier)} values`)
  }
  const sizes = move.columns.map(({ source }) => `coalesce(octet_length(${ident(source)}), 0)`)
  // A table may have no column that travels; its rows still do.
  const values = move.columns.flatMap((column) => column.read)
  return {
    table: move.source,
    columns: move.columns.map((column) => column.source),
    carriers,
    format: move.format,
    select: `SELECT ${values.length === 0 ? 'NULL' : values.join(', ')} FROM ${from}`,
    from,
    keys: move.key.expressions,
    keyKind: move.key.kind === 'columns' ? 'columns' : 'rowid',
    bounds,
    excluded,
    keyPreview: keyPreview(move.key.names, move.key.expressions),
    sizeOfRow: move.largeValues && sizes.length > 0 ? sizes.join(' + ') : null,
  }
}

/** Temporary tables of the same name would be taken without the schema. */
function sourceTable(move: Move): string {
  return `${qualified('main', move.source)} AS t`
}

/** Counts the range without looking at what is read or set aside. */
export function countSelect(read: Pick<ChunkRead, 'from' | 'keys' | 'bounds'>): string {
  return `SELECT count(*) FROM ${read.from} WHERE ${inRange(read.keys, read.bounds)}`
}

export function rejectSelect(
  move: Move,
  bounds: ChunkBounds,
  setAside: Pick<SetAside, 'excluded' | 'reason'>,
): RejectRead {
  const keys = move.key.expressions
  const cells = move.columns.map(({ source }) => {
    const c = ident(source)
    return `typeof(${c}), CASE typeof(${c}) WHEN 'integer' THEN CAST(${c} AS TEXT) WHEN 'text' THEN CAST(${c} AS BLOB) ELSE ${c} END`
  })
  const values = [keyPreview(move.key.names, keys), setAside.reason, ...cells].join(', ')
  return {
    sql: `SELECT ${values} FROM ${sourceTable(move)} WHERE ${inRange(keys, bounds)} AND (${setAside.excluded}) ORDER BY ${keys.join(', ')}`,
    table: move.source,
    columns: move.columns.map((column) => column.source),
  }
}
