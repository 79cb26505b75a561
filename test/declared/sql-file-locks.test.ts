import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { connected } from '../../recipes/database.ts'
import { schemaVerify, text } from '../../src/index.ts'
import { ask, askColumn, execute } from '../recipes/recipe.ts'
import { needs } from '../support/needs.ts'
import { testServer } from '../support/postgres.ts'
import { declared, psql } from './running.ts'
import { TOKENS, USERS } from './sample.ts'

/** The SQL file on a database that is in use. */
const server = await testServer()
afterAll(() => server.stop())
const file = await declared(TOKENS, 'postgres://nobody@localhost/none').file()

async function database(): Promise<string> {
  const url = await server.database()
  await execute(url, USERS)
  return url
}

const isTrue = async (url: string): Promise<void> =>
  void expect(await schemaVerify(declared(TOKENS, url).settings)).toMatchObject({ outcome: 'as-declared' })

/** The longest that somebody who writes waits, in milliseconds, while a long report has the table. */
async function besideAReport(url: string, run: () => Promise<unknown>, forMs: number): Promise<number> {
  return await connected(url, async (reader) => {
    await reader.query(`SET application_name = 'a long report'; BEGIN; SELECT count(*) FROM users`)
    const ran = run()
    const waits: number[] = []
    await connected(url, async (writer) => {
      for (const end = performance.now() + forMs; performance.now() < end; await sleep(20)) {
        const asked = performance.now()
        await writer.query('UPDATE users SET username = username WHERE id = 7')
        waits.push(performance.now() - asked)
      }
    })
    // No table is locked by the one that waits.
    const locked = `SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass`
    expect(await ask(url, locked)).toEqual([['0']])
    await reader.query('COMMIT')
    await ran
    return Math.max(...waits)
  })
}

/** What the server itself takes on a loaded machine is added to the 250 ms. */
const MOST_MS = 1_000

needs('psql')(
  'nobody queues behind it while a long transaction has the table',
  async () => {
    const url = await database()
    const run = async (): Promise<void> => {
      const { status, said } = await psql(url, file)
      expect(status).toBe(0)
      expect(said).toMatch(
        /NOTICE: {2}add role, .* to users.*: waits for process \d+ \(a long report, .*idle in transaction\)/,
      )
    }
    expect(await besideAReport(url, run, 4_000)).toBeLessThan(MOST_MS)
    await isTrue(url)
  },
  60_000,
)

test('nor where a client prepares what it sends', async () => {
  const url = await database()
  const extended = { text: file, queryMode: 'extended' }
  const run = () => connected(url, (client) => client.query(extended))
  expect(await besideAReport(url, run, 4_000)).toBeLessThan(MOST_MS)
  await isTrue(url)
}, 60_000)

describe('within a larger transaction it asks once, and says how it is run better', () => {
  const inUse = {
    code: '55P03',
    message: '"public"."users": the table is in use',
    detail: expect.stringContaining('a long report'),
    hint: expect.stringContaining('Run it outside of one'),
  }

  test.each([
    ['behind BEGIN', ['BEGIN', file]],
    ['in one message with it', [`BEGIN; ${file} COMMIT`]],
  ])(
    '%s',
    async (_, queries) => {
      const url = await database()
      const run = async (): Promise<void> => {
        const asked = performance.now()
        const failed = connected(url, async (client) => {
          for (const query of queries) await client.query(query)
        })
        await expect(failed).rejects.toMatchObject(inUse)
        expect(performance.now() - asked).toBeLessThan(3_000)
      }
      expect(await besideAReport(url, run, 3_000)).toBeLessThan(MOST_MS)
      expect(await ask(url, "SELECT to_regclass('invite_codes')")).toEqual([[null]])
    },
    60_000,
  )
})

needs('psql')(
  'two at once: one does it, the other one says so or finds it done',
  async () => {
    const url = await database()
    const all = await Promise.all([psql(url, file), psql(url, file), psql(url, file)])
    expect(all.map(({ status }) => status)).toContain(0)
    for (const { status, said } of all)
      if (status !== 0) expect(said).toContain('another process works on the same declaration')
    expect((await psql(url, file)).status).toBe(0)
    await isTrue(url)
  },
  60_000,
)

needs('psql')(
  'ended by the server anywhere and run again, it ends the same',
  async () => {
    for (let after = 1; after <= 8; after++) {
      const url = await database()
      // Each statement ends its transaction; the server ends the session at the one that is its turn.
      await execute(
        url,
        `CREATE SEQUENCE turns;
      CREATE FUNCTION at_end() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF tg_tag IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE INDEX') AND nextval('turns') = ${2 * after} THEN
          PERFORM pg_terminate_backend(pg_backend_pid());
        END IF; END $$;
      CREATE EVENT TRIGGER at_end ON ddl_command_end EXECUTE FUNCTION at_end()`,
      )
      const killed = await psql(url, file)
      expect(killed.status).not.toBe(0)
      await execute(url, 'DROP EVENT TRIGGER at_end; DROP FUNCTION at_end; DROP SEQUENCE turns')
      expect(await psql(url, file)).toMatchObject({ status: 0 })
      await isTrue(url)
      const unseen = `SELECT kind || ' ' || name FROM landfall.declared WHERE definition IS NULL`
      expect(await askColumn(url, unseen)).toEqual([])
    }
  },
  120_000,
)

test('partitions are not waited for one after the other while the table is locked', async () => {
  const url = await database()
  const parts = Array.from({ length: 20 }, (_, n) => `logs_${n}`)
  const makes = parts.map((part, n) => `CREATE TABLE ${part} PARTITION OF logs FOR VALUES IN (${n})`)
  await execute(url, `CREATE TABLE logs (id integer) PARTITION BY LIST (id); ${makes.join(';')}`)
  const config = { schema: { logs: { columns: { note: text() } } } }
  const one = await declared(config, url).file()
  await connected(url, async (reader) => {
    await reader.query(`SET application_name = 'a report'; BEGIN; SELECT count(*) FROM logs_7`)
    await connected(url, async (client) => {
      await client.query('BEGIN')
      const asked = performance.now()
      await expect(client.query(one)).rejects.toMatchObject({
        message: '"public"."logs": the table is in use',
        detail: expect.stringContaining('a report'),
      })
      expect(performance.now() - asked).toBeLessThan(1_000)
      await client.query('ROLLBACK')
    })
    const ran = connected(url, (client) => client.query(one))
    await sleep(500)
    await reader.query('COMMIT')
    await ran
  })
  expect(await ask(url, 'SELECT note FROM logs')).toEqual([])
}, 60_000)
