/**
 * The queries of `postgres-post-data.ts` for PostgreSQL 12 to 18. Each yields one column `json`; `oid` is
 * `class/object`, `of` what the row is nothing without. They expect an empty `search_path`.
 */

const SPACES = `space AS (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'landfall')
)`
/** Quotes also what does not need it, as the names of steps do. */
const alwaysQuoted = (text: string): string => `'"' || replace(${text}, '"', '""') || '"'`
const fullName = (space: string, name: string): string =>
  `${alwaysQuoted(space)} || '.' || ${alwaysQuoted(name)}`
const id = (catalog: string, oid: string): string => `'${catalog}'::regclass::oid || '/' || ${oid}`
const ofExtension = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`
const KIND = `CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' ELSE 'materialized view' END`

const below = `(WITH RECURSIVE below(oid) AS (
    SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN below ON i.inhparent = below.oid)
  SELECT coalesce(json_agg(${fullName('n.nspname', 'p.relname')} ORDER BY p.oid), '[]')
  FROM below JOIN pg_class p ON p.oid = below.oid JOIN pg_namespace n ON n.oid = p.relnamespace
  WHERE c.relkind = 'p')`

/** @param version `server_version_num`, as below. */
export const relationsOf = (version: number): string => `WITH ${SPACES}
SELECT json_build_object(
  'oid', ${id('pg_class', 'c.oid')}, 'name', ${fullName('space.nspname', 'c.relname')},
  'kind', ${KIND},
  'partitions', ${below},
  'checks', (
    SELECT coalesce(json_agg(json_build_object('name', quote_ident(o.conname), 'sql', pg_get_constraintdef(o.oid)) ORDER BY o.conname), '[]')
    FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'c' AND o.conislocal),
  'notNulls', ${
    version < 180_000
      ? `'[]'::json`
      : `(SELECT coalesce(json_agg(json_build_object('name', quote_ident(o.conname), 'sql', pg_get_constraintdef(o.oid)) ORDER BY o.oid), '[]')
    FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'n' AND NOT o.convalidated AND o.conparentid = 0)`
  })::text AS json
FROM pg_class c JOIN space ON space.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY pg_relation_size(c.oid) DESC, c.oid`

export const indexesOf = (version: number): string => `WITH ${SPACES}
SELECT json_build_object(
  'oid', ${id('pg_class', 'x.oid')},
  'of', json_build_array(${id('pg_class', 'c.oid')}, ${id('pg_constraint', 'coalesce(con.oid, 0)')}),
  'valid', (i.indisvalid OR c.relkind = 'p') AND i.indisready,
  'name', ${fullName('space.nspname', 'x.relname')}, 'plainName', quote_ident(x.relname),
  'table', ${fullName('space.nspname', 'c.relname')}, 'tableKind', ${KIND},
  'sql', pg_get_indexdef(x.oid),
  'parent', (
    SELECT ${fullName('n.nspname', 'p.relname')} FROM pg_inherits h
    JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace
    WHERE h.inhrelid = x.oid),
  'constraint', CASE WHEN con.oid IS NOT NULL THEN json_build_object(
    'name', quote_ident(con.conname),
    'kind', CASE con.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' ELSE 'exclusion' END,
    'takesIndex', con.contype IN ('p', 'u') AND c.relkind <> 'p' AND ${version < 180_000 ? 'true' : 'NOT con.conperiod'},
    'sql', regexp_replace(pg_get_constraintdef(con.oid), ' DEFERRABLE( INITIALLY DEFERRED)?$', ''),
    'options', coalesce((
      SELECT ' WITH (' || string_agg(quote_ident(split_part(o, '=', 1)) || '=' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ') || ')'
      FROM unnest(x.reloptions) AS o WHERE con.contype <> 'x'), ''),
    'deferrable', CASE WHEN con.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN con.condeferrable THEN ' DEFERRABLE' ELSE '' END
  ) END,
  'statistics', (
    SELECT coalesce(json_agg(json_build_object('column', a.attnum, 'target', a.attstattarget) ORDER BY a.attnum), '[]')
    FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0),
  'clustered', i.indisclustered, 'replicaIdentity', i.indisreplident,
  'extensions', (
    SELECT coalesce(json_agg(quote_ident(e.extname) ORDER BY e.oid), '[]')
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid
      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x')
)::text AS json
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p', 'm')
JOIN space ON space.oid = c.relnamespace
LEFT JOIN pg_constraint con
  ON con.conindid = x.oid AND con.conrelid = c.oid AND con.contype IN ('p', 'u', 'x')
WHERE NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY pg_relation_size(c.oid) DESC, pg_relation_size(x.oid) DESC, x.oid`

export const foreignKeysOf = (version: number): string => `WITH ${SPACES}
SELECT json_build_object(
  'oid', ${id('pg_constraint', 'con.oid')},
  'of', json_build_array(${id('pg_class', 'c.oid')}, ${id('pg_class', 'ref.oid')}),
  'name', quote_ident(con.conname), 'table', ${fullName('space.nspname', 'c.relname')},
  'parent', ${fullName('refspace.nspname', 'ref.relname')},
  'partitioned', c.relkind = 'p' OR ref.relkind = 'p', 'validated', con.convalidated,
  'enforced', ${version < 180_000 ? 'true' : 'con.conenforced'},
  'sql', regexp_replace(pg_get_constraintdef(con.oid), ' NOT VALID$', ''))::text AS json
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN space ON space.oid = c.relnamespace
JOIN pg_class ref ON ref.oid = con.confrelid
JOIN pg_namespace refspace ON refspace.oid = ref.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 AND NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY pg_relation_size(c.oid) DESC, con.oid`

export const SEQUENCES = `WITH ${SPACES}
SELECT json_build_object('oid', ${id('pg_class', 'c.oid')}, 'name', ${fullName('space.nspname', 'c.relname')},
  'tables', (
    SELECT coalesce(json_agg(DISTINCT ${fullName('tn.nspname', 't.relname')}), '[]')
    FROM (
      SELECT refobjid AS oid FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
        AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND deptype IN ('a', 'i')
      UNION SELECT d.adrelid FROM pg_depend o JOIN pg_attrdef d ON d.oid = o.objid
      WHERE o.classid = 'pg_attrdef'::regclass AND o.refclassid = 'pg_class'::regclass AND o.refobjid = c.oid
    ) AS user_of JOIN pg_class t ON t.oid = user_of.oid JOIN pg_namespace tn ON tn.oid = t.relnamespace),
  'options', format('as %s increment by %s minvalue %s maxvalue %s start with %s cache %s %s',
    format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
    CASE WHEN s.seqcycle THEN 'cycle' ELSE 'no cycle' END))::text AS json
FROM pg_class c JOIN space ON space.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
WHERE c.relkind = 'S' AND NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY c.oid`

export const MATERIALIZED = `WITH RECURSIVE ${SPACES}, reads(view, source) AS (
  SELECT DISTINCT r.ev_class, d.refobjid
  FROM pg_rewrite r
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class s ON s.oid = d.refobjid AND s.relkind IN ('v', 'm')
  WHERE r.ev_type = '1' AND d.refobjid <> r.ev_class
), depths(view, depth) AS (
  SELECT oid, 0 FROM pg_class WHERE relkind IN ('v', 'm')
  UNION SELECT reads.view, depths.depth + 1 FROM depths JOIN reads ON reads.source = depths.view
)
SELECT json_build_object('oid', ${id('pg_class', 'c.oid')}, 'name', ${fullName('space.nspname', 'c.relname')})::text AS json
FROM pg_class c JOIN space ON space.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated AND NOT ${ofExtension('pg_class', 'c.oid')}
ORDER BY (SELECT max(depth) FROM depths WHERE view = c.oid), c.oid`
