import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { fingerprintOf } from '../../src/connection/postgres-fingerprint.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let url: string

const open = (): Promise<Session> => {
  const connection = parseConnection(url, { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return openPostgres(connection.settings, { applicationName: 'landfall test' })
}

/** As a new snapshot sees it. */
async function fingerprint(): Promise<string> {
  const session = await open()
  try {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    return await fingerprintOf(session)
  } finally {
    await session.close()
  }
}

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
})
afterAll(() => server.stop())

test('whatever is committed is a change, at once, and in the snapshot that sees it', async () => {
  const writer = await open()
  const reader = await open()
  try {
    await writer.query('CREATE TABLE public.t (id int)')
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const before = await fingerprintOf(reader)
    for (const sql of [
      'INSERT INTO public.t VALUES (1)',
      'UPDATE public.t SET id = 2',
      'DELETE FROM public.t',
      'TRUNCATE public.t',
      'CREATE VIEW public.v AS SELECT 1',
    ]) {
      const last = await fingerprint()
      await writer.query(sql)
      expect(await fingerprint()).not.toBe(last)
    }
    expect(await fingerprintOf(reader)).toBe(before)
  } finally {
    await reader.close()
    await writer.close()
  }
})

test('what is committed after the snapshot is not in its fingerprint, though it had begun before', async () => {
  const writer = await open()
  const reader = await open()
  try {
    await writer.query('CREATE TABLE IF NOT EXISTS public.late (id int)')
    await writer.query('BEGIN')
    await writer.query('INSERT INTO public.late VALUES (1)')
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const before = await fingerprintOf(reader)
    await writer.query('COMMIT')
    expect(await fingerprintOf(reader)).toBe(before)
    expect(await fingerprint()).not.toBe(before)
  } finally {
    await reader.close()
    await writer.close()
  }
})
