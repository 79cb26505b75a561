import { createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { type PostgresSettings, parseConnection } from '../../src/connection/url.ts'
import { LandfallError } from '../../src/errors.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let url: string
let session: Session

function settings(text: string): PostgresSettings {
  const connection = parseConnection(text, { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return connection.settings
}

const open = (text = url, more: object = {}): Promise<Session> =>
  openPostgres(settings(text), { applicationName: 'landfall test', ...more })

async function failure(work: Promise<unknown>): Promise<LandfallError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  )
  if (error instanceof LandfallError) return error
  throw error
}

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
  session = await open()
})
afterAll(async () => {
  await session.close()
  await server.stop()
})

test('values keep their precision', async () => {
  const { rows } = await session.query(`SELECT 9007199254740993::int8 AS big, 1::int4 AS small, true AS yes,
    12345678901234567890.123456789 AS number, 0.1::float8 + 0.2 AS double, '\\x0001'::bytea AS bytes,
    '{"a": 9007199254740993}'::jsonb AS json, timestamptz '2024-02-29 12:34:56.123456+02' AS at,
    interval '1 day 2 hours' AS span, date '-infinity' AS day, array['a', 'b,c']::text[] AS texts`)
  expect(rows).toEqual([
    {
      big: '9007199254740993',
      small: 1,
      yes: true,
      number: '12345678901234567890.123456789',
      double: 0.1 + 0.2,
      bytes: Buffer.from([0, 1]),
      json: '{"a": 9007199254740993}',
      at: '2024-02-29 10:34:56.123456+00',
      span: '1 day 02:00:00',
      day: '-infinity',
      texts: ['a', 'b,c'],
    },
  ])
  expect((await session.query('SELECT $1::int8 AS n', [2n ** 62n])).rows).toEqual([{ n: String(2n ** 62n) }])
})

test('what the database and the user have set does not count', async () => {
  const other = await server.database()
  const first = await open(other)
  const name = decodeURIComponent(new URL(other).pathname.slice(1))
  for (const set of [
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    'extra_float_digits = -10',
    "bytea_output = 'escape'",
    "timezone = 'Asia/Kolkata'",
    'standard_conforming_strings = off',
    "client_encoding = 'LATIN1'",
    'statement_timeout = 200',
    'search_path = public',
    'row_security = on',
  ])
    await first.query(`ALTER DATABASE "${name}" SET ${set}`)
  await first.close()
  const second = await open(other)
  const { rows } =
    await second.query(`SELECT timestamptz '2024-02-29 10:00Z'::text AS at, 0.1::float8::text AS f,
    '\\x01'::bytea::text AS b, interval '1 day'::text AS i, '\\' AS s, 'é€😀' AS u, pg_sleep(0.4)::text AS slept,
    current_setting('search_path') AS path, current_setting('row_security') AS rls,
    current_setting('client_connection_check_interval') AS checks`)
  expect(rows[0]).toEqual({
    at: '2024-02-29 10:00:00+00',
    f: '0.1',
    b: '\\x01',
    i: '1 day',
    s: '\\',
    u: 'é€😀',
    slept: '',
    path: 'pg_catalog',
    rls: 'off',
    checks: '10s',
  })
  await second.close()
  const third = await open(other, { searchPath: 'server' })
  expect((await third.query('SHOW search_path')).rows).toEqual([{ search_path: 'public' }])
  await third.close()
})

test('a refused statement tells where, and the session goes on', async () => {
  await session.query('CREATE TABLE public.t (id int8 PRIMARY KEY, n int4 CONSTRAINT positive CHECK (n > 0))')
  const unique = await failure(session.query('INSERT INTO public.t VALUES (1, 1), (1, 2)'))
  expect(unique).toMatchObject({
    code: 'LF304',
    details: { sqlstate: '23505', table: 't', constraint: 't_pkey' },
  })
  const check = await failure(session.query('INSERT INTO public.t VALUES (1, $1)', [-1]))
  expect(check.details).toMatchObject({ sqlstate: '23514', constraint: 'positive' })
  expect(() => inspect(check)).not.toThrow()
  await session.query("SET default_transaction_read_only = 'on'")
  expect((await failure(session.query('INSERT INTO public.t VALUES (3, 3)'))).code).toBe('LF308')
  await session.query("SET default_transaction_read_only = 'off'")
  expect((await session.query('SELECT count(*) FROM public.t')).rows).toEqual([{ count: '0' }])
})

test('a transaction is whole or nothing, also when a failure was kept quiet', async () => {
  await session.query('CREATE TABLE public.tx (id int4)')
  await session.transaction((tx) => tx.query('INSERT INTO public.tx VALUES (1)'))
  const boom = new Error('boom')
  const thrown = session.transaction(async (tx) => {
    await tx.query('INSERT INTO public.tx VALUES (2)')
    throw boom
  })
  await expect(thrown).rejects.toBe(boom)
  const quiet = session.transaction(async (tx) => {
    await tx.query('INSERT INTO public.tx VALUES (3)')
    await tx.query('SELECT 1 / 0').catch(() => {})
  })
  expect((await failure(quiet)).code).toBe('LF304')
  expect((await session.query('SELECT id FROM public.tx')).rows).toEqual([{ id: 1 }])
})

test('COPY: rows cut anywhere, a refused row, an abort, and the session goes on', async () => {
  await session.query('CREATE TABLE public.c (id int4 PRIMARY KEY, text text)')
  const into = 'COPY public.c FROM STDIN'
  const all = Buffer.from(
    Array.from({ length: 5000 }, (_, id) => `${id}\té${'x'.repeat(id % 700)}\n`).join(''),
  )
  const copy = await session.copyFrom(into)
  for (let at = 0, step = 1; at < all.length; at += step, step = ((step * 7) % 65_537) + 1)
    await copy.write(all.subarray(at, at + step))
  expect(await copy.end()).toBe(5000)
  expect((await session.query('SELECT count(*), sum(length(text)) FROM public.c')).rows).toEqual([
    {
      count: '5000',
      sum: String(all.toString().length - all.toString().replace(/é?x*\n/g, '').length - 5000),
    },
  ])

  const bad = await session.copyFrom(into)
  await bad.write(Buffer.from('6000\tfine\nseven\tbad\n'))
  const refused = await failure(bad.end())
  expect(refused).toMatchObject({ code: 'LF304', details: { sqlstate: '22P02' } })
  expect(refused.details?.where).toContain('line 2')
  expect((await failure(bad.end())).code).toBe('LF304')

  // The server refuses at once; the writer hears of it although it never ends.
  const early = await session.copyFrom(into)
  const flood = async (): Promise<void> => {
    for (let i = 0; i < 2000; i++) {
      await early.write(Buffer.alloc(1 << 16, 'z\n'))
      // Where the kernel takes every write at once, only a turn of the event loop reads what the server says.
      await nextTurn()
    }
  }
  expect((await failure(flood())).code).toBe('LF304')

  const dropped = await session.copyFrom(into)
  await dropped.write(Buffer.from('7000\tgone\n'))
  await dropped.abort('stopped by a test')
  expect((await failure(session.copyFrom('COPY public.no_such FROM STDIN'))).details).toMatchObject({
    sqlstate: '42P01',
  })
  await expect(session.copyFrom('SELECT 1')).rejects.toThrow('no COPY')
  expect((await session.query('SELECT count(*) FROM public.c')).rows).toEqual([{ count: '5000' }])
})

test('statements asked for at once go one after the other, and one failure is one failure', async () => {
  const all = ['SELECT 1 AS n', 'SELECT 1 / 0', 'SELECT 2 AS n', 'SELECT 3 AS n'].map((text) =>
    session.query(text),
  )
  const results = await Promise.allSettled(all)
  expect(
    results.map((result) => (result.status === 'fulfilled' ? result.value.rows : result.status)),
  ).toEqual([[{ n: 1 }], 'rejected', [{ n: 2 }], [{ n: 3 }]])
  const copy = await session.copyFrom('COPY public.c FROM STDIN')
  const chunk = Buffer.alloc(1 << 20, 'x')
  const start = 8000
  chunk.write(`${start}\t`)
  chunk.write('\n', chunk.length - 1)
  // Several writes that do not wait for each other all come back.
  await Promise.all(
    Array.from({ length: 8 }, (_, id) => copy.write(Buffer.from(chunk).fill(String(start + id), 0, 4))),
  )
  expect(await copy.end()).toBe(8)
})

test('a lost connection is told to listeners, to the running statement and to later ones', async () => {
  const victim = await open()
  const told: LandfallError[] = []
  victim.onLost((error) => told.push(error))
  const sleeping = failure(victim.query('SELECT pg_sleep(30)'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await session.query('SELECT pg_terminate_backend($1)', [victim.backend])
  expect((await sleeping).code).toBe('LF305')
  expect((await failure(victim.query('SELECT 1'))).code).toBe('LF305')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(told.map((error) => error.code)).toEqual(['LF305'])
  await victim.close()

  const copying = await open()
  const copy = await copying.copyFrom('COPY public.c FROM STDIN')
  await session.query('SELECT pg_terminate_backend($1)', [copying.backend])
  const writing = async (): Promise<void> => {
    for (let i = 0; i < 2000; i++) await copy.write(Buffer.alloc(1 << 16, '9\tx\n'))
    await copy.end()
  }
  expect((await failure(writing())).code).toBe('LF305')
  await copying.close()
  const closed = await open()
  closed.onLost((error) => told.push(error))
  await closed.close()
  expect(told).toHaveLength(1)
})

test('no failure to connect shows the password', async () => {
  const secret = 'zQ7/x@y%&"\\W'
  const at = (change: (parts: URL) => void, name = ''): string => {
    const parts = new URL(url)
    parts.password = encodeURIComponent(secret)
    change(parts)
    return parts.href + name
  }
  const silent = createServer((socket) => socket.end('HTTP/1.1 400\r\n\r\n')).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const address = silent.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const cases: [string, string][] = [
    [at(() => {}), 'LF302'],
    [
      at((parts) => {
        parts.port = '1'
      }),
      'LF301',
    ],
    [
      at((parts) => {
        parts.hostname = 'no-such-host.invalid'
      }),
      'LF301',
    ],
    [
      at((parts) => {
        parts.port = String(port)
      }),
      'LF301',
    ],
    [at(() => {}, '?sslmode=require'), 'LF301'],
    [at(() => {}, '?sslmode=verify-full'), 'LF003'],
    [`postgres://u:${encodeURIComponent(secret)}@/d?host=/nonexistent`, 'LF301'],
  ]
  for (const [text, code] of cases) {
    const error = await failure(open(text))
    expect(error.code).toBe(code)
    const output = `${inspect(error, { depth: 12, showHidden: true })} ${JSON.stringify(error)} ${error.stack} ${error.hint}`
    for (const form of [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
      JSON.stringify(secret).slice(1, -1),
    ])
      expect(output).not.toContain(form)
  }
  silent.close()
  const working = await open()
  const password = decodeURIComponent(new URL(url).password)
  expect(inspect(working, { depth: 12, showHidden: true })).not.toContain(password)
  await working.close()
})

test('a user without rights gets a session with the same settings', async () => {
  await session.query("CREATE ROLE landfall_plain LOGIN PASSWORD 'plain'")
  const parts = new URL(url)
  parts.username = 'landfall_plain'
  parts.password = 'plain'
  const plain = await open(parts.href)
  const { rows } = await plain.query(
    "SELECT current_setting('row_security') AS rls, current_setting('TimeZone') AS zone",
  )
  expect(rows).toEqual([{ rls: 'off', zone: 'UTC' }])
  const refused = await failure(plain.query('CREATE TABLE pg_catalog.x ()'))
  expect(refused).toMatchObject({ code: 'LF304', details: { sqlstate: '42501' } })
  await plain.close()
  await session.query('DROP ROLE landfall_plain')
})

test('a source’s failures are its own, and a missing database or password is named', async () => {
  const parts = new URL(url)
  parts.pathname = '/no_such'
  expect(await failure(open(parts.href))).toMatchObject({ code: 'LF301', details: { sqlstate: '3D000' } })
  expect((await failure(open(parts.href, { role: 'source' }))).code).toBe('LF101')
  parts.password = ''
  expect((await failure(open(parts.href))).hint).toContain('PGPASSWORD')
  const source = await open(url, { role: 'source' })
  expect((await failure(source.query('SELECT 1 / 0'))).code).toBe('LF104')
  await source.close()
})
