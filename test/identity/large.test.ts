import { afterEach, expect, test } from 'vitest'
import { column, identityMove, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const MANY = 200_000

test('two hundred thousand users find each other in seconds, whatever their case', async () => {
  here =
    await world(`CREATE TABLE users (id serial PRIMARY KEY, email text, username varchar(30) NOT NULL UNIQUE, status integer);
    INSERT INTO users (email, username, status) SELECT 'User' || n || '@Example.org', 'info_' || n, 1
      FROM generate_series(1, ${MANY}) n; ANALYZE users`)
  const move = identityMove({
    stage: { id: 'uuid', email: 'text', status: 'integer' },
    target: 'users',
    toKey: { next: `nextval('public.users_id_seq'::regclass)` },
    match: [rule('users', { email: 'email' }, { ignoreCase: true })],
    severalOld: 'join',
    take: [column('status', 'integer', 'status')],
    unmatched: {
      kind: 'create',
      columns: [
        column('email', 'text', 'email'),
        column('username', 'character varying(30)', `split_part(email, '@', 1)`, {
          notNull: true,
          maxLength: 30,
          unique: true,
        }),
        column('status', 'integer', 'status'),
      ],
      rules: {
        uniques: [
          { name: 'users_username_key', parts: ['"username"'], where: null, nullsNotDistinct: false },
        ],
        parents: [],
        checks: [],
      },
      alsoCreate: [],
    },
  })
  // Half of them are there; of the others a tenth is called info, all of whose numbers are taken.
  const rows = `SELECT gen_random_uuid(), CASE WHEN n <= ${MANY / 2} THEN 'USER' || n || '@example.ORG'
      WHEN n % 10 = 0 THEN 'info@' || n ELSE 'new' || n || '@example.org' END, n % 2 FROM generate_series(1, ${MANY}) n`
  const began = performance.now()
  const { applied } = await here.resolveFrom(move, rows)
  const seconds = (performance.now() - began) / 1000
  expect(applied).toEqual({
    created: MANY / 2,
    updated: MANY / 4,
    unchanged: MANY / 4,
    skipped: 0,
    setAside: 0,
  })
  expect(
    await here.all(`SELECT count(*) FROM users WHERE username ~ '^info_[0-9]+$' AND id > ${MANY}`),
  ).toEqual([['9999']])
  const again = performance.now()
  const { applied: twice } = await here.resolveFrom(move, 'SELECT old, NULL, NULL FROM users_map')
  const secondsAgain = (performance.now() - again) / 1000
  expect(twice).toMatchObject({ updated: 0, unchanged: MANY })
  // Anything quadratic would take hours.
  expect([seconds, secondsAgain].every((one) => one < 60)).toBe(true)
}, 120_000)
