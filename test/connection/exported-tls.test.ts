import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { landfall } from '../cli/run.ts'
import { HANDED, TOKEN } from '../exporter/calling.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-exported-tls-'))
const tokens: unknown[] = []
let port = 0
let stop = (): void => {}

describe.runIf(spawnSync('openssl', ['version']).status === 0)('an exporter behind TLS', () => {
  beforeAll(async () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
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
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=authority')
    openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
    writeFileSync(join(folder, 'san'), 'subjectAltName=DNS:localhost')
    const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san']
    openssl('x509', '-req', '-in', 'server.csr', ...sign, '-out', 'server.crt')
    const [cert, secret] = ['server.crt', 'server.key'].map((name) => readFileSync(join(folder, name)))
    const server = createServer({ cert: cert!, key: secret! }, (request, response) => {
      tokens.push(request.headers['x-migration-token'])
      // Nothing listens there: that it was tried shows that the settings arrived.
      response.end(JSON.stringify({ ...HANDED, DB_HOST: '127.0.0.1', DB_PORT: 1 }))
    })
    await new Promise<void>((resolve) => server.listen(0, resolve))
    port = (server.address() as { readonly port: number }).port
    stop = () => void server.close()
    writeFileSync(
      join(folder, 'landfall.config.ts'),
      `import { defineMigration, env, exportedBy } from 'landfall'
       export default defineMigration({
         name: 'tls',
         source: exportedBy(env('BASE'), { token: env('TOKEN'), within: '5s' }),
       })\n`,
    )
  })
  afterAll(() => {
    stop()
    rmSync(folder, { recursive: true })
  })
  const plan = (host: string, env: Record<string, string>) =>
    landfall(['plan'], { cwd: folder, env: { TOKEN, BASE: `https://${host}:${port}`, ...env } })
  const trusting = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt') }

  test('whose certificate is trusted is asked', async () => {
    const { status, stderr } = await plan('localhost', trusting)
    expect([status, stderr]).toEqual([3, expect.stringMatching(/LF101.*127\.0\.0\.1:1\//)])
    expect(tokens).toEqual([TOKEN])
  })

  test.each([
    ['whose certificate nobody vouches for', 'localhost', {}],
    ['whose certificate is for another name', '127.0.0.1', trusting],
  ])('%s gets no token', async (_, host, env) => {
    tokens.length = 0
    const { status, stderr } = await plan(host, env)
    expect([status, stderr]).toEqual([3, expect.stringMatching(/LF106.*cannot be asked: it failed with/)])
    expect(stderr).not.toContain(TOKEN)
    expect(tokens).toEqual([])
  })
})
