import { afterEach, expect, test } from 'vitest'
import { compareIdentity, mapByRules } from '../../src/identity/resolve.ts'
import type { ComparedMove } from '../../src/merge/model.ts'
import type { Move } from '../../src/plan/model.ts'
import { column, identityMove, noRules, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const USERS = `CREATE TABLE users (id serial PRIMARY KEY, email text, name text UNIQUE, status integer, score numeric);
  INSERT INTO users (email, name, status, score) VALUES ('a@x.org', 'a', 1, 1.0), ('b@x.org', 'b', 2, 2)`
const spec = {
  stage: { id: 'text', email: 'text', name: 'text', status: 'integer', score: 'numeric' },
  target: 'users',
  toKey: { next: `nextval('public.users_id_seq')` },
  match: [rule('users', { email: 'email' }, { ignoreCase: true })],
  take: [column('status', 'integer', 'status')],
  severalOld: 'first' as const,
}
const create = {
  kind: 'create' as const,
  columns: [
    column('email', 'text', 'email', { notNull: true }),
    column('name', 'text', 'name', { unique: true }),
    column('status', 'integer', 'status', { orElse: '7' }),
    column('score', 'numeric', 'score'),
  ],
  rules: noRules,
  alsoCreate: [],
}
const rows = [
  ['1', 'A@x.org', 'other', 1, null],
  ['2', 'c@x.org', 'a', null, 1.5],
  ['3', 'd@x.org', 'd', 4, 4],
  ['4', null, 'nobody', 4, 4],
  ['5', 'b@x.org', null, null, null],
  ['6', 'B@x.org', null, null, null],
]
const compare = (move: Move, most = 10, show = false): Promise<ComparedMove> =>
  here.staged(move, rows, (staged) => compareIdentity(staged, most, show))

test('what was resolved is the same; nothing is written', async () => {
  here = await world(USERS)
  const move = identityMove({ ...spec, unmatched: create })
  const { applied } = await here.resolve(move, rows)
  expect(applied).toEqual({ created: 2, updated: 0, unchanged: 2, skipped: 0, setAside: 2 })
  const same = { expected: 4, setAside: 2, missing: 0, changed: 0, differences: [] }
  expect(await compare(move)).toEqual(same)
  expect(await compare(identityMove({ ...spec, unmatched: create, map: { table: 'no_map' } }))).toEqual(same)
  expect(await here.all(`SELECT to_regclass('public.no_map'), (SELECT count(*) FROM users)`)).toEqual([
    [null, '4'],
  ])
})

test('a new key that is lost, a row that is gone, and values that are not those of the source are named', async () => {
  here = await world(USERS)
  const move = identityMove({ ...spec, unmatched: create })
  await here.resolve(move, rows)
  await here.all(`DELETE FROM users_map WHERE old = '1'`)
  await here.all(`DELETE FROM users WHERE email = 'd@x.org'`)
  await here.all(`UPDATE users SET status = 8, score = 1.50, name = 'changed' WHERE email = 'c@x.org'`)
  const { differences, ...counts } = await compare(move, 10, true)
  expect(counts).toEqual({ expected: 4, setAside: 2, missing: 2, changed: 1 })
  expect(differences).toEqual([
    { table: 'users', kind: 'missing', key: 'id = 1', columns: [] },
    { table: 'users', kind: 'missing', key: 'id = 3', columns: [] },
    {
      table: 'users',
      kind: 'changed',
      key: 'id = 2',
      columns: [{ column: 'score', source: '1.5', target: '1.50' }],
    },
  ])
  await here.all(`UPDATE users SET status = 3 WHERE email = 'b@x.org'`)
  expect((await compare(move, 1)).differences.length).toBe(1)
})

test('what an expression gave a row that was created is not asked for again, but what the source has is', async () => {
  here = await world(USERS)
  const score = column('score', 'numeric', 'score', { orElse: 'random()::numeric', givenOnce: true })
  const columns = create.columns.map((one) => (one.name === 'score' ? score : one))
  const move = identityMove({ ...spec, unmatched: { ...create, columns } })
  await here.resolve(move, [
    ['2', 'c@x.org', 'c', 1, null],
    ['3', 'd@x.org', 'd', 1, 4],
  ])
  const again = async () =>
    (
      await here.staged(
        move,
        [
          ['2', 'c@x.org', 'c', 1, null],
          ['3', 'd@x.org', 'd', 1, 5],
        ],
        (staged) => compareIdentity(staged, 10),
      )
    ).differences.map(({ key }) => key)
  expect(await again()).toEqual(['id = 3'])
})

test('what a matched row should have taken over is compared; what is skipped is not expected', async () => {
  here = await world(USERS)
  const move = identityMove({ ...spec, unmatched: { kind: 'skip' } })
  await here.resolve(move, rows)
  await here.all('UPDATE users SET status = 99')
  expect(await compare(move)).toEqual({
    expected: 2,
    setAside: 1,
    missing: 0,
    changed: 1,
    differences: [{ table: 'users', kind: 'changed', key: 'id = 1', columns: [{ column: 'status' }] }],
  })
})

test('a map that was not kept is made anew of what the rules find', async () => {
  here = await world(USERS)
  const move = identityMove({ ...spec, unmatched: create, map: { drop: true } })
  await here.resolve(move, rows)
  const found = await here.staged(move, rows, async (staged) => {
    const { relation, oldKey, newKey } = await mapByRules(staged)
    return await here.all(`SELECT ${oldKey}, ${newKey} FROM ${relation} ORDER BY 1`)
  })
  expect(found).toEqual([
    ['1', 1],
    ['2', 3],
    ['3', 4],
    ['5', 2],
  ])
})
