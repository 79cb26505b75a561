import { inspect } from 'node:util'

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

/**
 * Where a PostgreSQL server is and how to log in: what libpq knows under the same names. It holds the
 * secrets, so it goes only to `openPostgres` and to worker threads (it is plain data and survives
 * `structuredClone`), never to output. `guardSettings` makes printing it harmless.
 */
export interface PostgresSettings {
  /** A name, an address, or the folder of a Unix socket (begins with `/`). */
  readonly host: string
  /** The address to connect to when `host` only names the certificate. */
  readonly hostaddr: string | null
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string | null
  readonly sslmode: SslMode
  /** A file, or `system` for the authorities that Node.js trusts. */
  readonly sslrootcert: string | null
  readonly sslcert: string | null
  readonly sslkey: string | null
  readonly sslpassword: string | null
  /** Seconds; 0 waits for ever. */
  readonly connectTimeout: number
  readonly applicationName: string | null
  /** Command-line options for the server, e.g. `-c role=loader`. */
  readonly options: string | null
}

export type Connection = SqliteConnection | PostgresConnection

export interface SqliteConnection {
  readonly engine: 'sqlite'
  /** Absolute. */
  readonly path: string
  /** What may be shown: `sqlite:` and the path as the user wrote it, without parameters. */
  readonly label: string
  /** What the user should know about how the text was read. */
  readonly notes: readonly string[]
}

export interface PostgresConnection {
  readonly engine: 'postgres'
  /** What may be shown: `postgres://user@host:port/database`. */
  readonly label: string
  readonly settings: PostgresSettings
  readonly notes: readonly string[]
}

/**
 * Makes `JSON.stringify` and `util.inspect` of the settings hide the secrets. The two methods cannot be
 * enumerated, so that the object can still be cloned to a worker; a clone must be guarded again.
 */
export function guardSettings(settings: PostgresSettings): PostgresSettings {
  const guarded = { ...settings }
  const redacted = (): PostgresSettings => ({
    ...guarded,
    password: guarded.password === null ? null : '(hidden)',
    sslpassword: guarded.sslpassword === null ? null : '(hidden)',
    options: guarded.options === null ? null : '(hidden)',
  })
  Object.defineProperty(guarded, 'toJSON', { value: redacted })
  Object.defineProperty(guarded, inspect.custom, { value: redacted })
  return guarded
}

/** The form that may be shown. It is a URL that `parseConnection` understands. */
export function settingsLabel(settings: PostgresSettings): string {
  const user = encodeURIComponent(settings.user)
  const database = encodeURIComponent(settings.database)
  if (settings.host.startsWith('/'))
    return `postgres://${user}@:${settings.port}/${database}?host=${encodeURI(settings.host)}`
  const host = settings.host.includes(':') ? `[${settings.host}]` : encodeURIComponent(settings.host)
  return `postgres://${user}@${host}:${settings.port}/${database}`
}
