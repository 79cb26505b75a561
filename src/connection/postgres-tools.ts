import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { LandfallError } from '../errors.ts'

/** `pg_dump` and `pg_restore` of one release, side by side. */
export interface PostgresTools {
  readonly dump: string
  readonly restore: string
  /** E.g. `18.4`. */
  readonly version: string
  readonly major: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** Names the folder in which they are, and no other is looked at. */
const TOLD = 'LANDFALL_PG_BIN'

/** Where packages and installers put the programs of each release; `*` is any one name. */
const PLACES: readonly string[] = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/usr/local/pgsql/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/opt/homebrew/opt/libpq/bin',
  '/usr/local/opt/postgresql@*/bin',
  '/usr/local/opt/libpq/bin',
  '/Applications/Postgres.app/Contents/Versions/*/bin',
  'C:/Program Files/PostgreSQL/*/bin',
]

/**
 * The programs for a server of this version (as `server_version_num`): of the same release, or else of the
 * next later one that is installed, for `pg_dump` refuses servers that are newer than itself. Errors: LF310.
 */
export function findPostgresTools(serverVersion: number, env: Environment = process.env): PostgresTools {
  const wanted = Math.trunc(serverVersion / 10_000)
  const installed = installedTools(env)
  const right = toolsFor(wanted, installed)
  if (right !== null) return right
  const found = installed.map(({ version }) => version)
  throw new LandfallError(
    'LF310',
    found.length === 0
      ? `pg_dump and pg_restore of PostgreSQL ${wanted} or later are needed, and none were found.`
      : `pg_dump and pg_restore of PostgreSQL ${wanted} or later are needed; found: ${found.join(', ')}.`,
    {
      hint: [
        `Install PostgreSQL's client programs of version ${wanted} (on Debian: apt install postgresql-client-${wanted})`,
        `or name the folder that they are in: ${TOLD}=/path/to/bin`,
      ].join('\n'),
      details: { wanted, found },
    },
  )
}

/** The same for where it goes on without them. */
export function lookForPostgresTools(
  serverVersion: number,
  env: Environment = process.env,
): PostgresTools | null {
  return toolsFor(Math.trunc(serverVersion / 10_000), installedTools(env))
}

function toolsFor(major: number, installed: readonly PostgresTools[]): PostgresTools | null {
  return installed.filter((tools) => tools.major >= major).sort((a, b) => a.major - b.major)[0] ?? null
}

/** One of each release; what is on the PATH comes first. */
function installedTools(env: Environment): readonly PostgresTools[] {
  const told = env[TOLD]
  const folders = told ? [told] : [...(env.PATH ?? '').split(delimiter), ...PLACES.flatMap(expanded)]
  const found = new Map<string, PostgresTools>()
  for (const folder of new Set(folders.filter((one) => one !== ''))) {
    const tools = toolsIn(folder)
    if (tools !== null && !found.has(tools.version)) found.set(tools.version, tools)
  }
  return [...found.values()]
}

function toolsIn(folder: string): PostgresTools | null {
  const ending = process.platform === 'win32' ? '.exe' : ''
  const dump = join(folder, `pg_dump${ending}`)
  const restore = join(folder, `pg_restore${ending}`)
  if (!existsSync(dump) || !existsSync(restore)) return null
  try {
    // Debian's wrapper chooses a release by its own rules; the programs that it chooses from are known.
    if (basename(realpathSync(dump)) === 'pg_wrapper') return null
    const shown = execFileSync(dump, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const version = /(\d+)(?:\.\d+|\w+)?/.exec(shown)
    return version && { dump, restore, version: version[0], major: Number(version[1]) }
  } catch {
    // It cannot be run here, so it is not there.
    return null
  }
}

function expanded(place: string): string[] {
  const star = place.indexOf('*')
  if (star < 0) return [place]
  const start = place.lastIndexOf('/', star) + 1
  const end = place.indexOf('/', star)
  const before = place.slice(start, star)
  const parent = place.slice(0, start)
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter((name) => name.startsWith(before))
    .sort()
    .map((name) => `${parent}${name}${place.slice(end)}`)
}
