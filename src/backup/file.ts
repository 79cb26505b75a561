import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../connection/temporary-folder.ts'
import { LandfallError } from '../errors.ts'
import type { BackupPlace } from './model.ts'

const PROGRESS_MS = 500

export interface Kept<T> {
  /** Absolute. */
  readonly path: string
  readonly bytes: number
  readonly made: T
}

/**
 * Lets `make` write a file, which gets its name in the folder only when it is complete, checked and on
 * the disk: nothing that looks like a backup is less than one. Only this user may read it.
 *
 * Errors: LF311; what `make` throws.
 */
export async function keepFile<T>(
  place: BackupPlace,
  database: string,
  ending: string,
  make: (temporary: string) => Promise<T>,
): Promise<Kept<T>> {
  const { folder, tools } = place
  const working = inFolder(folder, () => {
    makeFolder(folder)
    return temporaryFolder(folder)
  })
  const temporary = join(working, `unfinished${ending}`)
  const telling = setInterval(() => tell(place, working), PROGRESS_MS)
  tell(place, working)
  try {
    tools.signal?.throwIfAborted()
    const made = await make(temporary)
    tools.signal?.throwIfAborted()
    return inFolder(folder, () => {
      toDisk(temporary)
      const path = freeName(place, database, ending)
      renameSync(temporary, path)
      toDisk(folder)
      return { path, bytes: statSync(path).size, made }
    })
  } finally {
    clearInterval(telling)
    rmSync(working, { recursive: true, force: true })
  }
}

/** Runs `work` on files of the folder; what the system says against it becomes an LF311. */
export function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) throw error
    if (error.code === 'ENOSPC' || error.code === 'EDQUOT') throw diskFull(folder)
    throw new LandfallError('LF311', `the backup cannot be written into ${folder} (${error.code})`, {
      hint: 'It must be a folder that this user may write, or one that can be made.\n--backup FOLDER   another one',
      details: { folder, code: error.code },
    })
  }
}

export function diskFull(folder: string): LandfallError {
  return new LandfallError('LF311', `there is no room for the backup in ${folder}`, {
    hint: 'Free some room; what was written of the backup is removed.\n--backup FOLDER   on another disk',
    details: { folder, code: 'ENOSPC' },
  })
}

/** A new folder tells Git to leave it alone: it lies in the user's project, as a rule. */
function makeFolder(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (made !== undefined) writeFileSync(join(folder, '.gitignore'), '*\n', { mode: 0o600 })
}

function toDisk(path: string): void {
  // Windows has no handles of folders.
  if (process.platform === 'win32') return
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** `<migration>-<end>-<database>-<UTC time>`; never the name of another backup. */
function freeName({ folder, migration, end }: BackupPlace, database: string, ending: string): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const name = [plain(migration), end, plain(database), time].join('-')
  for (let n = 1; ; n++) {
    const path = join(folder, `${name}${n === 1 ? '' : `-${n}`}${ending}`)
    if (!existsSync(path)) return path
  }
}

/** Names come from anywhere; a file's name is at most 255 bytes long, and its parts must be no paths. */
function plain(name: string): string {
  return name.replaceAll(/[^\w.-]/g, '_').slice(0, 80)
}

function tell({ end, label, tools }: BackupPlace, working: string): void {
  const bytes = sizeOf(working)
  const size = bytes === 0 ? '' : `, ${(bytes / 1e6).toFixed(1)} MB`
  tools.progress?.({ kind: 'phase', phase: 'backup', detail: `${end} ${label}${size}` })
}

/** Bytes of all files in a folder; 0 when they go away meanwhile. */
function sizeOf(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const stats = files.map((file) => statSync(join(folder, file)))
    return stats.reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0)
  } catch {
    return 0
  }
}
