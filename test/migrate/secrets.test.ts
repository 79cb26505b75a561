import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ident, literal } from '../../src/connection/quote.ts'
import { type Ended, landfall } from '../cli/run.ts'
import { bench, failure, query } from './migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const PASSWORD = 'Geheim/7 @:?#[]%41"\\\'ß$x'
const FORMS = [
  PASSWORD,
  encodeURIComponent(PASSWORD),
  encodeURI(PASSWORD),
  new URLSearchParams({ p: PASSWORD }).toString().slice(2),
  JSON.stringify(PASSWORD).slice(1, -1),
  Buffer.from(PASSWORD).toString('base64').replace(/=+$/, ''),
  Buffer.from(PASSWORD).toString('base64url'),
  Buffer.from(PASSWORD).toString('hex'),
  // The beginning is the same in most encodings.
  'Geheim',
]
const leaks = (text: string) => FORMS.filter((form) => text.includes(form))

const user = `clerk_${process.pid}`
let to: string
let admin: string
beforeAll(async () => {
  admin = await postgres(
    `CREATE ROLE ${user} LOGIN PASSWORD ${literal(PASSWORD)}; GRANT ALL ON SCHEMA public TO ${user}; DO $$ BEGIN EXECUTE 'GRANT CREATE ON DATABASE ' || quote_ident(current_database()) || ' TO ${user}'; END $$`,
  )
  const url = new URL(admin)
  to = `postgres://${user}:${encodeURIComponent(PASSWORD)}@${url.host}${url.pathname}`
})
afterAll(async () => {
  await query(admin, `DROP OWNED BY ${user} CASCADE; DROP ROLE ${user}`)
})

const ROWS = `CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO t SELECT i, 'v' || i FROM n`

/** A folder with a source and a config that takes the target from the environment. */
function workplace(name: string, source = ROWS): string {
  const cwd = join(folder, name)
  mkdirSync(cwd)
  sqlite(source, join(name, 'app.db'))
  writeFileSync(
    join(cwd, 'landfall.config.mjs'),
    `export default { name: ${JSON.stringify(name)}, source: 'sqlite:app.db', target: process.env.TARGET, batchSize: 500 }\n`,
  )
  return cwd
}

/** The command lines of a process and all that it started. */
function commandLines(root: number): string[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'))!
      parents.set(Number(entry), Number(parent))
    } catch {
      // It has ended meanwhile.
    }
  }
  const family = new Set([root])
  for (let size = 0; size < family.size; ) {
    size = family.size
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child)
  }
  return [...family].flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'latin1')]
    } catch {
      return []
    }
  })
}

async function journal(): Promise<string> {
  const tables = await query(
    admin,
    `SELECT relname::text FROM pg_class WHERE relnamespace = 'landfall'::regnamespace AND relkind = 'r'`,
  )
  const dumps = await Promise.all(
    tables.map(([name]) => query(admin, `SELECT row_to_json(t)::text FROM landfall.${ident(name!)} t`)),
  )
  return dumps.flat(2).join('\n')
}

describe.runIf(process.platform === 'linux')('the password of the target', () => {
  test('is nowhere to be seen while a run works, nor in what it leaves behind', async () => {
    const cwd = workplace('seen')
    const seen: string[] = []
    let looking: Promise<void> = Promise.resolve()
    const done = await landfall(['migrate', '--json', '--checkpoint', 'progress.json'], {
      cwd,
      env: { TARGET: to },
      onStart: (child) => {
        let ended = false
        child.once('close', () => {
          ended = true
        })
        looking = (async () => {
          while (!ended) {
            seen.push(...commandLines(child.pid!))
            seen.push(
              ...(await query(admin, 'SELECT row_to_json(a)::text FROM pg_stat_activity a'))
                .flat()
                .map(String),
            )
            await new Promise((resolve) => setTimeout(resolve, 50))
          }
        })()
      },
    })
    await looking
    expect(done.stderr).not.toContain('error')
    expect(done.status).toBe(0)
    const watched = seen.join('\n')
    expect(watched).toContain('landfall copy')
    expect(watched).toContain('bin/landfall.js')
    expect(leaks(watched)).toEqual([])
    expect(leaks(done.stdout + done.stderr)).toEqual([])
    expect(JSON.parse(done.stdout).target).toContain(`postgres://${user}@`)
    expect(leaks(readFileSync(join(cwd, 'progress.json'), 'utf8'))).toEqual([])
    expect(leaks(await journal())).toEqual([])
  })

  const failures: readonly (readonly [
    string,
    () => { args: string[]; target: string; status: number; source?: string },
  ])[] = [
    ['wrong', () => ({ args: ['migrate'], target: to.replace(user, 'postgres'), status: 4 })],
    [
      'of a server that is not there',
      () => ({ args: ['migrate'], target: to.replace(/@[^/]+/, '@127.0.0.1:1'), status: 4 }),
    ],
    [
      'of a host that is not there',
      () => ({ args: ['plan'], target: to.replace(/@[^/]+/, '@no-such-host.invalid'), status: 4 }),
    ],
    [
      'of a database that is not there',
      () => ({ args: ['status'], target: to.replace(/[^/]+$/, 'no_such_database'), status: 4 }),
    ],
    [
      'in a string that cannot be understood',
      () => ({
        args: ['plan'],
        target: to.replace('@127', '@127:x:y').replace('postgres://', 'postgres://['),
        status: 2,
      }),
    ],
    [
      'in a string of another kind',
      () => ({ args: ['plan'], target: to.replace('postgres://', 'mysql://'), status: 2 }),
    ],
    [
      'in keywords',
      () => ({
        args: ['plan'],
        target: `host=127.0.0.1 port=1 user=x password='${PASSWORD.replaceAll(/(['\\])/g, '\\$1')}'`,
        status: 4,
      }),
    ],
    [
      'in an unknown parameter',
      () => ({ args: ['plan'], target: `${to}?pasword=${encodeURIComponent(PASSWORD)}`, status: 2 }),
    ],
    [
      'with rows that do not fit',
      () => ({
        args: ['migrate'],
        target: to,
        status: 5,
        source: "CREATE TABLE bad(id INTEGER PRIMARY KEY, n INT); INSERT INTO bad(n) VALUES ('x')",
      }),
    ],
  ]

  test.each(failures)('%s', async (name, make) => {
    const { args, target, status, source } = make()
    const cwd = workplace(`failing ${name}`, source)
    const shown = (ended: Ended) => {
      expect(ended.stderr + ended.stdout).toMatch(/LF\d{3}/)
      expect(leaks(ended.stderr + ended.stdout)).toEqual([])
      expect(ended.status, ended.stderr).toBe(status)
    }
    shown(await landfall([...args, '--json'], { cwd, env: { TARGET: target } }))
    shown(await landfall([...args, '--to', target], { cwd, env: { TARGET: target } }))
  })

  test('stays out of errors of the library, with all that hangs on them', async () => {
    const error = await failure(migrate(sqlite(ROWS), to.replace(user, 'postgres')))
    expect(error).toMatchObject({ code: 'LF302' })
    const parts: string[] = []
    for (let one: unknown = error; one instanceof Error; one = one.cause)
      parts.push(
        String(one.stack),
        JSON.stringify(one),
        JSON.stringify(Object.getOwnPropertyDescriptors(one)),
      )
    expect(leaks(parts.join('\n'))).toEqual([])
  })
})
