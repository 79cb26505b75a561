import type { Session } from '../connection/postgres.ts'
import { ident, literal } from '../connection/quote.ts'
import type { TableName } from '../contract/declaration.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { LandfallError } from '../errors.ts'
import { label, relation } from './postgres-sql.ts'

/**
 * Refuses before anything is changed what the server would refuse in the middle. Who has the rights is for
 * the server to say; here only the ones that are asked for.
 *
 * Errors: LF304 naming the right that is missing.
 */
export async function refuseWithoutRights(
  session: Session,
  statements: readonly SchemaStatement[],
): Promise<void> {
  const made = new Set(
    statements.flatMap(({ makes }) => makes.flatMap((one) => (one.kind === 'table' ? [one.table] : []))),
  )
  const ask = async (sql: string): Promise<boolean> =>
    (await session.query<{ may: boolean | null }>(`SELECT ${sql} AS may`)).rows[0]?.may !== false
  const schemas = new Set<string>()
  for (const { makes, locks, does } of statements) {
    for (const { kind, schema } of makes) if (kind === 'table' || kind === 'index') schemas.add(schema)
    for (const { mode, ...table } of locks) {
      if (made.has(table.table) || mode === 'ROW SHARE') continue
      const name = literal(relation(table))
      const right =
        mode === 'ROW EXCLUSIVE'
          ? 'INSERT'
          : makes.some((one) => one.table === table.table) || mode !== 'SHARE ROW EXCLUSIVE'
            ? null
            : 'REFERENCES'
      const may =
        right === null
          ? `(SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = ${name}::regclass)`
          : `pg_catalog.has_table_privilege(${name}, ${literal(right)})`
      if (!(await ask(may))) throw refusal(does, table, right)
    }
  }
  for (const schema of schemas) {
    const may = `(SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = ${literal(schema)})`
    if (!(await ask(may)))
      throw new LandfallError('LF304', `the role may make nothing in the schema ${schema}`, {
        hint: `Somebody who may: GRANT CREATE ON SCHEMA ${ident(schema)} TO the role. Nothing was changed.`,
        details: { sqlstate: '42501' },
      })
  }
}

function refusal(does: string, table: TableName, right: string | null): LandfallError {
  const name = label(table)
  return new LandfallError(
    'LF304',
    right === null ? `${does}: the role does not own ${name}` : `${does}: the role lacks ${right} on ${name}`,
    {
      hint:
        right === null
          ? `Run as the owner of ${name}, or as a member of that role. Nothing was changed.`
          : `Somebody who may: GRANT ${right} ON ${relation(table)} TO the role. Nothing was changed.`,
      details: { sqlstate: '42501' },
    },
  )
}
