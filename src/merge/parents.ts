import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { THERE, WRONG } from './model.ts'
import type { Split } from './split.ts'

/** A foreign key, as the trigger by which an INSERT obeys it. */
interface ParentCheck {
  /** Quoted and qualified. */
  readonly parent: string
  readonly columns: readonly string[]
  readonly parentColumns: readonly string[]
}

/**
 * What the server does about an INSERT into a table besides storing the rows: `plain` that a trigger is a
 * foreign key's, of the ordinary kind, between columns whose values are equal exactly when their bytes are, and
 * the shaped rows say which: what is left to the table's defaults is seen by nobody but the server.
 */
const CHECKS = `SELECT t.tgisinternal AND t.tgenabled = 'O' AND f.proname = 'RI_FKey_check_ins' AND c.confmatchtype = 's'
      AND c.confrelid <> c.conrelid AND p.relkind = 'r' AND bool_and(a.atttypid = b.atttypid AND a.attcollation = b.attcollation
        AND a.atttypid = ANY ('{int2,int4,int8,uuid,text,varchar}'::pg_catalog.regtype[]) AND coalesce(l.collisdeterministic, true)
        AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS w WHERE w.attrelid = $2::pg_catalog.regclass AND w.attname = a.attname)) AS plain,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.relname) AS parent,
    array_agg(a.attname::text ORDER BY k.at) AS columns, array_agg(b.attname::text ORDER BY k.at) AS "parentColumns"
  FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
  LEFT JOIN pg_catalog.pg_constraint AS c ON c.oid = t.tgconstraint AND c.contype = 'f'
  LEFT JOIN pg_catalog.pg_class AS p ON p.oid = c.confrelid LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace
  LEFT JOIN LATERAL ROWS FROM (unnest(c.conkey), unnest(c.confkey)) WITH ORDINALITY AS k (child, parent, at) ON true
  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.child
  LEFT JOIN pg_catalog.pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = k.parent
  LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
  WHERE t.tgrelid = $1::pg_catalog.regclass AND t.tgtype & 4 <> 0
  GROUP BY t.oid, f.oid, c.oid, p.oid, n.oid`

/** Nothing but triggers would go without: no rules, and no defaults that might write elsewhere. */
const SPARED = `SELECT FROM pg_catalog.pg_class AS r
  WHERE r.oid = $1::pg_catalog.regclass AND r.relkind = 'r' AND NOT r.relhasrules
    AND pg_catalog.current_setting('session_replication_role') = 'origin'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attrdef AS e ON e.oid = d.objid
      WHERE e.adrelid = r.oid AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass)`

/**
 * Runs `insert`, which inserts the shaped rows that are new. Where the role may say so, the server does not
 * look for the parents of each row, which takes twice as long as storing it: they are looked for here, by
 * one statement for each foreign key, and locked as the server would lock them, so that nobody deletes them
 * before the transaction ends. Tables on which an INSERT has any other consequence are left to the server,
 * as is telling what is missing.
 */
export async function withParentsHeld<T>(
  session: Session,
  shaped: Pick<Split, 'relation' | 'target'>,
  insert: () => Promise<T>,
): Promise<T> {
  const checks = await parentChecks(session, shaped)
  if (checks.length === 0 || !(await holdParents(session, shaped, checks))) return await insert()
  const result = await insert()
  await session.query('SET LOCAL session_replication_role = origin')
  return result
}

/** Empty also where there is more than foreign keys. */
async function parentChecks(
  session: Session,
  { relation, target }: Pick<Split, 'relation' | 'target'>,
): Promise<readonly ParentCheck[]> {
  const { rows } = await session.query<ParentCheck & { plain: boolean | null }>(CHECKS, [target, relation])
  if (rows.length === 0 || rows.some(({ plain }) => plain !== true)) return []
  return (await session.query(SPARED, [target])).rows.length === 0 ? [] : rows
}

/** False where a parent is missing, or the role may not lock them or spare the server its look. */
async function holdParents(
  session: Session,
  shaped: Pick<Split, 'relation'>,
  checks: readonly ParentCheck[],
): Promise<boolean> {
  await session.query('SAVEPOINT landfall_parents')
  try {
    let held = true
    for (const check of checks) held &&= await holdParentsOf(session, shaped, check)
    if (held) await session.query('SET LOCAL session_replication_role = replica')
    await session.query('RELEASE SAVEPOINT landfall_parents')
    return held
  } catch (error) {
    if (!(error instanceof LandfallError) || error.details?.sqlstate !== '42501') throw error
    await session.query('ROLLBACK TO SAVEPOINT landfall_parents; RELEASE SAVEPOINT landfall_parents')
    return false
  }
}

async function holdParentsOf(
  session: Session,
  { relation }: Pick<Split, 'relation'>,
  { parent, columns, parentColumns }: ParentCheck,
): Promise<boolean> {
  const names = columns.map((name) => `w.${ident(name)}`)
  const values = names.map((name, at) => `${name} AS landfall_ref_${at}`).join(', ')
  const present = names.map((name) => `${name} IS NOT NULL`).join(' AND ')
  const same = parentColumns.map((name, at) => `p.${ident(name)} OPERATOR(pg_catalog.=) v.landfall_ref_${at}`)
  const { rows } = await session.query<{ all: boolean }>(
    `WITH wanted AS MATERIALIZED (SELECT DISTINCT ${values} FROM ${relation} AS w WHERE w.${WRONG} IS NULL AND NOT w.${THERE} AND ${present}),
      held AS MATERIALIZED (SELECT FROM ONLY ${parent} AS p JOIN wanted AS v ON ${same.join(' AND ')} FOR KEY SHARE OF p)
    SELECT (SELECT pg_catalog.count(*) FROM wanted) = (SELECT pg_catalog.count(*) FROM held) AS all`,
  )
  return rows[0]!.all
}
