import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { LandfallError } from '../errors.ts'
import { type Binaries, program } from './embedded-binaries.ts'

/** Whom the server runs as; null when that is the user we run as already. */
export type ServerUser = { readonly uid: number; readonly gid: number } | null

/** Where an embedded server lives, and as whom. */
export interface Home {
  /** Ours. Holds the rest, the password and the log. */
  readonly folder: string
  readonly data: string
  readonly password: string
  readonly log: string
  readonly user: ServerUser
  readonly binaries: Binaries
  readonly notes: readonly string[]
}

/** Used by root when the server's user cannot get to the folder or to the programs. */
const SHARED = '/var/lib/landfall'

/**
 * PostgreSQL refuses to run as root, so root's server runs as `postgres` or `nobody`. What that user
 * cannot reach (all that is below /root, as a rule) lives in /var/lib/landfall instead.
 */
export function prepareHome(landfallFolder: string, installed: Binaries): Home {
  const user = process.getuid?.() === 0 ? ordinaryUser() : null
  const notes: string[] = []
  let folder = join(resolve(landfallFolder), 'postgres')
  let binaries = installed
  if (user === null) mkdirSync(folder, { recursive: true, mode: 0o700 })
  else {
    // A data folder lies where the first start put it, whatever may be reached today.
    const elsewhere = join(SHARED, digest(folder))
    if (existsSync(join(elsewhere, 'data')) || !reaches(user, '-x', landfallFolder)) {
      folder = elsewhere
      notes.push(
        `the server runs as an ordinary user who cannot reach ${landfallFolder}; its data is in ${folder}`,
      )
    }
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o711)
    if (
      !reaches(user, '-x', program(installed, 'postgres')) ||
      !reaches(user, '-r', join(installed.folder, 'share'))
    ) {
      binaries = { ...installed, folder: copyOf(installed) }
      notes.push(`the server’s programs were copied to ${binaries.folder}, where its user can reach them`)
    }
  }
  const at = (name: string): string => join(folder, name)
  return { folder, data: at('data'), password: at('password'), log: at('server.log'), user, binaries, notes }
}

/** The same places without making anything; the data may be in either. */
export function findHome(landfallFolder: string): string {
  const folder = join(resolve(landfallFolder), 'postgres')
  const elsewhere = join(SHARED, digest(folder))
  return process.getuid?.() === 0 && existsSync(join(elsewhere, 'data')) ? elsewhere : folder
}

/** Makes a folder that only the server's user (and root) may enter. */
export function makePrivate(path: string, user: ServerUser): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  if (user) chownSync(path, user.uid, user.gid)
}

/**
 * The folder of the server's socket. The system allows a socket's path 107 bytes (103 on macOS), so a
 * home that lies deep has it in the folder for temporary files.
 */
export function socketFolder(home: Home): string {
  const near = join(home.folder, 'run')
  if (Buffer.byteLength(`${near}/.s.PGSQL.65535`) <= 103) {
    makePrivate(near, home.user)
    return near
  }
  const far = join(tmpdir(), `landfall-${digest(home.folder)}`)
  const found = lstatSync(far, { throwIfNoEntry: false })
  const owner = home.user?.uid ?? process.getuid?.()
  // Anybody may make folders there: one that is not ours could hand our password to somebody else.
  if (found && (!found.isDirectory() || found.uid !== owner))
    throw new LandfallError(
      'LF307',
      `${far} belongs to somebody else, and the server needs it for its socket.`,
    )
  makePrivate(far, home.user)
  return far
}

function ordinaryUser(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // No such user: the next one.
    }
  }
  return { uid: 65_534, gid: 65_534 }
}

/** Whether the user may read (`-r`) or enter, or run (`-x`) what is there. */
function reaches(user: { uid: number; gid: number }, flag: '-x' | '-r', path: string): boolean {
  return spawnSync('test', [flag, path], { ...user, cwd: '/', stdio: 'ignore' }).status === 0
}

function copyOf(binaries: Binaries): string {
  const target = join(SHARED, `postgresql-${binaries.version}`)
  if (existsSync(target)) return target
  mkdirSync(SHARED, { recursive: true })
  const half = `${target}.${process.pid}`
  cpSync(binaries.folder, half, { recursive: true, verbatimSymlinks: true })
  // A copy takes the rights over, which may be root's alone.
  execFileSync('chmod', ['-R', 'a+rX', half])
  try {
    renameSync(half, target)
  } catch (error) {
    // Another process was quicker, and its copy is as good.
    rmSync(half, { recursive: true })
    if (!existsSync(target)) throw error
  }
  return target
}

function digest(path: string): string {
  return `${basename(resolve(path, '..', '..'))
    .replace(/[^\w-]/g, '_')
    .slice(0, 20)}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`
}
