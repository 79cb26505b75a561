import type { CatalogSession } from './postgres.ts'

/** What cannot be where some tables are not. */
export interface Dependents {
  /** The tables and all that goes with them, as `class/object` by oid. */
  readonly ids: ReadonlySet<string>
  /** Views, which go with the tables. */
  readonly views: readonly { readonly schema: string; readonly name: string; readonly kind: string }[]
  /** Functions, foreign keys, policies … of other things, by their kind and identity. */
  readonly objects: readonly { readonly kind: string; readonly name: string }[]
  /** Tables that cannot be made without them, and why. */
  readonly tables: readonly { readonly name: string; readonly why: string }[]
}

/** Follows the dependencies that PostgreSQL records. Bodies of functions that are text are not read. */
export async function readDependents(
  session: CatalogSession,
  tables: readonly { readonly schema: string; readonly name: string }[],
): Promise<Dependents> {
  if (tables.length === 0) return { ids: new Set(), views: [], objects: [], tables: [] }
  const named = tables.map(({ schema, name }) => ({ schema, name }))
  const [server] = (await session.query(`SELECT current_setting('search_path') AS path`)).rows as readonly {
    path: string
  }[]
  const setPath = (path: string): Promise<unknown> =>
    session.query(`SELECT set_config('search_path', $1, false)`, [path])
  await setPath('')
  try {
    const { rows } = await session.query(DEPENDENTS, [JSON.stringify(named)])
    const found = (rows as readonly { json: string }[]).map((row) => JSON.parse(row.json) as Dependent)
    return {
      ids: new Set(found.filter((one) => one.blocks === null).map((one) => one.id)),
      views: found.flatMap(({ view }) => (view === null ? [] : [view])),
      objects: found
        .filter((one) => one.blocks === null && one.view === null && one.stands)
        .map(({ kind, name }) => ({ kind, name })),
      tables: found.flatMap(({ blocks, kind, name }) =>
        blocks === null ? [] : [{ name: blocks, why: `${kind} ${name}` }],
      ),
    }
  } finally {
    await setPath(server?.path ?? '').catch(() => undefined)
  }
}

interface Dependent {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly view: { readonly schema: string; readonly name: string; readonly kind: string } | null
  /** It is no part of something else that is named already. */
  readonly stands: boolean
  /** The table that it is a part of, and that is not left out. */
  readonly blocks: string | null
}

/**
 * A view's rule stands for the view. What is a part of a table that is left out (columns, indexes, keys,
 * its row type) goes with it; what is a part of another table goes alone where it can: foreign keys,
 * policies, triggers, rules, indexes. A column, default or check cannot, so that table is named.
 */
const DEPENDENTS = `WITH RECURSIVE wanted AS (
  SELECT c.oid FROM json_to_recordset($1::json) AS named(schema text, name text)
  JOIN pg_namespace n ON n.nspname = named.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = named.name
), gone(classid, objid, subid) AS (
  SELECT 'pg_class'::regclass::oid, oid, 0 FROM wanted
  UNION
  SELECT next.classid, next.objid, next.subid
  FROM gone
  JOIN pg_depend d ON d.refclassid = gone.classid AND d.refobjid = gone.objid AND d.deptype IN ('n', 'a', 'i')
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
  CROSS JOIN LATERAL (SELECT
    CASE WHEN v.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass::oid END AS classid,
    coalesce(v.oid, d.objid) AS objid, CASE WHEN v.oid IS NULL THEN d.objsubid ELSE 0 END AS subid) AS next
  -- A table that is not left out stops here: it is named, and nothing of it is taken away.
  WHERE gone.subid = 0 AND NOT (
    gone.classid = 'pg_class'::regclass AND gone.objid NOT IN (SELECT oid FROM wanted)
    AND (SELECT relkind FROM pg_class WHERE oid = gone.objid) IN ('r', 'p', 'f'))
), found AS (
  SELECT gone.classid, gone.objid, max(gone.subid) AS subid FROM gone GROUP BY 1, 2
)
SELECT json_build_object(
  'id', f.classid::text || '/' || f.objid, 'kind', object.type, 'name', object.identity,
  'view', CASE WHEN c.relkind IN ('v', 'm') THEN json_build_object('schema', n.nspname, 'name', c.relname,
    'kind', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END) END,
  'stands', CASE
    WHEN part.rel IS NULL THEN c.oid IS NULL AND object.type NOT IN ('type', 'composite type')
    ELSE part.rel NOT IN (SELECT oid FROM wanted) AND f.classid <> 'pg_attrdef'::regclass
      AND (SELECT relkind FROM pg_class WHERE oid = part.rel) IN ('r', 'p', 'f')
      AND NOT coalesce((SELECT tgisinternal FROM pg_trigger WHERE f.classid = 'pg_trigger'::regclass AND oid = f.objid), false)
      AND coalesce(con.conparentid, 0) = 0
  END,
  'blocks', CASE
    WHEN f.objid IN (SELECT oid FROM wanted) AND f.classid = 'pg_class'::regclass THEN NULL
    WHEN c.relkind IN ('r', 'p', 'f') THEN f.objid::regclass::text
    WHEN f.classid = 'pg_attrdef'::regclass AND part.rel NOT IN (SELECT oid FROM wanted)
      AND (SELECT relkind FROM pg_class WHERE oid = part.rel) IN ('r', 'p', 'f') THEN part.rel::regclass::text
    WHEN f.classid = 'pg_constraint'::regclass AND con.contype = 'c' AND con.conrelid NOT IN (SELECT oid FROM wanted)
      THEN coalesce(nullif(con.conrelid, 0)::regclass::text, con.contypid::regtype::text)
  END)::text AS json
FROM found f
LEFT JOIN pg_class c ON f.classid = 'pg_class'::regclass AND c.oid = f.objid
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint con ON f.classid = 'pg_constraint'::regclass AND con.oid = f.objid
CROSS JOIN LATERAL (SELECT coalesce(
  nullif(con.conrelid, 0),
  (SELECT adrelid FROM pg_attrdef WHERE f.classid = 'pg_attrdef'::regclass AND oid = f.objid),
  (SELECT tgrelid FROM pg_trigger WHERE f.classid = 'pg_trigger'::regclass AND oid = f.objid),
  (SELECT polrelid FROM pg_policy WHERE f.classid = 'pg_policy'::regclass AND oid = f.objid),
  (SELECT ev_class FROM pg_rewrite WHERE f.classid = 'pg_rewrite'::regclass AND oid = f.objid),
  (SELECT indrelid FROM pg_index WHERE f.classid = 'pg_class'::regclass AND indexrelid = f.objid),
  (SELECT stxrelid FROM pg_statistic_ext WHERE f.classid = 'pg_statistic_ext'::regclass AND oid = f.objid),
  (SELECT prrelid FROM pg_publication_rel WHERE f.classid = 'pg_publication_rel'::regclass AND oid = f.objid)
) AS rel) AS part
CROSS JOIN LATERAL pg_identify_object(f.classid, f.objid, 0) AS object
ORDER BY f.classid, f.objid`
