import type { ReachedSettings } from '../config/model.ts'
import type { Tools } from '../contract/tools.ts'
import type { RunRecord } from '../journal/model.ts'
import { postgresSource, withSource } from './postgres.ts'
import { postgresWork } from './postgres-run.ts'
import type { Work } from './run.ts'
import { sqliteWork } from './sqlite-run.ts'
import { openSourceOf, stoppable } from './sqlite-source.ts'

/** Given what moves the rows of the source, whatever engine that is. */
export type UseWork<T> = <B extends { readonly kind: 'run'; readonly run: RunRecord }>(
  work: Work<B>,
) => Promise<T>

/** Opens the source, and closes it when `use` has done with it. An interruption stops what only reads it at once. */
export async function withWork<T>(settings: ReachedSettings, tools: Tools, use: UseWork<T>): Promise<T> {
  const postgres = postgresSource(settings.from)
  if (postgres !== null) return await withSource(postgres, settings, tools, (from) => use(postgresWork(from)))
  const from = await openSourceOf(settings, tools)
  try {
    return await stoppable(
      () => from,
      tools,
      () => use(sqliteWork(from)),
    )
  } finally {
    await from.source.close()
  }
}
