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

/** Where rows come from: a database, or whoever hands over the settings of one. */
export type Source = Connection | ExportedSource

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
 * A PostgreSQL database whose settings an exporter hands over when they are needed, and not before:
 * `askExporter` makes a `PostgresConnection` of it. It holds the token; `guardSource` hides that.
 */
export interface ExportedSource {
  readonly engine: 'exported'
  /** `http://plugin-env:8045`, without user, password, query or a slash at the end. */
  readonly base: string
  readonly token: string
  /** Milliseconds in which the exporter has to hand the settings over, all attempts together. */
  readonly within: number
  /** What libpq's variables say of the connection besides where it goes and as whom: TLS, time-outs. */
  readonly environment: Readonly<Record<string, string>>
  /** What may be shown: `the database that http://plugin-env:8045 exports`. */
  readonly label: string
  readonly notes: readonly string[]
}

export function isExported(source: Source): source is ExportedSource {
  return source.engine === 'exported'
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
  return hiding(guarded, redacted)
}

/** The same for an exporter's token. */
export function guardSource(source: ExportedSource): ExportedSource {
  const guarded = { ...source }
  return hiding(guarded, () => ({ ...guarded, token: '(hidden)' }))
}

/** The two methods cannot be enumerated, so that the object can still be cloned. */
export function hiding<T extends object>(guarded: T, redacted: () => T): T {
  Object.defineProperty(guarded, 'toJSON', { value: redacted })
  Object.defineProperty(guarded, inspect.custom, { value: redacted })
  return guarded
}

/** The form that may be shown. It is a URL that `parseConnection` understands. */
export function settingsLabel(
  settings: Pick<PostgresSettings, 'user' | 'database' | 'host' | 'port'>,
): string {
  const user = encodeURIComponent(settings.user)
  const database = encodeURIComponent(settings.database)
  if (settings.host.startsWith('/'))
    return `postgres://${user}@:${settings.port}/${database}?host=${encodeURI(settings.host)}`
  const host = settings.host.includes(':') ? `[${settings.host}]` : encodeURIComponent(settings.host)
  return `postgres://${user}@${host}:${settings.port}/${database}`
}
