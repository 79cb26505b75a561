import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connected } from '../../recipes/database.ts'
import {
  identity,
  type MigrationConfig,
  references,
  schemaApply,
  schemaPlan,
  schemaUndo,
  schemaVerify,
  type,
} from '../../src/index.ts'
import { ask, execute } from '../recipes/recipe.ts'
import { needs } from '../support/needs.ts'
import { testServer } from '../support/postgres.ts'
import { postgres12, type VersionedServer, versionedServer } from '../support/versions.ts'
import { declared, psql, STRICT } from './running.ts'
import { HALF, OTHERWISE, TOKENS, USERS } from './sample.ts'

/** `landfall schema sql`, its file run as people run it. */
const server = await testServer()
afterAll(() => server.stop())

async function database(...sql: string[]): Promise<string> {
  const url = await server.database()
  for (const one of [USERS, ...sql]) await execute(url, one)
  return url
}

/** All that an application sees of a database; not what Landfall keeps for itself. */
async function seen(url: string): Promise<unknown> {
  return {
    columns: await ask(
      url,
      `SELECT table_schema, table_name, column_name, data_type, column_default, is_nullable, is_identity
        FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3`,
    ),
    indexes: await ask(
      url,
      `SELECT indexrelid::regclass::text, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid::regclass::text !~ '^(pg_|information_schema)' ORDER BY 1`,
    ),
    constraints: await ask(
      url,
      `SELECT conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 3`,
    ),
    schemas: await ask(url, `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1`),
  }
}

async function isTrue(url: string): Promise<void> {
  const { settings } = declared(TOKENS, url)
  const verified = await schemaVerify(settings)
  expect(verified.checks.filter(({ result }) => result !== 'pass')).toEqual([])
  expect(verified.outcome).toBe('as-declared')
  expect(await schemaPlan(settings)).toMatchObject({ outcome: 'complete', statements: [], conflicts: [] })
}

const file = await declared(TOKENS, 'postgres://nobody@localhost/none').file()
const DONE = /done: /g

describe.each([
  ['stopping at errors', STRICT],
  ['not stopping at errors', []],
  ['in one transaction', [...STRICT, '-1']],
])('the file for PostgreSQL, run three times by psql, %s', (_, options) => {
  needs('psql')('where only users is there', async () => {
    const url = await database()
    const first = await psql(url, file, options)
    expect(first).toMatchObject({
      status: 0,
      said: expect.stringContaining('done: make the table invite_codes'),
    })
    expect(first.said).toContain(
      'WARNING:  build the index idx_users_role on users: nobody can write to "public"."users"',
    )
    expect(first.said).toMatch(/verified: 3 tables as declared\n(.*\n)*.*holds: no balance below 0/)
    const before = await seen(url)
    for (let again = 2; again <= 3; again++) {
      const { status, said } = await psql(url, file, options)
      expect({ status, done: said.match(DONE) }).toEqual({ status: 0, done: null })
      expect(said).toContain('nothing to do')
      expect(said).toContain('there already: users (role, token_balance, token_updated_at, Made "at"')
    }
    expect(await seen(url)).toEqual(before)
    await isTrue(url)
  })

  needs('psql')('where half of it is there', async () => {
    const url = await database(HALF)
    const first = await psql(url, file, options)
    expect(first.status).toBe(0)
    expect(first.said).toContain('there already: token_logs (id, user_id, total_tokens, created_at')
    expect(first.said).toContain('done: drop the index idx_users_role of users, which is not valid')
    expect(first.said).toMatch(/done: add invite_code, assistant_name, note to token_logs/)
    for (let again = 2; again <= 3; again++)
      expect(await psql(url, file, options)).toMatchObject({
        status: 0,
        said: expect.stringContaining('nothing to do'),
      })
    await isTrue(url)
    expect(await ask(url, 'SELECT count(*) FROM token_logs')).toEqual([['200']])
  })

  needs('psql')('where something has another form: all of that is named, nothing is changed', async () => {
    const url = await database(OTHERWISE)
    const before = await seen(url)
    for (let again = 1; again <= 3; again++) {
      const { status, said } = await psql(url, file, options)
      expect(status).toBe(options.length === 0 ? 0 : 3)
      expect(said).toContain('ERROR:  5 things are not as declared')
      for (const one of [
        'column token_logs.total_tokens: its type is bigint and not integer',
        'column token_logs.note: ',
        'index idx_token_logs_user of token_logs: it has another definition',
        'column invite_codes.about: its default is none',
        `the row code = 'it''s' of invite_codes: about is '{"b": 2}' and not '{"b":1}'`,
      ])
        expect(said).toContain(`WARNING:  different: ${one}`)
      expect(said.match(DONE)).toBe(null)
    }
    expect(await seen(url)).toEqual(before)
  })

  needs('psql')('where apply has made all of it', async () => {
    const url = await database()
    await schemaApply(declared(TOKENS, url).settings)
    const before = await seen(url)
    for (let again = 1; again <= 3; again++)
      expect(await psql(url, file, options)).toMatchObject({
        status: 0,
        said: expect.stringContaining('nothing to do'),
      })
    expect(await seen(url)).toEqual(before)
  })
})

/** Tables are known by their number, which is another in each database. */
const RECORD = `SELECT declaration, kind, schema_name, table_name, name,
    CASE kind WHEN 'table' THEN left(definition, 6) ELSE definition END
  FROM landfall.declared ORDER BY kind, schema_name, table_name, name`

describe('what the file leaves behind', () => {
  needs('psql')('is the record that apply leaves, and undo drops just that', async () => {
    const [byFile, byApply, before] = [await database(HALF), await database(HALF), await database(HALF)]
    expect((await psql(byFile, file)).status).toBe(0)
    await schemaApply(declared(TOKENS, byApply).settings)
    expect(await ask(byFile, RECORD)).toEqual(await ask(byApply, RECORD))
    const undone = await schemaUndo(declared(TOKENS, byFile).settings, { ask: async () => true })
    expect(undone.outcome).toBe('done')
    await execute(byFile, 'DROP SCHEMA landfall CASCADE')
    // The index was broken, and was built anew: it is the declaration's now.
    await execute(
      before,
      'DROP INDEX idx_users_role; ALTER TABLE token_logs VALIDATE CONSTRAINT token_logs_user_id_fkey',
    )
    expect(await seen(byFile)).toEqual(await seen(before))
  })

  needs('psql')('is no record where the role may make no schema, and a warning', async () => {
    const url = await database()
    const role = `r${Date.now()}`
    await execute(
      url,
      `CREATE ROLE ${role} LOGIN PASSWORD 'pw'; ALTER TABLE users OWNER TO ${role}; GRANT USAGE, CREATE ON SCHEMA public TO ${role}`,
    )
    const asRole = new URL(url)
    asRole.username = role
    asRole.password = 'pw'
    try {
      const { status, said } = await psql(asRole.href, file)
      expect(status).toBe(0)
      expect(said).toContain(`WARNING:  not recorded: ${role} may not write landfall.declared`)
      await isTrue(url)
      expect(await ask(url, "SELECT to_regclass('landfall.declared')")).toEqual([[null]])
    } finally {
      await execute(url, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
    }
  })

  needs('psql')('is nothing where the role does not own the table', async () => {
    const url = await database()
    const role = `s${Date.now()}`
    await execute(
      url,
      `CREATE ROLE ${role} LOGIN PASSWORD 'pw'; GRANT USAGE, CREATE ON SCHEMA public TO ${role}; GRANT SELECT ON users TO ${role}`,
    )
    const before = await seen(url)
    const asRole = new URL(url)
    asRole.username = role
    asRole.password = 'pw'
    try {
      const { status, said } = await psql(asRole.href, file)
      expect(status).toBe(3)
      expect(said).toContain(`${role} does not own "public"."users"`)
      expect(said).toContain('Nothing was changed.')
      expect(await seen(url)).toEqual(before)
    } finally {
      await execute(url, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
    }
  })
})

describe('refused before anything is made', () => {
  needs('psql').each([
    [
      'a default that is no value of the type',
      { logs: { columns: { id: identity(), n: type('integer').default('many') } } },
      'invalid input syntax for type integer: "many"',
    ],
    [
      'a type that is not there',
      { logs: { columns: { id: identity(), n: type('colour') } } },
      'type "colour" does not exist',
    ],
    [
      'a table that is referred to and not there',
      { logs: { columns: { id: identity(), n: references('nobody') } } },
      'logs.n: <type of nobody.its key> is not there, so its type is not known',
    ],
    [
      'a column that is neither declared nor there',
      { users: { indexes: { i: 'name' } } },
      'users: there is no column name, and none is declared',
    ],
    [
      'a column that rows do not allow',
      { users: { columns: { n: type('integer').notNull() } } },
      'column users.n: it cannot be added to rows that are there without a long lock on the table',
    ],
  ])('%s', async (_, schema, reason) => {
    const url = await database()
    const before = await seen(url)
    const config = { schema: { aaa: { columns: { id: identity() } }, ...schema } } as MigrationConfig
    const { status, said } = await psql(url, await declared(config, url).file())
    expect({ status, said }).toEqual({ status: 3, said: expect.stringContaining(reason) })
    expect(await seen(url)).toEqual(before)
  })
})

needs('psql')('a schema that is not there yet, a parent in another one, an owner and rights', async () => {
  const url = await database()
  const role = `o${Date.now()}`
  await execute(url, `CREATE ROLE ${role}`)
  const config: MigrationConfig = {
    targetSchema: 'Other "s" % \\',
    owner: role,
    grants: [{ role: 'pg_monitor', rights: ['select'] }],
    schema: {
      notes: {
        columns: {
          id: identity(),
          user_id: references('users', { schema: 'public' }).notNull().onDelete('cascade'),
          body: type('text').default("it's 100% $sql$"),
        },
        indexes: { notes_user: 'user_id' },
        ensureRows: { key: 'user_id', rows: [{ user_id: 1 }] },
      },
    },
  }
  try {
    const { settings, file: write } = declared(config, url)
    const text = await write()
    for (let run = 1; run <= 3; run++) {
      const { status, said } = await psql(url, text)
      expect({ status, again: said.includes('nothing to do') }).toEqual({ status: 0, again: run > 1 })
    }
    expect((await schemaVerify(settings)).outcome).toBe('as-declared')
    expect(await schemaPlan(settings)).toMatchObject({ outcome: 'complete' })
    const rights = `SELECT tableowner, has_table_privilege('pg_monitor', c.oid, 'SELECT')::text
      FROM pg_tables JOIN pg_class c ON relname = tablename WHERE tablename = 'notes'`
    expect(await ask(url, rights)).toEqual([[role, 'true']])
    await schemaUndo(settings, { ask: async () => true })
    expect(await ask(url, `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'Other%'`)).toEqual([['0']])
  } finally {
    await execute(url, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
  }
})

describe('without psql', () => {
  /** What was said about the lock of an index. */
  const locks = async (client: pg.Client, query: pg.QueryConfig | string): Promise<readonly string[]> => {
    const said = new Set<string>()
    client.on('notice', ({ detail }) => detail !== undefined && said.add(detail))
    await client.query(query)
    return [...said]
  }

  test('as one query of a client that commits by itself', async () => {
    const url = await database(HALF)
    await connected(url, async (client) => expect(await locks(client, file)).toEqual(['Reading goes on.']))
    await isTrue(url)
  })

  test('by a client that prepares what it sends, as graphical ones do', async () => {
    const url = await database(HALF)
    const extended = { text: file, queryMode: 'extended' }
    await connected(url, async (client) =>
      expect(await locks(client, extended)).toEqual(['Reading goes on.']),
    )
    await isTrue(url)
  })

  test('within a transaction: all or nothing', async () => {
    const url = await database(HALF)
    const before = await seen(url)
    await connected(url, async (client) => {
      await client.query('BEGIN')
      expect(await locks(client, { text: file, queryMode: 'extended' } as pg.QueryConfig)).toEqual([
        expect.stringContaining('Within a larger transaction'),
      ])
      await client.query('ROLLBACK')
      expect(await seen(url)).toEqual(before)
      await client.query('BEGIN')
      await client.query(file)
      await client.query('COMMIT')
    })
    await isTrue(url)
  })

  test.each([
    ['behind another statement', (text: string) => `SELECT 1; ${text}`],
    ['between BEGIN and COMMIT', (text: string) => `BEGIN; ${text} COMMIT`],
  ])('%s of the same query', async (_, around) => {
    const url = await database(HALF)
    await connected(url, (client) => client.query(around(file)))
    await isTrue(url)
  })
})

describe('an invariant that does not hold', () => {
  needs('psql')('is an error at the end; what was made stays, or goes with the transaction', async () => {
    const config = {
      ...TOKENS,
      invariants: {
        'nobody is called user7': {
          kind: 'sql',
          side: 'target',
          text: "SELECT id FROM users WHERE username = 'user7';",
        } as const,
      },
    }
    const broken = await declared(config, 'postgres://nobody@localhost/none').file()
    const url = await database()
    const one = await psql(url, broken, [...STRICT, '-1'])
    expect(one).toMatchObject({
      status: 3,
      said: expect.stringContaining('does not hold: nobody is called user7: 1 row, e.g. {"id":7}'),
    })
    expect(await ask(url, "SELECT to_regclass('invite_codes')")).toEqual([[null]])
    expect((await psql(url, broken)).status).toBe(3)
    await isTrue(url)
  })
})

if (postgres12 === null)
  process.stderr.write('skipped: needs PostgreSQL 12 from npm, which is there for Linux on x64\n')
describe.skipIf(postgres12 === null)('PostgreSQL 12', () => {
  let old: VersionedServer
  beforeAll(async () => {
    old = await versionedServer(postgres12!)
  }, 60_000)
  afterAll(() => old?.stop())

  needs('psql')('understands the file, and finds the same', async () => {
    const url = await old.database()
    for (const sql of [USERS, HALF]) await execute(url, sql)
    const first = await psql(url, file)
    expect(first).toMatchObject({
      status: 0,
      said: expect.stringContaining('verified: 3 tables as declared'),
    })
    for (let again = 2; again <= 3; again++)
      expect(await psql(url, file)).toMatchObject({
        status: 0,
        said: expect.stringContaining('nothing to do'),
      })
    const other = await old.database()
    for (const sql of [USERS, OTHERWISE]) await execute(other, sql)
    expect((await psql(other, file)).said).toContain('5 things are not as declared')
  })
})
