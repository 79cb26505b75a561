import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { LandfallError } from '../errors.ts'
import type { PostgresSettings } from './settings.ts'

/**
 * The ways to try, in order, that `sslmode` stands for: TLS options, or false for a plain connection.
 * A Unix socket is never encrypted. Errors: LF003 when a certificate or key cannot be used.
 */
export function tlsAttempts(settings: PostgresSettings): readonly (ConnectionOptions | false)[] {
  if (settings.host.startsWith('/') || settings.sslmode === 'disable') return [false]
  const secured = tlsOptions(settings)
  if (settings.sslmode === 'prefer') return [secured, false]
  if (settings.sslmode === 'allow') return [false, secured]
  return [secured]
}

/** As in libpq, `require` verifies the chain when there is a file of trusted authorities. */
function tlsOptions(settings: PostgresSettings): ConnectionOptions {
  const { sslmode, sslrootcert, sslcert, sslkey, sslpassword, host } = settings
  const verifies = sslmode.startsWith('verify-')
  if (verifies && sslrootcert === null)
    throw new LandfallError('LF003', `sslmode=${sslmode} needs the certificate of the authority to trust.`, {
      hint: 'Name its file with sslrootcert=… (PGSSLROOTCERT), or write sslrootcert=system.',
    })
  const trusts = verifies || (sslmode === 'require' && sslrootcert !== null)
  const options: ConnectionOptions = {
    host,
    rejectUnauthorized: trusts,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(trusts && sslrootcert !== null && sslrootcert !== 'system'
      ? { ca: read(sslrootcert, 'sslrootcert') }
      : {}),
  }
  if (sslcert === null || sslkey === null) return options
  refuseOpenKey(sslkey)
  return {
    ...options,
    cert: read(sslcert, 'sslcert'),
    key: read(sslkey, 'sslkey'),
    ...(sslpassword === null ? {} : { passphrase: sslpassword }),
  }
}

function read(path: string, parameter: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    throw new LandfallError('LF003', `The file ${path}, which ${parameter} names, cannot be read.`)
  }
}

/** libpq's rule: nobody else may read the key, except the group of a key that root owns. */
function refuseOpenKey(path: string): void {
  if (process.platform === 'win32') return
  const found = statSync(path, { throwIfNoEntry: false })
  if (found && (found.mode & (found.uid === 0 ? 0o037 : 0o077)) !== 0)
    throw new LandfallError('LF003', `Others may read the private key ${path}.`, {
      hint: `chmod 600 ${path}`,
    })
}
