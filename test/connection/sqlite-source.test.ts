import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSource, type SqliteSource } from '../../src/connection/sqlite-source.ts'

const JOBS = new URL('./sqlite-jobs.ts', import.meta.url).href
const job = (name: string, args: unknown = null) => ({ module: JOBS, export: name, args })
const count = (source: SqliteSource, table = 't') => source.run<number>(job('count', table))

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'landfall-source-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function database(sql: string, name?: string): { path: string; writer: DatabaseSync } {
  files += 1
  const path = join(folder, name ?? `${files}.db`)
  const writer = new DatabaseSync(path)
  writer.exec(sql)
  return { path, writer }
}

async function using<T>(path: string, work: (source: SqliteSource) => Promise<T>, options = {}): Promise<T> {
  const source = await openSource(path, { readers: 2, ...options })
  try {
    return await work(source)
  } finally {
    await source.close()
  }
}

const TABLE = 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'

test.each(['a b.db', 'q?mode=rwc.db', '50%41.db', 'hash#1.db', 'file:x.db', "quote'.db"])(
  'a file called %s is opened as that',
  async (name) => {
    const { path, writer } = database(TABLE, name)
    writer.close()
    expect(await using(path, (source) => count(source))).toBe(1)
    expect(readdirSync(folder).filter((file) => file.startsWith(name))).toEqual([name])
  },
)

describe('what cannot be opened is named', () => {
  const refusal = (path: string, code: string, text: RegExp) =>
    expect(openSource(path, { readers: 1 })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(text),
    })

  test('missing, a folder, empty', async () => {
    await refusal(join(folder, 'missing.db'), 'LF101', /no file/)
    mkdirSync(join(folder, 'sub.db'))
    await refusal(join(folder, 'sub.db'), 'LF101', /is a folder/)
    writeFileSync(join(folder, 'empty.db'), '')
    await refusal(join(folder, 'empty.db'), 'LF102', /is empty/)
    expect(existsSync(join(folder, 'missing.db'))).toBe(false)
  })

  test('no database, truncated', async () => {
    writeFileSync(join(folder, 'junk.db'), 'not a database at all '.repeat(100))
    await refusal(join(folder, 'junk.db'), 'LF102', /no SQLite database, or it is encrypted/)
    const { path, writer } = database('CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))')
    writer.close()
    truncateSync(path, 50_000)
    await refusal(path, 'LF102', /damaged or truncated/)
  })

  test('a hot journal', async () => {
    const { path, writer } = database('CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))')
    writer.exec(
      'PRAGMA cache_size = 1; BEGIN; UPDATE t SET a = zeroblob(200000); INSERT INTO t VALUES (zeroblob(999999))',
    )
    copyFileSync(path, join(folder, 'hot.db'))
    copyFileSync(`${path}-journal`, join(folder, 'hot.db-journal'))
    writer.close()
    await refusal(join(folder, 'hot.db'), 'LF103', /unfinished transaction/)
  })

  test.runIf(process.getuid?.() === 0)('no permission, WAL in a folder that may not be written', async () => {
    const closed = join(folder, 'closed')
    mkdirSync(closed)
    chmodSync(folder, 0o755)
    const { path, writer } = database(`PRAGMA journal_mode = wal; ${TABLE}`, 'closed/wal.db')
    writer.close()
    chmodSync(path, 0o644)
    try {
      process.seteuid!(65534)
      await refusal(path, 'LF101', /cannot be opened/)
      process.seteuid!(0)
      chmodSync(path, 0o600)
      process.seteuid!(65534)
      await refusal(path, 'LF101', /may not be read|cannot be opened/)
    } finally {
      process.seteuid!(0)
    }
  })
})

test('a locked database is waited for, then refused', { timeout: 30_000 }, async () => {
  const { path, writer } = database(TABLE)
  writer.exec('BEGIN EXCLUSIVE')
  const started = Date.now()
  await expect(openSource(path, { readers: 1 })).rejects.toMatchObject({ code: 'LF103' })
  expect(Date.now() - started).toBeGreaterThan(5_000)
  writer.close()
})

describe('in WAL mode', () => {
  test('all readers see one moment, and the files stay untouched', async () => {
    const { path, writer } = database(`PRAGMA journal_mode = wal; ${TABLE}`)
    const bytes = () => [readFileSync(path), readFileSync(`${path}-wal`)]
    const before = bytes()
    await using(path, async (source) => {
      expect(source.snapshot).toBe('hold')
      expect(source.walBytes).toBe(statSync(`${path}-wal`).size)
      expect(source.notes.join()).toMatch(/-wal will grow/)
      expect(await Promise.all([count(source), count(source)])).toEqual([1, 1])
      await expect(source.run(job('write'))).rejects.toMatchObject({ name: 'LandfallError' })
      writer.exec('INSERT INTO t VALUES (2); PRAGMA wal_checkpoint(passive)')
      expect(await source.runOnEach(job('count', 't'))).toEqual([1, 1])
      expect(source.database.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 1 })
      expect(await using(path, (second) => count(second))).toBe(2)
    })
    expect(before[1]!.equals(readFileSync(`${path}-wal`).subarray(0, before[1]!.length))).toBe(true)
    writer.close()
  })

  test('the log of a crashed program is read and left alone', async () => {
    const { path, writer } = database(`PRAGMA journal_mode = wal; ${TABLE}`)
    const copy = join(folder, 'crashed.db')
    copyFileSync(path, copy)
    copyFileSync(`${path}-wal`, `${copy}-wal`)
    writer.close()
    const before = [readFileSync(copy), readFileSync(`${copy}-wal`)]
    expect(await using(copy, (source) => count(source))).toBe(1)
    expect([readFileSync(copy), readFileSync(`${copy}-wal`)]).toEqual(before)
  })

  test('a moment is found beside a busy writer', async () => {
    const { path, writer } = database('PRAGMA journal_mode = wal; CREATE TABLE t (a); CREATE TABLE u (a)')
    const busy = new Worker(
      `const { DatabaseSync } = require('node:sqlite'); const { workerData, parentPort } = require('node:worker_threads')
       const d = new DatabaseSync(workerData, { timeout: 5000 }); let stop = false
       parentPort.on('message', () => { stop = true })
       const go = () => { d.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); COMMIT'); stop ? parentPort.close() : setTimeout(go, 1) }; go()`,
      { eval: true, workerData: path },
    )
    await sleep(100)
    const seen = new Set<string>()
    for (let round = 0; round < 5; round += 1) {
      await using(
        path,
        async (source) => {
          const counts = [
            ...(await source.runOnEach(job('count', 't'))),
            ...(await source.runOnEach(job('slowCount', 'u'))),
          ]
          expect(new Set(counts).size).toBe(1)
          expect(counts[0]).toBeGreaterThan(0)
          seen.add(source.fingerprint)
        },
        { readers: 3 },
      )
    }
    expect(seen.size).toBe(5)
    busy.postMessage('stop')
    await new Promise((resolve) => busy.once('exit', resolve))
    writer.close()
  })
})

describe('in rollback-journal mode', () => {
  test('a private copy is read while the application goes on', async () => {
    const { path, writer } = database(TABLE)
    const temp = mkdtempSync(join(folder, 'temp-'))
    await using(
      path,
      async (source) => {
        expect(source.snapshot).toBe('backup')
        const [inner] = readdirSync(temp)
        expect(statSync(join(temp, inner!)).mode & 0o777).toBe(0o700)
        expect(statSync(join(temp, inner!, 'source.db')).mode & 0o777).toBe(0o600)
        writer.exec('INSERT INTO t VALUES (2)')
        expect(await source.runOnEach(job('count', 't'))).toEqual([1, 1])
      },
      { tempFolder: temp },
    )
    expect(readdirSync(temp)).toEqual([])
    writer.close()
  })

  test('a writer that never pauses cannot starve it', { timeout: 30_000 }, async () => {
    const { path, writer } = database(
      'CREATE TABLE t (a); CREATE TABLE u (a); CREATE TABLE big (b); INSERT INTO big VALUES (zeroblob(40000000))',
    )
    const busy = new Worker(
      `const { DatabaseSync } = require('node:sqlite'); const { workerData, parentPort } = require('node:worker_threads')
       const d = new DatabaseSync(workerData, { timeout: 10000 }); d.exec('PRAGMA synchronous = off'); let stop = false
       parentPort.on('message', () => { stop = true })
       const go = () => { d.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); COMMIT'); stop ? parentPort.close() : setTimeout(go, 1) }; go()`,
      { eval: true, workerData: path },
    )
    await sleep(100)
    const consistent = (look: (notes: string) => void) => async (source: SqliteSource) => {
      look(source.notes.join())
      const counts = [await count(source, 't'), await count(source, 'u')]
      expect(counts[0]).toBeGreaterThan(0)
      expect(counts[0]).toBe(counts[1])
      expect(source.database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    }
    await using(
      path,
      consistent((notes) => expect(notes).toMatch(/had to wait/)),
      { holdWriters: 0 },
    )
    await using(
      path,
      consistent((notes) => expect(notes).not.toMatch(/had to wait/)),
    )
    busy.postMessage('stop')
    await new Promise((resolve) => busy.once('exit', resolve))
    writer.close()
  })

  test('hold keeps commits out', async () => {
    const { path, writer } = database(TABLE)
    await using(
      path,
      async (source) => {
        expect(source.notes.join()).toMatch(/cannot commit/)
        expect(() => writer.exec('INSERT INTO t VALUES (2)')).toThrow(/locked/)
        expect(await count(source)).toBe(1)
      },
      { snapshot: 'hold' },
    )
    writer.exec('INSERT INTO t VALUES (2)')
    writer.close()
  })
})

test.each(['delete', 'wal'])('the fingerprint tells every change in %s mode', async (mode) => {
  const { path, writer } = database(`PRAGMA journal_mode = ${mode}; ${TABLE}`)
  await sleep(30)
  const read = () => using(path, async (source) => source.fingerprint, { readers: 1 })
  const first = await read()
  expect(await read()).toBe(first)
  const seen = new Set([first])
  for (let i = 0; i < 8; i += 1) {
    writer.exec(`UPDATE t SET a = ${i}`)
    seen.add(await read())
  }
  expect(seen.size).toBe(9)
  writer.close()
})

describe('readers', () => {
  let source: SqliteSource
  beforeAll(async () => {
    const { path, writer } = database(TABLE)
    writer.close()
    source = await openSource(path, { readers: 2 })
  })
  afterAll(() => source.close())

  test('jobs wait for a free one, and messages come on the way', async () => {
    const messages: unknown[] = []
    const results = await Promise.all(
      Array.from({ length: 7 }, () => source.run<number>(job('slowCount', 't'), (m) => messages.push(m))),
    )
    expect(results).toEqual([1, 1, 1, 1, 1, 1, 1])
    expect(messages).toEqual(Array(7).fill('started'))
  })

  test('each keeps its own memory', async () => {
    expect(await source.runOnEach(job('remember'))).toEqual([1, 1])
    expect(await source.runOnEach(job('remember'))).toEqual([2, 2])
  })

  test('errors keep their code, hint and place', async () => {
    await expect(source.run(job('refuse'))).rejects.toMatchObject({
      name: 'LandfallError',
      code: 'LF204',
      exitCode: 5,
      hint: 'make it fit',
      place: { table: 't', key: 'id = 1' },
      details: { n: 1 },
    })
    await expect(source.run(job('broken'))).rejects.toMatchObject({ code: 'LF104' })
    await expect(source.run(job('missing'))).rejects.toThrow(/exports no function/)
    expect(await count(source)).toBe(1)
  })

  test.each(['hold', 'backup'])('errors name the file of the user (%s)', async (snapshot) => {
    const { path, writer } = database(TABLE, `mine-${snapshot}.db`)
    writer.close()
    await using(
      path,
      async (source) => {
        await expect(source.run(job('broken'))).rejects.toMatchObject({
          message: `reading mine-${snapshot}.db failed: no such table: nowhere`,
          hint: expect.stringContaining('--exclude'),
        })
      },
      { snapshot },
    )
  })

  test('abort stops what runs and what waits', async () => {
    const { path, writer } = database(TABLE)
    writer.close()
    const other = await openSource(path, { readers: 1 })
    const running = other.run(job('untilAborted'))
    const waiting = other.run(job('count', 't'))
    other.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'LF403' })
    expect(await running).toBe('stopped')
    await other.close()
    await expect(other.run(job('count', 't'))).rejects.toThrow(/closed/)
  })

  test('a thread that dies fails its job and the source', async () => {
    const { path, writer } = database(TABLE)
    writer.close()
    const other = await openSource(path, { readers: 2 })
    await expect(other.run(job('die'))).rejects.toMatchObject({ code: 'LF104' })
    await expect(count(other)).rejects.toMatchObject({ code: 'LF104' })
    await other.close()
  })
})

test.each(['UTF-8', 'UTF-16le', 'UTF-16be'])('landfall_text_ok knows valid text in %s', async (encoding) => {
  const { path, writer } = database(`PRAGMA encoding = '${encoding}'; CREATE TABLE t (a)`)
  const bad = {
    'UTF-8': ['ff', 'c080', 'eda080', 'f4908080'],
    'UTF-16le': ['00d8', '00dc41', '00d84100'],
    'UTF-16be': ['d800', 'dc0041', 'd8000041'],
  }[encoding]!
  writer.close()
  await using(path, async (source) => {
    const ok = (sql: string) => source.run(job('textOk', `SELECT landfall_text_ok(${sql}) AS ok`))
    expect(source.encoding).toBe(encoding)
    for (const text of ['', 'a', 'äöü', '€', '😀', '\u{10ffff}', '\ufffd', '\ufeff'])
      expect(await ok(`CAST('${text}' AS BLOB)`)).toBe(1)
    expect(await ok('CAST(char(97, 0, 98) AS BLOB)')).toBe(0)
    for (const hex of bad) expect(await ok(`x'${hex}'`)).toBe(0)
    expect(await ok('NULL')).toBe(null)
    expect(
      await ok(`CAST((SELECT group_concat(v) FROM (SELECT 'é' AS v UNION ALL SELECT '😀')) AS BLOB)`),
    ).toBe(1)
  })
})

test('landfall_text_repair takes out what PostgreSQL cannot hold', async () => {
  const { path, writer } = database('CREATE TABLE t (a)')
  writer.close()
  await using(path, async (source) => {
    const repaired = (hex: string, nul: number, invalid: number) =>
      source.run(job('textOk', `SELECT landfall_text_repair(x'${hex}', ${nul}, ${invalid}) AS ok`))
    expect(await repaired('6100ff62', 1, 1)).toBe('a\ufffdb')
    expect(await repaired('610062', 1, 0)).toBe('ab')
    expect(await repaired('61ff62', 0, 1)).toBe('a\ufffdb')
    expect(await repaired('6100ff62', 1, 0)).toBe(null)
    expect(await repaired('6100ff62', 0, 1)).toBe(null)
    expect(await repaired('c3a9', 0, 0)).toBe('é')
  })
})
