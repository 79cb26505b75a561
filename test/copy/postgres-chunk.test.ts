import { connect, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import type { PostgresSnapshot } from '../../src/connection/postgres-snapshot.ts'
import { ident, qualified } from '../../src/connection/quote.ts'
import type { PostgresConnection } from '../../src/connection/url.ts'
import { copyPostgresChunk, type PostgresChunkArgs } from '../../src/copy/postgres-chunk.ts'
import type { ChunkResult } from '../../src/journal/model.ts'
import type { Move } from '../../src/plan/model.ts'
import { chunksOf } from '../../src/plan/postgres-chunks.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { moveOfTable, opened, postgresOf, snapshotOf } from './postgres-moves.ts'

let server: TestServer
let from: PostgresConnection
let to: PostgresConnection
let source: Session
let target: Session
let snapshot: PostgresSnapshot | null = null

beforeAll(async () => {
  server = await testServer()
  // What is set for the databases must not matter.
  const [one, other] = [await server.database(), await server.database()]
  from = postgresOf(one)
  to = postgresOf(other)
  const admin = await opened(postgresOf(server.url))
  for (const [{ settings }, style] of [
    [from, 'SQL, DMY'],
    [to, 'German, MDY'],
  ] as const) {
    await admin.query(`ALTER DATABASE ${ident(settings.database)} SET datestyle = '${style}';
      ALTER DATABASE ${ident(settings.database)} SET intervalstyle = 'sql_standard';
      ALTER DATABASE ${ident(settings.database)} SET extra_float_digits = -5;
      ALTER DATABASE ${ident(settings.database)} SET bytea_output = 'escape'`)
  }
  await admin.query(`ALTER DATABASE ${ident(to.settings.database)} SET timezone = 'Asia/Tokyo'`)
  await admin.close()
  source = await opened(from)
  target = await opened(to)
  await target.query(`CREATE TABLE public.done (seq int PRIMARY KEY, result text[]);
    CREATE TABLE public.epoch (held int); INSERT INTO public.epoch VALUES (1)`)
})
afterEach(async () => {
  await snapshot?.close()
  snapshot = null
  await target.query('TRUNCATE public.done')
})
afterAll(async () => {
  await source.close()
  await target.close()
  await server.stop()
})

const OPEN = { after: null, upTo: null }

function argsFor(move: Move, more: Partial<PostgresChunkArgs> = {}): PostgresChunkArgs {
  return {
    source: snapshot!,
    target,
    move,
    chunk: OPEN,
    into: qualified('public', move.target.name),
    before: [{ sql: 'SELECT 1 FROM public.epoch WHERE held = $1', values: [1] }],
    after: {
      sql: 'INSERT INTO public.done VALUES ($1, ARRAY[$2, $3, $4, $5, $6]::text[]) RETURNING seq',
      values: [1],
    },
    ...more,
  }
}

/** The same statement makes the table on both sides; `fill` only on the source's. */
async function moved(name: string, create: string, fill: string, batchSize = 1e9) {
  await source.query(`${create}; ${fill}`)
  await target.query(create)
  snapshot = await snapshotOf(from)
  return await chunksOf(snapshot, await moveOfTable(source, name), batchSize)
}

async function copyAll({ move, chunks }: Awaited<ReturnType<typeof moved>>): Promise<ChunkResult[]> {
  const results: ChunkResult[] = []
  for (const [seq, chunk] of chunks.entries()) {
    const { after } = argsFor(move)
    results.push(await copyPostgresChunk(argsFor(move, { chunk, after: { ...after, values: [seq] } })))
  }
  return results
}

/** All rows of both sides, as the server prints them; equal only where every value is. */
async function expectSame(name: string): Promise<void> {
  const sql = `SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '')) AS sum, count(*)::int AS n FROM ${qualified('public', name)} AS t`
  expect((await target.query(sql)).rows).toEqual((await source.query(sql)).rows)
}

const VALUES = `-1::int8, 1e30::numeric, 'NaN'::float8, -0.0::float8, 0.1::float4, 'é\\,"'::text, 'a'::"char", NULL::text,
  '\\x00ff5c'::bytea, '-infinity'::timestamptz, '0044-03-15 BC'::date, '1 mon -1 day 00:00:01.5'::interval,
  '{"a": "\\n"}'::json, '{"a": 1}'::jsonb, '10.0.0.1/8'::inet, B'101'::bit(3), '{1,NULL}'::int4[], '[1,5)'::int4range,
  '24:00:00-08'::timetz, 'cat & dog'::tsquery, 'a:1 b'::tsvector, '(1,2)'::point, '12.34'::money`

describe('values arrive as they are', () => {
  test.each([
    ['binary', VALUES.replace(`'cat & dog'::tsquery, `, '')],
    ['text', `${VALUES}, 'sad'::public.mood, '{sad,ok}'::public.mood[], '<a/>'::xml, 'public.mood'::regtype`],
  ])('%s', async (format, values) => {
    const type = `DO $$ BEGIN CREATE TYPE public.mood AS ENUM ('sad', 'ok'); EXCEPTION WHEN duplicate_object THEN NULL; END $$`
    await source.query(type)
    await target.query(type)
    const name = `values_${format}`
    const found = await moved(
      name,
      `CREATE TABLE public.${name} AS SELECT ${values} LIMIT 0`.replace(
        / AS SELECT.*/s,
        () =>
          ` (${values
            .split(/,\s+(?=(?:-?[\dNB']|'))/)
            .map((one, i) => `c${i} ${one.slice(one.lastIndexOf('::') + 2)}`)
            .join(', ')})`,
      ),
      `INSERT INTO public.${name} SELECT ${values} FROM generate_series(1, 3)`,
    )
    expect(found.move.format).toBe(format)
    expect(await copyAll(found)).toMatchObject([{ read: 3, loaded: 3, setAside: 0 }])
    await expectSame(name)
  })
})

test('names with quotes, generated and identity columns, an order of its own', async () => {
  const name = `o"d.d 'n`
  const create = `CREATE TABLE public.${ident(name)} ("a""b" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "sel ect" text, g int GENERATED ALWAYS AS (2 * length("sel ect")) STORED, "ü" int)`
  const found = await moved(
    name,
    create,
    `INSERT INTO public.${ident(name)} ("sel ect", "ü") SELECT repeat('x', i % 9), i FROM generate_series(1, 20000) i`,
    5_000,
  )
  expect(found.chunks.length).toBeGreaterThan(2)
  const results = await copyAll(found)
  expect(results.reduce((sum, one) => sum + one.loaded, 0)).toBe(20_000)
  await expectSame(name)
})

test('a table read by places', async () => {
  const found = await moved(
    'placed',
    'CREATE TABLE public.placed (a text)',
    `INSERT INTO public.placed SELECT repeat('y', 30) || i FROM generate_series(1, 30000) i`,
    5_000,
  )
  expect(found.move.key.kind).toBe('ctid')
  await copyAll(found)
  await expectSame('placed')
})

test.each([
  ['nothing', '(id int PRIMARY KEY)', 'SELECT 1', 0],
  ['one', '(id int PRIMARY KEY)', 'INSERT INTO public.one VALUES (7)', 1],
  ['bare', '()', 'INSERT INTO public.bare SELECT FROM generate_series(1, 3000)', 3000],
  [
    'only_generated',
    '(a int GENERATED ALWAYS AS (1) STORED)',
    'INSERT INTO public.only_generated SELECT FROM generate_series(1, 3)',
    3,
  ],
  [
    'wide',
    `(${Array.from({ length: 1600 }, (_, i) => `c${i} smallint DEFAULT ${i}`).join(', ')})`,
    'INSERT INTO public.wide (c0) SELECT generate_series(1, 20)',
    20,
  ],
])('%s', async (name, columns, fill, rows) => {
  const found = await moved(name, `CREATE TABLE public.${name} ${columns}`, fill)
  for (const format of ['binary', 'text'] as const) {
    await target.query(`TRUNCATE public.${name}, public.done`)
    expect(await copyAll({ ...found, move: { ...found.move, format } })).toMatchObject([
      { read: rows, loaded: rows },
    ])
    await expectSame(name)
  }
})

test('values of many megabytes, in bounded memory', async () => {
  const found = await moved(
    'huge',
    'CREATE TABLE public.huge (id int, b text STORAGE EXTERNAL)',
    'INSERT INTO public.huge SELECT i, repeat(md5(i::text), 2000000) FROM generate_series(1, 2) i',
  )
  const before = process.memoryUsage().rss
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss - before)
  }, 5)
  const [result] = await copyAll(found)
  clearInterval(watch)
  expect(result!.bytes).toBeGreaterThan(128_000_000)
  expect(peak).toBeLessThan(40_000_000)
  const values = 'SELECT id, md5(b) FROM public.huge ORDER BY id'
  expect((await target.query(values)).rows).toEqual((await source.query(values)).rows)
})

test('the digest is of the bytes, however they came', async () => {
  const found = await moved(
    'digested',
    'CREATE TABLE public.digested (id int PRIMARY KEY, b text)',
    `INSERT INTO public.digested SELECT i, repeat('z', i % 3000) FROM generate_series(1, 3000) i`,
  )
  const [first] = await copyAll(found)
  await target.query('TRUNCATE public.digested, public.done')
  const [second] = await copyAll(found)
  expect(second).toEqual(first)
  expect((await target.query('SELECT result FROM public.done')).rows).toEqual([
    { result: [3000, 3000, 0, first!.bytes, first!.digest].map(String) },
  ])
})

test('a lock that is another process’s, and a mark that is there', async () => {
  const found = await moved(
    'fenced',
    'CREATE TABLE public.fenced (id int)',
    'INSERT INTO public.fenced VALUES (1)',
  )
  const before = [{ sql: 'SELECT 1 WHERE false', values: [] }]
  await expect(copyPostgresChunk(argsFor(found.move, { before }))).rejects.toMatchObject({ code: 'LF402' })
  const after = {
    sql: 'UPDATE public.done SET seq = 1 WHERE $1 || $2 || $3 || $4 || $5 IS NULL RETURNING seq',
    values: [],
  }
  await expect(copyPostgresChunk(argsFor(found.move, { after }))).rejects.toMatchObject({ code: 'LF402' })
  expect((await target.query('SELECT FROM public.fenced')).rowCount).toBe(0)
  await copyAll(found)
  await expectSame('fenced')
})

describe('failures end both sides, and nothing hangs', () => {
  const big = (name: string) =>
    moved(
      name,
      `CREATE TABLE public.${name} (id int, b text)`,
      `INSERT INTO public.${name} SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 60000) i`,
    )
  const usable = async (): Promise<void> => {
    expect((await target.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(await snapshot!.run(async (session) => (await session.query('SELECT 1 AS one')).rows)).toEqual([
      { one: 1 },
    ])
  }
  /** As soon as a COPY of that kind is on its way in the database. */
  const during = async (session: Session, kind: string, sql: string): Promise<void> => {
    for (;;) {
      const { rowCount } = await session.query(
        `SELECT ${sql} FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '${kind}' AND pid <> pg_backend_pid() AND state = 'active'`,
      )
      if (rowCount > 0) return
    }
  }

  test('a row that the target refuses', async () => {
    const found = await big('refused')
    await target.query('ALTER TABLE public.refused ADD CHECK (id <> 40000)')
    await expect(copyAll(found)).rejects.toMatchObject({
      code: 'LF304',
      place: { table: 'refused' },
      message: expect.stringMatching(/refused_id_check.*COPY refused, line 40000/s),
    })
    expect((await target.query('SELECT FROM public.refused LIMIT 1')).rowCount).toBe(0)
    await usable()
  })

  test('a value that the target’s column cannot hold', async () => {
    const found = await moved(
      'narrow',
      'CREATE TABLE public.narrow (a text)',
      `INSERT INTO public.narrow VALUES ('ab'), ('abcd')`,
    )
    await target.query('ALTER TABLE public.narrow ALTER a TYPE varchar(3)')
    await expect(copyAll(found)).rejects.toMatchObject({
      code: 'LF304',
      place: { table: 'narrow', column: 'a' },
    })
    await usable()
  })

  test('rows that a trigger of the target leaves out', async () => {
    const found = await moved(
      'eaten',
      'CREATE TABLE public.eaten (id int)',
      'INSERT INTO public.eaten VALUES (1), (2)',
    )
    await target.query(`CREATE FUNCTION public.eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN new.id = 1 THEN NULL ELSE new END; END';
      CREATE TRIGGER eat BEFORE INSERT ON public.eaten FOR EACH ROW EXECUTE FUNCTION public.eat()`)
    await expect(copyAll(found)).rejects.toMatchObject({ code: 'LF204' })
    expect((await target.query('SELECT FROM public.eaten')).rowCount).toBe(0)
    await usable()
  })

  test('a source that fails on the way', async () => {
    const { move, chunks } = await big('failing')
    const relation = '(SELECT 1 / (50000 - id) AS id, b FROM public.failing)'
    await expect(copyAll({ move: { ...move, relation }, chunks })).rejects.toMatchObject({
      code: 'LF104',
      place: { table: 'failing' },
      message: expect.stringContaining('division by zero'),
    })
    expect((await target.query('SELECT FROM public.failing')).rowCount).toBe(0)
    await usable()
  })

  test('the source’s backend is killed', async () => {
    const found = await big('source_killed')
    const copied = copyAll(found)
    void during(source, 'COPY (SELECT%', 'pg_terminate_backend(pid)')
    await expect(copied).rejects.toMatchObject({ code: 'LF104' })
    await usable()
  })

  test('the target’s backend is killed', async () => {
    const found = await big('target_killed')
    const mine = target
    target = await opened(to)
    try {
      const copied = copyPostgresChunk(argsFor(found.move, { target: mine }))
      void during(target, 'COPY "public"%', 'pg_terminate_backend(pid)')
      await expect(copied).rejects.toMatchObject({ code: 'LF305' })
      await usable()
    } finally {
      await mine.close()
    }
  })

  test('the target goes away without a word, while the source is still silent', async () => {
    const { move } = await moved('silent', 'CREATE TABLE public.silent (id int)', 'SELECT 1')
    const host = to.settings.host
    const sockets: { destroy(): unknown }[] = []
    const proxy = createServer((client) => {
      const upstream = connect(to.settings.port, host)
      sockets.push(client, upstream)
      for (const one of [client, upstream]) one.on('error', () => {})
      client.pipe(upstream).pipe(client)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as { port: number }
    const mine = await opened({ ...to, settings: { ...to.settings, host: '127.0.0.1', port } })
    const relation = '(SELECT 1 AS id FROM pg_sleep(60))'
    const copied = copyPostgresChunk(argsFor({ ...move, relation }, { target: mine }))
    void during(source, 'COPY (SELECT%', '1').then(() => {
      for (const one of sockets) one.destroy()
    })
    await expect(copied).rejects.toMatchObject({ code: 'LF305' })
    await mine.close()
    proxy.close()
    await usable()
  })

  test('an abort in mid-copy, and one before the begin', async () => {
    const found = await big('aborted')
    // However fast the machine is, and however late it looks, the copy is not at its end by then.
    await target.query(`CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN PERFORM pg_catalog.pg_sleep(0.05); RETURN NEW; END$$;
      CREATE TRIGGER slow BEFORE INSERT ON public.aborted FOR EACH ROW WHEN (NEW.id % 500 = 0) EXECUTE FUNCTION public.slow()`)
    const copied = copyAll(found)
    void during(source, 'COPY (SELECT%', '1').then(() => snapshot!.abort())
    await expect(copied).rejects.toMatchObject({ code: 'LF403' })
    await expect(copyAll(found)).rejects.toMatchObject({ code: 'LF403' })
    expect((await target.query('SELECT FROM public.aborted LIMIT 1')).rowCount).toBe(0)
  })

  test('an abort while the target waits for a lock of another', async () => {
    const found = await big('locked')
    const other = await opened(to)
    const mine = await opened(to)
    await other.query('BEGIN; LOCK TABLE public.locked')
    const copied = copyPostgresChunk(argsFor(found.move, { target: mine }))
    setTimeout(() => void snapshot!.abort(), 300)
    await expect(copied).rejects.toMatchObject({ code: 'LF403' })
    await other.query('ROLLBACK')
    await other.close()
    await mine.close()
  }, 20_000)
})
