import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { backUpPostgres } from '../../src/backup/postgres.ts'
import { expectedTables, missingFrom } from '../../src/backup/postgres-list.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { ident } from '../../src/connection/quote.ts'
import { guardSettings, type PostgresSettings } from '../../src/connection/settings.ts'
import { parseConnection } from '../../src/connection/url.ts'
import type { ProgressEvent } from '../../src/contract/progress.ts'
import type { Tools } from '../../src/contract/tools.ts'
import { LandfallError } from '../../src/errors.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'

/** `=` and `'` would end it, or make another connection of it, where a name is taken for an argument. */
const DATABASE = `the shop's "a=b" ü`

const SCHEMA = `
  create schema "Odd \n schema";
  create table customers (id int primary key, name text not null);
  create table orders (id int primary key, customer int references customers, total numeric);
  create table "Odd \n schema"."t;1 TABLE x" (v text);
  create table parts (id int, day date) partition by range (day);
  create table parts_1 partition of parts for values from ('2024-01-01') to ('2025-01-01');
  create materialized view totals as select 1 as n;
  insert into customers select i, 'name ' || i from generate_series(1, 500) i;
  insert into orders select i, i, i * 1.5 from generate_series(1, 500) i;
  insert into "Odd \n schema"."t;1 TABLE x" values ('é'), (null);
  insert into parts values (1, '2024-05-05')`

describe.skipIf(!canDump)('a backup of a PostgreSQL database', { timeout: 60_000 }, () => {
  let server: DumpableServer
  let settings: PostgresSettings
  let folder: string

  beforeAll(async () => {
    server = await dumpableServer()
  }, 60_000)
  afterAll(() => server?.stop())

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'landfall-backup-'))
    const connection = parseConnection(server.url, {})
    if (connection.engine !== 'postgres') throw new TypeError()
    await sql(connection.settings, `drop database if exists ${ident(DATABASE)}`)
    await sql(connection.settings, `create database ${ident(DATABASE)}`)
    settings = guardSettings({ ...connection.settings, database: DATABASE })
    await sql(settings, SCHEMA)
    return () => rmSync(folder, { recursive: true, force: true })
  })

  const place = (tools: Tools = {}, into = join(folder, 'deep', 'backups')) =>
    ({ folder: into, migration: 'shop/../x', end: 'target', label: 'the shop', tools }) as const

  test('is put back by the printed command, whatever became of the database', async () => {
    const before = await content(settings)
    const report = await backUpPostgres(settings, place())
    expect(report).toMatchObject({ of: 'target', database: 'the shop', tables: 6 })
    expect(report.path).toMatch(/\/deep\/backups\/shop_\.\._x-target-the_shop_s__a_b___-\d{8}T\d{6}Z\.dump$/)
    expect(statSync(report.path).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'deep', 'backups')).mode & 0o777).toBe(0o700)
    expect(report.bytes).toBe(statSync(report.path).size)
    expect(readdirSync(join(folder, 'deep', 'backups')).filter((name) => name !== '.gitignore')).toHaveLength(
      1,
    )

    await sql(
      settings,
      `drop table orders; update customers set name = 'lost'; delete from customers where id < 9;
       drop schema "Odd \n schema" cascade; alter table parts add column more int;
       create schema landfall; create table landfall.runs (state text); insert into landfall.runs values ('done')`,
    )
    expect(JSON.stringify(report)).not.toContain('s3cret')
    const { status, said } = await shell(report.restore, { PGPASSWORD: server.password })
    expect({ status, said }).toEqual({ status: 0, said: expect.any(String) })
    expect(await content(settings)).toEqual(before)
    expect(await query(settings, `select to_regnamespace('landfall') as journal`)).toEqual([
      { journal: null },
    ])
  })

  test('that cannot be put back leaves everything as it is, the journal too', async () => {
    await sql(settings, `create schema landfall; create table landfall.runs (state text)`)
    const { path, restore } = await backUpPostgres(settings, place())
    await sql(settings, `delete from orders; insert into landfall.runs values ('done')`)
    const before = await content(settings)
    const refused = async (command: string) => {
      const { status, said } = await shell(command, { PGPASSWORD: server.password })
      expect({ status, said }).toEqual({ status: 3, said: expect.stringContaining('ERROR') })
      return said
    }
    const whole = readFileSync(path)
    // Its head and list of contents are there, its rows end somewhere.
    for (const share of [0.6, 0.9, 0.98]) {
      writeFileSync(path, whole.subarray(0, Math.floor(whole.length * share)))
      expect(await refused(restore)).toContain('pg_restore: error')
      expect(await content(settings)).toEqual(before)
    }
    writeFileSync(path, whole)
    await sql(settings, 'create view since as select * from customers')
    expect(await refused(restore)).toContain('view public.since depends on table public.customers')
    expect(await content(settings)).toEqual(before)
    expect(await query(settings, 'select state from landfall.runs')).toEqual([{ state: 'done' }])
    await sql(settings, 'drop view since')
    expect((await shell(restore, { PGPASSWORD: server.password })).status).toBe(0)
    expect(await query(settings, 'select state from landfall.runs')).toEqual([])
  })

  test('shows how far it is, and two of a second keep their own names', async () => {
    const events: ProgressEvent[] = []
    const progress = (event: ProgressEvent) => events.push(event)
    const both = [
      await backUpPostgres(settings, place({ progress })),
      await backUpPostgres(settings, place({ progress })),
    ]
    expect(both.every(({ path }) => existsSync(path))).toBe(true)
    expect(both[0]!.path).not.toBe(both[1]!.path)
    expect(events[0]).toEqual({ kind: 'phase', phase: 'backup', detail: 'target the shop' })
  })

  test('is not made where a table may not be read, and nothing is left of it', async () => {
    await sql(settings, `create role teller login password 'tell''er'; grant select on customers to teller`)
    try {
      const asTeller = guardSettings({ ...settings, user: 'teller', password: "tell'er" })
      const error = await failure(backUpPostgres(asTeller, place()))
      expect(error).toMatchObject({ code: 'LF311', exitCode: 5 })
      expect(error.message).toMatch(/the shop: pg_dump failed: .*permission denied/)
      expect(shown(error)).not.toContain("tell'er")
      expect(leftIn(join(folder, 'deep', 'backups'))).toEqual([])
    } finally {
      await sql(settings, 'revoke all on customers from teller; drop role teller')
    }
  })

  test('ends when it is told to, with its program, and leaves nothing', async () => {
    // A table that somebody has locked keeps pg_dump waiting.
    const other = new Client(clientOptions(settings))
    await other.connect()
    await other.query('begin; lock table customers in access exclusive mode')
    const stop = new AbortController()
    const reason = new LandfallError('LF403', 'interrupted')
    try {
      const going = failure(backUpPostgres(settings, place({ signal: stop.signal })))
      await expect.poll(() => dumping(settings), { timeout: 10_000 }).toBe(1)
      stop.abort(reason)
      expect(await going).toBe(reason)
    } finally {
      await other.query('rollback')
      await expect.poll(() => dumping(settings), { timeout: 10_000 }).toBe(0)
      await other.end()
    }
    expect(leftIn(join(folder, 'deep', 'backups'))).toEqual([])
  })

  test('says what is wrong with the folder', async () => {
    const file = join(folder, 'file')
    await shell(`echo x > ${file}`, {})
    expect(await failure(backUpPostgres(settings, place({}, join(file, 'x'))))).toMatchObject({
      code: 'LF311',
      message: expect.stringContaining('cannot be written into'),
      hint: expect.stringContaining('--backup FOLDER'),
    })
  })

  test('is refused without a pg_dump that knows the server', async () => {
    process.env.LANDFALL_PG_BIN = folder
    try {
      expect(await failure(backUpPostgres(settings, place()))).toMatchObject({
        code: 'LF310',
        message: expect.stringContaining('none were found'),
        hint: expect.stringContaining('LANDFALL_PG_BIN'),
      })
    } finally {
      delete process.env.LANDFALL_PG_BIN
    }
    expect(existsSync(join(folder, 'deep'))).toBe(false)
  })

  test('a list that lacks a table, or only its rows, is found out by name', async () => {
    const session = await openPostgres(settings, { applicationName: 'test' })
    const expected = await expectedTables(session).finally(() => session.close())
    const lines = expected.flatMap(({ entries }, i) => entries.map((entry) => `${i}; ${entry} postgres`))
    const list = (kept: readonly string[]) => Buffer.from(`;\n; Archive\n${kept.join('\n')}\n`, 'latin1')
    expect(missingFrom(list(lines), expected)).toEqual([])
    const without = (what: RegExp) => missingFrom(list(lines.filter((line) => !what.test(line))), expected)
    expect(without(/ TABLE public customers /)).toEqual(['public.customers'])
    expect(without(/ TABLE DATA public orders /)).toEqual(['public.orders'])
    expect(without(/ MATERIALIZED VIEW /)).toEqual(['public.totals'])
    const renamed = lines.map((line) => line.replace('public customers ', 'public customers2 '))
    expect(missingFrom(list(renamed), expected)).toEqual(['public.customers'])
  })
})

function leftIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name !== '.gitignore')
}

async function failure(work: Promise<unknown>): Promise<LandfallError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof LandfallError) return error
  throw error ?? new Error('it did not fail')
}

const shown = (error: LandfallError) =>
  JSON.stringify({ ...error, message: error.message, stack: error.stack })

function clientOptions({ host, port, user, database, password }: PostgresSettings) {
  return { host, port, user, database, password: password ?? '' }
}

async function query(settings: PostgresSettings, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client(clientOptions(settings))
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

const sql = (settings: PostgresSettings, text: string) => query(settings, text)

/** How many are at work, waiting for a lock; in a transaction the answer would never change. */
async function dumping(settings: PostgresSettings): Promise<number> {
  const rows = await query(
    settings,
    `select count(*)::int as n from pg_stat_activity where application_name = 'landfall backup' and wait_event_type = 'Lock'`,
  )
  return Number(rows[0]?.n)
}

/** All rows of all tables, with the columns and constraints. */
async function content(settings: PostgresSettings): Promise<unknown> {
  return await query(
    settings,
    `select c.oid::regclass::text as name, query_to_xml('select * from ' || c.oid::regclass || ' t order by t::text', true, false, '')::text as rows,
       (select array_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint k where k.conrelid = c.oid) as keys
     from pg_class c where c.relkind in ('r', 'p', 'm') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
     order by 1`,
  )
}

function shell(command: string, env: Record<string, string>): Promise<{ status: number; said: string }> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', command], { env: { ...process.env, ...env } }, (error, out, err) => {
      resolve({ status: error === null ? 0 : Number(error.code), said: `${out}${err}` })
    })
  })
}
