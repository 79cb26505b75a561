import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Command } from 'commander'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyOptionsLikewise, withDatabases, withPlanning } from '../../src/cli/options.ts'
import { share, timeSpan, wholeOrNone } from '../../src/cli/verification.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { type Ended, landfall } from './run.ts'

const cwd = mkdtempSync(join(tmpdir(), 'landfall-verify-cli-'))
afterAll(() => rmSync(cwd, { recursive: true }))
const run = (...args: string[]) => landfall(args, { cwd })

describe('what makes no sense ends with 2 and says what would', () => {
  test.each([
    [['--delete-extra'], '--delete-extra deletes nothing without --repair', '--repair --delete-extra'],
    [['--counts', '--sample', '0.5'], 'there is none for --sample to choose', '--sample 0.05'],
    [['--counts', '--repair'], 'does not tell which rows differ', 'landfall verify --repair'],
    [['--sample', '5%', '--repair'], 'would leave the rows that were not chosen', 'landfall verify --repair'],
    [['--repair', '--no-record'], 'kept in the journal', 'landfall verify --no-record'],
    [['--sample', '0'], 'above 0 and at most 1: 0.05 or 5%', 'landfall verify --help'],
    [['--sample', '101%'], 'above 0 and at most 1: 0.05 or 5%', 'landfall verify --help'],
    [['--max-time', '10'], 'with its unit: 500ms, 30s, 10m or 2h', 'landfall verify --help'],
    [['--max-diffs', '-1'], 'whole number from 0 on', 'landfall verify --help'],
    [['--bad-rows', 'stop'], "unknown option '--bad-rows'", ''],
    [['--show-value'], "unknown option '--show-value'", 'did you mean --show-values?'],
    [['app.db'], 'too many arguments', 'did you mean --from sqlite:app.db?'],
    [[], 'no source is named', 'landfall verify --from sqlite:app.db'],
  ])('%j', async (args, message, hint) => {
    const { status, stdout, stderr } = await run('verify', ...args)
    expect(stderr).toMatch(/^error LF001 {2}/)
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })

  test('under --json as one object', async () => {
    const { status, stdout } = await run('db:verify', '--delete-extra', '--json')
    expect(status).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ version: 1, command: 'verify', error: { code: 'LF001' } })
  })
})

test('the alias is the same command, and migrate can leave it out', async () => {
  const help = await run('verify', '--help')
  expect(help).toMatchObject({ status: 0, stderr: '' })
  expect((await run('db:verify', '--help')).stdout).toBe(help.stdout)
  const migrate = (await run('migrate', '--help')).stdout
  for (const option of ['--no-verify', '--max-diffs', '--show-values']) expect(migrate).toContain(option)
  // Said although it is so anyway.
  const said = await run('migrate', '--verify', '--from', 'sqlite:gone.db')
  expect(said).toMatchObject({ status: 3, stderr: expect.stringContaining('LF101') })
})

describe('values of options', () => {
  test('a share', () => {
    expect(['0.05', '.5', '1', '5%', '5 %', '100%', '0.1%', '1.0'].map(share)).toEqual([
      0.05, 0.5, 1, 0.05, 0.05, 1, 0.001, 1,
    ])
    for (const wrong of ['0', '0%', '1.01', '101%', '-0.5', '5%%', '1e-3', 'x', '', ' ', '%', '.', '0,5']) {
      expect(() => share(wrong), wrong).toThrow(/share of the rows/)
    }
  })

  test('a time, in seconds', () => {
    expect(['500ms', '30s', '10m', '2h', '1.5h'].map(timeSpan)).toEqual([0.5, 30, 600, 7200, 5400])
    for (const wrong of [
      '10',
      '0s',
      '-1s',
      '10 minutes',
      '1h30m',
      '1d',
      'm',
      '',
      '1e3s',
      `${'9'.repeat(400)}h`,
    ]) {
      expect(() => timeSpan(wrong), wrong).toThrow(/a time above 0/)
    }
  })

  test('a whole number that may be none', () => {
    expect(['0', '100', '1_000'].map(wholeOrNone)).toEqual([0, 100, 1000])
    for (const wrong of ['', '_', '-1', '1.5', '1e3', 'x', '9007199254740993']) {
      expect(() => wholeOrNone(wrong), wrong).toThrow(/whole number from 0/)
    }
  })

  test('of a migration are given on to verify where it takes them, but never a secret', () => {
    const likewise = (...args: string[]) =>
      verifyOptionsLikewise(
        withPlanning(withDatabases(new Command('migrate')))
          .option('--restart')
          .option('--no-record')
          .parse(args, { from: 'user' }),
      )
    expect(likewise()).toBe('')
    expect(likewise('--restart', '--no-record', '--json', '--bad-rows', 'stop', '--profile-rows', '9')).toBe(
      '',
    )
    expect(likewise('--from', 'sqlite:my app.db', '--names', 'snake', '--tables', 'a,"b, c"')).toBe(
      ` --from 'sqlite:my app.db' --tables 'a,"b, c"' --names snake`,
    )
    expect(likewise('--to', 'postgres://app:s3cr3t@host/db', '--names', 'snake')).toBe(
      ' with the same options',
    )
  })
})

describe('of two databases', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(() => server.stop())

  interface Moved {
    migrate(...args: string[]): Promise<Ended>
    verify(...args: string[]): Promise<Ended>
    target(sql: string): Promise<unknown[]>
  }

  /** A shop that was moved, and then changed in the target. */
  async function moved(change: string): Promise<Moved> {
    const to = await server.database()
    const folder = join(cwd, to.slice(to.lastIndexOf('/') + 1))
    mkdirSync(folder)
    const db = new DatabaseSync(join(folder, 'shop.db'))
    db.exec(`create table users(id integer primary key, name text not null);
      insert into users(name) values ('Ada'), ('Grace'), ('Mary');
      create table orders(id integer primary key, user_id integer references users(id), qty integer, note text);
      insert into orders(user_id, qty, note) values (1, 5, 'NULL'), (2, 7, ''), (2, 9, null);
      create table log(line text);
      insert into log values ('a'), ('a'), ('b');`)
    db.close()
    const args = ['--from', 'sqlite:shop.db', '--to', to]
    const { status, stderr } = await landfall(['migrate', ...args, '--no-verify'], { cwd: folder })
    expect(status, stderr).toBe(0)
    const target = async (sql: string) => {
      const client = new Client({ connectionString: to })
      await client.connect()
      return await client
        .query(sql)
        .then(({ rows }) => rows)
        .finally(() => client.end())
    }
    if (change !== '') await target(change)
    return {
      target,
      migrate: (...more) => landfall(['migrate', ...args, ...more], { cwd: folder }),
      verify: (...more) => landfall(['verify', ...args, ...more], { cwd: folder }),
    }
  }

  test('that are the same ends with 0, and says so first', async () => {
    const { verify } = await moved('')
    const { status, stdout, stderr } = await verify()
    expect(status, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/^Same: all 9 rows of 3 tables {3}shop, /)
    expect(stdout).toMatch(/^orders +3 +0 +0 +0 +0 /m)
    expect(stderr).toMatch(/^verify$/m)
    expect(stderr).toMatch(/^verify: 3 tables, 9 rows in /m)
  })

  test('that differ ends with 1, and names rows and columns but no values', async () => {
    const { verify } = await moved(`update orders set note = 'geheim', qty = 6 where id = 1;
      delete from orders where id = 2; insert into orders(id, qty) values (9, 1);`)
    const { status, stdout } = await verify()
    expect(status).toBe(1)
    expect(stdout).toMatch(/^Different: 1 missing, 1 extra, 1 changed/)
    expect(stdout).toContain('\n  orders id = 1: qty, note differ\n')
    expect(stdout).toContain('\n  orders id = 2: missing in the target\n')
    expect(stdout).toContain('\n  orders id = 9: only in the target\n')
    expect(stdout).not.toContain('geheim')
    expect(stdout).toMatch(/^ {2}landfall verify --repair (--from sqlite:shop\.db|with the same options)/m)
    const shown = await verify('--show-values')
    expect(shown.status).toBe(1)
    expect(shown.stdout).toContain(
      '\n    qty   source 5   target 6\n    note   source "NULL"   target "geheim"\n',
    )
    const few = await verify('--max-diffs', '0', '--json')
    expect(few.status).toBe(1)
    expect(JSON.parse(few.stdout)).toMatchObject({ command: 'verify', outcome: 'different', differences: [] })
  })

  test('in numbers of rows alone does not see values, and says so', async () => {
    const { verify, target } = await moved('update orders set qty = 6')
    const counted = await verify('--counts')
    expect(counted.status).toBe(0)
    expect(counted.stdout).toMatch(/^Same numbers of rows in 3 tables; values were not compared/)
    await target('delete from log')
    const other = await verify('--counts')
    expect(other.status).toBe(1)
    expect(other.stdout).toMatch(/^Different: at least 3 missing/)
  })

  test('of some rows or some tables says which', async () => {
    const { verify } = await moved('update orders set qty = 6')
    const users = await verify('--tables', 'users', '--sample', '100%')
    expect(users.status, users.stderr).toBe(0)
    expect(users.stdout).toContain('scope  compared 1 table only: users')
    expect(users.stdout).toContain('scope  compared 100 % of the rows, chosen by their keys: 3 rows')
    const unknown = await verify('--tables', 'user')
    expect(unknown).toMatchObject({ status: 2, stderr: expect.stringMatching(/LF005 .*did you mean users/) })
  })

  test('that ran out of time is incomplete, and ends with 1', async () => {
    const { verify } = await moved('')
    const { status, stdout } = await verify('--max-time', '0.001ms')
    expect(status).toBe(1)
    expect(stdout).toMatch(/^Incomplete: no difference was found, but 3 tables not compared to the end/)
    expect(stdout).not.toContain('Same')
  })

  test('is the end of a migration too', async () => {
    const { migrate, target } = await moved('drop schema landfall cascade; drop table users, orders, log')
    const json = await migrate('--json')
    expect(json.status, json.stderr).toBe(0)
    const report = JSON.parse(json.stdout)
    expect(report.verification).toMatchObject({
      tables: expect.arrayContaining([expect.objectContaining({ source: 'log', sourceRows: 3, missing: 0 })]),
      differences: [],
    })
    expect(report.phases).toContainEqual(expect.objectContaining({ name: 'verify' }))
    await target('drop schema landfall cascade; drop table users, orders, log')
    const text = await migrate()
    expect(text.stderr).toMatch(/^verify: 3 tables, 9 rows in /m)
    expect(text.stdout).toContain('\n9 rows verified: all are the same in the target\n')
  })

  test('that is repaired asks, leaves what only the target has, and ends with 0 when all is the same', async () => {
    const { verify, target } = await moved(`update orders set note = 'x' where id = 1;
      delete from log; insert into users(id, name) values (9, 'Zoe');
      delete from orders where id = 2;`)
    const wanted = [
      { id: '1', user_id: '1', qty: '5', note: 'NULL' },
      { id: '2', user_id: '2', qty: '7', note: '' },
      { id: '3', user_id: '2', qty: '9', note: null },
    ]
    const orders = () => target('select id::text, user_id::text, qty::text, note from orders order by id')
    const asked = await verify('--repair')
    expect(asked.status).toBe(5)
    expect(asked.stderr).toMatch(/error LF206 [\s\S]*--yes/)
    expect(await orders()).not.toEqual(wanted)
    const left = await verify('--repair', '--yes')
    expect(left.status, left.stderr).toBe(1)
    expect(left.stdout).toMatch(/^Different: 1 extra/)
    expect(left.stdout).toContain('\nRepaired in the target: 4 inserted, 1 updated; ')
    expect(left.stdout).toContain('  1 row that only the target has was left there\n')
    expect(await orders()).toEqual(wanted)
    const all = await verify('--repair', '--delete-extra', '--yes', '--json')
    expect(all.status, all.stderr).toBe(0)
    expect(JSON.parse(all.stdout)).toMatchObject({
      outcome: 'same',
      repair: { inserted: 0, updated: 0, deleted: 1, extraLeft: 0, failed: [] },
    })
    const again = await verify('--repair', '--yes')
    expect(again.status, again.stderr).toBe(0)
    expect(again.stdout).toMatch(/^Same: all 9 rows/)
  })

  test('stopped by Ctrl-C ends with 130 and no verdict', async () => {
    const to = await server.database()
    const folder = join(cwd, 'big')
    mkdirSync(folder)
    const db = new DatabaseSync(join(folder, 'big.db'))
    db.exec(`create table big(id integer primary key, t text);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)
      insert into big select i, 'row ' || i || hex(zeroblob(50)) from n;`)
    db.close()
    const args = ['--from', 'sqlite:big.db', '--to', to]
    const migrated = await landfall(['migrate', ...args, '--no-verify', '--batch-size', '500'], {
      cwd: folder,
    })
    expect(migrated.status, migrated.stderr).toBe(0)
    expect(migrated.stdout).toContain('not verified   landfall verify with the same options   compares')
    const { status, stdout, stderr } = await landfall(['verify', ...args], {
      cwd: folder,
      onStart: (child) => {
        child.stderr?.on('data', (part: Buffer) => {
          if (/^verify$/m.test(part.toString())) child.kill('SIGINT')
        })
      },
    })
    expect(stderr).toContain('stopping… (once more to stop at once)')
    expect(stderr).toContain('error LF403')
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' })
  })

  test('of which one is not there ends with 4', async () => {
    const folder = join(cwd, 'alone')
    mkdirSync(folder)
    new DatabaseSync(join(folder, 'a.db')).close()
    const { status, stderr } = await landfall(['verify', '--from', 'sqlite:a.db'], { cwd: folder })
    expect(stderr).toMatch(/^error LF301 /)
    expect(status).toBe(4)
    expect(existsSync(join(folder, '.landfall'))).toBe(false)
  })
})
