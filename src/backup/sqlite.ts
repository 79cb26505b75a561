import { renameSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { backUp } from '../connection/sqlite-backup.ts'
import { checkFile, openReadOnly } from '../connection/sqlite-open.ts'
import type { BackupReport } from '../contract/report.ts'
import { LandfallError } from '../errors.ts'
import { diskFull, inFolder, keepFile } from './file.ts'
import type { BackupPlace } from './model.ts'
import { word } from './postgres-restore.ts'

const NOTE =
  'Stop what uses the database first. Its write-ahead log, if there is one, belongs to the file that is replaced, and must go with it.'

/**
 * A copy of the database at `path` as it is at one moment, while others may write to it; checked by SQLite.
 *
 * Errors: LF311; LF1xx of the source; LF403 when `tools.signal` was aborted.
 */
export async function backUpSqlite(path: string, place: BackupPlace): Promise<BackupReport> {
  const began = performance.now()
  const kept = await keepFile(place, basename(path), '.db', (file) => copy(path, place, file))
  return {
    of: place.end,
    database: place.label,
    path: kept.path,
    bytes: kept.bytes,
    tables: kept.made,
    seconds: (performance.now() - began) / 1000,
    restore: `rm -f ${word(`${path}-wal`)} ${word(`${path}-shm`)} && cp ${word(kept.path)} ${word(path)}`,
    restoreNote: NOTE,
  }
}

/** Returns how many tables the copy holds. */
async function copy(path: string, place: BackupPlace, file: string): Promise<number> {
  checkFile(path)
  const source = openReadOnly(path)
  try {
    const made = await backUp(source, path, {
      tempFolder: dirname(file),
      onStep: () => place.tools.signal?.throwIfAborted(),
    }).catch((error: unknown) => {
      const full = error instanceof LandfallError && (error.code === 'LF207' || error.details?.sqlite === 13)
      throw full ? diskFull(place.folder) : error
    })
    try {
      const tables = check(made.path, place)
      inFolder(place.folder, () => renameSync(made.path, file))
      return tables
    } finally {
      made.remove()
    }
  } finally {
    source.close()
  }
}

const TABLES =
  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

function check(file: string, { label }: BackupPlace): number {
  const database = openReadOnly(file)
  try {
    const said = database
      .prepare('PRAGMA quick_check(5)')
      .all()
      .map((row) => String(Object.values(row)[0]))
    if (said.length === 1 && said[0] === 'ok') return database.prepare(TABLES).all().length
    throw new LandfallError('LF311', `${label}: the backup is damaged: ${said[0]}`, {
      hint: `The database itself may be: sqlite3 FILE 'pragma quick_check'`,
      details: { quickCheck: said },
    })
  } finally {
    database.close()
  }
}
