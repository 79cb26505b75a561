import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ended, landfall } from '../cli/run.ts'
import { query, state, USERS } from '../declared/declaring.ts'
import { startProxy } from '../support/kill-proxy.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

const AT_ONCE = 2
/** Each statement has several messages; every so many-th place is one at which the process is killed. */
const EVERY = 5
const folder = mkdtempSync(join(tmpdir(), 'landfall-schema-kill-'))
let server: TestServer
let untouched: Record<string, string[]>
let reference: Record<string, string[]>
let statements: string[]
/** Messages to the server before the first statement, and in all. */
let first: number
let messages: number

beforeAll(async () => {
  server = await testServer()
  writeFileSync(join(folder, 'landfall.config.ts'), CONFIG)
  const url = await server.database()
  await query(url, USERS)
  untouched = await state(url)
  const proxy = await startProxy(address(url))
  first = 0
  const ended = await run('apply', url, proxy.port, (child) => {
    child.stderr!.on('data', () => {
      first ||= proxy.count()
    })
  })
  messages = proxy.count()
  await proxy.close()
  expect(ended.status).toBe(0)
  statements = (JSON.parse(ended.stdout) as { statements: { does: string }[] }).statements.map(
    (one) => one.does,
  )
  reference = await state(url)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

test('the undisturbed change has every kind of statement', () => {
  expect(statements.length).toBeGreaterThan(12)
  expect(reference.record!.length).toBeGreaterThan(20)
  for (const kind of [
    'make the table',
    'add role',
    'build the index',
    'make the index',
    'add the check',
    'look whether',
    'refer to',
    'insert',
  ])
    expect(
      statements.some((does) => does.includes(kind)),
      kind,
    ).toBe(true)
  expect(messages - first).toBeGreaterThan(statements.length * 3)
})

test('killed anywhere and run again it ends the same, and undo takes back exactly that', async () => {
  const places = Array.from(
    { length: Math.floor((messages - first) / EVERY) },
    (_, n) => first + 1 + n * EVERY,
  )
  /** How much of the record was there when the process died. */
  const found = new Set<number>()
  await eachOf(places, async (place, n) => {
    const action = n % 2 === 0 ? 'after' : 'before'
    const where = `killed ${action} message ${place} of ${messages}`
    const url = await server.database()
    await query(url, USERS)
    const proxy = await startProxy(address(url))
    let cut = false
    const killed = await run('apply', url, proxy.port, (child) => {
      proxy.onMessage(place, action, () => {
        cut = child.kill('SIGKILL')
      })
    })
    await proxy.close()
    if (cut) expect(killed.status, where).toBeNull()
    found.add((await state(url)).record?.length ?? 0)
    // Undo of what is half done takes that back; else the change is finished first.
    if (n % 3 !== 2) {
      const ended = await run('apply', url)
      expect(ended.stdout, where).toContain('"exitCode": 0')
      expect(await state(url), where).toEqual(reference)
    }
    if (n % 3 !== 0) {
      const undone = await run('undo', url)
      expect(undone.status, `${where}: ${undone.stderr}`).toBe(0)
      const { record, ...rest } = await state(url)
      expect(rest, where).toEqual(untouched)
      expect(record, where).toEqual([])
    }
  })
  console.info(`killed at ${places.length} places, with ${found.size} different records`)
  expect(found.size).toBeGreaterThan(8)
}, 600_000)

test('undo that is killed anywhere and run again has undone everything', async () => {
  const url = await server.database()
  await query(url, USERS)
  await run('apply', url)
  const counting = await startProxy(address(url))
  await run('undo', url, counting.port)
  const all = counting.count()
  await counting.close()
  const places = Array.from({ length: Math.floor(all / 12) }, (_, n) => 1 + n * 12)
  await eachOf(places, async (place, n) => {
    const again = await server.database()
    await query(again, USERS)
    await run('apply', again)
    const proxy = await startProxy(address(again))
    await run('undo', again, proxy.port, (child) => {
      proxy.onMessage(place, n % 2 === 0 ? 'after' : 'before', () => child.kill('SIGKILL'))
    })
    await proxy.close()
    const undone = await run('undo', again)
    expect(undone.status, `killed at message ${place} of ${all}: ${undone.stderr}`).toBe(0)
    const { record, ...rest } = await state(again)
    expect(rest).toEqual(untouched)
    expect(record).toEqual([])
  })
}, 600_000)

function run(
  verb: 'apply' | 'undo',
  url: string,
  port = Number(new URL(url).port),
  onStart?: (child: ChildProcess) => void,
): Promise<Ended> {
  const to = new URL(url)
  to.port = String(port)
  return landfall(['schema', verb, '--to', to.href, '--json', ...(verb === 'undo' ? ['--yes'] : [])], {
    cwd: folder,
    env: { NODE_COMPILE_CACHE: join(folder, 'compiled') },
    ...(onStart === undefined ? {} : { onStart }),
  })
}

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

/** A few at a time; the first failure is thrown once all have ended. */
async function eachOf<T>(all: readonly T[], work: (one: T, n: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const n = next++
      await work(all[n]!, n)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

const CONFIG = `import { bigint, defineMigration, identity, references, sql, timestamp, varchar } from 'landfall'
export default defineMigration({
  name: 'token-system',
  schema: {
    users: {
      columns: {
        role: varchar(32).notNull().default('user').check(sql.target\`role in ('admin', 'user')\`).comment('admin or user'),
        token_balance: bigint().notNull().default(0),
      },
      indexes: { idx_users_role: ['role'] },
      unique: { uq_users_email: 'email' },
      comment: 'People',
    },
    invite_codes: {
      columns: { id: identity(), code: varchar(64).notNull().unique(), redeemed_by: references('users') },
      ensureRows: { key: 'code', rows: [{ code: 'WELCOME' }] },
    },
    token_logs: {
      columns: { id: identity(), user_id: references('users'), created_at: timestamp().default('now') },
      comment: 'Real use per model call',
    },
  },
})
`
