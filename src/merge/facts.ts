import type { Session } from '../connection/postgres.ts'
import { ident, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import { equal, type ValueType } from './equal.ts'
import type { KnownMap } from './model.ts'

/** What the server knows of a target's column, as far as values have to be made for it. */
export interface ColumnFacts {
  readonly name: string
  /** As `format_type` prints it in this session. */
  readonly type: string
  /** The type without length, where an explicit cast to `type` cuts values off in silence; else null. */
  readonly uncut: string | null
  /** The column's collation where it is not the type's own, as SQL. */
  readonly collation: string | null
  /** The operator by which the target finds two values equal. */
  readonly equals: string
  /** Equal values may differ in their bytes: ignoring case, `1.0` and `1.00`. */
  readonly loose: boolean
  readonly identity: boolean
  /** An identity whose values nobody may change. */
  readonly always: boolean
  readonly notNull: boolean
  /** The sequence that the column's default or identity takes from, quoted and qualified. */
  readonly sequence: string | null
}

const COLUMNS = `WITH RECURSIVE base (attnum, type, typmod, elements) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod, false FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = $1::pg_catalog.regclass
    UNION ALL
    SELECT b.attnum, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END,
      CASE WHEN t.typtype = 'd' AND b.typmod = -1 THEN t.typtypmod ELSE b.typmod END, b.elements OR t.typtype <> 'd'
    FROM base AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type
    WHERE t.typtype = 'd' OR t.typcategory = 'A' AND t.typelem <> 0)
  SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.attidentity <> '' AS identity, a.attidentity = 'a' AS always, a.attnotnull AS "notNull",
    (SELECT pg_catalog.format('%I.%I', n.nspname, q.relname) FROM (
        SELECT u.refobjid AS oid, 1 AS rank FROM pg_catalog.pg_depend AS u JOIN pg_catalog.pg_attrdef AS d ON d.oid = u.objid
        WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND u.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        UNION ALL
        SELECT u.objid, 2 FROM pg_catalog.pg_depend AS u WHERE u.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND u.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND u.refobjid = a.attrelid AND u.refobjsubid = a.attnum AND u.deptype IN ('i', 'a')
      ) AS used JOIN pg_catalog.pg_class AS q ON q.oid = used.oid AND q.relkind = 'S' JOIN pg_catalog.pg_namespace AS n ON n.oid = q.relnamespace
      ORDER BY used.rank LIMIT 1) AS sequence,
    CASE WHEN innermost.typname IN ('varchar', 'bpchar', 'bit', 'varbit') AND innermost.typmod <> -1
      THEN pg_catalog.format_type(innermost.type, -1) || CASE WHEN innermost.elements THEN '[]' ELSE '' END END AS uncut,
    CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
      THEN pg_catalog.format('%I.%I', cn.nspname, c.collname) END AS collation,
    own.nspname::text AS operator,
    own.nspname IS NOT NULL OR NOT coalesce(c.collisdeterministic, true)
      OR innermost.typname NOT IN ('bool', 'int2', 'int4', 'int8', 'text', 'varchar', 'uuid', 'bytea', 'date', 'timestamp', 'timestamptz', 'time')
        AND NOT (innermost.typname = 'numeric' AND innermost.typmod <> -1) AS loose
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.collnamespace
  CROSS JOIN LATERAL (SELECT b.type, b.typmod, b.elements, e.typname FROM base AS b JOIN pg_catalog.pg_type AS e ON e.oid = b.type
    WHERE b.attnum = a.attnum AND e.typtype <> 'd' AND NOT (e.typcategory = 'A' AND e.typelem <> 0)) AS innermost
  LEFT JOIN LATERAL (SELECT n.nspname FROM base AS b JOIN pg_catalog.pg_operator AS o
      ON o.oprname = '=' AND o.oprleft = b.type AND o.oprright = b.type JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
    WHERE b.attnum = a.attnum AND NOT b.elements AND n.nspname <> 'pg_catalog' LIMIT 1) AS own ON true
  WHERE a.attrelid = $1::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped`

/** All columns of a table, by name. LF304 where the table is not there. */
export async function columnFacts(session: Session, relation: string): Promise<Map<string, ColumnFacts>> {
  const { rows } = await session.query<Omit<ColumnFacts, 'equals'> & { operator: string | null }>(COLUMNS, [
    relation,
  ])
  return new Map(
    rows.map(({ operator, ...facts }) => [facts.name, { ...facts, equals: operatorOf(operator) }]),
  )
}

/** Those of the columns that are mapped, in their order. LF005 where one is not there. */
export function factsOf(
  facts: ReadonlyMap<string, ColumnFacts>,
  names: readonly string[],
  table: { readonly schema: string; readonly name: string },
): ColumnFacts[] {
  return names.map((name) => {
    const found = facts.get(name)
    if (found === undefined)
      throw new LandfallError(
        'LF005',
        `${qualified(table.schema, table.name)} has no column ${ident(name)}.`,
        {
          hint: 'The table was changed after the migration was planned: plan it again.',
        },
      )
    return found
  })
}

/** The path of a session does not find what an extension brings along. */
const operatorOf = (schema: string | null): string =>
  schema === null || schema === 'pg_catalog' ? 'OPERATOR(pg_catalog.=)' : `OPERATOR(${ident(schema)}.=)`

/** An expression, and the rows over which it is asked. */
interface Asked {
  readonly sql: string
  readonly relation: string
}

/**
 * SQL templates that are true where two values of maybe different types are equal. Those that the server
 * cannot compare are compared by their texts.
 */
export async function comparisons(
  session: Session,
  pairs: readonly (readonly [Asked, Asked])[],
): Promise<((left: string, right: string) => string)[]> {
  if (pairs.length === 0) return []
  const asked = pairs.flat()
  const list = asked
    .map(
      ({ sql, relation }) =>
        // Over no rows, yet with an answer.
        `(SELECT pg_catalog.pg_typeof(${sql})::pg_catalog.oid FROM (SELECT) AS landfall_one LEFT JOIN ${relation} AS landfall_none ON false)`,
    )
    .join(', ')
  const { rows } = await session.query<{ base: string; category: string; operator: string | null }>(
    `WITH RECURSIVE base (at, type) AS (
        SELECT u.at, u.type FROM pg_catalog.unnest(ARRAY[${list}]) WITH ORDINALITY AS u (type, at)
        UNION ALL SELECT b.at, t.typbasetype FROM base AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type WHERE t.typtype = 'd')
      SELECT pg_catalog.format_type(b.type, NULL) AS base, t.typcategory::text AS category,
        (SELECT n.nspname::text FROM pg_catalog.pg_operator AS o JOIN pg_catalog.pg_namespace AS n ON n.oid = o.oprnamespace
          WHERE o.oprname = '=' AND o.oprleft = b.type AND o.oprright = b.type AND n.nspname <> 'pg_catalog' LIMIT 1) AS operator
      FROM base AS b JOIN pg_catalog.pg_type AS t ON t.oid = b.type WHERE t.typtype <> 'd' ORDER BY b.at`,
  )
  const types = rows.map((row): ValueType => ({ ...row, operator: operatorOf(row.operator) }))
  return pairs.map(
    (_, at) => (left, right) =>
      equal({ sql: left, type: types[2 * at]! }, { sql: right, type: types[2 * at + 1]! }),
  )
}

/** SQL templates that are true where an old key of a map is that of a staged row. */
export async function lookups(
  session: Session,
  stage: string,
  asked: readonly { readonly value: string; readonly map: KnownMap }[],
): Promise<((old: string, value: string) => string)[]> {
  const same = await comparisons(
    session,
    asked.map(({ value, map }) => [
      { sql: map.oldKey, relation: map.relation },
      { sql: value, relation: stage },
    ]),
  )
  const small = (sql: string): string => `pg_catalog.lower((${sql})::pg_catalog.text)`
  return asked.map(({ map }, at) =>
    map.ignoresCase ? (old, value) => `${small(old)} OPERATOR(pg_catalog.=) ${small(value)}` : same[at]!,
  )
}

/** Statements before anything else in the transaction: joins of whole tables stay in memory. */
export const MEMORY = `SET LOCAL work_mem = '128MB'; SET LOCAL hash_mem_multiplier = 2;
  SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL jit = off;
  SET LOCAL default_statistics_target = 10`
