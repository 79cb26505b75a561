import type { Session } from '../connection/postgres.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { literal } from '../connection/quote.ts'
import type { ChunkBounds } from './bounds.ts'
import type { Move, MoveKey } from './model.ts'
import { formatFor } from './postgres-format.ts'
import { type Relation, type RelationKey, relationOf } from './postgres-relation.ts'

/** A smaller table is not worth a look at its rows: half a megabyte. */
const SMALL_BLOCKS = 64
/** Blocks that are looked at: at least this many, some for each chunk, and not without end. */
const SAMPLE = { least: 300, each: 10, most: 20_000 }
/** Rows of a block, where nobody has counted. */
const BLOCK_ROWS = 80
/** From here on rows that follow each other in the key lie beside each other. */
const IN_ORDER = 0.9
/** Where the server may have to read the whole table for each chunk. */
const FEW_CHUNKS = 8
const OPEN: ChunkBounds = { after: null, upTo: null }
/** The planner's cost of what takes about a second. */
const SOON = 100_000
/** No block holds as many rows. */
const LAST_IN_BLOCK = 65_535

/**
 * How a move of a PostgreSQL source is read: the key and the format, how many rows there are about, and
 * its chunks of about `batchSize` rows, the first one open below and the last one above.
 *
 * Reading ranges of places (`ctid`) is the fastest, and ranges of a key in whose order the rows lie cost a
 * few per cent more. The latter are preferred, since a run that was stopped can go on with them from
 * another snapshot. Of the same content it says the same again, whatever the server's statistics.
 *
 * Errors: LF104.
 */
export async function chunksOf(
  snapshot: PostgresSnapshot,
  move: Move,
  batchSize: number,
): Promise<{ readonly move: Move; readonly chunks: readonly ChunkBounds[] }> {
  const { relation: from } = move
  if (from === undefined) throw new TypeError(`${move.source} is no move of a PostgreSQL table`)
  return await snapshot.run(async (session) => {
    const relation = await relationOf(session, from)
    const cut =
      relation === null
        ? whole(await rowsOfSelect(session, from))
        : await cutRelation(session, from, relation, batchSize)
    const { rows, estimated } = cut.size
    const statistics = { ...move.statistics, rows: Math.round(rows), ...(estimated ? { estimated } : {}) }
    const format = formatFor(move.columns)
    return { move: { ...move, key: cut.key, format, statistics }, chunks: cut.chunks }
  })
}

/** False where a chunk means other rows in another snapshot, even of the same content. */
export function isResumable({ key }: Pick<Move, 'key'>): boolean {
  return key.kind !== 'ctid'
}

/** SQL, true for the chunk's rows of the relation as `t`; null: all of them. */
export function inChunk({ expressions }: MoveKey, { after, upTo }: ChunkBounds): string | null {
  const parts = [
    ...(after === null ? [] : [`${expressions[0]} > ${after[0]}`]),
    ...(upTo === null ? [] : [`${expressions[0]} <= ${upTo[0]}`]),
  ]
  return parts.length === 0 ? null : parts.join(' AND ')
}

interface Cut {
  readonly key: MoveKey
  readonly chunks: readonly ChunkBounds[]
  readonly size: Size
}

interface Size {
  readonly rows: number
  readonly estimated: boolean
}

const whole = (size: Size): Cut => ({
  key: { kind: 'none', expressions: [], names: [] },
  chunks: [OPEN],
  size,
})

async function cutRelation(
  session: Session,
  from: string,
  relation: Relation,
  batchSize: number,
): Promise<Cut> {
  const { blocks, longest, key } = relation
  if (blocks <= SMALL_BLOCKS) return whole(await countRows(session, from))
  const sample = sampleOf(from, blocks, (blocks * BLOCK_ROWS) / batchSize)
  const { share, order } = await look(session, sample, key)
  const counted = share * blocks
  const size = { rows: relation.rows ?? counted, estimated: true }
  // By what was seen, and not by statistics, which change while the content does not.
  const wanted = Math.ceil(counted / batchSize)
  if (wanted <= 1) return whole(size)
  const hasRanges = longest !== null && session.serverVersion >= 140_000
  const inOrder = key?.indexed === true && Math.abs(order) >= IN_ORDER
  if (key !== null && (inOrder || !hasRanges)) {
    const ends = await keyEnds(session, sample, key, inOrder ? wanted : Math.min(wanted, FEW_CHUNKS))
    return {
      key: { kind: 'columns', expressions: [key.expression], names: [key.name] },
      chunks: between(ends),
      size,
    }
  }
  if (!hasRanges) return whole(size)
  return {
    key: { kind: 'ctid', expressions: ['t.ctid'], names: ['ctid'] },
    chunks: between(placeEnds(longest, wanted)),
    size,
  }
}

/** The same blocks each time, as long as the table is as long. */
function sampleOf(
  from: string,
  blocks: number,
  chunks: number,
): { readonly from: string; readonly blocks: number } {
  const looked = Math.min(SAMPLE.most, Math.max(SAMPLE.least, Math.ceil(chunks * SAMPLE.each)), blocks)
  const percent = Math.min(100, (100 * looked) / blocks)
  return {
    from: `${from} AS t TABLESAMPLE SYSTEM (${percent}) REPEATABLE (0)`,
    blocks: (percent / 100) * blocks,
  }
}

interface Sample {
  readonly from: string
  readonly blocks: number
}

/** `share`: rows of a block; `order`: 1 where rows lie in the order of their keys, -1 where in the opposite one. */
async function look(
  session: Session,
  { from, blocks }: Sample,
  key: RelationKey | null,
): Promise<{ readonly share: number; readonly order: number }> {
  const order =
    key?.indexed === true
      ? `SELECT row_number() OVER (ORDER BY ${key.expression}) AS k, row_number() OVER (ORDER BY t.tableoid, t.ctid) AS p FROM ${from}`
      : `SELECT 0 AS k, 0 AS p FROM ${from}`
  const { rows } = await session.query<{ rows: number; order: number | null }>(
    `SELECT count(*)::float8 AS rows, corr(s.k, s.p) AS order FROM (${order}) AS s`,
  )
  return { share: rows[0]!.rows / blocks, order: rows[0]!.order ?? 0 }
}

/** The keys that divide the sample into `chunks` parts; fewer where there are not as many. */
async function keyEnds(
  session: Session,
  { from }: Sample,
  { expression, type }: RelationKey,
  chunks: number,
): Promise<string[]> {
  const shares = Array.from({ length: chunks - 1 }, (_, i) => (i + 1) / chunks)
  const { rows } = await session.query<{ value: string }>(
    `SELECT unnest(percentile_disc('{${shares.join(',')}}'::float8[]) WITHIN GROUP (ORDER BY ${expression}))::text AS value FROM ${from}`,
  )
  const values = new Set(rows.map(({ value }) => value))
  return [...values].map((value) => `${literal(value)}::${type}`)
}

function placeEnds(blocks: number, chunks: number): string[] {
  const each = Math.ceil(blocks / chunks)
  const ends: string[] = []
  for (let next = each; next < blocks; next += each) ends.push(`'(${next - 1},${LAST_IN_BLOCK})'::tid`)
  return ends
}

function between(ends: readonly string[]): ChunkBounds[] {
  const at = (index: number): readonly string[] | null => {
    const end = ends[index]
    return end === undefined ? null : [end]
  }
  return Array.from({ length: ends.length + 1 }, (_, i) => ({ after: at(i - 1), upTo: at(i) }))
}

async function countRows(session: Session, from: string): Promise<Size> {
  const { rows } = await session.query<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${from} AS t`)
  return { rows: rows[0]!.rows, estimated: false }
}

/** Of a SELECT there are only the planner's guesses, which may be far off: one that is soon done is counted. */
async function rowsOfSelect(session: Session, from: string): Promise<Size> {
  const { rows } = await session.query<Record<string, string>>(`EXPLAIN SELECT FROM ${from} AS t`)
  const [, cost, guess] = /\.\.([\d.]+) rows=(\d+) /.exec(Object.values(rows[0] ?? {})[0] ?? '') ?? []
  if (Number(cost) <= SOON) return await countRows(session, from)
  return { rows: Number(guess ?? 0), estimated: true }
}
