import type { Tools } from '../contract/tools.ts'

/** Where a backup goes, and what it is of. */
export interface BackupPlace {
  /** Absolute; made, for this user alone, when it is not there. */
  readonly folder: string
  /** The migration's name. */
  readonly migration: string
  readonly end: 'source' | 'target'
  /** What may be shown of the database: no secret. */
  readonly label: string
  readonly tools: Tools
}
