import { afterEach, expect, test } from 'vitest'
import { compareIdentity } from '../../src/identity/resolve.ts'
import type { ComparedMove } from '../../src/merge/model.ts'
import type { Move } from '../../src/plan/model.ts'
import { column, identityMove, type MoveSpec, noRules, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const PERSON = `CREATE TABLE team (id integer PRIMARY KEY); INSERT INTO team VALUES (1);
  CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text,
    name text CONSTRAINT person_name UNIQUE CONSTRAINT short CHECK (length(name) < 9), team integer REFERENCES team);
  INSERT INTO person (email, name) VALUES ('a@x.org', 'ann'), ('b@x.org', 'ben'), ('c@x.org', 'carl'), ('d@x.org', 'dan'),
    ('nobody', 'taken')`
const spec: MoveSpec = {
  stage: { id: 'integer', email: 'text', name: 'text', team: 'integer' },
  target: 'person',
  toKey: { type: 'bigint' },
  match: [rule('person', { email: 'email' })],
  take: [column('name', 'text', 'name'), column('team', 'integer', 'team')],
  takeRules: {
    uniques: [{ name: 'person_name', parts: ['"name"'], where: null, nullsNotDistinct: false }],
    parents: [
      {
        name: 'person_team',
        columns: ['team'],
        refSchema: 'public',
        refTable: 'team',
        refColumns: ['id'],
        onUpdate: 'NO ACTION',
        onDelete: 'NO ACTION',
        deferrable: 'no',
      },
    ],
    checks: [{ name: 'short', expression: 'length(name) < 9' }],
  },
}
const rows = [
  [1, 'a@x.org', 'taken', 1],
  [2, 'b@x.org', null, 77],
  [3, 'c@x.org', 'far too long', null],
  [4, 'd@x.org', 'carl', 1],
  [5, 'e@x.org', 'eve', 1],
]
const people = (): Promise<unknown[][]> =>
  here.all('SELECT email, name, team FROM person WHERE team IS NOT NULL OR id < 5 ORDER BY id')
const compare = (move: Move, of: readonly (readonly unknown[])[] = rows): Promise<ComparedMove> =>
  here.staged(move, of, (staged) => compareIdentity(staged, 10))

const aside = [
  ['id = 1', 'name', 'is taken by another row of the target (person_name)'],
  ['id = 2', 'team', 'has no parent in team'],
  ['id = 3', null, 'breaks CHECK (length(name) < 9)'],
  ['id = 4', 'name', 'is taken by another row of the target (person_name)'],
]

test('rows that would take over what the target refuses are set aside one by one, and stay known', async () => {
  here = await world(PERSON)
  const move = identityMove(spec)
  const before = await people()
  const { applied } = await here.resolve(move, rows)
  expect(applied).toEqual({ created: 0, updated: 0, unchanged: 0, skipped: 1, setAside: 4 })
  expect(await here.rejects()).toEqual(aside)
  expect(await people()).toEqual(before)
  expect(await here.all('SELECT old, new FROM users_map ORDER BY 1')).toEqual(
    [1, 2, 3, 4].map((n) => [n, `${n}`]),
  )
  expect(await compare(move)).toMatchObject({ setAside: 4, missing: 0, changed: 0 })
})

test('what no rule of the plan foresees is found, too', async () => {
  here = await world(PERSON)
  const { applied } = await here.resolve(identityMove({ ...spec, takeRules: noRules }), [
    ...rows.slice(0, 2),
    [3, 'c@x.org', 'new', null],
  ])
  expect(applied).toMatchObject({ updated: 1, setAside: 2 })
  expect((await people())[2]).toEqual(['c@x.org', 'new', null])
})

test('names may be passed on', async () => {
  here = await world(PERSON)
  const move = identityMove(spec)
  const swapped = [
    [1, 'a@x.org', 'ben', 1],
    [2, 'b@x.org', 'carl', null],
    [3, 'c@x.org', 'new', null],
  ]
  expect((await here.resolve(move, swapped)).applied).toMatchObject({ updated: 3, setAside: 0 })
  expect((await people()).slice(0, 3)).toEqual([
    ['a@x.org', 'ben', 1],
    ['b@x.org', 'carl', null],
    ['c@x.org', 'new', null],
  ])
})

test.each([
  ['a map of its own', {}],
  ['the map of an application', { table: 'application', existing: true }],
])('what is created is what the config says of it, now and later, with %s', async (_, map) => {
  here = await world(`${PERSON}; CREATE TABLE application (old integer, new bigint)`)
  const move = identityMove({
    ...spec,
    toKey: { type: 'bigint', next: `nextval('public.person_id_seq')` },
    unmatched: {
      kind: 'create',
      columns: [
        column('email', 'text', 'email'),
        column('name', 'text', `'new ' || name`),
        column('team', 'integer', 'team'),
      ],
      rules: noRules,
      alsoCreate: [],
    },
    map,
  })
  const new_ = [
    [4, 'd@x.org', 'Dan', 1],
    [5, 'e@x.org', 'eve', null],
  ]
  expect((await here.resolve(move, new_)).applied).toMatchObject({ created: 1, updated: 1 })
  expect((await here.resolve(move, new_)).applied).toMatchObject({ unchanged: 2 })
  await here.resolve(move, [[5, 'e@x.org', 'other', 1]])
  expect(
    await here.all(`SELECT email, name, team FROM person WHERE email IN ('d@x.org', 'e@x.org') ORDER BY 1`),
  ).toEqual([
    ['d@x.org', 'Dan', 1],
    ['e@x.org', 'new eve', 1],
  ])
  expect(await compare(move, [[5, 'e@x.org', 'other', 1]])).toMatchObject({ missing: 0, changed: 0 })
})
