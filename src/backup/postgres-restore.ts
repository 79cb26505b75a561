import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PostgresTools } from '../connection/postgres-tools.ts'
import { type PostgresSettings, settingsLabel } from '../connection/settings.ts'

const BEGIN = 'begin; set client_min_messages = warning; drop schema if exists landfall cascade;'

/** Ends rows that a COPY still waits for, and is an error anywhere else: what has begun is taken back. */
const FAIL = `printf '\\n%s' '\\.' 'pg_restore failed;'`

/**
 * A command for a shell that puts the database back as the backup has it; it holds no password. The journal
 * goes with it: it may have become more than the backup knows, and would say that a migration is done whose
 * rows are gone. All is one transaction, which only commits when `pg_restore` has written everything.
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
  const script = [
    `echo ${word(BEGIN)}`,
    `${word(tools.restore)} --clean --if-exists --file=- ${word(path)}`,
    `echo 'commit;'`,
  ].join(' && ')
  return `{ ${script} || ${FAIL}; } | ${word(psql)} --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1 ${to}`
}

export const RESTORE_NOTE =
  'Stop what writes to the database first. Every object of the backup is dropped and made again, and Landfall’s journal with them, all in one transaction, so that it is done whole or not at all; what was made after the backup stays, and where it refers to such an object has to be dropped before. The server’s roles are not part of a backup. The password is asked for, or taken from PGPASSWORD or ~/.pgpass.'

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
