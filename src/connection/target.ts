import { LandfallError } from '../errors.ts'
import { type EmbeddedServer, embeddedStatus } from './embedded.ts'
import { useEmbedded } from './embedded-use.ts'
import { openPostgres, type Session } from './postgres.ts'
import type { Connection, PostgresSettings } from './settings.ts'

/** The database that is filled: how to reach it, and what to do with it at the end. */
export interface Target {
  readonly label: string
  readonly settings: PostgresSettings
  /** Set when the target is the embedded server. */
  readonly embedded: EmbeddedServer | null
  /** `purpose` is seen in `pg_stat_activity`. */
  open(purpose: string): Promise<Session>
  /** Stops the embedded server, unless somebody needs it or wants it to go on. */
  close(keepRunning: boolean): Promise<void>
}

/** Names a server, or starts the embedded one. No connection is opened yet. */
export async function reachTarget(to: Connection | 'embedded', embeddedFolder: string): Promise<Target> {
  const use = to === 'embedded' ? await useEmbedded(embeddedFolder) : null
  const embedded = use?.server ?? null
  const { settings, label } = embedded ?? postgresOnly(to)
  return {
    label,
    settings,
    embedded,
    open: (purpose) => openPostgres(settings, { applicationName: `landfall ${purpose}`, label }),
    async close(keepRunning) {
      await use?.leave(keepRunning)
    },
  }
}

/** The same for verbs that only read: an embedded server that was never made stays unmade. */
export async function reachExistingTarget(
  to: Connection | 'embedded',
  embeddedFolder: string,
): Promise<Target | null> {
  if (to === 'embedded' && embeddedStatus({ folder: embeddedFolder }).state === 'absent') return null
  return await reachTarget(to, embeddedFolder)
}

/**
 * Works with the target and closes it. When the work failed, its error is the one that is thrown: that
 * the server could not be stopped either would hide it.
 */
export async function closing<T>(target: Target, keepRunning: boolean, work: () => Promise<T>): Promise<T> {
  const close = () => target.close(keepRunning)
  const result = await work().catch(async (error: unknown) => {
    await close().catch(() => {})
    throw error
  })
  await close()
  return result
}

function postgresOnly(to: Connection | 'embedded'): { label: string; settings: PostgresSettings } {
  if (to !== 'embedded' && to.engine === 'postgres') return to
  throw new LandfallError('LF003', 'the target must be a PostgreSQL database', {
    hint: '--to postgres://user@host/name, or no --to for an embedded PostgreSQL',
  })
}
