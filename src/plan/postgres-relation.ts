import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'

/** What the server's catalog says of that which stands behind FROM, as far as it matters for reading it in parts. */
export interface Relation {
  /** About, where somebody has counted; else null. */
  readonly rows: number | null
  /** Of a table and of all its partitions. */
  readonly blocks: number
  /** Of the largest of them; null where rows have no place in a file. */
  readonly longest: number | null
  readonly key: RelationKey | null
}

/** A column without NULL whose values are all different, and in an order that has an index. */
export interface RelationKey {
  readonly name: string
  /** SQL over the relation as `t`. */
  readonly expression: string
  readonly type: string
  /** The index is ordered as `expression` is. */
  readonly indexed: boolean
}

/** Types that have one order on every server, and a text that reads back as the same value. */
const KEYS = ['int2', 'int4', 'int8', 'numeric', 'uuid', 'date', 'timestamp', 'timestamptz']
/** Ordered by bytes where the collation is C, and by whatever the system's libraries say where it is not. */
const TEXTS = ['text', 'varchar']

const typesOf = (names: readonly string[]): string => literal(`{${names.join(',')}}`)

/** Null for a SELECT, a view or a foreign table. Errors: LF104. */
export async function relationOf(session: Session, from: string): Promise<Relation | null> {
  if (from.startsWith('(')) return null
  const name = from.replace(/^ONLY /, '')
  // A table's children are read with it, unless it says ONLY.
  const { rows } = await session.query<{
    rows: number | null
    blocks: number
    longest: number
    heap: boolean
    column: string | null
    type: string
    plain: boolean
    c: boolean
  }>(
    `WITH relation AS (SELECT * FROM pg_class WHERE oid = ${literal(name)}::regclass AND relkind IN ('r', 'p', 'm')),
      leaf AS (
        SELECT * FROM relation WHERE relkind <> 'p'
        UNION ALL
        SELECT l.* FROM relation r, pg_partition_tree(r.oid) p JOIN pg_class l ON l.oid = p.relid
        WHERE r.relkind = 'p' AND p.isleaf),
      key AS (
        SELECT a.attname, format_type(a.atttypid, NULL) AS type, a.atttypid = ANY (${typesOf(KEYS)}::regtype[]) AS plain,
          a.attcollation = i.indcollation[0] AND (l.collname IN ('C', 'POSIX') OR l.collname = 'default'
            AND d.datcollate IN ('C', 'POSIX') AND ${session.serverVersion >= 150_000 ? "d.datlocprovider = 'c'" : 'true'}) AS c
        FROM relation r JOIN pg_index i ON i.indrelid = r.oid
          JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = i.indkey[0]
          JOIN pg_opclass o ON o.oid = i.indclass[0]
          JOIN pg_am m ON m.oid = o.opcmethod
          JOIN pg_database d ON d.datname = current_database()
          LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collnamespace = 'pg_catalog'::regnamespace
        WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indnkeyatts = 1 AND i.indpred IS NULL
          AND a.attnotnull AND m.amname = 'btree' AND o.opcdefault AND coalesce(l.collisdeterministic, true)
          AND a.atttypid = ANY (${typesOf([...KEYS, ...TEXTS])}::regtype[])
        ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
    SELECT CASE WHEN bool_and(size.blocks = 0 OR leaf.reltuples > 0 AND leaf.relpages > 0)
        THEN coalesce(sum(size.blocks * leaf.reltuples / nullif(leaf.relpages, 0)), 0) END::float8 AS rows,
      sum(size.blocks)::float8 AS blocks, max(size.blocks)::float8 AS longest,
      bool_and(coalesce(am.amname = 'heap', false)) AS heap,
      key.attname::text AS column, key.type, key.plain, key.c
    FROM leaf LEFT JOIN pg_am am ON am.oid = leaf.relam LEFT JOIN key ON true,
      LATERAL (SELECT pg_relation_size(leaf.oid) / current_setting('block_size')::int4) AS size(blocks)
    GROUP BY key.attname, key.type, key.plain, key.c`,
  )
  const [found] = rows
  if (found === undefined) return null
  return {
    rows: found.rows,
    blocks: found.blocks,
    longest: found.heap ? found.longest : null,
    key: found.column === null ? null : keyOf(found.column, found),
  }
}

function keyOf(
  name: string,
  { type, plain, c }: { readonly type: string; readonly plain: boolean; readonly c: boolean },
): RelationKey {
  const column = `t.${ident(name)}`
  const indexed = plain || c
  return { name, type, indexed, expression: indexed ? column : `${column} COLLATE "C"` }
}
