import { openPostgres, type Session } from '../connection/postgres.ts'
import type { PostgresSettings } from '../connection/settings.ts'
import type { JobContext } from '../connection/sqlite-source.ts'

interface Target {
  readonly postgres: PostgresSettings
  readonly label: string
  readonly applicationName: string
}

/** One connection for each reader thread, kept from chunk to chunk. */
let kept: { readonly to: string; readonly session: Session } | null = null

/** Opens the thread's connection, or gives the one that is open to the same target. */
export async function targetSession(context: JobContext, target: Target): Promise<Session> {
  const to = JSON.stringify([target.postgres, target.applicationName])
  if (kept?.to === to) return kept.session
  await kept?.session.close()
  kept = null
  const session = await openPostgres(target.postgres, {
    applicationName: target.applicationName,
    label: target.label,
  })
  kept = { to, session }
  session.onLost(() => {
    if (kept?.session === session) kept = null
  })
  context.onClose(() => session.close())
  return session
}
