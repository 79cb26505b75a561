import type { Session } from '../connection/postgres.ts'
import type { DeclaredAction, TableName } from '../contract/declaration.ts'

/** What the catalog says of a table that a declaration names. */
export interface TableFacts {
  readonly schema: string
  readonly table: string
  /** `r` table, `p` partitioned table; of anything else only the kind is told. */
  readonly kind: string
  readonly comment: string | null
  readonly columns: readonly ColumnFacts[]
  readonly indexes: readonly IndexFacts[]
  readonly constraints: readonly ConstraintFacts[]
}

export interface ColumnFacts {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  /** NULL is refused to new rows only (NOT NULL NOT VALID): those of before may hold it. */
  readonly unvalidated: boolean
  readonly default: string | null
  readonly generated: boolean
  /** An identity that refuses a value of one's own (GENERATED ALWAYS). */
  readonly always: boolean
  /** Where it is another than that of the type. */
  readonly collation: string | null
  /** An identity, or a sequence of its own gives its default. */
  readonly numbered: boolean
  readonly comment: string | null
}

export interface IndexFacts {
  readonly name: string
  readonly unique: boolean
  readonly method: string
  /** Of each key column its name, or null where it is an expression. */
  readonly columns: readonly (string | null)[]
  readonly expressions: readonly string[]
  readonly descending: readonly boolean[]
  readonly where: string | null
  readonly valid: boolean
  /** The constraint that it serves. */
  readonly constraint: string | null
  /** It has what no declaration can say: other operators or collations, included columns, nulls first. */
  readonly special: boolean
  readonly sql: string
}

export interface ConstraintFacts {
  readonly name: string
  readonly type: 'p' | 'u' | 'f' | 'c'
  readonly columns: readonly string[]
  readonly refSchema: string | null
  readonly refTable: string | null
  readonly refColumns: readonly string[]
  readonly onDelete: DeclaredAction
  readonly onUpdate: DeclaredAction
  /** Of a check. */
  readonly expression: string | null
  readonly validated: boolean
  readonly deferrable: boolean
  /**
   * It has what no declaration can say: NULLs that are not distinct, not inherited, not enforced, or set NULL in
   * some columns only.
   */
  readonly special: boolean
  readonly sql: string
}

/**
 * The tables of these names that are there. Texts that are SQL are printed for the session's
 * `search_path`, so that they can be compared in it.
 */
export async function readFacts(
  session: Session,
  tables: readonly TableName[],
): Promise<readonly TableFacts[]> {
  const { rows } = await session.query<{ json: string }>(factsQuery('$1::json'), [JSON.stringify(tables)])
  return rows.map((row) => JSON.parse(row.json) as TableFacts)
}

/** Relations of these names in a schema, with the table that an index is of. */
export async function readRelations(
  session: Session,
  schema: string,
  names: readonly string[],
): Promise<readonly { readonly name: string; readonly table: string | null }[]> {
  const { rows } = await session.query<{ name: string; table: string | null }>(
    `SELECT c.relname::text AS name, t.relname::text AS "table"
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
      LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
      WHERE n.nspname = $1 AND c.relname = ANY ($2::text[])`,
    [schema, names],
  )
  return rows
}

const ACTION = (column: string): string =>
  `CASE ${column} WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
    WHEN 'd' THEN 'set default' ELSE 'no action' END`

const names = (relation: string, numbers: string): string => `(
  SELECT coalesce(pg_catalog.json_agg(a.attname ORDER BY k.n), '[]')
  FROM pg_catalog.unnest(${numbers}) WITH ORDINALITY AS k (attnum, n)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.attnum)`

const COLUMNS = `(
  SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
    'unvalidated', EXISTS (SELECT FROM pg_catalog.pg_constraint n WHERE n.conrelid = a.attrelid AND n.contype = 'n'
      AND n.conkey[1] = a.attnum AND NOT n.convalidated),
    'always', a.attidentity = 'a',
    'collation', (SELECT l.collname FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation),
    'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated <> '',
    'numbered', a.attidentity <> '' OR EXISTS (
      SELECT FROM pg_catalog.pg_depend o JOIN pg_catalog.pg_depend u ON u.refobjid = o.objid
      WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass
        AND o.refobjid = a.attrelid AND o.refobjsubid = a.attnum AND o.deptype = 'a'
        AND u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid AND u.refclassid = 'pg_class'::regclass),
    'comment', pg_catalog.col_description(a.attrelid, a.attnum)) ORDER BY a.attnum), '[]')
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

const NULLS_NOT_DISTINCT = (index: string): string =>
  `coalesce((pg_catalog.to_jsonb(${index}) ->> 'indnullsnotdistinct')::boolean, false)`

/** What came with a later release is asked of the row as JSON. Bit 1 of indoption is DESC, bit 2 NULLS FIRST, which go together unless somebody said otherwise. */
const INDEXES = `(
  SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', x.relname, 'unique', i.indisunique, 'method', m.amname,
    'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.n) FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k (n)
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k.n - 1] AND a.attnum <> 0),
    'expressions', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k.n, false) ORDER BY k.n), '[]')
      FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k (n) WHERE i.indkey[k.n - 1] = 0),
    'descending', (SELECT pg_catalog.json_agg(i.indoption[k.n - 1] & 1 = 1 ORDER BY k.n)
      FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k (n)),
    'where', pg_catalog.pg_get_expr(i.indpred, i.indrelid), 'valid', i.indisvalid AND i.indisready,
    'constraint', con.conname,
    'special', i.indnkeyatts <> i.indnatts OR ${NULLS_NOT_DISTINCT('i')}
      OR EXISTS (SELECT FROM pg_catalog.generate_series(1, i.indnkeyatts) AS k (n)
        JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.n - 1]
        LEFT JOIN pg_catalog.pg_attribute a
          ON a.attrelid = c.oid AND a.attnum = i.indkey[k.n - 1] AND a.attnum <> 0
        WHERE NOT o.opcdefault OR a.attcollation <> i.indcollation[k.n - 1]
          OR i.indoption[k.n - 1] NOT IN (0, 3)),
    'sql', pg_catalog.pg_get_indexdef(i.indexrelid)) ORDER BY x.relname), '[]')
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = x.relam
  LEFT JOIN pg_catalog.pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
    AND con.conrelid = i.indrelid
  WHERE i.indrelid = c.oid)`

const SPECIAL_CONSTRAINT = `con.contype = 'c' AND con.connoinherit
      OR pg_catalog.to_jsonb(con) ->> 'confdelsetcols' IS NOT NULL
      OR NOT coalesce((pg_catalog.to_jsonb(con) ->> 'conenforced')::boolean, true)
      OR EXISTS (SELECT FROM pg_catalog.pg_index u
        WHERE con.contype = 'u' AND u.indexrelid = con.conindid AND ${NULLS_NOT_DISTINCT('u')})`

const CONSTRAINTS = `(
  SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'name', con.conname, 'type', con.contype, 'columns', ${names('con.conrelid', 'con.conkey')},
    'refSchema', rn.nspname, 'refTable', rc.relname,
    'refColumns', ${names('con.confrelid', 'con.confkey')},
    'onDelete', ${ACTION('con.confdeltype')}, 'onUpdate', ${ACTION('con.confupdtype')},
    'expression', pg_catalog.pg_get_expr(con.conbin, con.conrelid), 'validated', con.convalidated,
    'deferrable', con.condeferrable OR con.confmatchtype = 'f',
    'special', ${SPECIAL_CONSTRAINT}, 'sql', pg_catalog.pg_get_constraintdef(con.oid)) ORDER BY con.conname), '[]')
  FROM pg_catalog.pg_constraint con
  LEFT JOIN pg_catalog.pg_class rc ON rc.oid = con.confrelid
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
  WHERE con.conrelid = c.oid AND con.contype IN ('p', 'u', 'f', 'c'))`

/** `wanted`: SQL, the tables as a list of their schema and table. It is the same for all releases from 12 on. */
export const factsQuery = (wanted: string): string => `SELECT pg_catalog.json_build_object(
    'schema', n.nspname, 'table', c.relname, 'kind', c.relkind,
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'columns', ${COLUMNS}, 'indexes', ${INDEXES}, 'constraints', ${CONSTRAINTS})::text AS json
  FROM pg_catalog.json_to_recordset(${wanted}) AS wanted (schema text, "table" text)
  JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted."table"
  WHERE c.relkind NOT IN ('i', 'I', 't')`
