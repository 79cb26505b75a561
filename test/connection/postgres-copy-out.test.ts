import { connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres, type Session, WholeRows } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let url: string
let session: Session

const open = (text: string): Promise<Session> => {
  const connection = parseConnection(text, { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return openPostgres(connection.settings, { applicationName: 'landfall copy out' })
}

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
  session = await open(url)
})
afterAll(async () => {
  await session.close()
  await server.stop()
})

const copy = (select: string): string => `COPY (${select}) TO STDOUT WITH (FORMAT binary)`

async function all(on: Session, select: string): Promise<Buffer[]> {
  const out = await on.copyTo(copy(select))
  const found: Buffer[] = []
  const whole = new WholeRows()
  for (;;) {
    const block = await out.next()
    if (block === null) return found
    found.push(...whole.take(block).map((one) => Buffer.from(one)))
  }
}

/** A row of one integer of 4 bytes, and one text. */
const row = (n: number, text: string): string =>
  [
    Buffer.from([0, 2, 0, 0, 0, 4]),
    Buffer.from(Int32Array.of(n).buffer).swap32(),
    Buffer.from(Int32Array.of(Buffer.byteLength(text)).buffer).swap32(),
    Buffer.from(text),
  ]
    .map((part) => part.toString('hex'))
    .join('')

const numbers = (count: number) =>
  `SELECT i::int4, 'row ' || i FROM generate_series(1, ${count}) i ORDER BY i`

async function expectNumbers(on: Session, count: number): Promise<void> {
  const rows = await all(on, numbers(count))
  expect(rows.map((one) => one.toString('hex'))).toEqual(
    Array.from({ length: count }, (_, i) => row(i + 1, `row ${i + 1}`)),
  )
}

test.each([0, 1, 2, 30_000])('%i rows, each as it is', async (count) => {
  await expectNumbers(session, count)
  expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

test('a row of many megabytes, and one without columns', async () => {
  const [big] = await all(session, `SELECT 7::int4, repeat('é', 10000000)`)
  expect(big!.length).toBe(2 + 8 + 4 + 20_000_000)
  expect(big!.subarray(-4).toString()).toBe('éé')
  const mixed = await all(session, `SELECT i::int4, repeat('x', i * 30000) FROM generate_series(0, 9) i`)
  expect(mixed.map((one) => one.toString('hex'))).toEqual(
    Array.from({ length: 10 }, (_, i) => row(i, 'x'.repeat(i * 30_000))),
  )
  expect((await all(session, 'SELECT FROM generate_series(1, 3)')).map((one) => one.toString('hex'))).toEqual(
    ['0000', '0000', '0000'],
  )
})

test('several COPYs and statements asked for at once go one after the other', async () => {
  const [a, , b] = await Promise.all([
    session.copyTo(copy(numbers(1))).then(async (out) => (await out.next())?.ends.length),
    session.query('SELECT 1'),
    session.query<{ two: number }>('SELECT 2 AS two'),
  ])
  expect([a, b.rows[0]!.two]).toEqual([1, 2])
})

test('the rest can be thrown away', async () => {
  const out = await session.copyTo(copy(numbers(200_000)))
  expect((await out.next())!.ends.length).toBeGreaterThan(0)
  await out.drain()
  expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
})

test('a refusal at once, and one on the way, leave the session usable', async () => {
  await expect(session.copyTo(copy('SELECT * FROM nowhere'))).rejects.toMatchObject({ code: 'LF304' })
  await expect(session.copyTo('SELECT 1')).rejects.toThrow()
  await expect(
    all(session, 'SELECT 1 / (100000 - i) FROM generate_series(1, 200000) i'),
  ).rejects.toMatchObject({ code: 'LF304' })
  await expectNumbers(session, 3)
})

test('a lost connection is an error', async () => {
  const other = await open(url)
  const out = await other.copyTo(copy(numbers(3_000_000)))
  await out.next()
  await session.query('SELECT pg_terminate_backend($1)', [other.backend])
  await expect(out.drain()).rejects.toMatchObject({ code: expect.stringMatching(/LF30[45]/) })
  await other.close()
})

test('messages may be cut anywhere', async () => {
  const to = new URL(url)
  const proxy = await chopping(Number(to.port), to.hostname)
  try {
    to.hostname = '127.0.0.1'
    to.port = String((proxy.address() as { port: number }).port)
    const cut = await open(to.toString())
    try {
      await expectNumbers(cut, 700)
      expect((await cut.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      await expectNumbers(cut, 2)
    } finally {
      await cut.close()
    }
  } finally {
    proxy.close()
  }
})

test('an error behind many rows that nobody has taken yet leaves the session usable', async () => {
  const to = new URL(url)
  const late = await delaying(Number(to.port), to.hostname)
  try {
    to.hostname = '127.0.0.1'
    to.port = String((late.proxy.address() as { port: number }).port)
    const other = await open(to.toString())
    late.begin()
    // Just over a mebibyte, and the error with the last of it.
    const out = await other.copyTo(
      copy(`SELECT repeat('x', 1000), 1 / (1050 - i) FROM generate_series(1, 2000) i`),
    )
    await late.delivered
    await expect(out.drain()).rejects.toMatchObject({ code: 'LF304' })
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await other.close()
  } finally {
    late.proxy.close()
  }
})

/** From `begin` on keeps an answer until it is whole; then its last kilobytes come apart, and its end apart from them. */
async function delaying(
  port: number,
  host: string,
): Promise<{ proxy: Server; begin(): void; delivered: Promise<void> }> {
  const { promise: delivered, resolve: deliver } = Promise.withResolvers<void>()
  let kept: Buffer[] | null = null
  const proxy = createServer((client) => {
    client.setNoDelay(true)
    const upstream = connect(port, host)
    client.pipe(upstream)
    upstream.on('data', async (bytes: Buffer) => {
      if (kept === null) {
        client.write(bytes)
        return
      }
      kept.push(bytes)
      const whole = Buffer.concat(kept)
      // ReadyForQuery.
      if (whole.at(-6) !== 0x5a || whole.readUInt32BE(whole.length - 5) !== 5) return
      kept = null
      for (const [from, end] of [
        [0, whole.length - 50_000],
        [whole.length - 50_000, whole.length - 6],
        [whole.length - 6, whole.length],
      ] as const) {
        client.write(whole.subarray(from, end))
        await new Promise((resolve) => setTimeout(resolve, 100))
        if (end === whole.length - 6) deliver()
      }
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    proxy,
    delivered,
    begin() {
      kept = []
    },
  }
}

/** Passes the server's bytes on in pieces of 1 to 7, each in an event of its own. */
function chopping(port: number, host: string): Promise<Server> {
  const proxy = createServer((client) => {
    client.setNoDelay(true)
    const upstream = connect(port, host)
    client.pipe(upstream)
    let last = Promise.resolve()
    upstream.on('data', (bytes) => {
      last = last.then(async () => {
        let size = 1
        for (let at = 0; at < bytes.length; at += size) {
          size = 1 + ((at * 7 + bytes.length) % 7)
          client.write((bytes as Buffer).subarray(at, at + size))
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
  })
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)))
}
