import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { fingerprintOf } from '../../src/connection/postgres-fingerprint.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let url: string
let session: Session

const open = (): Promise<Session> => {
  const connection = parseConnection(url, { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return openPostgres(connection.settings, { applicationName: 'landfall test' })
}

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
  session = await open()
  await change(`CREATE TABLE public."a ""b"".c" (id int PRIMARY KEY); CREATE TABLE public.other (id int);
    CREATE SCHEMA apart; CREATE TABLE apart.t (id int); CREATE SCHEMA landfall; CREATE TABLE landfall.runs (id int);
    INSERT INTO public."a ""b"".c" SELECT generate_series(1, 10)`)
})
afterAll(async () => {
  await session.close()
  await server.stop()
})

/** A backend tells what it has counted at once when it is asked to. */
async function change(sql: string): Promise<void> {
  const other = await open()
  await other.query(sql)
  await other.query('SELECT pg_stat_force_next_flush()')
  await other.query('SELECT 1')
  await other.close()
}

async function changedBy(sql: string): Promise<string[]> {
  const before = await fingerprintOf(session)
  await change(sql)
  const after = await fingerprintOf(session)
  const names = new Set([...before.tables.keys(), ...after.tables.keys()])
  const changed = [...names].filter((name) => before.tables.get(name) !== after.tables.get(name))
  expect(before.whole === after.whole).toBe(changed.length === 0)
  return changed
}

const ODD = 'public."a ""b"".c"'

test.each([
  ['SELECT 1', []],
  [`SELECT * FROM ${ODD}`, []],
  [`ANALYZE ${ODD}`, []],
  ['INSERT INTO landfall.runs VALUES (1)', []],
  [`INSERT INTO ${ODD} VALUES (11)`, [ODD]],
  [`UPDATE ${ODD} SET id = 12 WHERE id = 11`, [ODD]],
  [`DELETE FROM ${ODD} WHERE id = 12; INSERT INTO public.other VALUES (1)`, [ODD, 'public.other']],
  ['TRUNCATE public.other', ['public.other']],
  ['DROP TABLE public.other; CREATE TABLE public.other (id int)', ['public.other']],
  ['CREATE TABLE public.new (id int)', ['public.new']],
  ['DROP TABLE public.new', ['public.new']],
])('%s changes %j', async (sql, changed) => {
  expect(await changedBy(sql)).toEqual(changed)
})

test('within a transaction that has looked before', async () => {
  await session.transaction(async () => {
    expect(await changedBy(`INSERT INTO ${ODD} VALUES (99)`)).toEqual([ODD])
  })
})

test('only of the schemas that are asked for', async () => {
  const before = await fingerprintOf(session, ['apart'])
  expect([...before.tables.keys()]).toEqual(['apart.t'])
  await change(`INSERT INTO ${ODD} VALUES (100)`)
  expect(await fingerprintOf(session, ['apart'])).toEqual(before)
})

test('another database with the same tables is another one', async () => {
  const empty = await fingerprintOf(session, ['nowhere'])
  const connection = parseConnection(await server.database(), { HOME: '/nonexistent' })
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  const other = await openPostgres(connection.settings, { applicationName: 'landfall test' })
  expect((await fingerprintOf(other, ['nowhere'])).whole).not.toBe(empty.whole)
  await other.close()
})
