import { afterEach, describe, expect, test } from 'vitest'
import { compareIdentity } from '../../src/identity/resolve.ts'
import type { ComparedMove } from '../../src/merge/model.ts'
import type { Move } from '../../src/plan/model.ts'
import { column, identityMove, type MoveSpec, noRules, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const USERS = `CREATE TABLE users (id serial PRIMARY KEY, email text, name text);
  CREATE TABLE login (user_id integer NOT NULL REFERENCES users, mail text CONSTRAINT login_mail UNIQUE);
  CREATE TABLE application (old text, new integer);
  INSERT INTO users (email, name) VALUES ('x@x.org', 'X'); INSERT INTO login VALUES (1, 'a@x.org')`
const spec: MoveSpec = {
  stage: { id: 'text', email: 'text', name: 'text' },
  target: 'users',
  toKey: { next: `nextval('public.users_id_seq')` },
  match: [rule('users', { email: 'email' })],
  unmatched: {
    kind: 'create',
    columns: [column('email', 'text', 'email'), column('name', 'text', 'name')],
    rules: noRules,
    alsoCreate: [
      {
        schema: 'public',
        table: 'login',
        where: null,
        columns: [
          column('user_id', 'integer', 'id', { notNull: true, identity: 'users' }),
          column('mail', 'text', 'email'),
        ],
        rules: {
          ...noRules,
          uniques: [{ name: 'login_mail', parts: ['"mail"'], where: null, nullsNotDistinct: false }],
        },
      },
    ],
  },
}
const rows = [
  ['1', 'a@x.org', 'Ann'],
  ['2', 'b@x.org', 'Ben'],
  ['3', 'c@x.org', null],
]
const compare = (move: Move, of = rows): Promise<ComparedMove> =>
  here.staged(move, of, (staged) => compareIdentity(staged, 10))
const wrong = async (move: Move, of = rows): Promise<unknown> => {
  const { missing, changed, differences } = await compare(move, of)
  return [missing, changed, differences.map(({ key, columns }) => [key, columns.map((one) => one.column)])]
}

describe.each([
  ['a map of its own', identityMove(spec)],
  ['the map of an application', identityMove({ ...spec, map: { table: 'application', existing: true } })],
  ['a map that is not kept', identityMove({ ...spec, map: { drop: true } })],
])('rows that were created, with %s', (_, move) => {
  test('are compared with all that was made with them, but for what was set aside', async () => {
    here = await world(USERS)
    await here.resolve(move, rows)
    expect(await wrong(move)).toEqual([0, 0, []])
    await here.all(`UPDATE users SET name = 'overwritten' WHERE email = 'b@x.org'`)
    await here.all(`DELETE FROM login WHERE user_id <> 1`)
    expect(await wrong(move)).toEqual([
      0,
      2,
      [
        ['id = 2', ['name', 'public.login']],
        ['id = 3', ['public.login']],
      ],
    ])
    await here.all(`INSERT INTO login SELECT id, 'another' || id FROM users WHERE id > 1`)
    expect(await wrong(move)).toEqual([
      0,
      2,
      [
        ['id = 2', ['name', 'public.login']],
        ['id = 3', ['public.login']],
      ],
    ])
  })

  test('are the application’s once another run is done: only that they are there is compared', async () => {
    here = await world(USERS)
    await here.resolve(move, rows)
    await here.all(`UPDATE users SET name = 'edited' WHERE email = 'b@x.org'`)
    await here.all(`DELETE FROM login WHERE mail = 'c@x.org'`)
    const changed = [['1', 'a@x.org', 'Anna'], ...rows.slice(1), ['4', 'd@x.org', 'Dan']]
    await here.resolve(move, changed)
    expect(await wrong(move, changed)).toEqual([0, 0, []])
    await here.all(`UPDATE users SET name = 'overwritten' WHERE email = 'd@x.org'`)
    expect(await wrong(move, changed)).toEqual([0, 1, [['id = 4', ['name']]]])
    const kept = move.mapping?.kind === 'identity' && !move.mapping.map.drop
    if (kept) {
      expect((await compare(move, changed)).note).toMatch(
        /^users: of 3 rows that .* only whether they are there/,
      )
    }
  })

  test('get what goes with them from a later run where it was set aside before', async () => {
    here = await world(USERS)
    const aside = [['id = 1', 'mail', 'is taken by a row of the target (login_mail)']]
    await here.resolve(move, rows)
    expect(await here.rejects()).toEqual(aside)
    await here.resolve(move, rows)
    expect(await here.rejects()).toEqual([...aside, ...aside])
    await here.all(`DELETE FROM login WHERE user_id = 1`)
    await here.resolve(move, rows)
    await here.resolve(move, rows)
    expect(await here.rejects()).toEqual([...aside, ...aside])
    expect(await here.all('SELECT email, mail FROM users JOIN login ON user_id = id ORDER BY 1')).toEqual([
      ['a@x.org', 'a@x.org'],
      ['b@x.org', 'b@x.org'],
      ['c@x.org', 'c@x.org'],
    ])
  })
})

test('without a journal nobody can tell which rows were created: that is no "same"', async () => {
  here = await world(USERS)
  const move = identityMove(spec)
  await here.resolve(move, rows)
  await here.all('DROP SCHEMA landfall CASCADE')
  expect(await compare(move)).toMatchObject({ incomplete: expect.stringContaining('no journal') })
})
