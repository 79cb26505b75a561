import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ident, literal } from '../../src/connection/quote.ts'
import { contents, query } from '../migrate/migrating.ts'
import { needs } from '../support/needs.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { BIN, type Ended, landfall } from './run.ts'

const PASSWORD = 'Geh/eim@7:?#%'
const FORMS = [PASSWORD, encodeURIComponent(PASSWORD), Buffer.from(PASSWORD).toString('base64'), 'Geh', '%40']

const SOURCE = `CREATE TABLE users (user_id int PRIMARY KEY, mail text);
  INSERT INTO users VALUES (1, 'ann@x'), (2, 'bob@x'), (3, 'cleo@x');
  CREATE TABLE accounts (cookie text PRIMARY KEY, user_id int, credit int);
  INSERT INTO accounts VALUES ('c1', 1, 10), ('c2', 2, 20), ('c3', 3, 30), ('c4', 3, 40), ('c5', 8, 50)`
const TARGET = `CREATE TABLE users (id int PRIMARY KEY, mail text);
  INSERT INTO users VALUES (101, 'ann@x'), (102, 'zoe@x');
  CREATE TABLE accounts (cookie text PRIMARY KEY, user_id int NOT NULL REFERENCES users, credit int);
  INSERT INTO accounts VALUES ('old', 102, 1)`
const CONFIG = `export default { name: 'accounts', source: process.env.FROM, target: process.env.TO,
  identities: { users: { from: 'users', key: 'user_id', to: 'users', toKey: 'id', match: [{ equal: { mail: 'mail' } }],
    unmatched: 'fail', keptIn: 'user_map' } },
  moves: { accounts: { columns: { user_id: { identity: 'users' } } } } }
`

const folder = mkdtempSync(join(tmpdir(), 'landfall-mapped-cli-'))
const role = `folder_${process.pid}`
let server: TestServer
let from: string
let to: string

beforeAll(async () => {
  writeFileSync(join(folder, 'landfall.config.mjs'), CONFIG)
  server = await testServer()
  from = await server.database()
  to = await server.database()
  await query(from, SOURCE)
  await query(to, TARGET)
  await query(from, `CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD ${literal(PASSWORD)}`)
})
afterAll(async () => {
  const { url } = server
  await server.stop()
  await query(url, `DROP ROLE ${ident(role)}`)
  rmSync(folder, { recursive: true })
})

/** As the role with the password. */
function secret(url: string): string {
  const { host, pathname } = new URL(url)
  return `postgres://${role}:${encodeURIComponent(PASSWORD)}@${host}${pathname}`
}

const env = () => ({ FROM: secret(from), TO: secret(to) })
const run = (...args: string[]): Promise<Ended> => landfall(args, { cwd: folder, env: env() })
const rows = () => query(to, 'SELECT cookie, user_id, credit FROM accounts ORDER BY cookie')
const leaks = (text: string) => FORMS.filter((form) => text.includes(form))

/** All that is in Landfall's own schema, as text. */
async function journal(): Promise<string> {
  const tables = await query(
    to,
    `SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'landfall'::regnamespace AND relkind = 'r'`,
  )
  const all = await Promise.all(tables.map(([name]) => query(to, `SELECT t::text FROM ${name} t`)))
  return all.flat(2).join('\n')
}

describe('before anything is written to tables with rows', () => {
  test('without a terminal and --yes it is refused; the text has both ends and what will happen', async () => {
    const before = await contents(to)
    const { status, stdout, stderr } = await run('migrate')
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' })
    expect(stderr).toContain('error LF206')
    expect(stderr).toContain(`postgres://${role}@${new URL(from).host}${new URL(from).pathname}`)
    expect(stderr).toContain(`postgres://${role}@${new URL(to).host}${new URL(to).pathname}`)
    expect(stderr).toMatch(/updates those that differ: public\.accounts \(1 row\)/)
    expect(stderr).toContain('matches rows of: public.users (2 rows)')
    expect(stderr).toContain('makes: public.user_map')
    expect(stderr).toContain('--backup makes one')
    expect(stderr).toContain('--yes')
    expect(leaks(stderr)).toEqual([])
    expect((await contents(to)).filter(([schema]) => schema === 'public')).toEqual(
      before.filter(([schema]) => schema === 'public'),
    )
  })

  needs('script')('at a terminal it is asked, and a no changes nothing', async () => {
    const seen = await new Promise<{ status: number | null; text: string }>((resolve) => {
      const child = spawn('script', ['-qefc', `'${process.execPath}' '${BIN}' migrate`, '/dev/null'], {
        cwd: folder,
        env: { ...process.env, ...env(), CI: '', TERM: 'xterm' },
      })
      let text = ''
      child.stdout.on('data', (part: Buffer) => {
        const asked = text.includes('[y/N]')
        text += part
        if (!asked && text.includes('[y/N]')) child.stdin.write('n\r')
      })
      child.on('close', (status) => resolve({ status, text }))
    })
    expect(seen.status).toBe(5)
    expect(seen.text).toContain('Write to tables that hold rows?')
    expect(seen.text).toContain('you said no')
    expect(leaks(seen.text)).toEqual([])
    expect(await rows()).toEqual([['old', '102', '1']])
  })
})

describe('parents that nobody knows', () => {
  test('are all listed with what to do; nothing is written, and the same command goes on', async () => {
    const { status, stdout, stderr } = await run('migrate', '--yes')
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' })
    expect(stderr).toMatch(/error LF209 +accounts: 4 rows refer to parents that are unknown/)
    for (const line of [
      'cookie = c2: user_id 2 is not known by the identity users',
      'cookie = c3: user_id 3 is not known',
      'cookie = c4: user_id 3 is not known',
      'cookie = c5: user_id 8 is not known',
      'equal: mail',
      "ifParentMissing: 'set-aside'",
    ])
      expect(stderr).toContain(line)
    expect(leaks(stderr)).toEqual([])
    expect(await rows()).toEqual([['old', '102', '1']])
    expect(await query(to, `SELECT to_regclass('user_map')`)).toEqual([[null]])
    const status2 = await run('status')
    expect(status2.stdout).toContain('LF209')
    expect(leaks(status2.stdout + (await journal()))).toEqual([])
  })

  test('some of them mended: only the others are listed, and what is staged is not staged again', async () => {
    const staged = () => query(to, 'SELECT move, seq, done_at FROM landfall.chunks ORDER BY 1, 2')
    const before = await staged()
    await query(to, `INSERT INTO users VALUES (103, 'bob@x'), (104, 'cleo@x')`)
    const { status, stdout } = await run('migrate', '--json', '--yes')
    expect(status).toBe(5)
    const { error } = JSON.parse(stdout) as { error: object }
    expect(error).toMatchObject({ code: 'LF209', details: { count: 1, rows: [{ key: 'cookie = c5' }] } })
    expect(await staged()).toEqual(before)
    expect(await rows()).toEqual([['old', '102', '1']])
  })

  test('written into the map by hand', async () => {
    await query(
      to,
      `CREATE TABLE user_map (old_key int PRIMARY KEY, new_key int NOT NULL); INSERT INTO user_map VALUES (8, 102)`,
    )
    const { status, stdout, stderr } = await run('migrate', '--yes')
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^Done/)
    expect(stdout).toMatch(/accounts +5 +5 +0 +0 +0 +0/)
    expect(await rows()).toEqual([
      ['c1', '101', '10'],
      ['c2', '103', '20'],
      ['c3', '104', '30'],
      ['c4', '104', '40'],
      ['c5', '102', '50'],
      ['old', '102', '1'],
    ])
    expect(leaks(stdout + stderr + (await journal()))).toEqual([])
    expect((await run('status')).stdout).toMatch(/accounts +5 +5 +0 +1\/1 +100 %/)
    expect(await run('verify')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Same/) })
  })
})

describe('what the target refuses', () => {
  test('two that mean one: every case is listed, and nothing is written', async () => {
    await query(from, `INSERT INTO users VALUES (4, 'bob@x'), (5, 'cleo@x')`)
    await query(to, 'DELETE FROM user_map')
    const before = await rows()
    const { status, stderr } = await run('migrate', '--yes')
    expect(status).toBe(5)
    expect(stderr).toContain('error LF210')
    expect(stderr).toMatch(/user_id = 2, user_id = 4 find 103/)
    expect(stderr).toMatch(/user_id = 3, user_id = 5 find 104/)
    expect(stderr).toMatch(/severalOld/)
    expect(await rows()).toEqual(before)
    await query(from, 'DELETE FROM users WHERE user_id > 3')
    await query(to, 'INSERT INTO user_map VALUES (8, 102)')
  })

  test('a trigger that will not have a row: move, row and reason are named', async () => {
    await query(from, `UPDATE accounts SET credit = -1 WHERE cookie = 'c1'`)
    await query(
      to,
      `CREATE FUNCTION positive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.credit < 0 THEN RAISE 'no debts'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER positive BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION positive()`,
    )
    const { status, stderr } = await run('migrate', '--yes')
    expect(status).toBe(5)
    expect(stderr).toMatch(/error LF204 .*accounts/)
    expect(stderr).toMatch(/cookie = c1: .*no debts/)
    expect(leaks(stderr)).toEqual([])
    expect((await rows())[0]).toEqual(['c1', '101', '10'])
    await query(to, 'DROP TRIGGER positive ON accounts')
    expect(await run('migrate', '--yes')).toMatchObject({ status: 0 })
    expect((await rows())[0]).toEqual(['c1', '101', '-1'])
  })
})
