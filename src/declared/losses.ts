import type { Session } from '../connection/postgres.ts'
import { ident } from '../connection/quote.ts'
import type { SchemaLoss, SchemaStatement } from '../contract/schema.ts'
import { objectName } from './checks.ts'
import { constantOf } from './postgres-constant.ts'
import { relation } from './postgres-sql.ts'
import type { UndoPlan } from './postgres-undo.ts'

/** The data that goes: each table is read once, for each column of it. Nothing is written, also by no default. */
export async function losses(session: Session, { going }: UndoPlan): Promise<readonly SchemaLoss[]> {
  return await session.transaction(async () => {
    await session.query('SET TRANSACTION READ ONLY')
    return await counted(session, going)
  })
}

async function counted(session: Session, going: UndoPlan['going']): Promise<readonly SchemaLoss[]> {
  const found: SchemaLoss[] = []
  for (const object of going) {
    const table = relation(object)
    if (object.kind === 'table') {
      const { rows } = await session.query<{ n: string }>(`SELECT pg_catalog.count(*) AS n FROM ${table}`)
      found.push({ object, rows: Number(rows[0]!.n), changed: null })
      continue
    }
    const { rows: defaults } = await session.query<{ sql: string | null }>(
      `SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS sql FROM pg_catalog.pg_attribute a
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = $1::regclass AND a.attname = $2`,
      [table, object.name],
    )
    const column = ident(object.name)
    const value = defaults[0]?.sql ?? null
    const constant = value === null ? null : await constantOf(session, value)
    const other = constant === null ? '' : `${column}::text IS DISTINCT FROM (${constant})::text AND `
    const { rows } = await session.query<{ n: string; changed: string }>(
      `SELECT pg_catalog.count(${column}) AS n, pg_catalog.count(*) FILTER (WHERE ${other}${column} IS NOT NULL) AS changed FROM ${table}`,
    )
    const changed = value !== null && constant === null ? null : Number(rows[0]!.changed)
    found.push({ object, rows: Number(rows[0]!.n), changed })
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
  const other =
    changed === null
      ? 'how many of them are other than the default is not known'
      : `${changed} of them other than the default`
  return `${objectName(object)}: ${count} with a value, ${other}`
}
