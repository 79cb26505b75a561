import { openPostgres, type Session } from '../connection/postgres.ts'
import type { PostgresSettings } from '../connection/settings.ts'
import type { JobContext } from '../connection/sqlite-source.ts'

interface Target {
  readonly postgres: PostgresSettings
  readonly label: string
  readonly applicationName: string
}

/** The connections of each reader thread, kept from job to job; one for each name. */
const kept = new Map<string, Session>()

/** Opens the thread's connection of that name, or gives the one that is open to the same target. */
export async function targetSession(context: JobContext, target: Target): Promise<Session> {
  const to = JSON.stringify([target.postgres, target.applicationName])
  const open = kept.get(to)
  if (open !== undefined) return open
  const session = await openPostgres(target.postgres, {
    applicationName: target.applicationName,
    label: target.label,
  })
  kept.set(to, session)
  session.onLost(() => {
    if (kept.get(to) === session) kept.delete(to)
  })
  context.onClose(() => session.close())
  return session
}
