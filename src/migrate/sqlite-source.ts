import type { Catalog } from '../catalog/model.ts'
import { readSqliteCatalog } from '../catalog/sqlite.ts'
import type { ReachedSettings } from '../config/model.ts'
import { sqliteOnly } from '../config/sqlite-to-postgres.ts'
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
