import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { Client } from 'pg'
import { LandfallError } from '../errors.ts'
import { connectFailure, isUnreachable, type Role } from './postgres-errors.ts'
import { exactTypes } from './postgres-session.ts'
import { tlsAttempts } from './postgres-tls.ts'
import { type PostgresSettings, settingsLabel } from './settings.ts'

/** A connected client of the driver. Tries the ways that `sslmode` allows, in libpq's order. */
export async function connect(
  settings: PostgresSettings,
  applicationName: string,
  label: string,
  role: Role,
): Promise<Client> {
  const attempts = tlsAttempts(settings)
  for (const [index, ssl] of attempts.entries()) {
    let passwordAsked = false
    const client = clientFor(settings, applicationName, ssl, () => {
      passwordAsked = true
    })
    try {
      await client.connect()
      return client
    } catch (error) {
      client.connection.stream.destroy()
      // The other way is for servers that do not offer this one; it cannot cure a network or a password.
      if (index === attempts.length - 1 || passwordAsked || isUnreachable(error))
        throw connectFailure(error, label, role, passwordAsked)
    }
  }
  throw new TypeError('there is no way to connect')
}

function clientFor(
  settings: PostgresSettings,
  applicationName: string,
  ssl: ConnectionOptions | false,
  onPassword: () => void,
): Client {
  const address = settings.hostaddr ?? settings.host
  const client = new Client({
    host: address,
    port: settings.port,
    database: settings.database,
    user: settings.user,
    // A function keeps the secret out of the driver's objects until the server asks for it.
    password: () => {
      onPassword()
      if (settings.password !== null && settings.password !== '') return settings.password
      throw new LandfallError(
        'LF302',
        `${settingsLabel(settings)}: the server asks for a password, and none is given.`,
        {
          hint: 'Put it into the connection string, PGPASSWORD or ~/.pgpass (chmod 600).',
        },
      )
    },
    ssl: ssl === false || isIP(address) === 0 ? ssl : { ...ssl, host: settings.host },
    application_name: settings.applicationName ?? applicationName,
    options: settings.options ?? '',
    connectionTimeoutMillis: settings.connectTimeout * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    types: exactTypes,
  })
  // Without a listener a lost connection would end the process.
  client.on('error', () => {})
  return client
}
