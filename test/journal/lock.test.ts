import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { fenced } from '../../src/journal/fence.ts'
import { acquireLock, type LockOptions } from '../../src/journal/lock.ts'
import { epochCheck } from '../../src/journal/statements.ts'
import { startPooler } from '../support/pooler.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { execute, HOLDER, open } from './sample-run.ts'

let server: TestServer
let url: string
const opened: Session[] = []

beforeAll(async () => {
  server = await testServer()
  url = await server.database()
})
afterAll(async () => {
  for (const session of opened) await session.close()
  await server.stop()
})

async function session(): Promise<Session> {
  const made = await open(url)
  opened.push(made)
  return made
}

/** Ends a session from outside, as a server's administrator or a broken network would. */
async function kill(victim: Session): Promise<void> {
  const admin = await session()
  await admin.query('SELECT pg_terminate_backend($1, 5000)', [victim.backend])
}

test('two at once: the second is told who holds the lock, and does not wait', async () => {
  const [first, second] = [await session(), await session()]
  const lock = await acquireLock(first, 'two', HOLDER)
  await expect(acquireLock(second, 'two', { host: 'host-2', pid: 1 })).rejects.toMatchObject({
    code: 'LF401',
    message: expect.stringMatching(
      /"two" is being run by host-1, process 4711, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    ),
    hint: expect.stringContaining(`pg_terminate_backend(${first.backend})`),
  })
  await expect(acquireLock(first, 'two', HOLDER)).rejects.toMatchObject({ code: 'LF401' })
  await lock.check()
  const other = await acquireLock(second, 'another migration', HOLDER)
  await other.release()
  await lock.release()
  const next = await acquireLock(second, 'two', HOLDER)
  expect(BigInt(next.epoch)).toBe(BigInt(lock.epoch) + 1n)
  await next.release()
})

test('of many that start at once in an empty database exactly one gets the lock', async () => {
  const fresh = await server.database()
  const sessions = await Promise.all(Array.from({ length: 12 }, () => open(fresh)))
  const locks = await Promise.allSettled(sessions.map((one) => acquireLock(one, 'many', HOLDER)))
  expect(locks.filter((one) => one.status === 'fulfilled')).toHaveLength(1)
  for (const one of locks) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'LF401' })
  await Promise.all(sessions.map((one) => one.close()))
})

test('a holder that is killed knows it, and the next one gets the lock', async () => {
  const [first, second] = [await session(), await session()]
  const lock = await acquireLock(first, 'killed', HOLDER)
  const lost = new Promise<unknown>((resolve) =>
    lock.lost.addEventListener('abort', () => resolve(lock.lost.reason)),
  )
  await kill(first)
  expect(await lost).toMatchObject({ code: 'LF402' })
  await expect(lock.check()).rejects.toMatchObject({ code: 'LF402' })
  await lock.release()
  const next = await acquireLock(second, 'killed', HOLDER)
  expect(BigInt(next.epoch)).toBeGreaterThan(BigInt(lock.epoch))
  await next.release()
})

test('a lock that is gone while its connection lives is noticed by the look that comes by itself', async () => {
  const first = await session()
  const lock = await acquireLock(first, 'unlocked', HOLDER, { every: 20 })
  await sleep(60)
  expect(lock.lost.aborted).toBe(false)
  await first.query('SELECT pg_advisory_unlock_all()')
  await sleep(200)
  expect(lock.lost.reason).toMatchObject({ code: 'LF402' })
})

test('a connection that stopped answering counts as lost', async () => {
  const first = await session()
  const lock = await acquireLock(first, 'silent', HOLDER, { every: 20, answerWithin: 100 })
  const busy = first.query('SELECT pg_sleep(1)')
  await sleep(400)
  expect(lock.lost.reason).toMatchObject({ code: 'LF402' })
  await expect(lock.check()).rejects.toMatchObject({ code: 'LF402' })
  await busy
})

test('the epoch refuses a late transaction of the holder before', async () => {
  const [first, second, worker] = [await session(), await session(), await session()]
  const old = await acquireLock(first, 'late', HOLDER)
  await worker.transaction(async () => expect(await execute(worker, epochCheck(old))).toBe(1))
  await kill(first)
  const lock = await acquireLock(second, 'late', HOLDER)
  await worker.transaction(async () => expect(await execute(worker, epochCheck(old))).toBe(0))
  await expect(fenced(worker, old, async () => 'written')).rejects.toMatchObject({ code: 'LF402' })
  expect(await fenced(worker, lock, async () => 'written')).toBe('written')
  await lock.release()
})

test('the next holder waits for a transaction that the dead one left, and names it when that takes too long', async () => {
  const [first, second, worker] = [await session(), await session(), await session()]
  const old = await acquireLock(first, 'left "over"', HOLDER)
  await worker.query('BEGIN')
  expect(await execute(worker, epochCheck(old))).toBe(1)
  await kill(first)
  const options: LockOptions = { waitForEpoch: 100 }
  await expect(acquireLock(second, 'left "over"', HOLDER, options)).rejects.toMatchObject({
    code: 'LF401',
    hint: expect.stringContaining(`${worker.backend} (landfall test`),
  })
  const waiting = acquireLock(second, 'left "over"', HOLDER)
  await sleep(100)
  await worker.query('COMMIT')
  const lock = await waiting
  // The attempt in between gave its lock and its epoch back.
  expect(BigInt(lock.epoch)).toBe(BigInt(old.epoch) + 1n)
  await lock.release()
})

for (const size of [1, 3]) {
  test(`a pooler in transaction mode with ${size} connections is refused before anything is locked`, async () => {
    const fresh = await server.database()
    const pooler = await startPooler(fresh, 'transaction', size)
    const through = new URL(fresh)
    through.port = String(pooler.port)
    const [client, direct] = [await open(through.href), await open(fresh)]
    const options = { another: () => open(through.href) }
    await expect(acquireLock(client, 'pooled', HOLDER, options)).rejects.toMatchObject({
      code: 'LF309',
      message: expect.stringContaining('transaction mode'),
      hint: expect.stringContaining('direct connection'),
    })
    await expect(acquireLock(client, 'pooled', HOLDER)).rejects.toMatchObject({ code: 'LF309' })
    const found = await direct.query(
      `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
        WHERE l.locktype = 'advisory'`,
    )
    expect(found.rowCount).toBe(0)
    await client.close()
    await direct.close()
    await pooler.close()
  })
}

test('a pooler in session mode is fine', async () => {
  const pooler = await startPooler(url, 'session', 2)
  const through = new URL(url)
  through.port = String(pooler.port)
  const client = await open(through.href)
  const lock = await acquireLock(client, 'session pool', HOLDER, { another: () => open(through.href) })
  await lock.check()
  await lock.release()
  await client.close()
  await pooler.close()
})
