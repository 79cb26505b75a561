import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { embeddedStatus, startEmbedded, stopEmbedded } from '../../src/connection/embedded.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { LandfallError } from '../../src/errors.ts'

const root = mkdtempSync(join(tmpdir(), 'landfall-tls-'))
const folder = join(root, '.landfall')
const at = (name: string): string => join(root, name)
let url: URL

describe.runIf(spawnSync('openssl', ['version']).status === 0)('TLS as libpq means it', () => {
  beforeAll(async () => {
    chmodSync(root, 0o711)
    mkdirSync(folder)
    const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { cwd: root, stdio: 'pipe' })
    const key = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-batch',
    ]
    for (const name of ['ca', 'other'])
      openssl('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`)
    const server = await startEmbedded({ folder })
    url = new URL(server.url)
    await server.stop()
    const data = join(embeddedStatus({ folder }).folder, 'data')
    // The certificate is for the name localhost alone, so that 127.0.0.1 is a wrong name.
    openssl('req', ...key, '-keyout', `${data}/server.key`, '-out', 'server.csr', '-subj', '/CN=localhost')
    writeFileSync(at('san'), 'subjectAltName=DNS:localhost')
    const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san']
    openssl('x509', '-req', '-in', 'server.csr', ...sign, '-out', `${data}/server.crt`)
    const { uid, gid } = statSync(data)
    execFileSync('chown', [`${uid}:${gid}`, `${data}/server.key`, `${data}/server.crt`])
    chmodSync(`${data}/server.key`, 0o600)
    writeFileSync(`${data}/postgresql.auto.conf`, 'ssl = on\n')
    // One user may come only without TLS, another only with it.
    const rules = [
      'hostnossl all plain all trust',
      'hostssl all secured all trust',
      'host all postgres all scram-sha-256',
      'local all all scram-sha-256',
    ]
    writeFileSync(`${data}/pg_hba.conf`, `${rules.join('\n')}\n`)
    const secured = await startEmbedded({ folder })
    url = new URL(secured.url)
    const session = await openPostgres(secured.settings, { applicationName: 'test' })
    await session.query('CREATE ROLE plain LOGIN; CREATE ROLE secured LOGIN')
    await session.close()
  })
  afterAll(async () => {
    await stopEmbedded({ folder })
    rmSync(root, { recursive: true })
  })

  /** Whether the connection is encrypted, or the error's code. */
  async function outcome(
    parameters: string,
    change: (parts: URL) => void = () => {},
  ): Promise<boolean | string> {
    const parts = new URL(url)
    change(parts)
    try {
      const connection = parseConnection(`${parts.href}?${parameters}`, { HOME: root })
      if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
      const session = await openPostgres(connection.settings, { applicationName: 'test' })
      const { rows } = await session.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      )
      await session.close()
      return rows[0]!.ssl
    } catch (error) {
      if (error instanceof LandfallError) return `${error.code} ${String(error.details?.code ?? '')}`.trim()
      throw error
    }
  }
  const localhost = (parts: URL): void => {
    parts.hostname = 'localhost'
  }
  const as = (user: string) => (parts: URL) => {
    parts.username = user
  }

  test('the modes that do not verify', async () => {
    expect(await outcome('sslmode=disable')).toBe(false)
    expect(await outcome('sslmode=allow')).toBe(false)
    expect(await outcome('sslmode=prefer')).toBe(true)
    expect(await outcome('sslmode=require')).toBe(true)
    expect(await outcome('sslmode=prefer', as('plain'))).toBe(false)
    expect(await outcome('sslmode=allow', as('secured'))).toBe(true)
    expect(await outcome('sslmode=require', as('plain'))).toBe('LF302')
    expect(await outcome('sslmode=disable', as('secured'))).toBe('LF302')
  })

  test('the modes that verify', async () => {
    expect(await outcome(`sslmode=verify-ca&sslrootcert=${at('ca.crt')}`)).toBe(true)
    expect(await outcome(`sslmode=verify-full&sslrootcert=${at('ca.crt')}`, localhost)).toBe(true)
    expect(
      await outcome(`sslmode=verify-full&hostaddr=127.0.0.1&sslrootcert=${at('ca.crt')}`, localhost),
    ).toBe(true)
    const wrongName = await outcome(`sslmode=verify-full&sslrootcert=${at('ca.crt')}`)
    expect(wrongName).toBe('LF301 ERR_TLS_CERT_ALTNAME_INVALID')
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      expect(await outcome(`sslmode=${mode}&sslrootcert=${at('other.crt')}`, localhost)).toMatch(
        /^LF301 [A-Z_]+$/,
      )
    expect(await outcome('sslrootcert=system', localhost)).toMatch(/^LF301 [A-Z_]+$/)
    expect(await outcome('sslmode=verify-ca&sslrootcert=/no/such')).toBe('LF003')
    expect(await outcome('sslmode=verify-ca')).toBe('LF003')
  })

  test('a private key that others may read is refused', async () => {
    chmodSync(at('ca.key'), 0o644)
    expect(await outcome(`sslcert=${at('ca.crt')}&sslkey=${at('ca.key')}`)).toBe('LF003')
    chmodSync(at('ca.key'), 0o600)
    expect(await outcome(`sslcert=${at('ca.crt')}&sslkey=${at('ca.key')}`)).toBe(true)
  })
})
