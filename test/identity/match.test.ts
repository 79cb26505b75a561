import { afterEach, describe, expect, test } from 'vitest'
import { LandfallError } from '../../src/errors.ts'
import { liveMap, resolveIdentity } from '../../src/identity/resolve.ts'
import { identityMove, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const A = 'aaaaaaaa-0000-0000-0000-000000000001'
const B = 'bbbbbbbb-0000-0000-0000-000000000002'
const C = 'cccccccc-0000-0000-0000-000000000003'
const USERS = `CREATE TABLE users (id integer PRIMARY KEY, email text, api_key text, n integer);
  INSERT INTO users VALUES (1, 'Ann@example.org', 'k1', 10), (2, 'bob@example.org', '', 20), (3, NULL, 'k3', 30)`
const stage = { id: 'uuid', email: 'text', api_key: 'text' }
const email = rule('users', { email: 'email' }, { ignoreCase: true })

describe('rules', () => {
  test('find by the e-mail whatever its case, in order, and never by NULL or the empty text', async () => {
    here = await world(USERS)
    const key = rule('users', { api_key: '"api_key"' })
    const move = identityMove({ stage, target: 'users', match: [email, key] })
    const { applied, notes } = await here.resolve(move, [
      [A, 'ANN@EXAMPLE.ORG', 'k3'],
      [B, '', ''],
      [C, null, 'k3'],
    ])
    expect(applied).toEqual({ created: 0, updated: 0, unchanged: 2, skipped: 1, setAside: 0 })
    expect(notes).toEqual([])
    expect(await here.all('SELECT old, new, how FROM users_map ORDER BY old')).toEqual([
      [A, 1, 'matched: equal ignoring case: email'],
      [C, 3, 'matched: equal: api_key'],
    ])
  })

  test('look in a third table, and only for rows that are there', async () => {
    here = await world(`${USERS}; CREATE TABLE plugin_api_keys (user_id bigint, plugin_user_id varchar(80));
      INSERT INTO plugin_api_keys VALUES (2, '${A}'), (2, '${A}'), (99, '${B}'), (NULL, '${C}')`)
    const through = rule('plugin_api_keys', { plugin_user_id: 'id' }, { gives: 'user_id', label: 'through' })
    const { applied } = await here.resolve(identityMove({ stage, target: 'users', match: [through] }), [
      [A.toUpperCase(), null, null],
      [B, null, null],
      [C, null, null],
    ])
    expect(applied).toMatchObject({ unchanged: 1, skipped: 2 })
    expect(await here.all('SELECT old, new FROM users_map')).toEqual([[A, 2]])
  })

  test('compare texts where types do not agree, so that no value is refused', async () => {
    here = await world(USERS)
    const odd = { id: 'integer', number: 'text', fraction: 'numeric' }
    const text = identityMove({ stage: odd, target: 'users', match: [rule('users', { n: 'number' })] })
    expect(
      (
        await here.resolve(text, [
          [7, 'ten', 1],
          [8, '20', 1],
          [9, '99999999999999999999', 1],
        ])
      ).applied.unchanged,
    ).toBe(1)
    const number = identityMove({
      stage: odd,
      target: 'users',
      match: [rule('users', { n: 'fraction' })],
      map: { table: 'm2' },
    })
    await here.resolve(number, [
      [7, '', '30.00'],
      [8, '', '10.5'],
    ])
    expect(await here.all('SELECT old, new FROM users_map UNION ALL SELECT old, new FROM m2')).toEqual([
      [8, 2],
      [7, 3],
    ])
  })

  test('need all pairs to be equal', async () => {
    here = await world(`CREATE TABLE "Us ""er" (id integer PRIMARY KEY, "Ten ant" text, "name" varchar(3));
      INSERT INTO "Us ""er" VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'b', 'x')`)
    const move = identityMove({
      stage: { 'k"ey': 'text', 'Ten ant': 'text', nr: 'text' },
      target: 'Us "er',
      match: [rule('Us "er', { 'Ten ant': '"Ten ant"', name: 'nr' })],
      map: { table: 'the "map"', oldKey: 'o "ld', newKey: 'select' },
    })
    const { applied } = await here.resolve(move, [
      ["a'b", 'a', 'y'],
      ['b', 'b', 'y'],
      ['c', 'b', 'xxxxx'],
      ['d', 'b', null],
    ])
    expect(applied).toMatchObject({ unchanged: 1, skipped: 3 })
    expect(await here.all('SELECT "o ""ld", "select" FROM "the ""map"""')).toEqual([["a'b", 2]])
  })

  test('use the equality of an extension’s type', async () => {
    here = await world(
      `CREATE EXTENSION citext; CREATE DOMAIN mail AS citext; CREATE TABLE users (id integer PRIMARY KEY, email mail);
        INSERT INTO users VALUES (1, 'Ann@example.org')`,
      'pg_catalog',
    )
    const move = identityMove({ stage, target: 'users', match: [rule('users', { email: 'email' })] })
    expect((await here.resolve(move, [[A, 'ANN@example.org', null]])).applied.unchanged).toBe(1)
  })

  test('with no rows make an empty map', async () => {
    here = await world(USERS)
    const { applied, notes } = await here.resolve(
      identityMove({ stage, target: 'users', match: [email] }),
      [],
    )
    expect([applied, notes]).toEqual([{ created: 0, updated: 0, unchanged: 0, skipped: 0, setAside: 0 }, []])
    expect(await here.all('SELECT * FROM users_map')).toEqual([])
  })
})

describe('several', () => {
  const two: [string, string | null, string | null][] = [
    [B, 'ann@example.org', null],
    [A, 'ANN@example.org', null],
    [C, 'bob@example.org', null],
  ]

  test('old keys for one new: all cases are named and nothing is written', async () => {
    here = await world(`${USERS}; INSERT INTO users VALUES (4, 'BOB@example.org')`)
    const error = await here
      .resolve(identityMove({ stage, target: 'users', match: [email] }), two)
      .catch((e) => e)
    expect(error).toBeInstanceOf(LandfallError)
    expect(error.code).toBe('LF210')
    expect(error.message).toBe('identity users: 2 cases are ambiguous')
    expect(error.details.cases).toEqual([
      `id = ${C} finds 2, 4 (equal ignoring case: email)`,
      `id = ${A}, id = ${B} find 1`,
    ])
    expect(await here.all(`SELECT to_regclass('public.users_map')`)).toEqual([[null]])
  })

  test('old keys for one new: joined', async () => {
    here = await world(USERS)
    const move = identityMove({ stage, target: 'users', match: [email], severalOld: 'join' })
    const { applied, notes } = await here.resolve(move, two)
    expect(applied).toMatchObject({ unchanged: 3 })
    expect(notes).toEqual([`1 key means the same row as another: joined (id = ${B})`])
    expect(await here.all('SELECT old, new FROM users_map ORDER BY old')).toEqual([
      [A, 1],
      [B, 1],
      [C, 2],
    ])
  })

  test('old keys for one new: the lowest, and what was decided before', async () => {
    here = await world(USERS)
    const move = identityMove({ stage, target: 'users', match: [email], severalOld: 'first' })
    const { applied } = await here.resolve(move, [two[0]!, two[2]!])
    expect(applied).toMatchObject({ unchanged: 2 })
    expect((await here.resolve(move, two)).applied).toMatchObject({ unchanged: 2, setAside: 1 })
    expect(await here.rejects()).toEqual([[`id = ${A}`, null, `means the same row as id = ${B}`]])
    expect(await here.all('SELECT old, new FROM users_map ORDER BY old')).toEqual([
      [B, 1],
      [C, 2],
    ])
  })

  test('new keys for one old: the lowest, or set aside', async () => {
    here = await world(`${USERS}; INSERT INTO users VALUES (4, 'BOB@example.org')`)
    const rows = [two[0]!, two[2]!]
    const first = identityMove({
      stage,
      target: 'users',
      match: [email],
      severalNew: 'first',
      map: { drop: true },
    })
    const { applied, notes } = await here.resolve(first, rows)
    expect(applied).toMatchObject({ unchanged: 2 })
    expect(notes).toEqual([
      `1 row matches several by equal ignoring case: email: the lowest new key was taken (id = ${C})`,
    ])
    const aside = identityMove({ stage, target: 'users', match: [email], severalNew: 'set-aside' })
    expect((await here.resolve(aside, rows)).applied).toMatchObject({ unchanged: 1, setAside: 1 })
    expect(await here.rejects()).toEqual([
      [`id = ${C}`, null, 'matches several rows by equal ignoring case: email: 2, 4'],
    ])
  })

  test('rows with one key, and rows without', async () => {
    here = await world(USERS)
    const move = identityMove({ stage, target: 'users', match: [email] })
    const { applied, notes } = await here.resolve(move, [
      [A, 'bob@example.org', null],
      [A, 'ann@example.org', null],
      [null, 'ann@example.org', null],
    ])
    expect(applied).toMatchObject({ unchanged: 1, setAside: 2 })
    expect(notes).toEqual([`1 row has the key of another and was set aside (id = ${A})`])
    expect(await here.rejects()).toEqual([
      [`id = ${A}`, 'id', 'another row of the source has the same key'],
      ['id = NULL', 'id', 'has no key: id is NULL'],
    ])
    // Whatever order they came in: the lowest by its values.
    expect(await here.all('SELECT new FROM users_map')).toEqual([[1]])
  })
})

describe('a map that is there', () => {
  test('counts before the rules; an entry whose row is gone does not', async () => {
    here =
      await world(`${USERS}; CREATE TABLE users_map (old varchar(60) PRIMARY KEY, new bigint, note text DEFAULT 'app');
      INSERT INTO users_map VALUES ('${A}', 3), ('${B}', 77), ('${C}', 78), ('other', 2)`)
    const move = identityMove({ stage, target: 'users', match: [email], map: { existing: true } })
    const rows = [
      [A, 'ann@example.org', null],
      [B, 'bob@example.org', null],
      [C, null, null],
    ]
    const { applied, notes } = await here.resolve(move, rows)
    expect(applied).toMatchObject({ unchanged: 2, skipped: 1 })
    expect(notes).toEqual([
      `2 keys were in the map, but the row it names is gone: resolved anew (id = ${B}, id = ${C})`,
    ])
    const found = [
      [A, '3', 'app'],
      [B, '2', 'app'],
      // Nobody was found: the application may know why it is there.
      [C, '78', 'app'],
      ['other', '2', 'app'],
    ]
    expect(await here.all('SELECT * FROM users_map ORDER BY old')).toEqual(found)
    expect((await here.resolve(move, rows)).applied).toMatchObject({ unchanged: 2, skipped: 1 })
    expect(await here.all('SELECT * FROM users_map ORDER BY old')).toEqual(found)
  })

  test('with two new keys for one old is ambiguous, and one without the columns is named', async () => {
    here = await world(`${USERS}; CREATE TABLE users_map (old text, new int); CREATE TABLE m2 (old text);
      INSERT INTO users_map VALUES ('${A}', 3), ('${A}', 1)`)
    const move = identityMove({ stage, target: 'users', severalNew: 'first' })
    await expect(here.resolve(move, [[A, null, null]])).rejects.toMatchObject({ code: 'LF210' })
    const lacking = identityMove({ stage, target: 'users', map: { table: 'm2' } })
    await expect(here.resolve(lacking, [])).rejects.toMatchObject({ code: 'LF005' })
  })
  test('of an application is looked up as far as its rows are there, once each', async () => {
    here = await world(`${USERS}; CREATE TABLE users_map (old text, new int);
      INSERT INTO users_map VALUES ('null', NULL), ('gone', 77), ('twice', 2), ('twice', 2), (NULL, 2)`)
    const move = identityMove({ stage, target: 'users', match: [email], map: { existing: true } })
    const known = await here.staged(move, [[A, 'ann@example.org', null]], async (staged) => {
      const resolved = (await resolveIdentity(staged, { run: '1' })).known
      const { relation, oldKey, newKey } = resolved
      expect(await here.all('SELECT count(*) FROM users_map')).toEqual([['6']])
      const later = (await liveMap(here.session, move, 7))!
      return [
        await here.all(`SELECT ${oldKey}, ${newKey} FROM ${relation} ORDER BY 1`),
        await here.all(`SELECT ${later.oldKey}, ${later.newKey} FROM ${later.relation} ORDER BY 1`),
      ]
    })
    const live = [
      [A, 1],
      ['twice', 2],
    ]
    expect(known).toEqual([live, live])
  })

  test('with two new keys for an old one that is not staged is ambiguous: rows may refer to it', async () => {
    here = await world(`${USERS}; CREATE TABLE users_map (old text, new int);
      INSERT INTO users_map VALUES ('z', 1), ('z', 2), ('gone', 3), ('gone', 99)`)
    const move = identityMove({ stage, target: 'users', map: { existing: true } })
    await expect(here.resolve(move, [])).rejects.toMatchObject({
      code: 'LF210',
      details: { cases: ['id = z is 1 and 2 in the map "public"."users_map": leave one of them'] },
    })
    await expect(liveMap(here.session, move, 0)).rejects.toMatchObject({ code: 'LF210' })
  })
})
