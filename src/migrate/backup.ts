import { backups } from '../backup/sqlite-or-postgres.ts'
import type { BackupReport } from '../contract/report.ts'
import type { Plan } from '../plan/model.ts'
import type { Run } from './run.ts'

/**
 * The backups that the settings ask for; of a database that is source and target, one. To be called when a
 * run is certain to begin, before it writes anything. Errors: LF310, LF311, those of connecting, LF403.
 */
export async function backUp(
  { settings, target, tools }: Pick<Run, 'settings' | 'target' | 'tools'>,
  plan: Pick<Plan, 'inPlace'>,
): Promise<readonly BackupReport[]> {
  const { backup } = settings
  return await backups({
    backup: backup && { ...backup, source: backup.source && plan.inPlace !== true },
    migration: settings.name,
    source: settings.from,
    target,
    tools,
  })
}
