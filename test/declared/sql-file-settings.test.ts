import { afterAll, expect, test } from 'vitest'
import { connected } from '../../recipes/database.ts'
import { type MigrationConfig, schemaVerify, sql, text, type } from '../../src/index.ts'
import { askColumn, execute } from '../recipes/recipe.ts'
import { testServer } from '../support/postgres.ts'
import { declared } from './running.ts'
import { TOKENS, USERS } from './sample.ts'

/** What the SQL file does with its session, and what a session can do to it. */
const server = await testServer()
afterAll(() => server.stop())

async function database(...statements: string[]): Promise<string> {
  const url = await server.database()
  for (const one of [USERS, ...statements]) await execute(url, one)
  return url
}

const write = (config: MigrationConfig): Promise<string> =>
  declared(config, 'postgres://nobody@localhost/none').file()

const run = async (url: string, config: MigrationConfig): Promise<void> => {
  const file = await write(config)
  await connected(url, async (client) => void (await client.query(file)))
}

test('rows that a policy hides are an error, and not inserted again', async () => {
  const url = await database(
    `CREATE TABLE notes (code text); INSERT INTO notes VALUES ('a');
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY adding ON notes FOR INSERT WITH CHECK (true);
      CREATE POLICY hiding ON notes FOR SELECT USING (false)`,
  )
  const role = `p${Date.now()}`
  await execute(
    url,
    `CREATE ROLE ${role} LOGIN PASSWORD 'pw'; ALTER TABLE notes OWNER TO ${role}; GRANT USAGE, CREATE ON SCHEMA public TO ${role}`,
  )
  const asRole = new URL(url)
  asRole.username = role
  asRole.password = 'pw'
  try {
    const config = { schema: { notes: { ensureRows: { key: 'code', rows: [{ code: 'a' }] } } } }
    await expect(run(asRole.href, config)).rejects.toMatchObject({ code: '42501' })
    expect(await askColumn(url, 'SELECT code FROM notes')).toEqual(['a'])
  } finally {
    await execute(url, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  }
})

test('an invariant that writes is refused, and what follows it may write', async () => {
  const url = await database(
    `CREATE FUNCTION adds() RETURNS SETOF integer LANGUAGE sql AS
      $$ INSERT INTO users (username) VALUES ('new'); SELECT 1 WHERE false $$`,
  )
  const invariants = (query: string): MigrationConfig => ({
    schema: { users: { columns: { note: text() } } },
    invariants: { 'only looks': { kind: 'sql', side: 'target', text: query } },
  })
  await expect(run(url, invariants('SELECT * FROM adds()'))).rejects.toMatchObject({
    code: '25006',
    message: 'the invariant only looks changes something',
  })
  expect(await askColumn(url, `SELECT id::text FROM users WHERE username = 'new'`)).toEqual([])
  const file = await write(invariants('SELECT 1 WHERE false'))
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await client.query(file)
    await client.query(`UPDATE users SET note = 'written' WHERE id = 1`)
    await client.query('COMMIT')
  })
  expect(await askColumn(url, 'SELECT note FROM users WHERE id = 1')).toEqual(['written'])
})

test('a larger transaction goes on with its own settings, also behind an error', async () => {
  const url = await database()
  const file = await write(TOKENS)
  const failing = await write({ schema: { users: { columns: { id: text() } } } })
  await connected(url, async (client) => {
    const names = [
      'search_path',
      'lock_timeout',
      'client_min_messages',
      'row_security',
      'transaction_read_only',
    ]
    const settings = async (): Promise<unknown> => {
      const all = names.map((name) => `current_setting('${name}') AS ${name}`)
      return (await client.query(`SELECT ${all.join(', ')}`)).rows
    }
    await client.query(`SET search_path = pg_catalog, public; SET lock_timeout = '7s'`)
    await client.query(`BEGIN; SET LOCAL client_min_messages = 'error'; SET LOCAL lock_timeout = '9s'`)
    const before = await settings()
    await client.query('SAVEPOINT here')
    await expect(client.query(failing)).rejects.toThrow('not as declared')
    await client.query('ROLLBACK TO here')
    expect(await settings()).toEqual(before)
    await client.query(file)
    expect(await settings()).toEqual(before)
    await client.query('COMMIT')
    expect(await settings()).toMatchObject([{ search_path: 'pg_catalog, public', lock_timeout: '7s' }])
    await client.query(file)
    expect(await settings()).toMatchObject([{ search_path: 'pg_catalog, public', lock_timeout: '7s' }])
  })
})

test('functions and operators that somebody has made in public are not called', async () => {
  const traps = [
    ['obj_description', 'oid, text'],
    ['col_description', 'oid, smallint'],
    ['has_table_privilege', 'text, text, text DEFAULT NULL'],
    ['jsonb_build_array', 'text, text'],
    ['jsonb_build_object', 'text, text'],
    ['format', 'text, text'],
    ['format', 'text, text, text'],
    ['concat_ws', 'text, text, text'],
    ['quote_literal', 'varchar'],
    ['count', ''],
    ['set_config', 'text, text, text'],
    ['pg_sleep', 'numeric'],
  ]
  const url = await database(
    traps
      .map(
        ([name, types]) =>
          `CREATE FUNCTION public.${name}(${types}) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap: ${name}'; END $$`,
      )
      .join(';'),
    `CREATE FUNCTION public.trap(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap: ='; END $$;
      CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.trap);
      CREATE FUNCTION public.trap(integer, integer) RETURNS double precision LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap: ^'; END $$;
      CREATE OPERATOR public.^ (LEFTARG = integer, RIGHTARG = integer, FUNCTION = public.trap)`,
    `COMMENT ON TABLE users IS 'People'`,
  )
  for (let turn = 1; turn <= 2; turn++) await run(url, TOKENS)
})

test('what is declared means what it means to the application: types and functions of public', async () => {
  const url = await database(
    `CREATE TYPE colour AS ENUM ('red', 'blue'); CREATE DOMAIN short AS varchar(8);
      CREATE FUNCTION likes(colour) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 = 'red' $$;
      CREATE FUNCTION choice() RETURNS colour LANGUAGE sql AS $$ SELECT 'blue'::colour $$;
      CREATE TABLE paints (id bigint PRIMARY KEY, one colour DEFAULT 'red', many colour[], name short)`,
  )
  const config: MigrationConfig = {
    schema: {
      paints: {
        columns: {
          one: type('colour').default('red'),
          many: type('colour[]'),
          name: type('short'),
          two: type('colour').default(sql.target`choice()`),
        },
        checks: { liked: sql.target`likes(one)` },
        indexes: { paints_liked: { on: [sql.target`likes(two)`], where: sql.target`one <> 'blue'::colour` } },
        ensureRows: { key: 'id', rows: [{ id: 1, one: 'red', name: 'it' }] },
      },
    },
    invariants: { 'liked by all': sql.target`SELECT id FROM paints WHERE NOT likes(one)` },
  }
  const notices: string[][] = []
  const file = await write(config)
  for (let turn = 1; turn <= 2; turn++)
    await connected(url, async (client) => {
      const said: string[] = []
      client.on('notice', ({ message }) => said.push(message ?? ''))
      await client.query(file)
      notices.push(said)
    })
  expect(notices[1]).toContain('nothing to do')
  expect(await schemaVerify(declared(config, url).settings)).toMatchObject({ outcome: 'as-declared' })
})
