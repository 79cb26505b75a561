import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { connected } from '../../recipes/database.ts'
import type { MigrationConfig } from '../../src/index.ts'
import { ask, askColumn, execute } from '../recipes/recipe.ts'
import { testServer } from '../support/postgres.ts'
import { declared } from './running.ts'
import { USERS } from './sample.ts'

/** The SQL file beside what others have made, or are making at that moment. */
const server = await testServer()
afterAll(() => server.stop())

async function database(...sql: string[]): Promise<string> {
  const url = await server.database()
  for (const one of [USERS, ...sql]) await execute(url, one)
  return url
}

/** What the file says, and what it ends with. */
async function run(
  url: string,
  config: MigrationConfig,
): Promise<{ said: string[]; failure: string | null }> {
  const file = await declared(config, url).file()
  return await connected(url, async (client) => {
    const said: string[] = []
    client.on('notice', ({ message }) => said.push(message ?? ''))
    const failure = await client.query(file).then(
      () => null,
      (error: Error) => error.message,
    )
    return { said, failure }
  })
}

const INDEXED: MigrationConfig = { schema: { users: { indexes: { users_name: 'username' } } } }
const UNIQUE: MigrationConfig = { schema: { users: { unique: { users_name: 'username' } } } }
const VALID = `SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('users_name')`

/** A concurrent build that waits for a transaction, and so has its index unfinished for as long as that. */
async function whileBuilding(url: string, sql: string, work: () => Promise<void>): Promise<void> {
  await connected(url, async (older) => {
    await older.query(`BEGIN; UPDATE users SET username = username WHERE id = 1`)
    await connected(url, async (builder) => {
      const built = builder.query(sql)
      while ((await askColumn(url, VALID))[0] !== 'false') await sleep(20)
      const worked = work()
      // Longer than the server waits until it looks for deadlocks: the build must not be its victim.
      await sleep(4_000)
      await older.query('COMMIT')
      await Promise.all([built, worked])
    })
  })
}

describe('an index that somebody else builds meanwhile is not dropped', () => {
  test.each([
    ['an index', INDEXED, 'CREATE INDEX CONCURRENTLY users_name ON users (username)'],
    ['the index of a key', UNIQUE, 'CREATE UNIQUE INDEX CONCURRENTLY users_name ON users (username)'],
  ])(
    '%s',
    async (_, config, sql) => {
      const url = await database()
      await whileBuilding(url, sql, async () => {
        const { said, failure } = await run(url, config)
        expect(failure).toBe('somebody else has built or dropped the index "public"."users_name" meanwhile')
        expect(said.filter((one) => one.startsWith('done:'))).toEqual([])
      })
      expect(await askColumn(url, VALID)).toEqual(['true'])
      if (config === INDEXED) expect(await run(url, config)).toMatchObject({ failure: null })
    },
    60_000,
  )
})

describe('of a partitioned table', () => {
  const LOGS = `CREATE TABLE logs (id bigint NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (1) TO (100);
    CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM (100) TO (200)`
  const ATTACHING = `CREATE INDEX logs_id ON ONLY logs (id); CREATE INDEX logs_1_id ON logs_1 (id);
    ALTER INDEX logs_id ATTACH PARTITION logs_1_id`
  const indexes = `SELECT relname::text FROM pg_class WHERE relkind IN ('i', 'I') AND relname LIKE 'logs%' ORDER BY 1`

  test('an index that is being attached is a conflict', async () => {
    const url = await database(LOGS, ATTACHING)
    const { failure } = await run(url, { schema: { logs: { indexes: { logs_id: 'id' } } } })
    expect(failure).toContain('index logs_id of logs: it lacks partitions')
    expect(await askColumn(url, indexes)).toEqual(['logs_1_id', 'logs_id'])
  })

  test('so is that of a key, and a key that is missing', async () => {
    const url = await database(LOGS, ATTACHING.replaceAll('CREATE INDEX', 'CREATE UNIQUE INDEX'))
    const keyed = await run(url, { schema: { logs: { unique: { logs_id: 'id' } } } })
    expect(keyed.failure).toContain('index logs_id of logs: it lacks partitions')
    const missing = await run(url, { schema: { logs: { unique: { logs_key: 'id' } } } })
    expect(missing.failure).toContain('unique of logs: the table is partitioned')
    expect(await askColumn(url, indexes)).toEqual(['logs_1_id', 'logs_id'])
  })
})

describe("a unique index under a key's name", () => {
  const constraint = `SELECT contype::text FROM pg_constraint WHERE conname = 'users_name'`
  const INDEX = 'CREATE UNIQUE INDEX users_name ON users (username)'

  test('of somebody else stays one, and the way to a constraint is told', async () => {
    const url = await database(INDEX)
    const { failure } = await run(url, UNIQUE)
    expect(failure).toContain(
      'ALTER TABLE "public"."users" ADD CONSTRAINT users_name UNIQUE USING INDEX users_name',
    )
    expect(await askColumn(url, constraint)).toEqual([])
    expect(await ask(url, `SELECT to_regclass('landfall.declared')`)).toEqual([[null]])
    await execute(url, 'ALTER TABLE users ADD CONSTRAINT users_name UNIQUE USING INDEX users_name')
    expect(await run(url, UNIQUE)).toMatchObject({ failure: null })
  })

  test('that this declaration has built becomes the constraint', async () => {
    const url = await database()
    // The server refuses the second half, as an end between the two would leave it.
    await execute(
      url,
      `CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          IF current_query() ~ 'landfall' AND tg_tag = 'ALTER TABLE' THEN RAISE EXCEPTION 'not now'; END IF; END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()`,
    )
    expect(await run(url, UNIQUE)).toMatchObject({ failure: 'not now' })
    expect(await askColumn(url, VALID)).toEqual(['true'])
    await execute(url, 'DROP EVENT TRIGGER refuse')
    expect(await run(url, UNIQUE)).toMatchObject({ failure: null })
    expect(await askColumn(url, constraint)).toEqual(['u'])
  })

  test('that others have made anew since is theirs', async () => {
    const url = await database()
    expect(await run(url, UNIQUE)).toMatchObject({ failure: null })
    await execute(
      url,
      `ALTER TABLE users DROP CONSTRAINT users_name; ${INDEX};
        DELETE FROM landfall.declared WHERE kind = 'unique'`,
    )
    expect((await run(url, UNIQUE)).failure).toContain('somebody else has made an index of its name')
  })
})

describe('a row that somebody else inserts meanwhile', () => {
  const CODES = `CREATE TABLE codes (code text UNIQUE, about text, number integer UNIQUE)`
  const ROWS: MigrationConfig = {
    schema: { codes: { ensureRows: { key: 'code', rows: [{ code: 'a', about: 'mine', number: 1 }] } } },
  }

  /** The other one's transaction ends while the file asks again. */
  async function beside(url: string, insert: string) {
    return await connected(url, async (other) => {
      await other.query(`BEGIN; ${insert}`)
      const ran = run(url, ROWS)
      await sleep(1_000)
      await other.query('COMMIT')
      return await ran
    })
  }

  test.each([
    ['the key is unique', CODES],
    ['nothing makes the key unique', CODES.replaceAll(' UNIQUE', '')],
  ])('is there: %s', async (_, codes) => {
    const url = await database(codes)
    const lock = codes.includes('UNIQUE') ? '' : 'LOCK TABLE codes IN SHARE MODE;'
    const { said, failure } = await beside(url, `${lock} INSERT INTO codes VALUES ('a', 'mine', 1)`)
    expect(failure).toBe(null)
    expect(said).toContain('there meanwhile: insert 1 row into codes')
    expect(await ask(url, 'SELECT * FROM codes')).toEqual([['a', 'mine', '1']])
    // It is not this declaration's: undo must not drop it.
    expect(await ask(url, 'SELECT name FROM landfall.declared')).toEqual([])
  })

  test('with other values it is named, and one that only takes its number is an error', async () => {
    const url = await database(CODES)
    const { failure } = await beside(url, `INSERT INTO codes VALUES ('a', 'yours', 1)`)
    expect(failure).toContain(`about is 'yours' and not 'mine'`)
    await execute(url, `UPDATE codes SET code = 'b'`)
    expect((await run(url, ROWS)).failure).toContain('duplicate key value')
    expect(await ask(url, 'SELECT code FROM codes')).toEqual([['b']])
  })
})
