import { LandfallError } from '../errors.ts'
import type { PostgresSettings } from './settings.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment for a program that connects through libpq (`pg_dump`, `pg_restore`): secrets go nowhere
 * else, for arguments can be seen by every user of the machine. The database is named here too, since an
 * argument that holds `=` would be taken for a connection string. Nothing of PG* is inherited, so that the
 * program connects exactly where we do. It speaks English, and never asks.
 *
 * Errors: LF003 for a client key with a password, which libpq takes from a connection string only.
 */
export function libpqEnvironment(
  settings: PostgresSettings,
  applicationName: string,
  inherited: Environment = process.env,
): Readonly<Record<string, string>> {
  if (settings.sslpassword !== null && settings.sslkey !== null)
    throw new LandfallError(
      'LF003',
      'PostgreSQL’s own programs cannot be given the password of a client key in a safe way.',
      { hint: 'Use a key file without password that only you may read (chmod 600).' },
    )
  const own = {
    PGHOST: settings.host,
    PGHOSTADDR: settings.hostaddr,
    PGPORT: String(settings.port),
    PGDATABASE: settings.database,
    PGUSER: settings.user,
    PGPASSWORD: settings.password,
    PGSSLMODE: settings.sslmode,
    PGSSLROOTCERT: settings.sslrootcert,
    PGSSLCERT: settings.sslcert,
    PGSSLKEY: settings.sslkey,
    PGCONNECT_TIMEOUT: String(settings.connectTimeout),
    PGAPPNAME: settings.applicationName ?? applicationName,
    PGOPTIONS: settings.options,
    PGGSSENCMODE: 'disable',
    LC_ALL: 'C',
  }
  const other = Object.entries(inherited).filter(([name]) => !/^(PG|LC_|LANG)/i.test(name))
  return Object.fromEntries(
    [...other, ...Object.entries(own)].filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== null,
    ),
  )
}

/** What such a program said, without the secrets that it was given. */
export function withoutSecretsOf(settings: PostgresSettings, text: string): string {
  const secrets = [settings.password, settings.sslpassword, settings.options].filter(
    (secret) => secret !== null && secret !== '',
  )
  return secrets.reduce<string>(
    (rest, secret) => rest.replaceAll(secret!, '***').replaceAll(encodeURIComponent(secret!), '***'),
    text,
  )
}
