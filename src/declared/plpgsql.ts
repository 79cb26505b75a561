import { dollarQuoted, literal } from '../connection/quote.ts'
import type { LockMode, SchemaObject, SchemaStatement } from '../contract/schema.ts'
import { definitionOf } from './definition.ts'
import { PHASES, type Phase } from './difference.ts'
import { relation } from './postgres-sql.ts'

/** Pieces of the SQL file's plpgsql: values as its expressions. */

/** SQL inside of SQL, as it is read best. */
export const text = (sql: string): string => (/['\n\\]/.test(sql) ? dollarQuoted(sql) : literal(sql))

export const texts = (all: readonly string[]): string => `ARRAY[${all.map(text).join(', ')}]::text[]`

export const orNull = <T>(value: T | null, sql: (value: T) => string): string =>
  value === null ? 'NULL' : sql(value)

/**
 * Names of its own mean the server's: anybody may have made a function in `public` that fits better. Those
 * that are declared mean what they mean to the application: so they are carried out between these two.
 */
export const AS_DECLARED = `PERFORM pg_catalog.set_config('search_path', declared_path, true);`
export const AS_CATALOG = `PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);`

/** A loop over what is declared; nothing where nothing is. Each row gets its place, to keep the order. */
export function each(columns: string, rows: readonly (readonly string[])[], body: string): string {
  if (rows.length === 0) return ''
  const lines = rows.map((row, at) => `      (${[at, ...row].join(', ')})`)
  return `
    FOR item IN SELECT * FROM (VALUES
${lines.join(',\n')}
    ) AS v (at, ${columns}) ORDER BY at LOOP${body}
    END LOOP;`
}

/** A statement that may turn out to be needed, as JSON. Its objects are of the declared schema. */
export function step(statement: SchemaStatement, phase: Phase): string {
  const { does, sql, locks, makes, drops } = statement
  const parts: [string, string][] = [
    ['phase', String(PHASES.indexOf(phase))],
    ['does', literal(does)],
    ['sql', list(sql.map(text))],
    [
      'locks',
      list(
        locks.map((lock) =>
          list([text(relation(lock)), literal(lock.mode), right(lock.mode, lock.table, makes)]),
        ),
      ),
    ],
    ...(makes.length === 0 ? [] : [['makes', list(makes.map(object))] as [string, string]]),
    ...(drops.length === 0 ? [] : [['drops', list(drops.map(object))] as [string, string]]),
  ]
  return `jsonb_build_object(\n        ${parts.map(([name, value]) => `'${name}', ${value}`).join(',\n        ')})`
}

export const list = (all: readonly string[]): string => `jsonb_build_array(${all.join(', ')})`

/** Only a row's definition depends on more than its names. */
function object(one: SchemaObject): string {
  const { kind, table, name } = one
  return list([kind, table, name].map(literal).concat(kind === 'row' ? [text(definitionOf(one))] : []))
}

/** What the role must be allowed on a table; null: all that its owner is. */
function right(mode: LockMode, table: string, makes: readonly SchemaObject[]): string {
  if (mode === 'ROW EXCLUSIVE') return literal('INSERT')
  if (mode === 'ROW SHARE') return literal('')
  return mode === 'SHARE ROW EXCLUSIVE' && !makes.some((one) => one.table === table)
    ? literal('REFERENCES')
    : 'NULL'
}

/**
 * Sets `is_same`: whether the server understands the same by two expressions, as `sameSql` asks it. What it
 * cannot understand is not the same.
 *
 * @param left,right,from expressions of plpgsql; `from` is the table whose columns are named, or null.
 */
export function compare(left: string, right: string, from: string | null): string {
  return `
        is_same := ${left} = ${right};
        IF NOT is_same AND ${collations(left)} = ${collations(right)} THEN
          BEGIN
            ${AS_DECLARED}
            EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT (' || ${left} || '), (' || ${right} || ')'${from === null ? '' : ` || ' FROM ' || ${from} || ' AS t'`} INTO explained;
            ${AS_CATALOG}
            is_same := explained #>> '{0,Plan,Output,0}' = explained #>> '{0,Plan,Output,1}';
          EXCEPTION
            WHEN insufficient_privilege THEN RAISE;
            WHEN syntax_error_or_access_rule_violation THEN is_same := false;
          END;
        END IF;`
}

/** The names after COLLATE: the planner forgets them. */
const collations = (sql: string): string =>
  `ARRAY(SELECT replace(m[1], 'pg_catalog.', '') FROM regexp_matches(${sql}, '\\mcollate\\s+("(?:[^"]|"")*"|[\\w$.]+)', 'gi') AS m ORDER BY 1)`
