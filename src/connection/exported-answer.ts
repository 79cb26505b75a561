import { LandfallError } from '../errors.ts'

/** What exporter and caller have to agree on. Path, header and keys are those of the first such exporter. */
export const EXPORT_PATH = '/api/migration/db-env'
export const HEALTH_PATH = '/api/health'
export const TOKEN_HEADER = 'x-migration-token'

/** An answer has a handful of short values; a larger one is something else. */
export const MAX_ANSWER_BYTES = 64 * 1024

/** The connection settings of a PostgreSQL database as an exporter hands them over. All of it is secret. */
export interface ExportedSettings {
  readonly DB_HOST: string
  readonly DB_PORT: number
  readonly DB_NAME: string
  readonly DB_USER: string
  /** Empty where the server asks for none. */
  readonly DB_PASSWORD: string
}

export type ExportedKey = keyof ExportedSettings

/** Names of services, addresses (IPv6 with its zone), but no list of hosts and no folder of a socket. */
const HOST = /^[\w.:%-]{1,255}$/
// A NUL would end a parameter of PostgreSQL's start-up message, and begin another.
const NAME = /^[^\p{Cc}]{1,255}$/u
const PASSWORD = /^[^\0]{0,4096}$/s

/** What each setting must be, in words that end a sentence about it. */
export const MUST_BE: Readonly<Record<ExportedKey, string>> = {
  DB_HOST: 'must be one host name or address that other machines can use, no folder of a socket',
  DB_PORT: 'must be a port, a whole number from 1 to 65535',
  DB_NAME: 'must be a database’s name, without control characters',
  DB_USER: 'must be a user’s name, without control characters',
  DB_PASSWORD: 'must be a text of at most 4096 characters, without NUL',
}

const FITS: { readonly [Key in ExportedKey]: (value: unknown) => ExportedSettings[Key] | null } = {
  DB_HOST: (value) => textOf(value, HOST),
  DB_PORT: portOf,
  DB_NAME: (value) => textOf(value, NAME),
  DB_USER: (value) => textOf(value, NAME),
  DB_PASSWORD: (value) => textOf(value, PASSWORD),
}

export const EXPORTED_KEYS = Object.keys(FITS) as ExportedKey[]

/** The setting, where the value is one; a port may be text. Null where it is not. */
export function settingOf<Key extends ExportedKey>(key: Key, value: unknown): ExportedSettings[Key] | null {
  return FITS[key](value)
}

function textOf(value: unknown, form: RegExp): string | null {
  return typeof value === 'string' && value.isWellFormed() && form.test(value) ? value : null
}

function portOf(value: unknown): number | null {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : null
}

/**
 * Reads an exporter's answer. Keys that are not known are passed over.
 * @param from the exporter's address, for the message
 * @throws LandfallError LF108 naming what is wrong, never a value
 */
export function readAnswer(body: Uint8Array, from: string): ExportedSettings {
  const answer = parsed(body)
  if (answer === null) throw noSettings(from, 'its answer is no JSON object')
  const found: Partial<Record<ExportedKey, string | number>> = {}
  const wrong: string[] = []
  for (const key of EXPORTED_KEYS) {
    const value = Object.hasOwn(answer, key) ? settingOf(key, answer[key]) : null
    if (value !== null) found[key] = value
    else wrong.push(Object.hasOwn(answer, key) ? `${key} ${MUST_BE[key]}` : `${key} is missing`)
  }
  if (wrong.length > 0) throw noSettings(from, `in its answer ${wrong.join('; ')}`)
  return found as ExportedSettings
}

function parsed(body: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    // The parser's own message would quote what it read.
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null
  } catch {
    return null
  }
}

export function noSettings(from: string, why: string): LandfallError {
  return new LandfallError('LF108', `${from} does not hand over a database’s settings: ${why}`, {
    hint: `Look whether landfall export-env is what answers there, at ${EXPORT_PATH}, and what its log says.`,
  })
}

/** What is wrong with a token, for people; null: nothing. Only so it arrives in a header as it was sent. */
export function tokenProblem(token: string): string | null {
  return /^[\x21-\x7e]{1,1024}$/.test(token)
    ? null
    : 'must be 1 to 1024 visible ASCII characters without spaces, for it goes into a header'
}
