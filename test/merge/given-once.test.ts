import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let session: Session
eachInNewDatabase((opened) => {
  session = opened
})

test('a default that is an expression is given once, to rows that are made', async () => {
  await session.query('create table public.notes (id int primary key, at timestamptz not null, state text)')
  const words = (rows: string): Words => ({
    table: 'notes',
    staged: { id: 'integer', at: 'timestamptz', state: 'text' },
    sourceKey: ['id'],
    rows,
    merge: {
      key: ['id'],
      columns: [
        column('id', 'integer', { notNull: true }),
        column('at', 'timestamp with time zone', {
          notNull: true,
          orElse: 'clock_timestamp()',
          givenOnce: true,
        }),
        column('state', 'text', { orElse: "'open'" }),
      ],
      rules: NO_RULES,
    },
  })
  const now = words("(1, null::timestamptz, null::text), (2, '2024-05-01 12:00+00', 'x')")
  const at = async (): Promise<string[]> =>
    (await session.query<{ at: string }>('select at::text as at from public.notes order by id')).rows.map(
      (row) => row.at,
    )
  expect(sums(await applied(session, now))).toBe('2 0 0 0 0')
  const [first] = await at()
  expect((await compared(session, now)).differences).toEqual([])
  expect(sums(await applied(session, now))).toBe('0 0 2 0 0')
  // What the source says is taken over, and a constant is a value like any other.
  await session.query("update public.notes set state = 'closed' where id = 1")
  const later = words("(1, null::timestamptz, null::text), (2, '2024-05-02 12:00+00', 'x')")
  expect(sums(await applied(session, later))).toBe('0 2 0 0 0')
  expect(await at()).toEqual([first, '2024-05-02 12:00:00+00'])
})
