import { expect, test } from 'vitest'
import type { MigrationConfig } from '../../src/index.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { postgres, plan, migrate } = bench()
const tools = { ask: async () => true }

const FROM = `CREATE TABLE people (id int PRIMARY KEY, mail text, nick text);
  INSERT INTO people VALUES (1, 'ann@x.org', 'a'), (2, NULL, 'b'), (3, 'cleo@x.org', 'c'), (4, NULL, 'd'), (5, 'ANN@x.org', 'e')`
const TO = `CREATE TABLE users (id serial PRIMARY KEY, mail text); CREATE TABLE nicks (nick text PRIMARY KEY, user_id int REFERENCES users);
  INSERT INTO users (mail) VALUES ('Cleo@x.org')`

type Rules = NonNullable<MigrationConfig['identities']>[string]['match']
const MAIL: Rules = [{ equalIgnoringCase: { mail: 'mail' } }]

const config = (keptIn: string | false, match: Rules = MAIL): MigrationConfig => ({
  name: 'people',
  identities: {
    people: {
      from: 'people',
      key: 'id',
      to: 'users',
      toKey: 'id',
      match,
      severalOld: 'join',
      unmatched: { create: { mail: 'mail' } },
      keptIn,
    },
  },
  moves: { nicks: { from: 'people', columns: { user_id: { from: 'id', identity: 'people' } } } },
})
const users = (url: string) => query(url, 'SELECT id, mail FROM users ORDER BY id')

test('what no rule finds again is not created where the map is not kept, and the keys are named', async () => {
  const [from, to] = [await postgres(FROM), await postgres(TO)]
  const found = await failure(migrate(from, to, { config: config(false), tools }))
  expect(found).toMatchObject({
    code: 'LF204',
    exitCode: 5,
    message: expect.stringMatching(/people: 2 keys would not be found again/),
    details: { rows: [{ key: 'id = 2' }, { key: 'id = 4' }], count: 2 },
  })
  expect(found.hint).toMatch(/^id = 2\nid = 4\n.* as they were\.\nidentities\.people\.keptIn/m)
  expect(await users(to)).toEqual([['1', 'Cleo@x.org']])
  const { moves } = await plan(from, to, { config: config(false) })
  expect(moves[0]!.notes).toContainEqual(expect.stringContaining('the map is not kept'))
  expect((await plan(from, to, { config: config('kept') })).moves[0]!.notes.join()).not.toContain('not kept')
})

test('a rule that looks where another move writes finds it, so that a second run creates nobody', async () => {
  const [from, to] = [await postgres(FROM), await postgres(TO)]
  const asked = {
    config: config(false, [...MAIL, { through: 'nicks', where: { nick: 'nick' }, gives: 'user_id' }]),
    tools,
  }
  const first = await migrate(from, to, asked)
  expect(first).toMatchObject({ exitCode: 0, tables: [{ merged: { created: 3, unchanged: 2 } }, {}] })
  const before = await users(to)
  expect(before).toHaveLength(4)
  const second = await migrate(from, to, asked)
  expect(second).toMatchObject({ exitCode: 0, tables: [{ merged: { created: 0, unchanged: 5 } }, {}] })
  expect(await users(to)).toEqual(before)
})

test('a map that is kept finds everybody', async () => {
  const [from, to] = [await postgres(FROM), await postgres(TO)]
  for (const created of [3, 0])
    expect(await migrate(from, to, { config: config('kept'), tools })).toMatchObject({
      exitCode: 0,
      tables: [{ merged: { created } }, {}],
    })
})
