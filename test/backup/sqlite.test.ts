import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, test } from 'vitest'
import { backUpSqlite } from '../../src/backup/sqlite.ts'
import type { Tools } from '../../src/contract/tools.ts'
import { LandfallError } from '../../src/errors.ts'

describe('a backup of a SQLite database', () => {
  let folder: string
  let path: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-backup-'))
    path = join(folder, "the shop's.db")
    return () => rmSync(folder, { recursive: true, force: true })
  })

  const place = (tools: Tools = {}) =>
    ({ folder: join(folder, 'kept'), migration: 'shop', end: 'source', label: 'sqlite:shop', tools }) as const

  test.each(['delete', 'wal'])('in %s mode is put back by the printed command', async (mode) => {
    const writer = new DatabaseSync(path)
    writer.exec(`pragma journal_mode = ${mode}; pragma wal_autocheckpoint = 0;
      create table a (v); create table b (v); create view c as select 1; insert into a values (1), ('é'), (x'00')`)
    const report = await backUpSqlite(path, place())
    expect(report).toMatchObject({ of: 'source', database: 'sqlite:shop', tables: 2 })
    expect(report.path).toMatch(/\/kept\/shop-source-the_shop_s\.db-\d{8}T\d{6}Z\.db$/)
    expect(statSync(report.path).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(folder, 'kept')).filter((name) => name !== '.gitignore')).toHaveLength(1)

    writer.exec('delete from a; drop table b')
    // As after a crash: what was written last is in the log, beside the file that is replaced.
    const saved = join(folder, 'saved')
    if (mode === 'wal') copyFileSync(`${path}-wal`, saved)
    writer.close()
    if (mode === 'wal') copyFileSync(saved, `${path}-wal`)
    execFileSync('sh', ['-c', report.restore])
    const restored = new DatabaseSync(path)
    try {
      expect(
        restored
          .prepare('select hex(v) as v from a')
          .all()
          .map(({ v }) => v),
      ).toEqual(['31', 'C3A9', '00'])
      expect(restored.prepare('select count(*) as n from b').get()).toEqual({ n: 0 })
    } finally {
      restored.close()
    }
  })

  test('of a damaged one is none', async () => {
    const database = new DatabaseSync(path)
    database.exec('create table a (id integer primary key, v); create index i on a (v)')
    database.exec(
      "insert into a (v) with recursive n(i) as (select 1 union all select i + 1 from n limit 2000) select 'value ' || i from n",
    )
    database.close()
    const bytes = execFileSync('cat', [path])
    bytes.fill(0xff, 8192, 12288)
    writeFileSync(path, bytes)
    const error = await backUpSqlite(path, place()).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(LandfallError)
    expect(error).toMatchObject({
      code: 'LF311',
      message: expect.stringContaining('sqlite:shop: the backup is damaged'),
    })
    expect(readdirSync(join(folder, 'kept'))).toEqual(['.gitignore'])
  })

  test('ends when it is told to and leaves nothing', async () => {
    const database = new DatabaseSync(path)
    database.exec('pragma journal_mode = wal; create table a (v); insert into a select zeroblob(20000000)')
    database.close()
    const stop = new AbortController()
    const reason = new LandfallError('LF403', 'interrupted')
    const going = backUpSqlite(path, place({ signal: stop.signal })).catch((thrown: unknown) => thrown)
    setImmediate(() => stop.abort(reason))
    expect(await going).toBe(reason)
    expect(readdirSync(join(folder, 'kept'))).toEqual(['.gitignore'])
  })
})
