import { execFile } from 'node:child_process'
import { chmodSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { backup, type DatabaseSync } from 'node:sqlite'
import { LandfallError } from '../errors.ts'
import { sourceError } from './sqlite-error.ts'
import { fileFingerprint, lastingFingerprint, settle } from './sqlite-fingerprint.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Pages for each step; between steps other programs may write. */
const PAGES_PER_STEP = 2_000
/** How long writers may be kept waiting for a quick copy, in milliseconds. */
const HOLD_WRITERS = 1_000
/** How often a writer may spoil the backup before it has to wait for one. */
const POLITE_TRIES = 3

export interface Backup {
  /** The private copy. */
  readonly path: string
  /** Of the source at the moment that the copy shows. */
  readonly fingerprint: string
  /** True when writers had to wait while the copy was made. */
  readonly held: boolean
  /** Removes the copy. */
  remove(): void
}

class SourceChanged extends Error {}

/**
 * Copies the source in `path`, open as `source`, into a file that only this user can read. Writers
 * go on between the steps; if they keep spoiling the copy, the last try keeps them out until it is
 * done, which takes about as long as reading the file.
 */
export async function backUp(
  source: DatabaseSync,
  path: string,
  {
    tempFolder = tmpdir(),
    holdWriters = HOLD_WRITERS,
    onStep = () => {},
  }: {
    tempFolder?: string
    holdWriters?: number
    /** Called between the steps; an error that it throws ends the copying. */
    onStep?: () => void
  },
): Promise<Backup> {
  const folder = temporaryFolder(tempFolder)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    checkSpace(source, path, tempFolder)
    const copy = join(folder, 'source.db')
    const quick = await copyQuickly(source, path, copy, holdWriters)
    if (quick !== null) return { path: copy, fingerprint: quick, held: false, remove }
    for (let tries = 1; ; tries += 1) {
      writeFileSync(copy, '', { mode: 0o600 })
      const held = tries > POLITE_TRIES
      const fingerprint = await tryBackUp(source, path, copy, held, onStep)
      if (fingerprint !== null) return { path: copy, fingerprint, held, remove }
      rmSync(copy)
    }
  } catch (error) {
    remove()
    throw sourceError(error, path)
  }
}

/**
 * Copies the file itself while a read transaction keeps commits out, which is several times faster
 * than a backup page by page. Null, with nothing left behind, when it would keep writers waiting for
 * longer than `limit` milliseconds, or when part of the content is in a write-ahead log.
 */
async function copyQuickly(
  source: DatabaseSync,
  path: string,
  copy: string,
  limit: number,
): Promise<string | null> {
  if (limit <= 0 || source.prepare('PRAGMA journal_mode').get()?.journal_mode === 'wal') return null
  await settle(path)
  source.exec('BEGIN')
  try {
    source.prepare('SELECT count(*) FROM sqlite_schema').get()
    const copied = await copyFile(path, copy, limit)
    if (!copied) {
      rmSync(copy, { force: true })
      return null
    }
    chmodSync(copy, 0o600)
    return lastingFingerprint(path)
  } finally {
    source.exec('ROLLBACK')
  }
}

const COPY_PROGRAM =
  "process.umask(0o077); require('node:fs').copyFileSync(process.argv[1], process.argv[2], 2)"

/**
 * In a process of its own: closing a descriptor of the source here would drop every lock that this
 * process has on the file, those of the application's own connections among them.
 */
function copyFile(from: string, to: string, limit: number): Promise<boolean> {
  const options = { timeout: limit, killSignal: 'SIGKILL' } as const
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', COPY_PROGRAM, from, to], options, (error) => resolve(error === null))
  })
}

/** Null when the source changed meanwhile; then the copy may show another moment than the stamps. */
async function tryBackUp(
  source: DatabaseSync,
  path: string,
  copy: string,
  held: boolean,
  onStep: () => void,
): Promise<string | null> {
  await settle(path)
  // A read transaction keeps every commit out: the steps then copy one moment, without restarts.
  if (held) source.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
  try {
    const before = fileFingerprint(path)
    await backup(source, copy, {
      rate: PAGES_PER_STEP,
      progress: () => {
        onStep()
        if (!held && fileFingerprint(path) !== before) throw new SourceChanged()
      },
    })
    const after = lastingFingerprint(path)
    return held || after === before ? after : null
  } catch (error) {
    if (error instanceof SourceChanged) return null
    throw error
  } finally {
    if (held) source.exec('ROLLBACK')
  }
}

function checkSpace(source: DatabaseSync, path: string, folder: string): void {
  const pragma = (name: string) => Number(source.prepare(`PRAGMA ${name}`).get()?.[name])
  const needed = pragma('page_count') * pragma('page_size') * 1.02
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= needed) return
  throw new LandfallError('LF207', `${folder} has no room for a copy of ${basename(path)}`, {
    hint: `The copy needs ${megabytes(needed)}, ${megabytes(bavail * bsize)} are free.\nSet TMPDIR to a folder with more room.`,
    details: { neededBytes: Math.ceil(needed), freeBytes: bavail * bsize },
  })
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`
}
