import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import type { Settings } from '../config/model.ts'
import type { Session } from '../connection/postgres.ts'
import { nameParts } from '../connection/quote.ts'

/** The target's catalog in its schema, without the tables that the migration made itself. */
export async function targetCatalog(
  session: Session,
  settings: Settings,
  made: readonly { readonly schema: string; readonly name: string }[],
): Promise<Catalog> {
  const catalog = await readPostgresCatalog(session, { schemas: [settings.targetSchema] })
  const isMade = (schema: string, name: string | undefined) =>
    made.some((table) => table.schema === schema && table.name === name)
  return {
    ...catalog,
    tables: catalog.tables.filter((table) => !isMade(table.schema, table.name)),
    others: catalog.others.filter((other) => {
      const [schema, name] = nameParts(other.table ?? '')
      return schema === undefined || !isMade(schema, name)
    }),
  }
}

/** A target that does not exist yet holds nothing. */
export const EMPTY_TARGET: Catalog = {
  engine: 'postgres',
  version: '',
  encoding: 'UTF8',
  tables: [],
  others: [],
}
