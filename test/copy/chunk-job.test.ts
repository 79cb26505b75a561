import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { ident } from '../../src/connection/quote.ts'
import type { KeyRange } from '../../src/connection/sqlite-key.ts'
import { openSource, type SqliteSource } from '../../src/connection/sqlite-source.ts'
import { type PostgresConnection, parseConnection } from '../../src/connection/url.ts'
import type { CopyChunkArgs } from '../../src/copy/chunk-job.ts'
import { type ChunkRead, chunkSelect, rejectSelect } from '../../src/copy/select.ts'
import type { ChunkBounds, ChunkResult } from '../../src/journal/model.ts'
import type { Move } from '../../src/plan/model.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { moveOf } from './moves.ts'

const module = (name: string) => new URL(`../../src/copy/${name}.ts`, import.meta.url).href
const OPEN: ChunkBounds = { after: null, upTo: null }

let folder: string
let server: TestServer
let target: PostgresConnection
let session: Session
let source: SqliteSource | null = null
let files = 0

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'landfall-copy-'))
  server = await testServer()
  target = parseConnection(await server.database(), {}) as PostgresConnection
  session = await openPostgres(target.settings, { applicationName: 'test' })
  await session.query(`CREATE TABLE public.done (seq int PRIMARY KEY, result text[]);
    CREATE TABLE public.rejects (seq int, content json); CREATE TABLE public.epoch (held int); INSERT INTO public.epoch VALUES (1)`)
})
afterEach(async () => {
  await source?.close()
  source = null
  await session.query('TRUNCATE public.done, public.rejects; UPDATE public.epoch SET held = 1')
})
afterAll(async () => {
  await session.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function given(sqlite: string, postgres: string): Promise<SqliteSource> {
  files += 1
  const path = join(folder, `${files}.db`)
  const writer = new DatabaseSync(path)
  writer.exec(sqlite)
  writer.close()
  await session.query(postgres)
  source = await openSource(path, { readers: 2 })
  return source
}

function args(read: ChunkRead, table: string, more: Partial<CopyChunkArgs> = {}): CopyChunkArgs {
  return {
    postgres: { ...target.settings },
    label: 'target',
    applicationName: 'landfall test',
    read,
    copySql: `COPY public.${table} FROM STDIN WITH (FORMAT ${read.format})`,
    before: [{ sql: 'SELECT 1 FROM public.epoch WHERE held = $1', values: [1] }],
    after: {
      sql: 'INSERT INTO public.done VALUES ($1, ARRAY[$2, $3, $4, $5, $6]::text[]) ON CONFLICT DO NOTHING RETURNING seq',
      values: [1],
    },
    setAside: null,
    ...more,
  }
}

const copy = (given: CopyChunkArgs) =>
  source!.run<ChunkResult>({ module: module('chunk-job'), export: 'copyChunk', args: given })
const cut = (move: Move) =>
  source!.run<(KeyRange & { rows: number })[]>({
    module: new URL('../../src/connection/sqlite-ranges-job.ts', import.meta.url).href,
    export: 'ranges',
    args: {
      table: ident(move.source),
      keys: move.key.expressions,
      step: move.chunkRows ?? Number.MAX_SAFE_INTEGER,
    },
  })
const rows = async (sql: string) =>
  (await session.query(sql)).rows.map((row): unknown[] => Object.values(row))

async function copyAll(move: Move, table: string): Promise<{ results: ChunkResult[]; rows: number }> {
  const results = await Promise.all(
    (await cut(move)).map((bounds, seq) =>
      copy(
        args(chunkSelect(move, bounds), table, {
          after: { ...args(chunkSelect(move, bounds), table).after, values: [seq] },
        }),
      ),
    ),
  )
  return { results, rows: results.reduce((sum, result) => sum + result.loaded, 0) }
}

const NUMBERS = (n: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n})`

describe.each(['binary', 'text'] as const)('in the %s format', (format) => {
  test('all rows of all chunks arrive, with rowids at both ends of 64 bits', async () => {
    await given(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); ${NUMBERS(5500)} INSERT INTO t SELECT i * 3, 'näme ' || i FROM n;
       INSERT INTO t VALUES (-9223372036854775808, 'least'), (9223372036854775807, 'most'), (9007199254740993, NULL)`,
      'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8 PRIMARY KEY, name text)',
    )
    const move = moveOf(
      't',
      [
        ['id', 'int8Halves', '"id" >> 32', '"id" & 4294967295'],
        ['name', 'text'],
      ],
      { format },
    )
    const { results, rows: loaded } = await copyAll(move, 't')
    expect(results.map((result) => result.read)).toEqual([1000, 1000, 1000, 1000, 1000, 503])
    expect(loaded).toBe(5503)
    expect(
      await rows(
        `SELECT count(*)::int AS n, count(*) FILTER (WHERE name = 'näme ' || id / 3)::int AS named, min(id), max(id), count(*) FILTER (WHERE id = 9007199254740993 AND name IS NULL)::int AS nulls FROM public.t`,
      ),
    ).toEqual([[5503, 5500, '-9223372036854775808', '9223372036854775807', 1]])
    const [done] = await rows('SELECT result FROM public.done WHERE seq = 0')
    expect(done![0]).toEqual(['1000', '1000', '0', String(results[0]!.bytes), results[0]!.digest])
  })

  test('keys of several columns and any type', async () => {
    await given(
      `CREATE TABLE t (a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID; ${NUMBERS(2500)} INSERT INTO t SELECT CASE i % 5 WHEN 0 THEN i WHEN 1 THEN i / 3.0 WHEN 2 THEN 'x''' || char(0) || i WHEN 3 THEN CAST('b' || i AS BLOB) ELSE 'é' END, i, i FROM n;
       INSERT INTO t VALUES (9e999, 1, 1), (-9e999, 1, 2), ('', '', 3), (x'', x'', 4)`,
      'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (v int4)',
    )
    const move = moveOf('t', [['v', 'int4']], { format, key: ['a', 'b'], kind: 'columns', chunkRows: 97 })
    expect((await copyAll(move, 't')).rows).toBe(2504)
    expect(await rows('SELECT sum(v)::int, count(*)::int FROM public.t')).toEqual([
      [(2500 * 2501) / 2 + 10, 2504],
    ])
  })
})

test('an empty table has no chunks, and an empty range loads nothing', async () => {
  await given(
    'CREATE TABLE t (id INTEGER PRIMARY KEY)',
    'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8)',
  )
  const move = moveOf('t', [['id', 'int8']])
  expect(await cut(move)).toEqual([])
  expect(await copy(args(chunkSelect(move, OPEN), 't'))).toMatchObject({ read: 0, loaded: 0, bytes: 0 })
})

test('a digest without a target is that of the copy, and tells a change', async () => {
  const table = `CREATE TABLE t (id INTEGER PRIMARY KEY, v); ${NUMBERS(3000)} INSERT INTO t SELECT i, i / 7.0 FROM n`
  const read = chunkSelect(
    moveOf('t', [
      ['id', 'int8'],
      ['v', 'float8'],
    ]),
    OPEN,
  )
  const digest = () =>
    source!.run<ChunkResult>({
      module: module('chunk-job'),
      export: 'digestChunk',
      args: { read, setAside: null },
    })
  await given(table, 'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, v float8)')
  const { loaded, bytes, digest: copied } = await copy(args(read, 't'))
  expect(await digest()).toEqual({ loaded, bytes, digest: copied })
  await source!.close()
  await given(`${table}; UPDATE t SET v = v + 1e-9 WHERE id = 2999`, 'SELECT 1')
  expect((await digest()).digest).not.toBe(copied)
})

describe('rows that are set aside', () => {
  const sqlite = `CREATE TABLE t (id INTEGER PRIMARY KEY, n, "odd ""name"); ${NUMBERS(2000)} INSERT INTO t SELECT i, i, NULL FROM n;
    UPDATE t SET n = 'toto' WHERE id = 2; UPDATE t SET n = 0.1 WHERE id = 3; UPDATE t SET n = x'00ff' WHERE id = 4;
    UPDATE t SET n = CAST(x'61ff' AS TEXT), "odd ""name" = 9007199254740993 WHERE id = 1500;
    UPDATE t SET n = 'a' || char(0) WHERE id = 1501; UPDATE t SET n = -9e999 WHERE id = 1502`
  const move = moveOf('t', [
    ['id', 'int8'],
    ['n', 'int4'],
    ['odd "name', 'text'],
  ])
  const rules = {
    excluded: `typeof("n") <> 'integer'`,
    reason: `CASE typeof("n") WHEN 'text' THEN 1 ELSE 0 END`,
  }
  const setAside = {
    read: rejectSelect(move, OPEN, rules),
    reasons: [
      { column: 'n', text: 'is no integer' },
      { column: 'n', text: 'is text' },
    ],
    insert: { sql: 'INSERT INTO public.rejects VALUES ($1, $2)', values: [7] },
  }
  const postgres = 'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, n int4, o text)'

  test('are kept with key, reason and every value as it was', async () => {
    await given(sqlite, postgres)
    const read = chunkSelect(move, OPEN, rules.excluded)
    expect(await copy(args(read, 't', { setAside }))).toMatchObject({ read: 2000, loaded: 1994, setAside: 6 })
    const [[seq, json]] = (await rows('SELECT seq, content FROM public.rejects')) as [[number, string]]
    expect(seq).toBe(7)
    const kept = JSON.parse(json).map((r: { key: string; reason: string; content: string }) => [
      r.key,
      r.reason,
      JSON.parse(r.content),
    ])
    const row = (id: number, n: object, odd: object | null = null) => ({
      id: { integer: String(id) },
      n,
      'odd "name': odd,
    })
    expect(kept).toEqual([
      ['id = 2', 'is text', row(2, { text: 'toto' })],
      ['id = 3', 'is no integer', row(3, { real: '0.1' })],
      ['id = 4', 'is no integer', row(4, { blob: '00ff' })],
      ['id = 1500', 'is text', row(1500, { textBytes: '61ff' }, { integer: '9007199254740993' })],
      ['id = 1501', 'is text', row(1501, { text: 'a\0' })],
      ['id = 1502', 'is no integer', row(1502, { real: '-Infinity' })],
    ])
  })

  test('a row that is neither loaded nor set aside is missed', async () => {
    await given(sqlite, postgres)
    const read = chunkSelect(move, OPEN, `${rules.excluded} OR "id" = 77`)
    await expect(copy(args(read, 't', { setAside }))).rejects.toMatchObject({ code: 'LF104' })
    expect(
      await rows(
        'SELECT (SELECT count(*)::int FROM public.t) AS t, (SELECT count(*)::int FROM public.rejects) AS rejects',
      ),
    ).toEqual([[0, 0]])
  })
})

describe('a row that cannot be stored is named', () => {
  const sqlite = `CREATE TABLE t (id INTEGER PRIMARY KEY, n, s); ${NUMBERS(3000)} INSERT INTO t SELECT i * 2, i, 'x' FROM n`
  const move = moveOf('t', [
    ['id', 'int8'],
    ['n', 'int4'],
    ['s', 'text'],
  ])
  const table = (columns: string) => `DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (${columns})`
  const refused = (where: object) =>
    expect(copy(args(chunkSelect(move, OPEN, '"id" = 2'), 't', { setAside: null }))).rejects.toMatchObject({
      code: 'LF204',
      place: { table: 't', ...where },
    })

  test('by the encoder', async () => {
    await given(`${sqlite}; UPDATE t SET n = 'toto' WHERE id = 5000`, table('id int8, n int4, s text'))
    await refused({ key: 'id = 5000', column: 'n' })
    expect(await rows('SELECT count(*)::int FROM public.t')).toEqual([[0]])
  })
  test('by its type', async () => {
    await given(
      `${sqlite}; UPDATE t SET s = 'much too long' WHERE id = 5000`,
      table('id int8, n int4, s varchar(3)'),
    )
    await refused({ key: 'id = 5000', column: 's' })
  })
  test('by NOT NULL', async () => {
    await given(`${sqlite}; UPDATE t SET n = NULL WHERE id = 4002`, table('id int8, n int4 NOT NULL, s text'))
    await refused({ key: 'id = 4002', column: 'n' })
  })
  test('by a unique key', async () => {
    await given(`${sqlite}; UPDATE t SET n = 5 WHERE id = 4004`, table('id int8, n int4 UNIQUE, s text'))
    await refused({ key: 'id = 4004' })
  })
  test('and the thread goes on with the next chunk', async () => {
    await given(`${sqlite}; UPDATE t SET n = NULL WHERE id = 4002`, table('id int8, n int4 NOT NULL, s text'))
    await refused({ key: 'id = 4002' })
    const read = chunkSelect(move, { after: ['10'], upTo: ['20'] })
    expect(await copy(args(read, 't'))).toMatchObject({ loaded: 5 })
  })
})

describe('the transaction', () => {
  const sqlite = `CREATE TABLE t (id INTEGER PRIMARY KEY); ${NUMBERS(10)} INSERT INTO t SELECT i FROM n`
  const postgres = 'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8)'
  const read = chunkSelect(moveOf('t', [['id', 'int8']]), OPEN)

  test('is refused once the lock is lost', async () => {
    await given(sqlite, postgres)
    await session.query('UPDATE public.epoch SET held = 2')
    await expect(copy(args(read, 't'))).rejects.toMatchObject({ code: 'LF402' })
    expect(await rows('SELECT id FROM public.t')).toEqual([])
  })
  test('a chunk that is done is not loaded twice', async () => {
    await given(sqlite, postgres)
    await copy(args(read, 't'))
    await expect(copy(args(read, 't'))).rejects.toMatchObject({ code: 'LF402' })
    expect(await rows('SELECT count(*)::int FROM public.t')).toEqual([[10]])
  })
  test('rows that a trigger swallows are noticed', async () => {
    await given(
      sqlite,
      `${postgres}; CREATE OR REPLACE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.id = 3 THEN NULL ELSE NEW END; END';
      CREATE TRIGGER s BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.swallow()`,
    )
    await expect(copy(args(read, 't'))).rejects.toMatchObject({ code: 'LF204' })
    expect(await rows('SELECT count(*)::int FROM public.t')).toEqual([[0]])
  })
  test('a lost connection is an error, and the next chunk opens another one', async () => {
    await given(sqlite, postgres)
    await copy(args(read, 't'))
    await session.query(
      `TRUNCATE public.done, public.t; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'landfall test'`,
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await copy(args(read, 't'))).toMatchObject({ loaded: 10 })
  })
})

test('large values pass in bounded memory', async () => {
  const megabytes = 40
  await given(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, s TEXT); ${NUMBERS(5)} INSERT INTO t SELECT i, randomblob(${megabytes} * 1000000), 'x' FROM n`,
    'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, b bytea, s text)',
  )
  const read = chunkSelect(
    moveOf(
      't',
      [
        ['id', 'int8'],
        ['b', 'bytea'],
        ['s', 'textBytes', 'CAST("s" AS BLOB)'],
      ],
      { large: true },
    ),
    OPEN,
  )
  let most = 0
  const start = process.memoryUsage().rss
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - start)
  }, 5)
  expect(await copy(args(read, 't'))).toMatchObject({ loaded: 5 })
  clearInterval(watch)
  expect(most / 1e6).toBeLessThan(megabytes * 4 + 40)
  expect(await rows('SELECT sum(length(b)), min(s) FROM public.t')).toEqual([
    [String(5 * megabytes * 1_000_000), 'x'],
  ])
})

test('rows of a megabyte come a few at a time', async () => {
  await given(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); ${NUMBERS(400)} INSERT INTO t SELECT i, zeroblob(CASE WHEN i < 350 THEN 10 ELSE 900000 END) FROM n`,
    'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, b bytea)',
  )
  const read = chunkSelect(
    moveOf('t', [
      ['id', 'int8'],
      ['b', 'bytea'],
    ]),
    OPEN,
  )
  expect(await copy(args(read, 't'))).toMatchObject({ loaded: 400 })
  expect(await rows('SELECT sum(length(b)), count(*)::int FROM public.t')).toEqual([
    [String(349 * 10 + 51 * 900_000), 400],
  ])
})

test('a server process killed in the middle of a chunk leaves nothing, and the chunk can be done again', async () => {
  await given(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v); ${NUMBERS(300_000)} INSERT INTO t SELECT i, 'some text ' || i FROM n`,
    'DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, v text)',
  )
  const read = chunkSelect(
    moveOf('t', [
      ['id', 'int8'],
      ['v', 'text'],
    ]),
    OPEN,
  )
  const running = copy(args(read, 't'))
  running.catch(() => {})
  for (let killed = 0; killed === 0; ) {
    const found = await rows(
      `SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity WHERE application_name = 'landfall test' AND query LIKE 'COPY%'`,
    )
    killed = found[0]![0] as number
  }
  await expect(running).rejects.toMatchObject({ code: 'LF305' })
  expect(await rows('SELECT count(*)::int FROM public.t')).toEqual([[0]])
  expect(await copy(args(read, 't'))).toMatchObject({ loaded: 300_000 })
})
