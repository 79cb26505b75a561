import { describe, expect, test } from 'vitest'
import {
  type ColumnConfig,
  LandfallError,
  type MigrationConfig,
  type MoveConfig,
  type Options,
  sql,
} from '../../src/index.ts'
import { mapper } from './mapping.ts'

const map = mapper()

const SOURCE = `CREATE TYPE mood AS ENUM ('ok', 'sad');
  CREATE TABLE users(id uuid PRIMARY KEY, email text, age bigint, born timestamp, seen timestamptz, mood mood);
  CREATE TABLE orders(id int PRIMARY KEY, user_id uuid, total numeric)`
const TARGET = `CREATE TYPE mood AS ENUM ('ok', 'sad');
  CREATE DOMAIN years AS int CHECK (value > 0);
  CREATE TABLE people(id serial PRIMARY KEY, email varchar(20), age int, years years, born timestamptz, seen timestamp, mood mood, doubled int GENERATED ALWAYS AS (age * 2) STORED);
  CREATE TABLE orders(id int PRIMARY KEY, user_id int REFERENCES people, total numeric);
  CREATE TABLE strict(id int PRIMARY KEY, needed text NOT NULL, own text NOT NULL DEFAULT 'x');
  CREATE TABLE keyless(id int);
  CREATE TABLE a(id int PRIMARY KEY, b_id int, a_id int REFERENCES a);
  CREATE TABLE b(id int PRIMARY KEY, a_id int REFERENCES a);
  ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;
  CREATE TABLE map(one uuid, two int);
  CREATE VIEW seen AS SELECT id FROM people`

const moved = (moves: MigrationConfig['moves'], config: MigrationConfig = {}, options: Options = {}) =>
  map({ source: SOURCE, target: TARGET, config: { ...config, moves: moves! }, options })
const people = (columns: NonNullable<MoveConfig['columns']>, config: MigrationConfig = {}) =>
  moved({ people: { from: 'users', key: 'email', columns } }, config)
const USERS = {
  from: 'users',
  key: 'id',
  to: 'people',
  toKey: 'id',
  match: [{ equal: { email: 'email' } }],
  unmatched: 'skip',
} as const
const OTHERS = { age: false, born: false, seen: false, mood: false } as const

async function failure(work: Promise<unknown>): Promise<LandfallError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof LandfallError) return error
  throw new Error('it did not fail as expected', { cause: error })
}

describe('a name that is not there is an error with its place and a suggestion', () => {
  test.each<[MigrationConfig, string]>([
    [
      { moves: { poeple: { from: 'users' } } },
      'moves.poeple: the target has no table poeple; did you mean people?',
    ],
    [
      { moves: { people: { from: 'usres' } } },
      'moves.people.from: the source has no table usres; did you mean users?',
    ],
    [{ moves: { '*': {}, usres: false } }, 'moves.usres: the source has no table usres; did you mean users?'],
    [
      { moves: { people: { from: 'users', key: 'emial' } } },
      'moves.people.key: people has no column emial; did you mean email?',
    ],
    [
      { moves: { people: { from: 'users', columns: { emial: 'email' } } } },
      'moves.people.columns.emial: people has no column emial; did you mean email?',
    ],
    [
      { moves: { people: [{ from: 'orders' }, { from: 'users', columns: { email: 'emial' } }] } },
      'moves.people[1].columns.email: users has no column emial; did you mean email?',
    ],
    [
      {
        moves: { people: { from: 'users', columns: { email: { identity: 'usres' } } } },
        identities: { users: USERS },
      },
      'moves.people.columns.email.identity: there is no identity usres; did you mean users?',
    ],
    [{ identities: { users: { ...USERS, key: 'ids' } } }, 'identities.users.key: users has no column ids'],
    [
      { identities: { users: { ...USERS, toKey: 'ids' } } },
      'identities.users.toKey: people has no column ids',
    ],
    [
      { identities: { users: { ...USERS, to: 'peple' } } },
      'identities.users.to: the target has no table peple',
    ],
    [
      { identities: { users: { ...USERS, match: [{ equal: { email: 'mail' } }] } } },
      'identities.users.match[0].equal.email: users has no column mail',
    ],
    [
      { identities: { users: { ...USERS, match: [{ through: 'keys', where: { a: 'id' }, gives: 'b' }] } } },
      'identities.users.match[0].through: the target has no table keys',
    ],
    [
      { identities: { users: { ...USERS, keptIn: { table: 'map', oldKey: 'on', newKey: 'two' } } } },
      'identities.users.keptIn.oldKey: map has no column on; did you mean one?',
    ],
    [
      {
        identities: {
          users: { ...USERS, unmatched: { create: {}, alsoCreate: { peple: { columns: {} } } } },
        },
      },
      'identities.users.unmatched.alsoCreate.peple: the target has no table peple',
    ],
  ])('%j', async (config, told) => {
    const error = await failure(map({ source: SOURCE, target: TARGET, config }))
    expect(error).toMatchObject({ code: 'LF005', exitCode: 2 })
    expect(error.message).toContain(told)
  })

  test('of --tables', async () => {
    const error = await failure(moved({ '*': {} }, {}, { tables: ['ordes'] }))
    expect(error).toMatchObject({ code: 'LF005', message: expect.stringContaining('did you mean orders?') })
  })
})

describe('SQL that a database refuses is an error with its place', () => {
  test.each<[ColumnConfig, string, string]>([
    [{ convert: sql`lower(emial)` }, 'LF005', 'moves.people.columns.email.convert: '],
    [{ convert: sql`lower(` }, 'LF002', 'moves.people.columns.email.convert: '],
    [{ convert: sql.target`lower(emial)` }, 'LF005', 'moves.people.columns.email.convert: '],
    [{ orElse: sql.target`nothing()` }, 'LF005', 'moves.people.columns.email.orElse: '],
  ])('%j', async (email, code, place) => {
    const error = await failure(people({ ...OTHERS, email }))
    expect(error.code).toBe(code)
    expect(error.message).toContain(place)
  })

  test('a filter, a SELECT, and two columns of one name', async () => {
    const filter = await failure(moved({ people: { from: 'users', filter: sql`id > 'x' AND` } }))
    expect(filter).toMatchObject({ code: 'LF002', message: expect.stringContaining('moves.people.filter: ') })
    const select = await failure(moved({ people: { from: sql`SELECT * FROM usres` } }))
    expect(select).toMatchObject({ code: 'LF005', message: expect.stringContaining('moves.people.from: ') })
    const twice = await failure(moved({ people: { from: sql`SELECT id, id FROM users -- both` } }))
    expect(twice).toMatchObject({ code: 'LF002', message: expect.stringContaining('yields two columns id') })
  })

  test('a constant that its column cannot be', async () => {
    const list = await failure(people({ ...OTHERS, email: { value: ['a'] } }))
    expect(list).toMatchObject({
      code: 'LF002',
      message: expect.stringContaining('columns.email.value: a list'),
    })
    const word = await failure(people({ ...OTHERS, age: { value: 'old' } }))
    expect(word).toMatchObject({
      code: 'LF002',
      message: expect.stringContaining('moves.people.columns.age'),
    })
  })
})

describe('what a person has to decide', () => {
  const blockers = async (found: ReturnType<typeof moved>) =>
    (await found).blockers.map(({ code, table, column, message, choices }) => {
      expect(code).toBe('LF205')
      expect(choices.length).toBeGreaterThan(0)
      return `${table}.${column}: ${message}`
    })

  test('types that do not go together, and times without a zone', async () => {
    const found = await people({ years: 'age' })
    expect(found.blockers).toMatchInlineSnapshot(`
      [
        {
          "choices": [
            "moves.people.columns.age: { type: 'integer' }   convert it, and refuse a value that does not fit or would not stay what it is",
            "moves.people.columns.age: { convert: sql\`…\` }   say how",
            "moves.people.columns.age: false   leave it out",
          ],
          "code": "LF205",
          "column": "age",
          "examples": [],
          "message": "age of the source is bigint, and people.age is integer: not every value fits, or stays what it is",
          "table": "people",
        },
        {
          "choices": [
            "moves.people.columns.years: { from: 'age', type: 'public.years' }   convert it, and refuse a value that does not fit or would not stay what it is",
            "moves.people.columns.years: { convert: sql\`…\` }   say how",
            "moves.people.columns.years: false   leave it out",
          ],
          "code": "LF205",
          "column": "years",
          "examples": [],
          "message": "age of the source is bigint, and people.years is public.years: not every value fits, or stays what it is",
          "table": "people",
        },
        {
          "choices": [
            "moves.people.columns.born: { zone: 'UTC' }   of this column",
            "zone: 'UTC'   of all columns that say nothing else",
          ],
          "code": "LF205",
          "column": "born",
          "examples": [],
          "message": "born of the source has no time zone, and people.born needs one",
          "table": "people",
        },
        {
          "choices": [
            "moves.people.columns.seen: { zone: 'UTC' }   of this column",
            "zone: 'UTC'   of all columns that say nothing else",
          ],
          "code": "LF205",
          "column": "seen",
          "examples": [],
          "message": "seen of the source is a moment, and people.seen is timestamp without time zone: a local time of some zone",
          "table": "people",
        },
      ]
    `)
    // Said, they are converted; the domain's own rules apply.
    const said = await people({ age: { type: 'int' }, years: { from: 'age', type: 'int' } }, { zone: 'UTC' })
    expect(said.blockers).toEqual([])
  })

  test('what nothing fills, views, keys, computed columns', async () => {
    expect(await blockers(moved({ strict: { from: 'orders' } }))).toEqual([
      'strict.needed: nothing fills strict.needed, which must have a value',
    ])
    expect(await blockers(moved({ seen: { from: 'users' } }))).toEqual([
      'seen.null: moves.seen: public.seen of the target is no table',
    ])
    expect(await blockers(moved({ keyless: { from: 'orders' } }))).toEqual([
      'keyless.null: keyless has no primary key: nothing tells which row is there already',
    ])
    expect(await blockers(people({ ...OTHERS, email: false }))).toEqual([
      'people.email: people.email tells which row is there already, and nothing fills it',
    ])
    expect(await blockers(people({ ...OTHERS, doubled: 'age' }))).toEqual([
      'people.doubled: people.doubled is computed by the target',
    ])
    expect(await blockers(moved({ '*': {} }, {}, { tables: ['users'] }))).toEqual([
      'users.null: the target has no table users in the schema public',
    ])
  })

  test('rows that refer to each other in a circle, but not to their own table', async () => {
    const source = 'CREATE TABLE a(id int, b_id int, a_id int); CREATE TABLE b(id int, a_id int)'
    const round = await map({ source, target: TARGET, config: { moves: { a: {}, b: {} } } })
    expect(round.blockers.map(({ message }) => message)).toEqual([
      'rows refer to each other in a circle: a → b → a',
    ])
    const cut = await map({
      source,
      target: TARGET,
      config: { moves: { a: { columns: { b_id: false } }, b: {} } },
    })
    expect(cut.blockers).toEqual([])
    expect(cut.moves.map((move) => move.source)).toEqual(['a', 'b'])
  })

  test('keys of an identity', async () => {
    const orders = { orders: { columns: { user_id: { identity: 'users' } } } }
    const kept = (keptIn: 'map' | { table: string; oldKey: string; newKey: string }) =>
      blockers(moved(orders, { identities: { users: { ...USERS, keptIn } } }))
    expect(await kept('map')).toEqual([
      'map.null: map is there already, and has no columns old_key and new_key',
    ])
    expect(await kept({ table: 'map', oldKey: 'one', newKey: 'two' })).toEqual([])
    expect(await kept({ table: 'map', oldKey: 'two', newKey: 'two' })).toEqual([
      'map.two: map.two is integer, and the keys are uuid',
    ])
    expect(await kept({ table: 'seen', oldKey: 'id', newKey: 'id' })).toEqual([
      'seen.null: identities.users.keptIn: public.seen of the target is no table',
    ])
    expect(await kept({ table: 'strict', oldKey: 'needed', newKey: 'id' })).toEqual([])
    const wrong = { orders: { columns: { user_id: { identity: 'users', from: 'total' } } } }
    expect(await blockers(moved(wrong, { identities: { users: USERS } }))).toEqual([
      'orders.user_id: total of the source is numeric, and the old keys of the identity users are uuid',
    ])
    const never = { ...USERS, match: [{ equal: { age: 'id' } }] }
    expect(await blockers(moved(orders, { identities: { users: never } }))).toEqual([
      'people.age: people.age is integer, which never equals uuid',
    ])
  })
})

test('names in snake_case and what is for SQLite only are refused', async () => {
  expect(await failure(moved({ '*': {} }, { names: 'snake' }))).toMatchObject({ code: 'LF001' })
  expect(await failure(people({ ...OTHERS, email: { nul: 'strip' } }))).toMatchObject({ code: 'LF002' })
})
