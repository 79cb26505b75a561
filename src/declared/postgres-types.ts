import { collations } from '../checks/same-sql.ts'
import { printPath } from '../config/path.ts'
import { didYouMean } from '../config/suggest.ts'
import type { Session } from '../connection/postgres.ts'
import type { Declaration, DeclaredColumn, DeclaredTable } from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import { type KnownTables, tableKey } from './known-tables.ts'
import { defaultSql } from './postgres-sql.ts'
import type { ResolvedType } from './resolved-type.ts'

export type { ResolvedType } from './resolved-type.ts'

/** By table and column. */
export type Types = ReadonlyMap<string, ReadonlyMap<string, ResolvedType>>

/**
 * The types of all declared columns, in the server's own words.
 * Errors: LF005 with the place in the config, for a type or a referenced key that is not there.
 */
export async function resolveTypes(
  session: Session,
  declaration: Declaration,
  known: KnownTables,
): Promise<Types> {
  const types = new Map<string, Map<string, ResolvedType>>()
  const asked = new Map<string, ResolvedType>()
  for (const table of declaration.tables) {
    const its = new Map<string, ResolvedType>()
    for (const column of table.columns) {
      const path = ['schema', table.name, 'columns', column.name]
      const sql = typeSql(column, declaration, known, path)
      if (!asked.has(sql)) asked.set(sql, await ask(session, sql, path))
      its.set(column.name, asked.get(sql)!)
      await refuseDefault(session, column, sql, path)
    }
    types.set(table.name, its)
  }
  return types
}

function typeSql(
  { type }: DeclaredColumn,
  declaration: Declaration,
  known: KnownTables,
  path: readonly string[],
  seen: readonly DeclaredColumn[] = [],
): string {
  if (type.kind === 'named') return withoutCollation(type.sql, path)
  const parent = known.get(tableKey(type.table.schema, type.table.table))
  const declared: DeclaredTable | undefined = declaration.tables.find(
    ({ name }) => name === type.table.table && declaration.schema === type.table.schema,
  )
  const there = parent?.constraints.find((one) => one.type === 'p')?.columns
  const key = type.column === null ? (there ?? declared?.primaryKey?.columns) : [type.column]
  const found = parent?.columns.find(({ name }) => name === key?.[0])
  if (found !== undefined && key?.length === 1) return found.type
  const column = declared?.columns.find(({ name }) => name === key?.[0])
  if (column !== undefined && key?.length === 1 && !seen.includes(column))
    return typeSql(column, declaration, known, path, [...seen, column])
  const what = type.column === null ? 'a primary key of one column' : `the column ${type.column}`
  throw new LandfallError(
    'LF005',
    parent === undefined && declared === undefined
      ? `${printPath(path)}: the target has no table ${type.table.table}`
      : `${printPath(path)}: ${type.table.table} has not ${what}, so its type is not known`,
    { hint: `bigint().references('${type.table.table}')   says the type by itself`, details: { path } },
  )
}

/** Errors: LF005. A collation is none of the type's, and would be lost in comparing them. */
function withoutCollation(sql: string, path: readonly string[]): string {
  if (collations(sql).length === 0) return sql
  throw new LandfallError('LF005', `${printPath(path)}: a collation cannot be declared: ${sql}`, {
    hint: 'A domain that has the collation can be named as the type of a column.',
    details: { path, type: sql },
  })
}

/** SQLSTATE classes of texts that are no type: unknown names, syntax, parameters out of range. */
const NO_TYPE = /^(42|22|0A|3F)/

async function ask(session: Session, sql: string, path: readonly string[]): Promise<ResolvedType> {
  try {
    const { rows } = await session.query<{ domain: boolean; name: string }>(
      `SELECT t.typtype = 'd' AS domain, pg_catalog.format_type(t.oid, NULL) AS name
        FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.pg_typeof(NULL::${sql})`,
    )
    const { domain, name } = rows[0]!
    if (domain) return { sql, printed: name, domain }
    // A constant NULL is printed with its type, and that with its length or precision.
    const {
      rows: [row],
    } = await session.query(`EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT NULL::${sql}`)
    const [plan] = JSON.parse(String(Object.values(row!)[0])) as [{ Plan: { Output: string[] } }]
    return { sql, printed: plan.Plan.Output[0]!.replace(/^NULL::/, ''), domain }
  } catch (error) {
    if (!(error instanceof LandfallError) || !NO_TYPE.test(String(error.details?.sqlstate))) throw error
    throw new LandfallError(
      'LF005',
      `${printPath(path)}: the target has no type ${sql}${didYouMean(sql, COMMON)}`,
      {
        hint: "A type of the target, e.g. type('numeric(12,2)'). One of an extension or of the application must be there.",
        details: { path, type: sql },
      },
    )
  }
}

/** Errors: LF005 for a default that is no value of the type, before anything is made with it. */
async function refuseDefault(
  session: Session,
  column: DeclaredColumn,
  type: string,
  path: readonly string[],
): Promise<void> {
  const value = defaultSql(column)
  if (value === null) return
  try {
    await session.query(`EXPLAIN SELECT (${value})::${type}`)
  } catch (error) {
    if (!(error instanceof LandfallError) || !NO_TYPE.test(String(error.details?.sqlstate))) throw error
    throw new LandfallError('LF005', `${printPath(path)}: the default ${value} is no ${type}`, {
      hint: error.message,
      details: { path, type },
    })
  }
}

/** For suggestions only: any type that the target knows may be named. */
const COMMON = ['citext', 'inet', 'interval', 'json', 'money', 'text[]', 'time', 'tsvector', 'xml']
