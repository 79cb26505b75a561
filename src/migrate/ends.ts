import type { Catalog } from '../catalog/model.ts'
import { readPostgresCatalog } from '../catalog/postgres.ts'
import { readSqliteCatalog } from '../catalog/sqlite.ts'
import type { ReachedSettings, Settings } from '../config/model.ts'
import { sqliteOnly } from '../config/sqlite-to-postgres.ts'
import type { Session } from '../connection/postgres.ts'
import { nameParts } from '../connection/quote.ts'
import { openSource, type SqliteSource } from '../connection/sqlite-source.ts'
import type { Tools } from '../contract/tools.ts'

/** The source in its snapshot, with its catalog. */
export interface OpenSource {
  readonly source: SqliteSource
  readonly catalog: Catalog
  readonly label: string
}

/** Errors: LF1xx; LF001 for a source that cannot be moved. */
export async function openSourceOf(settings: ReachedSettings, tools: Tools): Promise<OpenSource> {
  const from = sqliteOnly(settings.from)
  tools.progress?.({ kind: 'phase', phase: 'snapshot', detail: from.label })
  const source = await openSource(from.path, { snapshot: settings.snapshot, readers: settings.jobs })
  try {
    return { source, catalog: readSqliteCatalog(source.database, source.path), label: from.label }
  } catch (error) {
    await source.close()
    throw error
  }
}

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

/** While only the source is read, an interruption stops that at once. `from`: the source that is open by then. */
export async function stoppable<T>(
  from: () => OpenSource,
  { signal }: Tools,
  work: () => Promise<T>,
): Promise<T> {
  const stop = () => from().source.abort()
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  try {
    return await work()
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
