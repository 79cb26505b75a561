import { expect, test } from 'vitest'
import {
  identity,
  integer,
  type MigrationConfig,
  references,
  schemaApply,
  schemaPlan,
  schemaUndo,
  schemaVerify,
  sql,
  text,
  varchar,
} from '../../src/index.ts'
import { bench, failure, query, state, TOKENS, USERS } from './declaring.ts'

const { database, settings } = bench()
const yes = { ask: async () => true }

/** 63 bytes in UTF-8. */
const LONG = `${'é'.repeat(31)}x`
const HOSTILE = [`O'Brien "x"`, 'Select', 'a b.c', LONG, '表', `back\\slash $$ %s`]

test.each(HOSTILE)('a table, column, index and constraint may be called %s', async (name) => {
  const config: MigrationConfig = {
    name,
    schema: {
      [name]: {
        columns: {
          id: identity(),
          [name]: text().unique().default(name).comment(name).check(sql.target`true`),
          parent: references(name),
        },
        indexes: { [`${LONG === name ? 'i' : `i${name}`}`]: [name, { desc: 'parent' }] },
        comment: name,
        ensureRows: { key: name, rows: [{ [name]: name }] },
      },
    },
  }
  const url = await database(`CREATE SCHEMA "${name.replaceAll('"', '""')}"`)
  for (const options of [{}, { targetSchema: name }]) {
    const before = await state(url)
    const report = await schemaApply(settings(config, url, options))
    expect(report.exitCode).toBe(0)
    expect((await schemaApply(settings(config, url, options))).outcome).toBe('nothing-to-do')
    expect((await schemaPlan(settings(config, url, options))).outcome).toBe('complete')
    await schemaUndo(settings(config, url, options), yes)
    expect(await state(url)).toEqual({ ...before, record: [] })
  }
})

test('columns with such names are added to a table that is there, and a schema that is missing is made', async () => {
  const url = await database()
  const columns = { id: identity() }
  const all = Object.fromEntries(HOSTILE.map((name) => [name, varchar(99).notNull().default(name)]))
  const options = { targetSchema: `Sch"ema's` }
  const before = await state(url)
  await schemaApply(settings({ schema: { 'T 1': { columns } } }, url, options))
  await query(url, `INSERT INTO "Sch""ema's"."T 1" DEFAULT VALUES`)
  const config: MigrationConfig = {
    schema: {
      'T 1': {
        columns: { ...columns, ...all },
        indexes: Object.fromEntries(HOSTILE.map((name) => [name, [name]])),
        unique: { 'all of "them"': HOSTILE },
      },
    },
  }
  const report = await schemaApply(settings(config, url, options))
  expect(report.exitCode).toBe(0)
  expect(Object.values((await query(url, `SELECT * FROM "Sch""ema's"."T 1"`))[0]!)).toEqual(['1', ...HOSTILE])
  await schemaUndo(settings(config, url, options), yes)
  expect(await state(url)).toEqual({ ...before, record: [] })
})

test('a name that something else has is told, not met in the middle', async () => {
  const url =
    await database(`CREATE VIEW users AS SELECT 1 AS id; CREATE TABLE t (a int); CREATE TABLE other (a int);
    CREATE INDEX taken ON other (a); CREATE SEQUENCE seq`)
  const view = await schemaPlan(settings({ schema: { users: { columns: { a: integer() } } } }, url))
  expect(view.conflicts[0]!.conflict!.why).toMatch(/Something else than a table/)
  const config: MigrationConfig = { schema: { t: { indexes: { taken: 'a', seq: 'a' } } } }
  const { conflicts } = await schemaPlan(settings(config, url))
  expect(conflicts.map(({ conflict }) => conflict!.why)).toEqual([
    'In this schema an index of other has the name already.',
    'In this schema something that is no index has the name already.',
  ])
})

test('what is not there and not declared is named with its place', async () => {
  const url = await database(USERS)
  const place = async (schema: MigrationConfig['schema'] & {}): Promise<string> => {
    const error = await failure(schemaPlan(settings({ schema }, url)))
    expect(error.code).toBe('LF005')
    return error.message
  }
  expect(await place({ users: { indexes: { i: 'emial' } } })).toBe(
    'schema.users.indexes.i: there is no column emial; did you mean email?',
  )
  expect(await place({ t: { columns: { a: references('usres') } } })).toMatch(
    /^schema.t.columns.a: the target has no table usres/,
  )
  expect(await place({ t: { columns: { a: (await import('../../src/index.ts')).type('citxt') } } })).toMatch(
    /^schema.t.columns.a: the target has no type citxt/,
  )
})

test('a default that is no value of its type is named before anything is made', async () => {
  const url = await database()
  const before = await state(url)
  const refused = async (column: NonNullable<ReturnType<typeof text>> | ReturnType<typeof integer>) => {
    const schema = { a: { columns: { id: identity() } }, t: { columns: { c: column } } }
    const error = await failure(schemaApply(settings({ schema }, url)))
    expect(error.code).toBe('LF005')
    return error.message
  }
  const { date, uuid } = await import('../../src/index.ts')
  expect(await refused(date().default('tomorrow-ish'))).toBe(
    "schema.t.columns.c: the default 'tomorrow-ish' is no date",
  )
  expect(await refused(uuid().default('1'))).toMatch(/the default '1' is no uuid/)
  expect(await refused(text().default(sql.target`nothing_like_it()`))).toMatch(/nothing_like_it/)
  expect({ ...(await state(url)), record: [] }).toEqual({ ...before, record: [] })
})

test('a role without the rights is told which, and nothing is changed', async () => {
  const url = await database(
    `${USERS}; DROP ROLE IF EXISTS schema_tester; CREATE ROLE schema_tester LOGIN PASSWORD 'x'`,
  )
  await query(
    url,
    `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO schema_tester', current_database()); END $$`,
  )
  const as = new URL(url)
  as.username = 'schema_tester'
  as.password = 'x'
  const refused = async () => {
    const before = await state(url)
    const error = await failure(schemaApply(settings(TOKENS, as.href)))
    expect(error.code).toBe('LF304')
    expect({ ...(await state(url)), record: [] }).toEqual({ ...before, record: [] })
    return `${error.message} ${error.hint}`
  }
  expect(await refused()).toMatch(/permission denied for table users/)
  await query(url, 'GRANT SELECT ON users TO schema_tester')
  expect(await refused()).toMatch(/the role does not own users/)
  await query(url, 'ALTER TABLE users OWNER TO schema_tester')
  expect(await refused()).toMatch(/may make nothing in the schema public/)
  await query(url, 'GRANT CREATE ON SCHEMA public TO schema_tester')
  expect((await schemaApply(settings(TOKENS, as.href))).exitCode).toBe(0)
  expect((await schemaVerify(settings(TOKENS, as.href))).outcome).toBe('as-declared')
  expect((await schemaUndo(settings(TOKENS, as.href), yes)).outcome).toBe('done')
  await query(
    url,
    'REASSIGN OWNED BY schema_tester TO postgres; DROP OWNED BY schema_tester; DROP ROLE schema_tester',
  )
})

test('owner and rights of the config are those of a table that is made', async () => {
  const url = await database(
    `DROP ROLE IF EXISTS schema_owner; CREATE ROLE schema_owner; GRANT CREATE ON SCHEMA public TO schema_owner`,
  )
  const config: MigrationConfig = {
    schema: { t: { columns: { id: identity() }, indexes: { i: 'id' }, comment: 'x' } },
    owner: 'schema_owner',
    grants: [{ role: 'pg_monitor', rights: ['select', 'insert'] }],
  }
  expect((await schemaApply(settings(config, url))).exitCode).toBe(0)
  expect(
    await query(
      url,
      `SELECT tableowner, has_table_privilege('pg_monitor', 't', 'INSERT') AS i, has_table_privilege('pg_monitor', 't', 'DELETE') AS d
      FROM pg_tables WHERE tablename = 't'`,
    ),
  ).toEqual([{ tableowner: 'schema_owner', i: 't', d: 'f' }])
  expect((await schemaUndo(settings(config, url), yes)).outcome).toBe('done')
  await query(url, 'DROP OWNED BY schema_owner; DROP ROLE schema_owner')
})

test('rights to refer to a table of another owner are enough for a foreign key', async () => {
  const url =
    await database(`${USERS}; DROP ROLE IF EXISTS schema_referrer; CREATE ROLE schema_referrer LOGIN PASSWORD 'x';
    GRANT SELECT, REFERENCES ON users TO schema_referrer; GRANT CREATE ON SCHEMA public TO schema_referrer`)
  await query(
    url,
    `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO schema_referrer', current_database()); END $$`,
  )
  const as = new URL(url)
  as.username = 'schema_referrer'
  as.password = 'x'
  const config: MigrationConfig = {
    schema: { notes: { columns: { id: identity(), by: references('users') } } },
  }
  expect((await schemaApply(settings(config, as.href))).exitCode).toBe(0)
  await query(
    url,
    'REASSIGN OWNED BY schema_referrer TO postgres; DROP OWNED BY schema_referrer; DROP ROLE schema_referrer',
  )
})
