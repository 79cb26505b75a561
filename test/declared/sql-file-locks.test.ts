import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect } from 'vitest'
import { connected } from '../../recipes/database.ts'
import { schemaVerify } from '../../src/index.ts'
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

needs('psql')(
  'nobody queues behind it while a long transaction has the table',
  async () => {
    const url = await database()
    await connected(url, async (reader) => {
      await reader.query(`SET application_name = 'a long report'; BEGIN; SELECT count(*) FROM users`)
      let isOver = false
      const ran = psql(url, file).finally(() => {
        isOver = true
      })
      const waits: number[] = []
      await connected(url, async (writer) => {
        for (const end = performance.now() + 4_000; performance.now() < end; await sleep(20)) {
          const asked = performance.now()
          await writer.query('UPDATE users SET username = username WHERE id = 7')
          waits.push(performance.now() - asked)
        }
      })
      expect(isOver).toBe(false)
      // No transaction is kept open by the one that waits, and no table is locked.
      expect(
        await ask(
          url,
          `SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'users'::regclass`,
        ),
      ).toEqual([['0']])
      await reader.query('COMMIT')
      const { status, said } = await ran
      expect(status).toBe(0)
      expect(said).toMatch(
        /NOTICE: {2}add role, .* to users.*: waits for process \d+ \(a long report, .*idle in transaction\)/,
      )
      // What the server itself takes on a loaded machine is added to the 250 ms.
      expect(Math.max(...waits)).toBeLessThan(1_000)
    })
    await isTrue(url)
  },
  60_000,
)

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
