import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { PostgresSnapshot } from '../../src/connection/postgres-snapshot.ts'
import { qualified } from '../../src/connection/quote.ts'
import { type PostgresConnection, parseConnection } from '../../src/connection/url.ts'
import type { Move } from '../../src/plan/model.ts'
import { postgresMove, sameColumn } from '../../src/plan/postgres-move.ts'

export const postgresOf = (url: string): PostgresConnection => {
  const connection = parseConnection(url, { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return connection
}

export const opened = ({ settings }: PostgresConnection, role: 'source' | 'target' = 'target') =>
  openPostgres(settings, { applicationName: 'landfall test', role })

export const snapshotOf = ({ settings, label }: PostgresConnection, size = 2) =>
  PostgresSnapshot.open(settings, { applicationName: 'landfall test', label, role: 'source' }, size)

/** A table of the schema public as it is. */
export async function moveOfTable(session: Session, name: string): Promise<Move> {
  const { tables } = await readPostgresCatalog(session)
  const table = tables.find((one) => one.name === name)!
  return postgresMove({
    source: name,
    relation: `ONLY ${qualified('public', name)}`,
    target: { schema: 'public', name } as Move['target'],
    existing: false,
    key: { kind: 'none', expressions: [], names: [] },
    columns: table.columns
      .filter((column) => column.generated === null)
      .map((column) => sameColumn(column.name, column.declared)),
    format: 'text',
  })
}
