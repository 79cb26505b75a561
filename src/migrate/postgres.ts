import type { Settings } from '../config/model.ts'
import type { Connection, PostgresConnection } from '../connection/settings.ts'
import { closing, reachExistingTarget } from '../connection/target.ts'
import type { Tools } from '../contract/tools.ts'
import { findRun, readPlan } from '../journal/journal.ts'
import { journalState } from '../journal/schema.ts'
import { isMappedPlan, type Plan } from '../plan/model.ts'
import { planPostgres } from './postgres-plan.ts'
import { openPostgresSource, type PostgresSource } from './postgres-source.ts'

/** The source where it is a PostgreSQL database, else null. */
export function postgresSource(from: Connection): PostgresConnection | null {
  return from.engine === 'postgres' ? from : null
}

/** `plan` of a PostgreSQL source. */
export async function planOfPostgres(
  connection: PostgresConnection,
  settings: Settings,
  tools: Tools,
): Promise<Plan> {
  return await withSource(connection, settings, tools, async (from) => {
    const target = await reachExistingTarget(settings.to, settings.embeddedFolder)
    const asked = { settings, tools, from }
    if (target === null) {
      const targetLabel = `embedded PostgreSQL in ${settings.embeddedFolder}`
      return (await planPostgres({ ...asked, session: null, targetLabel }, null)).plan
    }
    return await closing(target, settings.keepRunning, async () => {
      const session = await target.open('plan')
      try {
        const known = (await journalState(session)) === 'present'
        const run = known ? await findRun(session, settings.name) : null
        const before = run === null ? null : await readPlan(session, run.id)
        // The tables of a copy that has begun are there because of it.
        if (before !== null && !isMappedPlan(before)) return before
        return (await planPostgres({ ...asked, session, targetLabel: target.label }, run)).plan
      } finally {
        await session.close()
      }
    })
  })
}

/** While only the source is read, an interruption stops that at once. */
export async function withSource<T>(
  connection: PostgresConnection,
  settings: Settings,
  tools: Tools,
  work: (from: PostgresSource) => Promise<T>,
): Promise<T> {
  const from = await openPostgresSource(connection, settings, tools)
  const stop = (): void => void from.snapshot.abort()
  tools.signal?.addEventListener('abort', stop)
  if (tools.signal?.aborted) stop()
  try {
    return await work(from)
  } finally {
    tools.signal?.removeEventListener('abort', stop)
    await from.snapshot.close()
  }
}
