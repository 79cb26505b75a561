import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, sums, type Words } from './staging.ts'

let session: Session
eachInNewDatabase((opened) => {
  session = opened
})

const words = (rows: number, bad: string): Words => ({
  table: 't',
  staged: { id: 'integer', who: 'text', n: 'text' },
  sourceKey: ['id'],
  rows: `(0, 'u0', '0') UNION ALL SELECT i, 'u' || i, CASE WHEN ${bad} THEN i || 'x' ELSE i::text END FROM generate_series(1, ${rows}) AS i`,
  maps: new Map([['users', { relation: 'public.m', oldKey: '"o"', newKey: '"n"' }]]),
  merge: {
    key: ['id'],
    columns: [
      column('id', 'integer', { notNull: true }),
      column('who', 'integer', { identity: 'users' }),
      column('n', 'integer'),
    ],
    rules: {
      ...NO_RULES,
      uniques: [{ name: 't_pkey', parts: ['"id"'], where: null, nullsNotDistinct: false }],
    },
  },
})

test('many rows that do not fit are found in little time, however many people there are', async () => {
  await session.query(
    `create table public.t (id int primary key, who int, n int);
     create table public.m (o text primary key, n text); insert into public.m select 'u' || i, i from generate_series(0, 20000) i`,
  )
  const started = performance.now()
  const outcome = await applied(session, words(20_000, 'i % 100 = 0'))
  expect(sums(outcome)).toBe('19801 0 0 0 200')
  expect(outcome.rejects[0]).toMatch(/^id = \d+00: cannot be stored: .*"\d+00x"/)
  // With the whole map for each of them it was minutes.
  expect(performance.now() - started).toBeLessThan(8_000)
}, 120_000)

test('a new key that does not fit is found, too', async () => {
  await session.query(
    `create table public.t (id int primary key, who int, n int);
     create table public.m (o text primary key, n text); insert into public.m select 'u' || i, i from generate_series(0, 40) i;
     update public.m set n = 'nobody' where o = 'u7'`,
  )
  const { rejects } = await applied(session, words(40, 'i = 30'))
  expect(rejects).toEqual([
    expect.stringMatching(/^id = 7: cannot be stored: .*"nobody"/),
    expect.stringMatching(/^id = 30: cannot be stored: .*"30x"/),
  ])
})
