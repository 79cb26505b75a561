import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { LandfallError } from '../errors.ts'
import { passwordFromFile } from './pgpass.ts'
import { guardSettings, type PostgresSettings, SSL_MODES, type SslMode } from './settings.ts'

/** Keys and values in the order they were written. */
export type Parameters = readonly (readonly [key: string, value: string])[]

/** What a setting is called in the environment; a parameter of the connection string comes first. */
const VARIABLES: Readonly<Record<string, string | null>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: null,
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
  options: 'PGOPTIONS',
}

const ALIASES: Readonly<Record<string, string>> = { database: 'dbname', username: 'user', ssl: 'sslmode' }

/** Demands that Landfall cannot keep; with any other value they ask for nothing that matters here. */
const DEMANDS: Readonly<Record<string, readonly string[]>> = {
  channel_binding: ['require'],
  gssencmode: ['require'],
  sslcertmode: ['require'],
  sslnegotiation: ['direct'],
  target_session_attrs: ['read-only', 'standby', 'prefer-standby'],
}

/** They tune libpq or another driver and change nothing about where the rows go. */
const HARMLESS = new Set([
  'client_encoding',
  'fallback_application_name',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'sslsni',
  'sslcompression',
  'krbsrvname',
  'load_balance_hosts',
  'gssdelegation',
  'connection_limit',
  'pool_timeout',
  'pool_size',
  'socket_timeout',
  'pgbouncer',
  'statement_cache_size',
  'prepared_statement_cache_size',
])

/** Parameters, then the environment, then libpq's defaults. What the user should know goes to `notes`. */
export function settingsFrom(
  parameters: Parameters,
  env: Readonly<Record<string, string | undefined>>,
  notes: string[],
): PostgresSettings {
  const given = collect(parameters, notes)
  const value = (key: string): string | null => {
    const variable = VARIABLES[key]
    return given.get(key) ?? ((variable ? env[variable] : undefined) || null)
  }
  const home = env.HOME || homedir()
  const inHome = (name: string): string | null => {
    const path = join(home, '.postgresql', name)
    return existsSync(path) ? path : null
  }
  const port = wholeNumber('port', value('port') ?? '5432', 1, 65_535)
  const host = value('host') ?? value('hostaddr') ?? defaultHost(port)
  for (const text of [host, value('hostaddr') ?? '', value('port') ?? ''])
    if (text.includes(',') && !text.startsWith('/'))
      throw new LandfallError('LF003', 'The connection string names several hosts.', {
        hint: 'A migration needs one certain server: name the primary alone.',
      })
  const user = value('user') ?? userInfo().username
  const database = value('dbname') ?? user
  const sslrootcert = value('sslrootcert')
  const sslmode = readSslMode(value('sslmode') ?? (sslrootcert === 'system' ? 'verify-full' : 'prefer'))
  if (sslrootcert === 'system' && sslmode !== 'verify-full')
    throw new LandfallError('LF003', 'sslrootcert=system needs sslmode=verify-full.', {
      hint: 'Anybody can get a certificate from a public authority, so the name must be checked too.',
    })
  const passfile = value('passfile') ?? join(home, '.pgpass')
  const password = value('password') ?? passwordFromFile(passfile, { host, port, database, user }, notes)
  return guardSettings({
    host,
    hostaddr: value('hostaddr'),
    port,
    database,
    user,
    password,
    sslmode,
    sslrootcert: sslrootcert ?? inHome('root.crt'),
    sslcert: value('sslcert') ?? inHome('postgresql.crt'),
    sslkey: value('sslkey') ?? inHome('postgresql.key'),
    sslpassword: value('sslpassword'),
    connectTimeout: wholeNumber('connect_timeout', value('connect_timeout') ?? '10', 0, 86_400),
    applicationName: value('application_name'),
    options: value('options'),
  })
}

function collect(parameters: Parameters, notes: string[]): Map<string, string> {
  const given = new Map<string, string>()
  // A name that comes after a password may be a piece of it that was not encoded, so it is not repeated.
  let afterSecret = false
  for (const [written, value] of parameters) {
    const key = ALIASES[written] ?? written
    if (Object.hasOwn(VARIABLES, key)) {
      given.set(key, written === 'ssl' ? jdbcSsl(value) : value)
      afterSecret ||= key.includes('password')
    } else if (written === 'schema') {
      notes.push('schema=… in the connection string is not used; name the schema with --target-schema')
    } else if (DEMANDS[key]?.includes(value)) {
      throw new LandfallError(
        'LF003',
        `Landfall cannot keep ${key}=${value}, which the connection string asks for.`,
        {
          hint: 'Leave it out, or use sslmode=verify-full for a connection that is protected and checked.',
        },
      )
    } else if (!HARMLESS.has(key) && !Object.hasOwn(DEMANDS, key)) {
      const name = afterSecret || !/^\w{1,40}$/.test(key) ? 'a parameter' : `the parameter ${key}`
      throw new LandfallError('LF003', `The connection string holds ${name} that Landfall does not know.`, {
        hint: `Known are ${Object.keys(VARIABLES).join(', ')}.`,
      })
    }
  }
  return given
}

/** `ssl=true` of JDBC, `ssl=require` of asyncpg. */
function jdbcSsl(value: string): string {
  return value === 'true' || value === '1'
    ? 'require'
    : value === 'false' || value === '0'
      ? 'disable'
      : value
}

function readSslMode(text: string): SslMode {
  const mode = SSL_MODES.find((known) => known === text)
  if (mode === undefined)
    throw new LandfallError('LF003', 'The value of sslmode is not one that PostgreSQL knows.', {
      hint: `Write one of ${SSL_MODES.join(', ')}.`,
    })
  return mode
}

function wholeNumber(key: string, text: string, least: number, most: number): number {
  const number = /^-?\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  // libpq takes a negative or zero time-out as "wait for ever".
  if (key === 'connect_timeout' && number <= 0) return 0
  if (number >= least && number <= most) return number
  throw new LandfallError('LF003', `The value of ${key} is not a whole number from ${least} to ${most}.`)
}

/** libpq tries the socket folder it was built with; packages use these. Without a socket: TCP. */
function defaultHost(port: number): string {
  const folders = process.platform === 'win32' ? [] : ['/run/postgresql', '/var/run/postgresql', '/tmp']
  return folders.find((folder) => existsSync(join(folder, `.s.PGSQL.${port}`))) ?? 'localhost'
}
