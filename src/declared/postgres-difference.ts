import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import type { Declaration, DeclaredTable, TableName } from '../contract/declaration.ts'
import { type Difference, Findings } from './difference.ts'
import { readKnownTables, refuseUnknownColumns, tableKey } from './known-tables.ts'
import { examineColumns, examineComments } from './postgres-columns.ts'
import { examineChecks, examineForeignKeys } from './postgres-constraints.ts'
import { readRelations } from './postgres-facts.ts'
import { examineIndexes, examineKeys } from './postgres-indexes.ts'
import { examineRows } from './postgres-rows.ts'
import { label } from './postgres-sql.ts'
import {
  addForeignKey,
  createSchema,
  createTable,
  insertRows,
  nameOfRow,
  objectOf,
  validate,
} from './postgres-statements.ts'
import { resolveTypes } from './postgres-types.ts'
import type { ResolvedType } from './resolved-type.ts'

/**
 * A session that only reads, in which names mean what they mean to the application: those of the declared
 * schema first, then `public`.
 */
export async function onlyReading(session: Session, declaration: Declaration): Promise<void> {
  await session.query('SET default_transaction_read_only = on')
  await session.query(`SET search_path = ${searchPath(declaration)}`)
}

export function searchPath({ schema }: Declaration): string {
  return [...new Set([schema, 'public'])].map(ident).concat('pg_temp').join(', ')
}

/**
 * What is declared beside what is there. The server compares types, defaults, expressions and values: both
 * sides in its own words. Nothing is written.
 *
 * `session`: one that `onlyReading` has prepared.
 * Errors: LF005 for a type, column or table that is not there; LF304 where the role may not read a table.
 */
export async function postgresDifference(session: Session, declaration: Declaration): Promise<Difference> {
  const findings = new Findings()
  await examineSchema(session, declaration, findings)
  const known = await readKnownTables(session, declaration)
  refuseUnknownColumns(declaration, known)
  const types = await resolveTypes(session, declaration, known)
  const taken = await namesTaken(session, declaration)
  for (const table of declaration.tables) {
    const at = { schema: declaration.schema, table: table.name }
    const facts = known.get(tableKey(at.schema, at.table))
    const its = types.get(table.name)!
    if (facts === undefined) missingTable(at, table, its, findings)
    else if (!['r', 'p'].includes(facts.kind)) {
      const why = 'Something else than a table has the name; Landfall does not drop it.'
      findings.different(objectOf('table', at), 'a table', 'something else', why, [])
    } else {
      findings.right(objectOf('table', at), 'a table')
      const looking = { session, declaration, known, at, table, facts, types: its, findings, taken }
      await examineColumns(looking)
      examineComments(looking)
      await examineKeys(looking)
      await examineIndexes(looking)
      await examineChecks(looking)
      examineForeignKeys(looking)
      await examineRows(looking)
    }
  }
  return findings.difference
}

async function examineSchema(session: Session, { schema }: Declaration, findings: Findings): Promise<void> {
  const object = { kind: 'schema', schema, table: '', name: '' } as const
  const { rows } = await session.query(
    `SELECT FROM pg_catalog.pg_namespace WHERE nspname = ${literal(schema)}`,
  )
  if (rows.length > 0) findings.right(object, 'a schema')
  else findings.lacking(object, 'a schema', 'schema', [createSchema(schema)])
}

async function namesTaken(session: Session, declaration: Declaration): Promise<Map<string, string>> {
  const names = declaration.tables.flatMap(({ indexes, uniques, primaryKey }) =>
    [...indexes, ...uniques, ...(primaryKey === null ? [] : [primaryKey])].map(({ name }) => name),
  )
  const relations = await readRelations(session, declaration.schema, names)
  return new Map(
    relations.map(({ name, table }) => [
      name,
      table === null
        ? 'something that is no index has the name'
        : `an index of ${label({ schema: declaration.schema, table })} has the name`,
    ]),
  )
}

/** It is made in one transaction, but for what locks other tables. */
function missingTable(
  at: TableName,
  table: DeclaredTable,
  types: ReadonlyMap<string, ResolvedType>,
  findings: Findings,
): void {
  const made = createTable(at, table, types)
  findings.todo('table', [made])
  for (const object of made.makes) findings.lacking(object, 'as declared', 'table', [])
  for (const key of table.foreignKeys)
    findings.lacking(objectOf('foreign key', at, key.name), 'as declared', 'foreign keys', [
      addForeignKey(at, key),
      validate(at, key.name, key.refers),
    ])
  if (table.rows === null) return
  findings.todo('rows', [insertRows(at, table.rows.key, table.rows.rows)])
  for (const row of table.rows.rows)
    findings.lacking(objectOf('row', at, nameOfRow(table.rows.key, row)), 'as declared', 'rows', [])
}
