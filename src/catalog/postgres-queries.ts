/**
 * The catalog's queries for PostgreSQL 12 to 18. Each takes the wanted schemas as `$1` (a JSON array
 * as text, or NULL for all) and yields one column `json` of JSON text, so that no setting of the
 * driver's type parsers matters. They expect an empty `search_path`: then everything that is not
 * built in comes out qualified.
 */

/** What they yield, by query. `…Row.table` is the table's oid. */
export interface TableRow {
  readonly oid: string
  readonly schema: string
  readonly name: string
  readonly partitionOf: string | null
  readonly heirs: boolean
  readonly columns: readonly ColumnRow[]
}
export interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  /** Of a generated column: its expression. */
  readonly default: string | null
  readonly generated: '' | 's' | 'v'
  readonly identity: '' | 'a' | 'd'
  readonly collation: string | null
  readonly sequence: string | null
}
export interface IndexRow {
  readonly table: string
  readonly name: string
  readonly primary: boolean
  readonly unique: boolean
  readonly constraint: boolean
  readonly valid: boolean
  readonly nullsNotDistinct: boolean
  readonly where: string | null
  readonly sql: string
  readonly parts: readonly {
    readonly column: string | null
    readonly expression: string | null
    readonly descending: boolean
    readonly collation: string | null
  }[]
}
export interface ConstraintRow {
  readonly table: string
  readonly type: 'f' | 'c'
  readonly name: string
  readonly expression: string | null
  readonly columns: readonly string[]
  readonly refSchema: string | null
  readonly refTable: string | null
  readonly refColumns: readonly string[]
  readonly onUpdate: string
  readonly onDelete: string
  readonly deferrable: 'no' | 'immediate' | 'deferred'
}

const SPACES = `space AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'landfall')
    AND ($1::json IS NULL OR nspname IN (SELECT json_array_elements_text($1::json)))
)`

const nameOf = (space: string, name: string): string => `quote_ident(${space}) || '.' || quote_ident(${name})`

/** The collation's name as SQL; no row for the database's default. */
const collation = (oid: string): string => `(
  SELECT CASE n.nspname WHEN 'pg_catalog' THEN quote_ident(l.collname) ELSE ${nameOf('n.nspname', 'l.collname')} END
  FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
  WHERE l.oid = ${oid} AND l.collname <> 'default')`

/** A default's dependency comes first: it names the sequence in use, owned by the column or not. */
const SEQUENCE = `(
  SELECT ${nameOf('n.nspname', 's.relname')}
  FROM (
    SELECT refobjid AS oid, 1 AS rank FROM pg_depend
    WHERE classid = 'pg_attrdef'::regclass AND objid = d.oid AND refclassid = 'pg_class'::regclass
    UNION ALL
    SELECT objid, CASE deptype WHEN 'i' THEN 2 ELSE 3 END FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
      AND refobjid = a.attrelid AND refobjsubid = a.attnum AND deptype IN ('i', 'a')
  ) AS used
  JOIN pg_class s ON s.oid = used.oid AND s.relkind = 'S'
  JOIN pg_namespace n ON n.oid = s.relnamespace
  ORDER BY used.rank, s.oid LIMIT 1)`

const ofExtension = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`

/** Tables that an extension made are its own, with what it keeps in them. */
export const TABLES = `WITH ${SPACES}
SELECT json_build_object(
  'oid', c.oid::text, 'schema', space.nspname, 'name', c.relname,
  'heirs', c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
  'partitionOf', CASE WHEN c.relispartition THEN (
    SELECT ${nameOf('n.nspname', 'p.relname')} FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
    WHERE i.inhrelid = c.oid) END,
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'notNull', a.attnotnull OR t.typnotnull,
      'default', pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated, 'identity', a.attidentity,
      'collation', CASE WHEN a.attcollation <> t.typcollation THEN ${collation('a.attcollation')} END,
      'sequence', ${SEQUENCE}) ORDER BY a.attnum), '[]')
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
)::text AS json
FROM pg_class c JOIN space ON space.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY space.nspname, c.relname`

/** @param version `server_version_num` */
export const indexes = (version: number): string => `WITH ${SPACES}
SELECT json_build_object(
  'table', i.indrelid::text, 'name', x.relname, 'primary', i.indisprimary, 'unique', i.indisunique,
  'constraint', con.oid IS NOT NULL, 'valid', i.indisvalid AND i.indisready,
  'nullsNotDistinct', ${version >= 150000 ? 'i.indnullsnotdistinct' : 'false'},
  'where', pg_get_expr(i.indpred, i.indrelid),
  'sql', CASE con.contype WHEN 'x' THEN pg_get_constraintdef(con.oid) ELSE pg_get_indexdef(i.indexrelid) END,
  'parts', (
    SELECT coalesce(json_agg(json_build_object(
      'column', a.attname,
      'expression', CASE WHEN a.attname IS NULL THEN pg_get_indexdef(i.indexrelid, part.n, true) END,
      'descending', i.indoption[part.n - 1] & 1 = 1,
      'collation', ${collation('i.indcollation[part.n - 1]')}) ORDER BY part.n), '[]')
    FROM generate_series(1, i.indnkeyatts) AS part(n)
    LEFT JOIN pg_attribute a
      ON a.attrelid = i.indrelid AND a.attnum = i.indkey[part.n - 1] AND i.indkey[part.n - 1] <> 0)
)::text AS json
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
JOIN space ON space.oid = c.relnamespace
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u', 'x')
ORDER BY i.indrelid, i.indexrelid`

const columnsOf = (relation: string, numbers: string): string => `(
  SELECT coalesce(json_agg(a.attname ORDER BY key.n), '[]')
  FROM unnest(${numbers}) WITH ORDINALITY AS key(attnum, n)
  JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = key.attnum)`

/**
 * Foreign keys and checks. A key to a partitioned table has a copy for each partition on the same
 * table; only the one that was declared is listed.
 */
export const CONSTRAINTS = `WITH ${SPACES}
SELECT json_build_object(
  'table', con.conrelid::text, 'type', con.contype, 'name', con.conname,
  'expression', pg_get_expr(con.conbin, con.conrelid),
  'columns', ${columnsOf('con.conrelid', 'con.conkey')},
  'refSchema', refspace.nspname, 'refTable', ref.relname,
  'refColumns', ${columnsOf('con.confrelid', 'con.confkey')},
  'onUpdate', con.confupdtype, 'onDelete', con.confdeltype,
  'deferrable', CASE WHEN con.condeferred THEN 'deferred' WHEN con.condeferrable THEN 'immediate' ELSE 'no' END
)::text AS json
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN space ON space.oid = c.relnamespace
LEFT JOIN pg_class ref ON ref.oid = con.confrelid
LEFT JOIN pg_namespace refspace ON refspace.oid = ref.relnamespace
WHERE con.contype IN ('f', 'c') AND NOT EXISTS (
  SELECT FROM pg_constraint parent WHERE parent.oid = con.conparentid AND parent.conrelid = con.conrelid)
ORDER BY con.conrelid, con.oid`

/** Sequences that a column owns belong to their tables and are not listed; nor is what an extension made. */
export const OTHERS = `WITH ${SPACES}, other(kind, name, "table", sql, disabled) AS (
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
      WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
    ${nameOf('space.nspname', 'c.relname')}, NULL,
    CASE c.relkind WHEN 'v' THEN 'CREATE VIEW ' WHEN 'm' THEN 'CREATE MATERIALIZED VIEW ' END
      || ${nameOf('space.nspname', 'c.relname')} || ' AS' || chr(10) || pg_get_viewdef(c.oid),
    NULL::boolean
  FROM pg_class c JOIN space ON space.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm', 'S', 'f') AND NOT ${ofExtension('pg_class', 'c.oid')} AND NOT EXISTS (
    SELECT FROM pg_depend o WHERE c.relkind = 'S' AND o.classid = 'pg_class'::regclass AND o.objid = c.oid
      AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))
  UNION ALL
  SELECT 'trigger', quote_ident(t.tgname), ${nameOf('space.nspname', 'c.relname')}, pg_get_triggerdef(t.oid),
    CASE WHEN t.tgenabled IN ('D', 'R') THEN true END
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN space ON space.oid = c.relnamespace
  WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, NULL,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, NULL
  FROM pg_proc p JOIN space ON space.oid = p.pronamespace
  WHERE NOT ${ofExtension('pg_proc', 'p.oid')}
)
SELECT json_strip_nulls(json_build_object('kind', kind, 'name', name, 'table', "table", 'sql', sql, 'disabled', disabled))::text AS json
FROM other ORDER BY kind, name, "table"`
