import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PostgresTools } from '../connection/postgres-tools.ts'
import { type PostgresSettings, settingsLabel } from '../connection/settings.ts'

const FORGET = 'set client_min_messages = warning; drop schema if exists landfall cascade'

/**
 * A command for a shell that puts the database back as the backup has it; it holds no password. The journal
 * goes first: it may have become more than the backup knows, and would say that a migration is done whose rows
 * are gone.
 */
export function restoreCommand(
  tools: PostgresTools,
  settings: PostgresSettings,
  embedded: boolean,
  path: string,
): string {
  const to = `--dbname=${embedded ? '"$(landfall embedded start)"' : word(restoreUrl(settings))}`
  const beside = join(dirname(tools.restore), 'psql')
  const psql = existsSync(beside) ? beside : 'psql'
  return [
    `${word(psql)} --quiet ${to} --command=${word(FORGET)}`,
    `${word(tools.restore)} --clean --if-exists --single-transaction ${to} ${word(path)}`,
  ].join(' && ')
}

export const RESTORE_NOTE =
  'Stop what writes to the database first. Every object of the backup is dropped and made again, all in one transaction, so that it is done whole or not at all; what was made after the backup stays, and where it refers to such an object has to be dropped before. The server’s roles are not part of a backup. The password is asked for, or taken from PGPASSWORD or ~/.pgpass.'

/** The label, with what else libpq has to know to connect in the same way. */
function restoreUrl(settings: PostgresSettings): string {
  const more = {
    hostaddr: settings.hostaddr,
    sslmode: settings.sslmode === 'prefer' ? null : settings.sslmode,
    sslrootcert: settings.sslrootcert,
    sslcert: settings.sslcert,
    sslkey: settings.sslkey,
  }
  const label = settingsLabel(settings)
  const parameters = Object.entries(more).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  if (parameters.length === 0) return label
  return `${label}${label.includes('?') ? '&' : '?'}${parameters.join('&')}`
}

/** For a shell, as one word. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
