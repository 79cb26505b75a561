import { beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import type { UniqueRule } from '../../src/plan/mapping.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let session: Session
const { all } = eachInNewDatabase((opened) => {
  session = opened
})

const unique = (name: string, part: string): UniqueRule => ({
  name,
  parts: [part],
  where: null,
  nullsNotDistinct: false,
})

/** Rows of a tree whose codes are unique. */
const tree = (rows: string): Words => ({
  table: 't',
  staged: { id: 'integer', code: 'text', parent: 'integer' },
  sourceKey: ['id'],
  rows,
  merge: {
    key: ['id'],
    columns: [
      column('id', 'integer', { notNull: true }),
      column('code', 'text', { notNull: true }),
      column('parent', 'integer'),
    ],
    rules: {
      ...NO_RULES,
      uniques: [unique('t_pkey', '"id"'), unique('t_code', '"code"')],
      parents: [
        {
          name: 'fk',
          columns: ['parent'],
          refSchema: 'public',
          refTable: 't',
          refColumns: ['id'],
          onUpdate: 'no action',
          onDelete: 'no action',
          deferrable: 'no',
        },
      ],
    },
  },
})

test('a row that is there gets a new parent, which has a code that others give up one after the other', async () => {
  await session.query(
    `create table public.t (id int primary key, code text not null constraint t_code unique, parent int references public.t);
     insert into public.t values (1, 'a', null), (2, 'b', null), (4, 'd', null)`,
  )
  const words = tree(`(1, 'b', 3), (2, 'c', 1), (3, 'a', null), (4, 'e', 6), (5, 'd', 4), (6, 'f', 5)`)
  expect(sums(await applied(session, words))).toBe('3 3 0 0 0')
  expect(await all('select * from public.t order by id')).toEqual([
    '(1,b,3)',
    '(2,c,1)',
    '(3,a,)',
    '(4,e,6)',
    '(5,d,4)',
    '(6,f,5)',
  ])
  expect(await compared(session, words)).toMatchObject({ expected: 6, missing: 0, changed: 0 })
})

describe('long chains take no longer than their rows', () => {
  const places = (last: number): Words => ({
    table: 't',
    staged: { id: 'integer', place: 'integer' },
    sourceKey: ['id'],
    rows: `(1, 2) UNION ALL SELECT i, i + 1 FROM generate_series(2, ${last}) AS i`,
    merge: {
      key: ['id'],
      columns: [column('id', 'integer', { notNull: true }), column('place', 'integer', { notNull: true })],
      rules: { ...NO_RULES, uniques: [unique('t_pkey', '"id"'), unique('t_place', '"place"')] },
    },
  })
  const rows = 8000
  beforeEach(async () => {
    await session.query(
      `create table public.t (id int primary key, place int not null constraint t_place unique, code text unique default gen_random_uuid(), parent int references public.t);
       insert into public.t select i, i from generate_series(1, ${rows}) i`,
    )
  })

  test('each row takes the place of the next', async () => {
    expect(sums(await applied(session, places(rows)))).toBe(`0 ${rows} 0 0 0`)
    expect(await all('select count(*) from public.t where place = id + 1')).toEqual([`(${rows})`])
  }, 20_000)

  test('the last finds its place taken, so that all stay where they are', async () => {
    const { rejects } = await applied(session, places(rows - 1))
    expect(rejects.length).toBe(rows - 1)
    expect(rejects[0]).toBe('id = 1: place is taken by another row of the target (t_place)')
  }, 20_000)

  test('the first has no parent, and all others are below it', async () => {
    await session.query(
      'delete from public.t; alter table public.t alter place set default 1, drop constraint t_place',
    )
    const chain = `(2, 'c2', 1) UNION ALL SELECT i, 'c' || i, i - 1 FROM generate_series(3, ${rows}) AS i UNION ALL SELECT 0, 'c0', NULL::int`
    const outcome = await applied(session, tree(chain))
    expect(sums(outcome)).toBe(`1 0 0 0 ${rows - 1}`)
    expect(outcome.rejects[0]).toBe('id = 2: parent has no parent in t')
  }, 20_000)
})
