import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type KillProxy, startProxy } from './kill-proxy.ts'
import { type TestServer, testServer } from './postgres.ts'

let server: TestServer
let url: URL
let direct: Client

beforeAll(async () => {
  server = await testServer()
  url = new URL(await server.database())
  direct = new Client({ connectionString: url.href })
  await direct.connect()
  await direct.query('CREATE TABLE t (id integer)')
})
afterAll(async () => {
  await direct.end()
  await server.stop()
})

async function proxied(): Promise<{ proxy: KillProxy; client: Client }> {
  const proxy = await startProxy({ host: url.hostname, port: Number(url.port) })
  const through = new URL(url)
  through.port = String(proxy.port)
  const client = new Client({ connectionString: through.href })
  client.on('error', () => {})
  await client.connect()
  return { proxy, client }
}

async function rows(id: number): Promise<number> {
  const found = await direct.query('SELECT FROM t WHERE id = $1', [id])
  return found.rowCount ?? -1
}

/** Until the server has noticed that the client is gone. */
async function gone(backend: number): Promise<void> {
  for (;;) {
    const found = await direct.query('SELECT FROM pg_stat_activity WHERE pid = $1', [backend])
    if (found.rowCount === 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('counts the messages after the start-up, over all connections', async () => {
  const { proxy, client } = await proxied()
  expect(proxy.count()).toBe(0)
  await client.query('BEGIN')
  expect(proxy.count()).toBe(1)
  await client.query('SELECT $1::text', ['x'])
  // Parse, Bind, Describe, Execute, Sync.
  expect(proxy.count()).toBe(6)
  const through = new URL(url)
  through.port = String(proxy.port)
  const second = new Client({ connectionString: through.href })
  await second.connect()
  await second.query('SELECT 1')
  expect(proxy.count()).toBe(7)
  await second.end()
  await client.end()
  await proxy.close()
})

test('large messages pass whole, in both directions', async () => {
  const { proxy, client } = await proxied()
  const big = 'x'.repeat(5_000_000)
  const answer = await client.query('SELECT $1::text AS big', [big])
  expect(answer.rows[0].big).toBe(big)
  await client.end()
  await proxy.close()
})

for (const [action, kept] of [
  ['before', 0],
  ['after', 1],
] as const) {
  test(`a client stopped ${action} its COMMIT leaves ${kept} rows`, async () => {
    const id = kept + 10
    const { proxy, client } = await proxied()
    const backend = await client.query('SELECT pg_backend_pid() AS pid')
    await client.query('BEGIN')
    await client.query(`INSERT INTO t VALUES (${id})`)
    let stoppedAt = 0
    proxy.onMessage(4, action, () => {
      stoppedAt = proxy.count()
    })
    await expect(client.query('COMMIT')).rejects.toThrow('Connection terminated')
    expect(stoppedAt).toBe(4)
    await gone(backend.rows[0].pid)
    expect(await rows(id)).toBe(kept)
    await proxy.close()
  })
}

test('from the chosen message on nothing passes, on any connection', async () => {
  const { proxy, client } = await proxied()
  const through = new URL(url)
  through.port = String(proxy.port)
  const second = new Client({ connectionString: through.href })
  second.on('error', () => {})
  await second.connect()
  proxy.onMessage(1, 'before', () => {})
  const both = await Promise.allSettled([
    client.query('INSERT INTO t VALUES (20)'),
    second.query('INSERT INTO t VALUES (21)'),
  ])
  expect(both.map((one) => one.status)).toEqual(['rejected', 'rejected'])
  expect([await rows(20), await rows(21)]).toEqual([0, 0])
  const late = new Client({ connectionString: through.href })
  await expect(late.connect()).rejects.toThrow()
  await proxy.close()
})
