import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestServer, testServer } from '../support/postgres.ts'
import { BIN, landfall } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-verbs-'))
let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

let made = 0
/** A folder of its own with `shop.db`, and an empty database. */
async function shop(statements: string): Promise<{ cwd: string; to: string }> {
  const cwd = join(folder, `s${made++}`)
  mkdirSync(cwd)
  const db = new DatabaseSync(join(cwd, 'shop.db'))
  db.exec(statements)
  db.close()
  return { cwd, to: await server.database() }
}

const GOOD = `create table users(id integer primary key, name text not null);
  insert into users(name) values ('Ada'), ('Grace');
  create table orders(id integer primary key, user_id integer references users(id), qty integer);
  insert into orders(user_id, qty) values (1, 5), (2, 7), (2, 9);`
const BAD = `${GOOD} update orders set qty = 'toto' where id = 2;`

describe('plan', () => {
  test('of what fits ends with 0 and writes nothing', async () => {
    const { cwd, to } = await shop(GOOD)
    const plan = await landfall(['plan', '--from', 'sqlite:shop.db', '--to', to], { cwd })
    expect(plan.stderr).not.toContain('error')
    expect(plan.status).toBe(0)
    expect(plan.stdout).toMatch(/^Plan of shop {3}2 tables, 5 rows\n/)
    // The test server's URL holds a password.
    expect(plan.stdout).toMatch(
      /Nothing was written\. To carry it out:\n {2}landfall migrate with the same options\n/,
    )
    const status = await landfall(['status', '--to', to], { cwd })
    expect(status).toMatchObject({ status: 0, stdout: expect.stringContaining('No migration') })
  })

  test('of what does not fit ends with 5 and names the row', async () => {
    const { cwd, to } = await shop(BAD)
    const args = ['--from', 'sqlite:shop.db', '--to', to]
    const plan = await landfall(['plan', ...args], { cwd })
    expect(plan.status).toBe(5)
    expect(plan.stdout).toMatch(/id = 2.*toto/)
    const json = await landfall(['plan', ...args, '--json'], { cwd })
    expect(json.status).toBe(5)
    expect(JSON.parse(json.stdout)).toMatchObject({ migration: 'shop', blockers: [{ column: 'qty' }] })
    const migrate = await landfall(['migrate', ...args, '--json'], { cwd })
    expect(migrate.status).toBe(5)
    expect(JSON.parse(migrate.stdout)).toMatchObject({ command: 'migrate', error: { code: 'LF204' } })
    const told = await landfall(['migrate', ...args], { cwd })
    expect(told.stderr).toMatch(/id = 2.*toto/)
    expect(told.stderr).toContain('--bad-rows set-aside')
    expect(told.stderr).toContain('source sqlite:shop.db')
  })
})

describe('migrate', () => {
  test('ends with a table; again there is nothing to do; status says done', async () => {
    const { cwd, to } = await shop(GOOD)
    const args = ['--from', 'sqlite:shop.db', '--to', to]
    const first = await landfall(['migrate', ...args], { cwd })
    expect(first.stderr).not.toContain('error')
    expect(first.status).toBe(0)
    expect(first.stdout).toMatch(/^orders +3 +0 /m)
    expect(first.stdout).toMatch(/^in all +5 +0 /m)
    const again = await landfall(['migrate', ...args], { cwd })
    expect(again).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Nothing to do/) })
    const status = await landfall(['db:status', ...args, '--json'], { cwd })
    expect(JSON.parse(status.stdout)).toMatchObject({ migrations: [{ migration: 'shop', state: 'done' }] })
    expect((await landfall(['status', '--to', to], { cwd })).stdout).toMatch(/^shop +done$/m)
  })

  test('sets rows aside when told to, and ends with 1', async () => {
    const { cwd, to } = await shop(BAD)
    const args = ['migrate', '--from', 'sqlite:shop.db', '--to', to, '--bad-rows', 'set-aside', '--json']
    const { status, stdout, stderr } = await landfall(args, { cwd })
    expect(status, stderr).toBe(1)
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({
      version: 1,
      command: 'migrate',
      exitCode: 1,
      rejects: [{ table: 'orders', rows: 1 }],
    })
    expect(report.tables).toContainEqual(
      expect.objectContaining({ target: 'public.orders', read: 3, loaded: 2, setAside: 1 }),
    )
  })

  test('stopped by Ctrl-C ends with 130, and the same command goes on', async () => {
    const { cwd, to } = await shop(`create table big(id integer primary key, t text);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)
      insert into big select i, 'row ' || i || hex(zeroblob(50)) from n;`)
    const args = ['migrate', '--from', 'sqlite:shop.db', '--to', to, '--batch-size', '500', '--json']
    const stopped = await landfall(args, {
      cwd,
      onStart: (child) => {
        // The phase is told when it begins.
        child.stderr?.on('data', (part: Buffer) => {
          if (/^copy/m.test(part.toString())) setTimeout(() => child.kill('SIGINT'), 200)
        })
      },
    })
    expect(stopped.stderr).toContain('stopping at the next chunk boundary')
    expect(stopped.status).toBe(130)
    expect(JSON.parse(stopped.stdout)).toMatchObject({ error: { code: 'LF403' } })
    const status = await landfall(['status', '--to', to, '--json'], { cwd })
    expect(JSON.parse(status.stdout)).toMatchObject({ migrations: [{ state: 'interrupted' }] })
    const resumed = await landfall(args, { cwd })
    expect(resumed.status, resumed.stderr).toBe(0)
    expect(JSON.parse(resumed.stdout)).toMatchObject({ resumed: true, tables: [{ loaded: 400_000 }] })
  })

  test('--restart asks, and where nobody can answer it refuses unless --yes is given', async () => {
    const { cwd, to } = await shop(GOOD)
    const args = ['migrate', '--from', 'sqlite:shop.db', '--to', to]
    expect((await landfall(args, { cwd })).status).toBe(0)
    const refused = await landfall([...args, '--restart'], { cwd })
    expect(refused.status).toBe(5)
    expect(refused.stderr).toMatch(/error LF206 [\s\S]*--yes/)
    const again = await landfall([...args, '--restart', '--yes'], { cwd })
    expect(again.status, again.stderr).toBe(0)
    expect(again.stdout).toMatch(/^Done/)
  })

  // A terminal is needed; util-linux brings one for a single command.
  test.runIf(process.platform === 'linux' && existsSync('/usr/bin/script'))(
    'a no at the question is told as one',
    async () => {
      const { cwd, to } = await shop(GOOD)
      const args = ['migrate', '--from', 'sqlite:shop.db', '--to', to]
      expect((await landfall(args, { cwd })).status).toBe(0)
      const line = [process.execPath, BIN, ...args, '--restart'].map((word) => `'${word}'`).join(' ')
      const terminal = spawn('/usr/bin/script', ['-qec', line, '/dev/null'], { cwd })
      let shown = ''
      terminal.stdout.on('data', (part: Buffer) => {
        if (!shown.includes('[y/N]') && (shown + part).includes('[y/N]')) terminal.stdin.write('n\n')
        shown += part
      })
      const [status] = await once(terminal, 'close')
      expect(shown).toMatch(/error LF206.* you said no; nothing was changed/)
      expect(shown).not.toContain('--yes')
      expect(status).toBe(5)
    },
  )
})

test('init writes a config that plan and migrate take, without a password', async () => {
  const { cwd, to } = await shop(BAD)
  const withPassword = new URL(to)
  if (withPassword.password === '') withPassword.password = 'geheim-1'
  const init = await landfall(['init', '--from', 'sqlite:shop.db', '--to', to], { cwd })
  expect(init.status, init.stderr).toBe(0)
  const text = readFileSync(join(cwd, 'landfall.config.ts'), 'utf8')
  expect(text).toContain('// LF204')
  expect(text).not.toContain(withPassword.password)
  const plan = await landfall(['plan', '--json'], { cwd, env: { DATABASE_URL: to } })
  const fromFlags = await landfall(
    ['plan', '--from', 'sqlite:shop.db', '--to', to, '--json', '--config', 'none.json'],
    { cwd },
  )
  expect(fromFlags.status).toBe(2)
  expect(JSON.parse(plan.stdout)).toMatchObject({
    migration: 'shop',
    moves: [{}, {}],
    blockers: [{ column: 'qty' }],
  })
  expect((await landfall(['init'], { cwd, env: { DATABASE_URL: to } })).status).toBe(2)
  expect((await landfall(['init', '--force'], { cwd, env: { DATABASE_URL: to } })).status).toBe(0)
})
