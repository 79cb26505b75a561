import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase } from './merging.ts'
import { applied, type Words } from './staging.ts'

let session: Session
eachInNewDatabase((opened) => {
  session = opened
})

const referring = (type: string, rows: string, ignoresCase = false): Words => ({
  table: 't',
  staged: { id: 'integer', who: type },
  sourceKey: ['id'],
  rows,
  maps: new Map([['users', { relation: 'public.m', oldKey: '"o"', newKey: '"n"', ignoresCase }]]),
  merge: { key: ['id'], columns: [column('id', 'integer'), column('who', 'bigint', { identity: 'users' })] },
})

const found = async (): Promise<string[]> =>
  (await session.query<{ r: string }>('SELECT t::text AS r FROM public.t ORDER BY id')).rows.map(({ r }) => r)

test.each([
  ['numeric(12,2)', `1.00), (2, 20`, 'bigint', '(7, 1), (8, 20)', false],
  [
    'uuid',
    `'0a0b0000-0000-0000-0000-00000000000c'), (2, 'ff000000-0000-0000-0000-000000000000'`,
    'text',
    `(7, '0A0B0000-0000-0000-0000-00000000000C'), (8, 'ff000000-0000-0000-0000-000000000000')`,
    false,
  ],
  ['bigint', '1), (2, 20', 'smallint', '(7, 1), (8, 20)', false],
  ['text', `'Ann'), (2, 'BOB'`, 'text', `(7, 'ann'), (8, 'bob')`, true],
])(
  'an old key of type %s is found where it is written in another way',
  async (type, olds, staged, rows, ignoresCase) => {
    await session.query(
      `create table public.t (id int primary key, who bigint); create table public.m (n bigint, o ${type}); insert into public.m values (1, ${olds})`,
    )
    expect((await applied(session, referring(staged, rows, ignoresCase))).rejects).toEqual([])
    expect(await found()).toEqual(['(7,1)', '(8,2)'])
  },
)
