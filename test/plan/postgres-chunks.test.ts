import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import type { PostgresSnapshot } from '../../src/connection/postgres-snapshot.ts'
import type { PostgresConnection } from '../../src/connection/url.ts'
import type { Move } from '../../src/plan/model.ts'
import { chunksOf, inChunk, isResumable } from '../../src/plan/postgres-chunks.ts'
import { formatFor } from '../../src/plan/postgres-format.ts'
import { moveOfTable, opened, postgresOf, snapshotOf } from '../copy/postgres-moves.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let source: PostgresConnection
let session: Session
let snapshot: PostgresSnapshot | null = null

beforeAll(async () => {
  server = await testServer()
  source = postgresOf(await server.database())
  session = await opened(source)
})
afterAll(async () => {
  await snapshot?.close()
  await session.close()
  await server.stop()
})

async function cut(name: string, sql: string, change: Partial<Move> = {}, batchSize = 5_000) {
  // It has locks on what it has read.
  await snapshot?.close()
  await session.query(sql)
  snapshot = await snapshotOf(source)
  return await chunksOf(snapshot, { ...(await moveOfTable(session, name)), ...change }, batchSize)
}

/** Rows of each chunk; their sum is the table only if no row is in two chunks and none in no chunk. */
async function rowsOf({ move, chunks }: Awaited<ReturnType<typeof cut>>): Promise<number[]> {
  const counts: number[] = []
  for (const bounds of chunks) {
    const [row] = await snapshot!.ask<{ n: number }>(
      `SELECT count(*)::int AS n FROM ${move.relation} AS t WHERE ${inChunk(move.key, bounds) ?? 'true'}`,
    )
    counts.push(row!.n)
  }
  return counts
}

const total = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0)

const filled = (name: string, key: string, value: string, rows = 40_000): string =>
  `CREATE TABLE public.${name} (${key} PRIMARY KEY, fill text);
   INSERT INTO public.${name} SELECT ${value}, repeat('x', 50) FROM generate_series(1, ${rows}) i ORDER BY i`

test.each([
  ['bigints', '"Id ""x""" bigint', '(i - 20000) * 100000000000000', 'columns'],
  ['numerics', 'id numeric(20,3)', 'i / 8.0', 'columns'],
  ['times', 'at timestamptz', `timestamptz '1900-01-01' + i * interval '1 day'`, 'columns'],
  ['backwards', 'id int', '50000 - i', 'columns'],
  ['uuids', 'id uuid', 'gen_random_uuid()', 'ctid'],
  ['bytewise', `id text COLLATE "C"`, `E'\\\\''' || lpad(i::text, 6, '0')`, 'columns'],
  ['worded', `id text COLLATE "en_US"`, `lpad(i::text, 6, '0')`, 'ctid'],
  ['floats', 'id float8', 'i', 'ctid'],
])('%s: %s', async (name, key, value, kind) => {
  if (name === 'worded')
    await session.query(`CREATE COLLATION IF NOT EXISTS public."en_US" (provider = icu, locale = 'en-US')`)
  const found = await cut(name, filled(name, key.replace('"en_US"', 'public."en_US"'), value))
  expect(found.move.key.kind).toBe(kind)
  expect(isResumable(found.move)).toBe(kind !== 'ctid')
  expect(found.chunks.length).toBeGreaterThan(5)
  expect(found.chunks[0]!.after).toBeNull()
  expect(found.chunks.at(-1)!.upTo).toBeNull()
  const counts = await rowsOf(found)
  expect(total(counts)).toBe(40_000)
  expect(Math.max(...counts)).toBeLessThan(10_000)
  expect(found.move.statistics.rows).toBeGreaterThan(30_000)
  expect(found.move.statistics.rows).toBeLessThan(50_000)
})

test('the same chunks again, whatever the statistics say by then', async () => {
  const first = await cut('again', filled('again', 'id int', 'i * 3'))
  const second = await cut('again', 'ANALYZE public.again')
  expect([second.chunks, second.move.key]).toEqual([first.chunks, first.move.key])
  expect(second.move.statistics.rows).toBe(40_000)
})

test('no key: a unique index over NULLs, of a part, deferred, of an expression, of two columns', async () => {
  const found = await cut(
    'keyless',
    `CREATE TABLE public.keyless (a int UNIQUE, b int NOT NULL, c int NOT NULL UNIQUE DEFERRABLE, d int NOT NULL, UNIQUE (b, d));
     CREATE UNIQUE INDEX ON public.keyless (b) WHERE b > 0; CREATE UNIQUE INDEX ON public.keyless ((d + 1));
     INSERT INTO public.keyless SELECT nullif(i % 40000, 0), i, i, i FROM generate_series(1, 60000) i WHERE i % 40000 > 0 AND i < 40000 OR i > 59990 AND false;
     INSERT INTO public.keyless SELECT NULL, i, i, i FROM generate_series(50001, 90000) i`,
  )
  expect(found.move.key.kind).toBe('ctid')
  expect(total(await rowsOf(found))).toBe(79_999)
})

test('a unique NOT NULL column does as well as a primary key', async () => {
  const found = await cut(
    'unique_key',
    `CREATE TABLE public.unique_key (fill text, id date NOT NULL UNIQUE);
     INSERT INTO public.unique_key SELECT 'x', date '2000-01-01' + i FROM generate_series(1, 40000) i`,
  )
  expect(found.move.key).toEqual({ kind: 'columns', expressions: ['t."id"'], names: ['id'] })
  expect(total(await rowsOf(found))).toBe(40_000)
})

test('small and empty tables, tables without columns, SELECTs and views are one chunk', async () => {
  for (const [name, sql, rows] of [
    ['nothing', 'CREATE TABLE public.nothing (id int PRIMARY KEY)', 0],
    ['one', 'CREATE TABLE public.one (id int PRIMARY KEY); INSERT INTO public.one VALUES (1)', 1],
    ['bare', 'CREATE TABLE public.bare (); INSERT INTO public.bare SELECT FROM generate_series(1, 7)', 7],
  ] as const) {
    const found = await cut(name, sql)
    expect(found.chunks).toEqual([{ after: null, upTo: null }])
    expect([found.move.key.kind, found.move.statistics.rows]).toEqual(['none', rows])
    expect(isResumable(found.move)).toBe(true)
  }
  await session.query('CREATE VIEW public.seen AS SELECT * FROM public.again; ANALYZE public.again')
  for (const relation of ['(SELECT * FROM public.again)', 'public.seen']) {
    const found = await cut('again', 'SELECT 1', { relation })
    expect([found.chunks.length, found.move.key.kind]).toEqual([1, 'none'])
    expect(found.move.statistics.rows).toBe(40_000)
  }
})

test('a partitioned table is read with all its partitions, a table that is inherited from alone', async () => {
  const parted = `CREATE TABLE public.parted (id int PRIMARY KEY, fill text) PARTITION BY RANGE (id);
    CREATE TABLE public.p1 PARTITION OF public.parted FOR VALUES FROM (0) TO (10000);
    CREATE TABLE public.p2 PARTITION OF public.parted FOR VALUES FROM (10000) TO (90000);
    CREATE TABLE public.p3 PARTITION OF public.parted FOR VALUES FROM (90000) TO (99999);
    INSERT INTO public.parted SELECT i, repeat('x', 50) FROM generate_series(1, 40000) i`
  const found = await cut('parted', parted, { relation: 'public.parted' })
  expect(found.move.key.kind).toBe('columns')
  expect(found.chunks.length).toBeGreaterThan(5)
  expect(total(await rowsOf(found))).toBe(40_000)
  const keyless = await cut('parted', 'ALTER TABLE public.parted DROP CONSTRAINT parted_pkey CASCADE', {
    relation: 'public.parted',
  })
  expect(keyless.move.key.kind).toBe('ctid')
  expect(total(await rowsOf(keyless))).toBe(40_000)
  const parent = await cut(
    'parent',
    `${filled('parent', 'id int', 'i')}; CREATE TABLE public.child () INHERITS (public.parent); INSERT INTO public.child SELECT 1 FROM generate_series(1, 90000)`,
  )
  expect(total(await rowsOf(parent))).toBe(40_000)
})

const column = (declared: string, type = declared, read = '"c"') => ({
  source: 'c',
  declared,
  type,
  read: [read],
})

test.each([
  [[column('integer'), column('character varying(20)'), column('numeric(10,2)[]')], 'binary'],
  [[column('timestamp(3) with time zone', 'timestamp with time zone', 't."c"')], 'binary'],
  [[], 'binary'],
  [[column('integer'), column('public.mood')], 'text'],
  [[column('public.mood[]')], 'text'],
  [[column('integer', 'bigint')], 'text'],
  [[column('integer', 'integer[]')], 'text'],
  [[column('text', 'text', 'lower(t."c")')], 'text'],
  [[column('regclass')], 'text'],
  [[column('xml')], 'text'],
] as const)('the format of %j: %s', (columns, format) => {
  expect(formatFor(columns)).toBe(format)
})

test('rows are counted where that is soon done, and what is estimated says so', async () => {
  const select = `(SELECT DISTINCT ON (n) n FROM generate_series(1, 300) n WHERE n % 3 = 0)`
  const counted = await cut('counted', 'CREATE TABLE public.counted (id int PRIMARY KEY)', {
    relation: select,
  })
  expect(counted.move.statistics).toEqual({ rows: 100, misfits: [] })
  const many = `(SELECT FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b)`
  const guessed = await cut('guessed', 'CREATE TABLE public.guessed (id int PRIMARY KEY)', { relation: many })
  expect(guessed.move.statistics.estimated).toBe(true)
  const large = await cut('estimated', filled('estimated', 'id int', 'i'))
  expect(large.move.statistics.estimated).toBe(true)
})
