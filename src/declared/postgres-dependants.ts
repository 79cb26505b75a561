import type { Session } from '../connection/postgres.ts'
import type { SchemaObject } from '../contract/schema.ts'

/**
 * What others have built upon these objects, in the server's words: whatever depends on one of them, is
 * none of them and is no part of them, and columns of these tables that are none of them. Dropping the
 * objects would take some of it along in silence, as the server does with indexes of a column.
 */
export async function dependantsOf(
  session: Session,
  objects: readonly SchemaObject[],
): Promise<readonly string[]> {
  const { rows } = await session.query<{ what: string }>(DEPENDANTS, [JSON.stringify(objects)])
  return rows.map(({ what }) => what)
}

const DEPENDANTS = `WITH made AS (
  SELECT m.kind, m.name, n.oid AS space, c.oid AS rel
  FROM pg_catalog.json_to_recordset($1::json) AS m (kind text, schema text, "table" text, name text)
  JOIN pg_namespace n ON n.nspname = m.schema
  LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m."table" AND c.relkind IN ('r', 'p')
), constraints AS (
  SELECT con.oid, CASE WHEN con.contype IN ('p', 'u') THEN con.conindid END AS conindid FROM made m JOIN pg_constraint con ON con.conrelid = m.rel AND con.conname = m.name
  WHERE m.kind IN ('primary key', 'unique', 'foreign key', 'check')
), mine (classid, objid, subid) AS (
  SELECT 'pg_namespace'::regclass::oid, space, 0 FROM made WHERE kind = 'schema'
  UNION SELECT 'pg_class'::regclass, rel, 0 FROM made WHERE kind = 'table' AND rel IS NOT NULL
  UNION SELECT 'pg_type'::regclass, t.oid, 0 FROM made m JOIN pg_class c ON c.oid = m.rel
    JOIN pg_type t ON t.oid = c.reltype OR t.typelem = c.reltype WHERE m.kind = 'table'
  UNION SELECT 'pg_class'::regclass, m.rel, a.attnum FROM made m
    JOIN pg_attribute a ON a.attrelid = m.rel AND a.attname = m.name WHERE m.kind = 'column'
  UNION SELECT 'pg_class'::regclass, i.indexrelid, 0 FROM made m JOIN pg_index i ON i.indrelid = m.rel
    JOIN pg_class x ON x.oid = i.indexrelid AND x.relname = m.name WHERE m.kind = 'index'
  UNION SELECT 'pg_constraint'::regclass, oid, 0 FROM constraints
  UNION SELECT 'pg_class'::regclass, conindid, 0 FROM constraints WHERE conindid IS NOT NULL
), depending AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid FROM pg_depend d
  JOIN mine m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.subid IN (0, d.refobjsubid)
  WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S')
)
SELECT CASE WHEN r.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
  ELSE pg_catalog.pg_describe_object('pg_class'::regclass, r.ev_class, 0) END AS what FROM depending d
LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_constraint con ON d.classid = 'pg_constraint'::regclass AND con.oid = d.objid
WHERE NOT EXISTS (SELECT FROM mine m WHERE m.classid = d.classid AND m.objid = d.objid AND m.subid IN (0, d.objsubid))
  AND NOT EXISTS (SELECT FROM mine m JOIN pg_attrdef a ON a.adrelid = m.objid AND m.subid IN (0, a.adnum)
    WHERE d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid AND m.classid = 'pg_class'::regclass)
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid AND t.tgisinternal)
  -- A toast table; the sequence that numbers a column; NOT NULL, which PostgreSQL 18 keeps as a constraint.
  AND c.relkind IS DISTINCT FROM 't' AND con.contype IS DISTINCT FROM 'n'
  AND NOT coalesce(c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend o JOIN mine m
    ON m.classid = o.refclassid AND m.objid = o.refobjid AND m.subid IN (0, o.refobjsubid)
    WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a', 'i')), false)
UNION
SELECT 'column ' || pg_catalog.quote_ident(a.attname) || ' of table ' || a.attrelid::regclass::text
FROM made t JOIN pg_attribute a ON a.attrelid = t.rel AND a.attnum > 0 AND NOT a.attisdropped
WHERE t.kind = 'table' AND NOT EXISTS (
  SELECT FROM made m WHERE m.kind = 'column' AND m.rel = t.rel AND m.name = a.attname)
ORDER BY 1`
