import type { Table } from '../catalog/model.ts'
import type { PostgresSnapshot } from '../connection/postgres-snapshot.ts'
import { literal } from '../connection/quote.ts'
import { blockParts } from './blocks.ts'
import type { PostgresComparison, SideSql } from './postgres-comparison.ts'

const PART_BLOCKS = { least: 1024, most: 32_768 }
/** Rows of a block, where nobody has counted. */
const BLOCK_ROWS = 100

/** How much there is of a table, about. */
export interface Extent {
  readonly rows: number
  /** Null where its blocks cannot be read one range at a time. */
  readonly blocks: number | null
}

export async function extentOf(snapshot: PostgresSnapshot, { schema, name }: Table): Promise<Extent> {
  const [found] = await snapshot.ask<{ kind: string; heap: boolean; rows: number; blocks: number }>(
    `SELECT c.relkind::pg_catalog.text AS kind, coalesce(a.amname = 'heap', false) AS heap,
        CASE WHEN c.relkind = 'r' THEN c.reltuples ELSE (
          SELECT coalesce(pg_catalog.sum(greatest(l.reltuples, 0)), 0)
          FROM pg_catalog.pg_partition_tree(c.oid) p JOIN pg_catalog.pg_class l ON l.oid = p.relid AND p.isleaf
        ) END::pg_catalog.float8 AS rows,
        (CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END
          / pg_catalog.current_setting('block_size')::pg_catalog.int4)::pg_catalog.float8 AS blocks
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
      WHERE n.nspname = ${literal(schema)} AND c.relname = ${literal(name)}`,
  )
  if (found === undefined) return { rows: 0, blocks: null }
  const { kind, heap, rows, blocks } = found
  return {
    rows: rows > 0 ? rows : blocks * BLOCK_ROWS,
    blocks: kind === 'r' && heap ? blocks : null,
  }
}

/** Conditions that divide a table's blocks among the connections; one that is always true where they cannot be. */
export function partsOf(snapshot: PostgresSnapshot, { blocks }: Extent, jobs: number): string[] {
  // Earlier servers read the whole table for each range.
  if (blocks === null || snapshot.serverVersion < 140_000) return ['true']
  return blockParts(blocks, jobs, PART_BLOCKS)
}

/** The lowest and highest key of both sides, where it is one integer; null where there is none. */
export async function keySpan(
  source: PostgresSnapshot,
  target: PostgresSnapshot,
  comparison: PostgresComparison,
): Promise<{ readonly low: bigint; readonly high: bigint } | null> {
  if (!comparison.integer) return null
  const ends = async (snapshot: PostgresSnapshot, { from, number }: SideSql): Promise<bigint[]> =>
    await snapshot.run(async (session) => {
      const { rows } = await session.query<{ low: string | null; high: string | null }>(
        `SELECT pg_catalog.min(${number})::pg_catalog.text AS low, pg_catalog.max(${number})::pg_catalog.text AS high FROM ${from} AS t`,
      )
      return rows.flatMap(({ low, high }) => [low, high].filter((end) => end !== null).map(BigInt))
    })
  const found = [...(await ends(source, comparison.source)), ...(await ends(target, comparison.target))]
  if (found.length === 0) return { low: 0n, high: 0n }
  return {
    low: found.reduce((a, b) => (a < b ? a : b)),
    high: found.reduce((a, b) => (a > b ? a : b)),
  }
}
