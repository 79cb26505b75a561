import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { SchemaLoss, SchemaStatement } from '../contract/schema.ts'
import { objectName } from './checks.ts'
import { relation } from './postgres-sql.ts'
import type { UndoPlan } from './postgres-undo.ts'

/** The data that goes: each table is read once. */
export async function losses(session: Session, { going }: UndoPlan): Promise<readonly SchemaLoss[]> {
  const found: SchemaLoss[] = []
  for (const object of going) {
    const table = relation(object)
    if (object.kind === 'table') {
      const { rows } = await session.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)
      found.push({ object, rows: Number(rows[0]!.n), changed: null })
      continue
    }
    const { rows: defaults } = await session.query<{ sql: string | null }>(
      `SELECT pg_get_expr(d.adbin, d.adrelid) AS sql FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = $1::regclass AND a.attname = $2`,
      [table, object.name],
    )
    const column = `${ident(object.name)}::text`
    const value = defaults[0]?.sql
    const other = value == null ? '' : `::text IS DISTINCT FROM (${value})::text AND ${ident(object.name)}`
    const { rows } = await session.query<{ n: string; changed: string }>(
      `SELECT count(${column}) AS n, count(*) FILTER (WHERE ${ident(object.name)}${other} IS NOT NULL) AS changed FROM ${table}`,
    )
    found.push({ object, rows: Number(rows[0]!.n), changed: Number(rows[0]!.changed) })
  }
  return found
}

export function undoQuestion(
  target: string,
  plan: { readonly losses: readonly SchemaLoss[]; readonly statements: readonly SchemaStatement[] },
): string {
  return [
    `In ${target}, these go:`,
    ...plan.statements.map(({ does }) => `  ${does}`),
    ...(plan.losses.length === 0 ? [] : ['with this data:']),
    ...plan.losses.map((loss) => `  ${lossText(loss)}`),
    'Drop them?',
  ].join('\n')
}

export function lossText({ object, rows, changed }: SchemaLoss): string {
  const count = `${rows} ${rows === 1 ? 'row' : 'rows'}`
  if (object.kind === 'table') return `${objectName(object)}: ${count}`
  return `${objectName(object)}: ${count} with a value, ${changed ?? 0} of them other than the default`
}
