import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lockKey } from '../../src/journal/lock-key.ts'
import { ask } from '../faults/state.ts'
import { startPooler } from '../support/pooler.ts'
import { testServer } from '../support/postgres.ts'
import { Applications, type Place, start } from './applications.ts'

let applications: Applications
beforeAll(async () => {
  applications = new Applications(await testServer())
})
afterAll(() => applications.remove())

async function migrated(): Promise<Place> {
  const place = await applications.place()
  expect(await start(place, [])).toMatchObject({ status: 0 })
  return place
}

const STATE = 'landfall.boot_states'
const running = `UPDATE ${STATE} SET status = 'running', finished_at = NULL, counts = NULL`

async function check(place: Place): Promise<{ status: number | null; report: Record<string, unknown> }> {
  const { status, stdout, stderr } = await start(place, ['--check', '--json'])
  expect(stderr).toBe('')
  return { status, report: JSON.parse(stdout) }
}

describe('boot --check', () => {
  test('says absent with 1 and makes nothing, then done with 0', async () => {
    const place = await applications.place()
    expect(await check(place)).toMatchObject({
      status: 1,
      report: { command: 'boot --check', status: 'absent', exitCode: 1, migration: 'shop', state: null },
    })
    expect(await ask(place.url, "SELECT FROM pg_namespace WHERE nspname = 'landfall'")).toEqual([])
    await start(place, [])
    expect(await check(place)).toMatchObject({
      status: 0,
      report: { status: 'done', exitCode: 0, configChanged: false, state: { attempts: 1, error: null } },
    })
    const told = await start(place, ['--check'])
    expect(told).toMatchObject({ status: 0, stderr: '' })
    expect(told.stdout).toMatch(/^shop {3}done\n/)
    expect(told.stdout).toContain('moved    2 rows')
  })

  test('reads only: a role and a database that can do nothing else are enough', async () => {
    const place = await migrated()
    const role = `probe_${randomBytes(6).toString('hex')}`
    const database = new URL(place.url).pathname.slice(1)
    await ask(
      place.url,
      `CREATE ROLE ${role} LOGIN PASSWORD 'probe';
        GRANT USAGE ON SCHEMA landfall TO ${role}; GRANT SELECT ON ${STATE} TO ${role};
        ALTER DATABASE ${database} SET default_transaction_read_only = on`,
    )
    const url = new URL(place.url)
    url.username = role
    url.password = 'probe'
    try {
      const probe = { ...place, url: url.href }
      expect(await check(probe)).toMatchObject({ status: 0, report: { status: 'done' } })
      // What finds it done is a start that reads, too.
      expect(await start(probe, ['--', 'echo', 'up'])).toMatchObject({ status: 0, stdout: 'up\n' })
    } finally {
      const writing = new URL(place.url)
      writing.searchParams.set('options', '-c default_transaction_read_only=off')
      await ask(writing.href, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  test('and a start that finds it done go through a pooler that lends by the transaction', async () => {
    const place = await migrated()
    const pooler = await startPooler(place.url, 'transaction', 2)
    try {
      const url = new URL(place.url)
      url.port = String(pooler.port)
      const pooled = { ...place, url: url.href }
      expect(await check(pooled)).toMatchObject({ status: 0, report: { status: 'done' } })
      expect(await start(pooled, ['--', 'echo', 'up'])).toMatchObject({ status: 0, stdout: 'up\n' })
    } finally {
      await pooler.close()
    }
  })

  test('believes that it is running only while somebody holds the lock', async () => {
    const place = await migrated()
    await ask(place.url, running)
    expect(await check(place)).toMatchObject({ status: 1, report: { status: 'interrupted' } })
    expect((await start(place, ['--check'])).stdout).toContain('interrupted; the next start goes on')
    const holder = new Client({ connectionString: place.url })
    await holder.connect()
    try {
      await holder.query('SELECT pg_advisory_lock($1)', [lockKey('shop').key])
      expect(await check(place)).toMatchObject({ status: 1, report: { status: 'running' } })
    } finally {
      await holder.end()
    }
  })

  test('tells of a failure with its cause, and of a config that says something else by now', async () => {
    const place = await migrated()
    const moved = await start(place, ['--check', '--json', '--from', 'sqlite:other.db'])
    expect(JSON.parse(moved.stdout)).toMatchObject({ exitCode: 0, status: 'done' })
    await ask(place.url, `UPDATE ${STATE} SET config = 'another'`)
    expect(await check(place)).toMatchObject({ status: 0, report: { status: 'done', configChanged: true } })
    await ask(
      place.url,
      `UPDATE ${STATE} SET status = 'failed', counts = NULL, error_code = 'LF204',
        error_message = 'a row does not fit', error_hint = 'mend it'`,
    )
    expect(await check(place)).toMatchObject({
      status: 1,
      report: { status: 'failed', state: { error: { code: 'LF204', hint: 'mend it' } } },
    })
    expect((await start(place, ['--check'])).stdout).toMatch(/LF204: a row does not fit\n +mend it/)
  })

  test('starts nothing, and says so when asked to', async () => {
    const place = await migrated()
    const both = await start(place, ['--check', '--', 'echo', 'up'])
    expect(both).toMatchObject({ status: 2, stdout: '' })
    expect(both.stderr).toContain('error LF001  --check starts no application')
  })
})

describe('boot.onlyIf', () => {
  let listener: Server
  let connections = 0
  let url = ''
  beforeAll(async () => {
    listener = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    url = `postgres://nobody@127.0.0.1:${(listener.address() as { port: number }).port}/none`
  })
  afterAll(() => void listener.close())

  const config = (onlyIf: string, rest: string): string => `import { env } from 'landfall'
export default { ${rest}, boot: { onlyIf: ${onlyIf} } }
`
  const RIGHT = `name: 'shop', source: 'sqlite:shop.db', target: env('DATABASE_URL')`
  // Nothing here is what it should be, and the variable is not set.
  const WRONG = `name: 7, source: env('LANDFALL_TEST_NOT_SET'), target: 'mysql://x', moves: 'none', sauce: 1`

  test.each([
    ["env('LANDFALL_TEST_IF')", {}],
    ["env('LANDFALL_TEST_IF')", { LANDFALL_TEST_IF: '' }],
    ["env('LANDFALL_TEST_IF', { default: '' })", {}],
    ['process.env.LANDFALL_TEST_IF', {}],
    ['process.env.LANDFALL_TEST_IF', { LANDFALL_TEST_IF: '' }],
    ['undefined', {}],
    ['false', {}],
    ["''", {}],
  ])('%s with %o: the application starts, no database is touched', async (onlyIf, env) => {
    for (const rest of [RIGHT, WRONG]) {
      const place = { ...(await applications.place(config(onlyIf, rest))), url }
      connections = 0
      const up = await start(place, ['--', 'echo', 'up'], { env })
      expect(up).toMatchObject({
        status: 0,
        stdout: 'up\n',
        stderr: 'landfall no migration is asked for, and no database was touched\n',
      })
      const probe = await start(place, ['--check', '--json'], { env })
      expect(probe.status).toBe(0)
      expect(JSON.parse(probe.stdout)).toMatchObject({ status: 'not-asked', migration: null, target: null })
      expect(connections).toBe(0)
    }
  })

  test.each([
    ["env('LANDFALL_TEST_IF')", { LANDFALL_TEST_IF: 'http://plugin:8045' }],
    ["env('LANDFALL_TEST_IF', { default: 'x' })", {}],
    ['process.env.LANDFALL_TEST_IF', { LANDFALL_TEST_IF: '0' }],
    ['true', {}],
    ["'yes'", {}],
  ])('%s with %o: it is asked for', async (onlyIf, env) => {
    const place = { ...(await applications.place(config(onlyIf, RIGHT))), url }
    connections = 0
    expect(await start(place, ['--', 'echo', 'up'], { env })).toMatchObject({ status: 4, stdout: '' })
    expect(connections).toBeGreaterThan(0)
    const wrong = { ...(await applications.place(config(onlyIf, WRONG))), url }
    expect(await start(wrong, ['--', 'echo', 'up'], { env })).toMatchObject({ status: 2, stdout: '' })
  })
})
