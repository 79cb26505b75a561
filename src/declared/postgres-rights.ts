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
  for (const { makes, drops, locks, does } of statements) {
    for (const { kind, schema } of drops)
      if (kind === 'schema' && !(await ask(ownsSchema(schema)))) throw refusal(does, `the schema ${schema}`)
    for (const { kind, schema } of makes) if (kind === 'table' || kind === 'index') schemas.add(schema)
    for (const { mode, ...table } of locks) {
      // Of a foreign key that is dropped the other table need not be one's own.
      if (drops.length > 0 && !drops.some((one) => isOf(one, table))) continue
      if (made.has(table.table) || mode === 'ROW SHARE') continue
      const name = literal(relation(table))
      const right =
        mode === 'ROW EXCLUSIVE'
          ? drops.length > 0
            ? 'DELETE'
            : 'INSERT'
          : makes.some((one) => one.table === table.table) || mode !== 'SHARE ROW EXCLUSIVE'
            ? null
            : 'REFERENCES'
      const may =
        right === null
          ? `(SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = ${name}::regclass)`
          : `pg_catalog.has_table_privilege(${name}, ${literal(right)})`
      if (!(await ask(may))) throw refusal(does, label(table), right, relation(table))
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

const isOf = (one: TableName, { schema, table }: TableName): boolean =>
  one.schema === schema && one.table === table

const ownsSchema = (schema: string): string =>
  `(SELECT pg_catalog.pg_has_role(nspowner, 'USAGE') FROM pg_catalog.pg_namespace WHERE nspname = ${literal(schema)})`

function refusal(does: string, name: string, right: string | null = null, on = ''): LandfallError {
  return new LandfallError(
    'LF304',
    right === null ? `${does}: the role does not own ${name}` : `${does}: the role lacks ${right} on ${name}`,
    {
      hint:
        right === null
          ? `Run as the owner of ${name}, or as a member of that role. Nothing was changed.`
          : `Somebody who may: GRANT ${right} ON ${on} TO the role. Nothing was changed.`,
      details: { sqlstate: '42501' },
    },
  )
}
