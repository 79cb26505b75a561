import type { Connection } from '../connection/settings.ts'
import type { Target } from '../connection/target.ts'
import type { BackupReport } from '../contract/report.ts'
import type { Tools } from '../contract/tools.ts'
import { backUpPostgres } from './postgres.ts'
import { backUpSqlite } from './sqlite.ts'

export interface BackupOptions {
  /** Of the settings: where it goes, and whether the source is backed up, too; null: nothing is. */
  readonly backup: { readonly folder: string; readonly source: boolean } | null
  readonly migration: string
  readonly source: Connection
  readonly target: Target
  readonly tools: Tools
}

/** The backups that were asked for, each made and checked before the next. Errors: those of making one. */
export async function backups(options: BackupOptions): Promise<readonly BackupReport[]> {
  const { backup, migration, source, target, tools } = options
  if (backup === null) return []
  const { folder } = backup
  const told = (made: BackupReport): BackupReport => {
    // Said at once, for a run that is interrupted afterwards has no report.
    tools.progress?.({ kind: 'note', text: `backup of the ${made.of}: ${made.path}` })
    return made
  }
  const first = told(
    await backUpPostgres(
      target.settings,
      { folder, migration, end: 'target', label: target.label, tools },
      { embedded: target.embedded !== null },
    ),
  )
  if (!backup.source) return [first]
  const place = { folder, migration, end: 'source', label: source.label, tools } as const
  const second =
    source.engine === 'sqlite'
      ? await backUpSqlite(source.path, place)
      : await backUpPostgres(source.settings, place)
  return [first, told(second)]
}
