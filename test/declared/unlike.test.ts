import { expect, test } from 'vitest'
import {
  identity,
  type MigrationConfig,
  references,
  schemaApply,
  schemaPlan,
  sql,
  text,
  varchar,
} from '../../src/index.ts'
import { bench, query, told, USERS } from './declaring.ts'
import { declared } from './running.ts'

/** What PostgreSQL knows and a declaration cannot say is another form. */

const { database, settings } = bench()

const one = (columns: NonNullable<MigrationConfig['schema']>[string]): MigrationConfig => ({
  schema: { t: columns },
})

test.each<[string, string, MigrationConfig, RegExp]>([
  [
    'a unique constraint with NULLs that are not distinct',
    'CREATE TABLE t (a text, CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a))',
    one({ unique: { u: 'a' } }),
    /^unique t.u/,
  ],
  [
    'a column with a collation',
    'CREATE TABLE t (a text COLLATE "C")',
    one({ columns: { a: text() } }),
    /its collation is C/,
  ],
  [
    'an index expression with a collation',
    'CREATE TABLE t (a text); CREATE INDEX i ON t (lower(a) COLLATE "C")',
    one({ indexes: { i: [sql.target`lower(a)`] } }),
    /^index t.i/,
  ],
  [
    'NOT NULL that is not validated',
    'CREATE TABLE t (a text); ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID',
    one({ columns: { a: text().notNull() } }),
    /rows of before may hold NULL/,
  ],
  [
    'a check that is not inherited',
    `CREATE TABLE t (a text, CONSTRAINT t_a_check CHECK (a <> '') NO INHERIT)`,
    one({ columns: { a: text().check(sql.target`a <> ''`) } }),
    /^check t.t_a_check/,
  ],
  [
    'a check that is not enforced',
    `CREATE TABLE t (a text, CONSTRAINT t_a_check CHECK (a <> '') NOT ENFORCED)`,
    one({ columns: { a: text().check(sql.target`a <> ''`) } }),
    /^check t.t_a_check/,
  ],
  [
    'a foreign key that sets some columns to NULL',
    'CREATE TABLE t (user_id bigint, CONSTRAINT t_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL (user_id))',
    one({ columns: { user_id: references('users').onDelete('set null') } }),
    /^foreign key t.t_user_id_fkey/,
  ],
  [
    'an identity that is always generated',
    'CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)',
    one({ columns: { id: identity() } }),
    /GENERATED ALWAYS/,
  ],
])('%s is another form, and its way out leads out', async (_, before, config, expected) => {
  const url = await database(`${USERS}; ${before}`)
  const { conflicts } = await schemaPlan(settings(config, url))
  expect(conflicts.map(told)).toEqual([expect.stringMatching(expected)])
  const file = () => declared(config, url).file()
  await expect(query(url, await file())).rejects.toThrow(/^one thing is not as declared/)
  for (const way of conflicts[0]!.conflict!.ways) for (const text of way.sql) await query(url, text)
  expect((await schemaApply(settings(config, url))).exitCode).toBe(0)
  await query(url, await file())
})

test('an index expression with a collation that was declared is as declared', async () => {
  const url = await database(
    `CREATE TABLE t (a varchar(9)); CREATE INDEX i ON t (lower(a COLLATE "C")) WHERE a > 'b' COLLATE "C"`,
  )
  const config = one({
    columns: { a: varchar(9) },
    indexes: { i: { on: [sql.target`lower(a COLLATE "C")`], where: sql.target`a > 'b' COLLATE "C"` } },
  })
  expect((await schemaPlan(settings(config, url))).outcome).toBe('complete')
  await query(url, await declared(config, url).file())
})

test('a varchar that may be longer rewrites nothing, a shorter one does', async () => {
  const url = await database('CREATE TABLE t (a varchar(9)); CREATE INDEX i ON t (a)')
  const files = () => query(url, "SELECT pg_relation_filenode('t') AS t, pg_relation_filenode('i') AS i")
  const wayTo = async (column: ReturnType<typeof varchar>) =>
    (await schemaPlan(settings(one({ columns: { a: column } }), url))).conflicts[0]!.conflict!.ways[0]!
  expect(await wayTo(varchar(8))).toMatchObject({ rewrites: true })
  const before = await files()
  for (const longer of [varchar(20), text()]) {
    const way = await wayTo(longer)
    expect(way).toMatchObject({ rewrites: false, scans: false })
    for (const statement of way.sql) await query(url, statement)
  }
  expect(await files()).toEqual(before)
})
