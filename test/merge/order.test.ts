import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import type { UniqueRule } from '../../src/plan/mapping.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { column, NO_RULES, open } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let server: TestServer
let session: Session
beforeAll(async () => {
  server = await testServer()
})
beforeEach(async () => {
  await session?.close()
  session = await open(await server.database())
})
afterAll(async () => {
  await session?.close()
  await server.stop()
})

const all = async (sql: string): Promise<string[]> =>
  (await session.query<{ r: string }>(`SELECT t::text AS r FROM (${sql}) AS t`)).rows.map(({ r }) => r)

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
