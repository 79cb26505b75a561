import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { landfall } from './run.ts'

describe.skipIf(!canDump)('migrate --backup', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-backup-'))
  let server: DumpableServer
  let client: Client

  beforeAll(async () => {
    server = await dumpableServer()
    client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query('create table kept (v text); insert into kept values (1)')
    const db = new DatabaseSync(join(folder, 'shop.db'))
    db.exec('create table users (id integer primary key); insert into users values (1), (2)')
    db.close()
  }, 60_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const run = (...more: string[]) =>
    landfall(['migrate', '--from', 'sqlite:shop.db', '--to', server.url, ...more], { cwd: folder })
  const tables = async () => {
    const { rows } = await client.query(
      `select c.oid::regclass::text as name from pg_class c where relkind = 'r' and relnamespace::regnamespace::text in ('public', 'landfall') order by 1`,
    )
    return rows.map(({ name }) => name as string)
  }

  test('that cannot be made stops everything before a table is made', async () => {
    const refused = await run('--backup', 'shop.db/x')
    expect(refused.status).toBe(5)
    expect(refused.stderr).toContain('error LF311')
    expect(refused.stderr).toContain('nothing was written.')
    expect(await tables()).not.toContain('users')
  })

  test('tells where it lies and how to go back, and the database goes back', async () => {
    const done = await run('--backup', 'my copies')
    expect(done).toMatchObject({ status: 0 })
    expect(done.stdout).toMatch(
      /target .*\/my copies\/shop-target-postgres-\S+\.dump {3}\d\.\d\d MB, \d+ tables/,
    )
    expect(`${done.stdout}${done.stderr}`).not.toContain('s3cret')
    expect(done.stderr).toContain('backup')
    const command = /to restore (.+)/.exec(done.stdout)?.[1] ?? ''
    expect(await tables()).toContain('users')
    await client.query('delete from kept')
    await client.query('drop table users')
    execFileSync('sh', ['-c', command], { env: { ...process.env, PGPASSWORD: server.password } })
    expect((await client.query('select * from kept')).rows).toEqual([{ v: '1' }])
    const again = await run()
    expect(again.stdout).toMatch(/^Done/)
  })

  test('of the config may include the source; a run with nothing to do makes none', async () => {
    const config = { backup: { folder: 'both', source: true } }
    writeFileSync(join(folder, 'landfall.config.json'), JSON.stringify(config))
    const idle = await run('--json')
    expect(JSON.parse(idle.stdout)).toMatchObject({ outcome: 'nothing-to-do' })
    expect(existsSync(join(folder, 'both'))).toBe(false)
    const without = await run('--json', '--restart', '--yes', '--no-backup')
    expect(JSON.parse(without.stdout)).toMatchObject({ outcome: 'done' })
    expect(existsSync(join(folder, 'both'))).toBe(false)
    const done = await run('--json', '--restart', '--yes')
    expect(done).toMatchObject({ status: 0 })
    const { backups } = JSON.parse(done.stdout)
    expect(backups).toMatchObject([
      { of: 'target', bytes: expect.any(Number), restore: expect.stringContaining('pg_restore') },
      { of: 'source', database: 'sqlite:shop.db', tables: 1 },
    ])
    expect(execFileSync('pg_restore', ['--list', backups[0].path], { encoding: 'utf8' })).toContain(
      'public users',
    )
  })
})
