import type { CatalogSession } from './postgres.ts'

/** What a PostgreSQL database is beside its tables, as far as a move of all of it is concerned. */
export interface Surroundings {
  readonly isSuperuser: boolean
  /** This role may create objects in the database. */
  readonly mayCreate: boolean
  /** Extensions that are there, `plpgsql` among them; tables of theirs whose rows are the user's. */
  readonly extensions: readonly { readonly name: string; readonly tables: readonly string[] }[]
  readonly availableExtensions: readonly string[]
  readonly roles: readonly string[]
  /** Roles that policies name. */
  readonly policyRoles: readonly string[]
  /** Tables whose policies apply to this role, so that it would see fewer rows, or none. Quoted, qualified. */
  readonly hiddenTables: readonly string[]
  /** Sequences whose last number this role may not read. */
  readonly unreadableSequences: readonly { readonly name: string; readonly id: string }[]
  /** By kind and name; `SECURITY DEFINER` functions run as whoever owns them. */
  readonly others: readonly Surrounding[]
}

export interface Surrounding {
  readonly kind:
    | 'subscription'
    | 'foreign table'
    | 'unlogged table'
    | 'user mapping'
    | 'security label'
    | 'database setting'
    | 'large objects'
    | 'event trigger'
    | 'publication for all tables'
    | 'security definer function'
    | 'function in an untrusted language'
    | 'privileges'
    | 'inheritance'
    | 'policy'
    | 'row-level security'
    | 'rule'
    | 'statistics object'
    | 'publication'
  readonly name: string
  /** `class/object` by oid, where it has an identity in a dump. */
  readonly id: string | null
}

/** Reads a source or a target of PostgreSQL 12 to 18. Nothing is written. */
export async function readSurroundings(session: CatalogSession): Promise<Surroundings> {
  const { rows } = await session.query(SURROUNDINGS)
  const [row] = rows as readonly { json: string }[]
  if (row === undefined) throw new TypeError('the session returned no row')
  return JSON.parse(row.json) as Surroundings
}

const list = (select: string): string =>
  `(SELECT coalesce(json_agg(found.x), '[]') FROM (${select}) AS found(x))`
const relation = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`
const notOurs = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'landfall')`
const ofExtension = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`
const id = (catalog: string, oid: string): string => `'${catalog}'::regclass::oid || '/' || ${oid}`
const ofRelation = (oid: string): string =>
  `JOIN pg_class c ON c.oid = ${oid} JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${notOurs} AND NOT ${ofExtension('pg_class', 'c.oid')}`
const functions = (condition: string): string => `FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
  WHERE ${notOurs} AND NOT ${ofExtension('pg_proc', 'p.oid')} AND ${condition}`
const here = '(SELECT oid FROM pg_database WHERE datname = current_database())'

/** A table's owner sees all rows, unless the policies are forced on him too. */
const HIDDEN = `SELECT ${relation} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND ${notOurs}
    AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)
    AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) ORDER BY 1`

const UNREADABLE = `SELECT json_build_object('name', ${relation}, 'id', ${id('pg_class', 'c.oid')})
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'S' AND ${notOurs} AND NOT ${ofExtension('pg_class', 'c.oid')}
    AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY n.nspname, c.relname`

const OTHERS = `
  SELECT 'subscription' AS kind, quote_ident(subname) AS name, ${id('pg_subscription', 'oid')} AS id
    FROM pg_subscription WHERE subdbid = ${here}
  UNION ALL SELECT 'foreign table', ${relation}, ${id('pg_class', 'c.oid')}
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'f' AND ${notOurs}
  UNION ALL SELECT 'unlogged table', ${relation}, ${id('pg_class', 'r.oid')}
    FROM pg_class r ${ofRelation('r.oid')} AND c.relkind = 'r' AND c.relpersistence = 'u'
  UNION ALL SELECT 'user mapping', quote_ident(usename) || ' for the server ' || quote_ident(srvname), NULL
    FROM pg_user_mappings
  UNION ALL SELECT 'security label', count(*) || ' of ' || provider, NULL FROM pg_seclabel GROUP BY provider
  UNION ALL SELECT 'database setting', split_part(setting, '=', 1), NULL
    FROM pg_db_role_setting, unnest(setconfig) AS setting WHERE setdatabase = ${here}
  UNION ALL SELECT 'large objects', count(*)::text, NULL FROM pg_largeobject_metadata HAVING count(*) > 0
  UNION ALL SELECT 'event trigger', quote_ident(evtname), ${id('pg_event_trigger', 't.oid')} FROM pg_event_trigger t
    WHERE NOT ${ofExtension('pg_event_trigger', 't.oid')}
  UNION ALL SELECT 'publication for all tables', quote_ident(pubname), ${id('pg_publication', 'oid')}
    FROM pg_publication WHERE puballtables
  UNION ALL SELECT 'security definer function', p.oid::regprocedure::text, ${id('pg_proc', 'p.oid')}
    ${functions('p.prosecdef')}
  UNION ALL SELECT 'function in an untrusted language', p.oid::regprocedure::text, ${id('pg_proc', 'p.oid')}
    ${functions("NOT l.lanpltrusted AND p.prokind <> 'a'")}
  UNION ALL SELECT 'inheritance', ${relation} || ' inherits from ' || i.inhparent::regclass::text, ${id('pg_class', 'c.oid')}
    FROM pg_inherits i ${ofRelation('i.inhrelid')} AND c.relkind IN ('r', 'f') AND NOT c.relispartition
  UNION ALL SELECT 'policy', quote_ident(polname) || ' on ' || ${relation}, ${id('pg_policy', 'p.oid')}
    FROM pg_policy p ${ofRelation('p.polrelid')}
  UNION ALL SELECT 'row-level security', ${relation}, NULL
    FROM pg_class r ${ofRelation('r.oid')} AND c.relrowsecurity
  UNION ALL SELECT 'rule', quote_ident(rulename) || ' on ' || ${relation}, ${id('pg_rewrite', 'r.oid')}
    FROM pg_rewrite r ${ofRelation('r.ev_class')} AND r.ev_type <> '1'
  UNION ALL SELECT 'statistics object', quote_ident(stxname) || ' on ' || ${relation}, ${id('pg_statistic_ext', 'x.oid')}
    FROM pg_statistic_ext x ${ofRelation('x.stxrelid')}
  UNION ALL SELECT 'publication', quote_ident(pubname), ${id('pg_publication', 'oid')} FROM pg_publication
  UNION ALL SELECT 'privileges', count(*)::text, NULL FROM (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relacl IS NOT NULL AND ${notOurs} AND NOT ${ofExtension('pg_class', 'c.oid')}
    UNION ALL SELECT ${functions('p.proacl IS NOT NULL')}
    UNION ALL SELECT FROM pg_namespace n WHERE nspacl IS NOT NULL AND nspname <> 'public' AND ${notOurs}
    UNION ALL SELECT FROM pg_default_acl) AS granted HAVING count(*) > 0`

const SURROUNDINGS = `SELECT json_build_object(
  'isSuperuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'mayCreate', has_database_privilege(current_database(), 'CREATE'),
  'extensions', (
    SELECT coalesce(json_agg(json_build_object('name', extname, 'tables', (
      SELECT coalesce(json_agg(table_oid::regclass::text), '[]') FROM unnest(extconfig) AS table_oid
      JOIN pg_class c ON c.oid = table_oid AND c.relkind = 'r')) ORDER BY extname), '[]') FROM pg_extension),
  'availableExtensions', ${list('SELECT name FROM pg_available_extensions ORDER BY 1')},
  'roles', ${list('SELECT rolname FROM pg_roles ORDER BY 1')},
  'policyRoles', ${list(`SELECT DISTINCT r.rolname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = ANY (p.polroles) WHERE ${notOurs} ORDER BY 1`)},
  'hiddenTables', ${list(HIDDEN)},
  'unreadableSequences', ${list(UNREADABLE)},
  'others', (SELECT coalesce(json_agg(json_build_object('kind', kind, 'name', name, 'id', id) ORDER BY kind, name), '[]')
    FROM (${OTHERS}) AS other)
)::text AS json`
