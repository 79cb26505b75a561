import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let session: Session
const { all } = eachInNewDatabase((opened) => {
  session = opened
})

const words = (rows: string): Words => ({
  table: 't',
  staged: { id: 'integer', mail: 'text', x: 'integer', y: 'integer' },
  sourceKey: ['id'],
  rows,
  merge: {
    key: ['id'],
    columns: [
      column('id', 'integer', { notNull: true }),
      column('mail', 'text'),
      column('x', 'integer'),
      column('y', 'integer'),
    ],
    rules: {
      ...NO_RULES,
      uniques: [{ name: 't_pkey', parts: ['"id"'], where: null, nullsNotDistinct: false }],
    },
  },
})

/** All that nobody can know of a table from its mapped columns. */
const TABLE = `create table public.p (x int, y int, primary key (x, y)); insert into public.p values (1, 1);
  create table public.t (id int primary key, mail text, x int, y int, tenant int not null default 1, unique (tenant, mail),
    foreign key (x, y) references public.p match full);
  insert into public.t values (1, 'one', 1, 1), (2, 'two', null, null);
  create function public.f() returns trigger language plpgsql as $$ begin
    if new.mail = 'bad' then raise exception 'no bad ones' using detail = 'they are bad'; end if; return new; end $$;
  create trigger f before insert or update on public.t for each row execute function public.f()`

test('rows that only the server knows to refuse are found and set aside, new ones and changed ones', async () => {
  await session.query(TABLE)
  const rows = words(
    `(1, 'bad', 1, 1), (2, 'zwei', 1, 1), (3, 'bad', null, null), (4, 'four', 1, null), (5, 'five', 1, 1), (6, 'five', 1, 1), (7, 'two', null, null)
      UNION ALL SELECT i, 'm' || i, 1, 1 FROM generate_series(10, 99) AS i`,
  )
  const outcome = await applied(session, rows)
  expect(outcome.rejects).toEqual([
    'id = 1: is refused by the target: no bad ones (they are bad)',
    'id = 3: is refused by the target: no bad ones (they are bad)',
    expect.stringMatching(/^id = 4: is refused by the target: .*MATCH FULL/),
    expect.stringMatching(/^id = 6: is refused by the target: .*\(tenant, mail\)=\(1, five\)/),
  ])
  expect(sums(outcome)).toBe('92 1 0 0 4')
  expect(await all('select id, mail, x, y from public.t where id < 10 order by 1')).toEqual([
    '(1,one,1,1)',
    '(2,zwei,1,1)',
    '(5,five,1,1)',
    '(7,two,,)',
  ])
  expect(await compared(session, rows)).toMatchObject({ expected: 93, setAside: 4, missing: 0, changed: 0 })
  // Who is another row by now may be taken.
  const mended = { ...rows, rows: rows.rows.replace("(3, 'bad'", "(3, 'good'") }
  expect(await compared(session, mended)).toMatchObject({ setAside: 3, missing: 1, changed: 0 })
  expect(sums(await applied(session, mended))).toBe('1 0 93 0 3')
})

test('what no row is to blame for says where it was, and all that the server says', async () => {
  await session.query(
    `${TABLE}; create function public.g() returns trigger language plpgsql as $$ begin
      if (select count(*) from public.t) > 3 then raise exception 'too many' using detail = 'at most 3'; end if; return null; end $$;
     create trigger g after insert on public.t for each statement execute function public.g()`,
  )
  // As many are taken as can be.
  await expect(applied(session, words(`(3, 'c', 1, 1), (4, 'd', 1, 1)`))).resolves.toMatchObject({
    rejects: ['id = 4: is refused by the target: too many (at most 3)'],
  })
  await session.query(
    'create or replace function public.g() returns trigger language plpgsql as $$ begin raise sqlstate $q$LF999$q$ using message = $q$not now$q$, detail = $q$it is late$q$; end $$',
  )
  await expect(applied(session, words(`(9, 'z', 1, 1)`))).rejects.toMatchObject({
    code: 'LF304',
    message: 't: rows could not be written to "public"."t": not now',
    hint: expect.stringContaining('it is late'),
  })
})
