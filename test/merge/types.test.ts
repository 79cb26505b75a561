import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase, NO_RULES, open } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let url: string
let session: Session
const { all } = eachInNewDatabase((opened, its) => {
  session = opened
  url = its
})

/** Each type with a value that is there, and one that is nearly the same. */
const CASES: readonly (readonly [type: string, staged: string, value: string, other: string])[] = [
  ['json', 'json', '{"a": 1}', '{"a":1}'],
  ['jsonb', 'jsonb', '{"a": 1.0}', '{"a": 1.00}'],
  ['numeric', 'numeric', '1.0', '1.00'],
  ['numeric', 'numeric', 'NaN', 'Infinity'],
  ['double precision', 'double precision', '0', '-0'],
  ['real', 'real', 'NaN', 'Infinity'],
  ['bytea', 'bytea', '\\x00ff', '\\x00fe'],
  ['text[]', 'text[]', '{a,NULL}', '{a,"NULL"}'],
  ['integer[]', 'integer[]', '{1,2}', '[0:1]={1,2}'],
  ['"public"."Mo od"', 'text', 'so-so', "hap'py"],
  ['public.positive', 'integer', '1', '2'],
  ['timestamp with time zone', 'timestamp with time zone', 'infinity', '2024-02-29 23:59:59.999999+14'],
  ['timestamp with time zone', 'timestamp with time zone', '4713-01-01 00:00:00+00 BC', '-infinity'],
  ['date', 'date', 'infinity', '0001-01-01'],
  ['interval', 'interval', '1 mon', '30 days'],
  ['point', 'point', '(1,2)', '(1,2.0000001)'],
  ['xml', 'xml', '<a/>', '<a></a>'],
  ['character varying(20)', 'text', 'a', 'a '],
  ['text', 'text', '', 'é'],
  ['inet', 'inet', '10.0.0.1/8', '10.0.0.1/32'],
  ['tsvector', 'tsvector', "'a':1", "'a':2"],
  ['int4range', 'int4range', '[1,5)', 'empty'],
  ['public.pair', 'public.pair', '(1,x)', '(1,)'],
  ['bit varying(8)', 'bit varying(8)', '101', '1010'],
]

test('values of all types are carried exactly, and told apart by their bytes', async () => {
  await session.query(
    `create type public."Mo od" as enum ('so-so', 'hap''py');
     create domain public.positive as int check (value > 0);
     create type public.pair as (a int, b text);
     create table public.t (id int primary key, ${CASES.map(([type], at) => `"c ${at}" ${type}`).join(', ')})`,
  )
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
  const cells = (which: 2 | 3): string => CASES.map((one) => `${text(one[which])}::${one[1]}`).join(', ')
  const words: Words = {
    table: 't',
    staged: { id: 'integer', ...Object.fromEntries(CASES.map(([, staged], at) => [`c ${at}`, staged])) },
    sourceKey: ['id'],
    rows: `(1, ${cells(2)}), (2, ${cells(3)}), (3, ${CASES.map(() => 'NULL').join(', ')})`,
    merge: {
      key: ['id'],
      columns: [
        column('id', 'integer', { notNull: true }),
        ...CASES.map(([type, staged], at) =>
          column(
            `c ${at}`,
            type,
            staged === 'text' && type.includes('Mo') ? { value: `"c ${at}"::${type}` } : {},
          ),
        ),
      ],
    },
  }
  expect(sums(await applied(session, words))).toBe('3 0 0 0 0')
  const is = await all('select * from public.t order by id')
  await session.query(
    `create table public.wanted as select * from public.t with no data; insert into public.wanted values (1, ${CASES.map((one) => text(one[2])).join(', ')}), (2, ${CASES.map((one) => text(one[3])).join(', ')}), (3, ${CASES.map(() => 'NULL').join(', ')})`,
  )
  expect(is).toEqual(await all('select * from public.wanted order by id'))
  expect(sums(await applied(session, words))).toBe('0 0 3 0 0')

  const swapped = { ...words, rows: `(1, ${cells(3)}), (2, ${cells(2)}), (3, ${cells(2)})` }
  const found = await compared(session, swapped)
  expect(found.differences.map(({ columns }) => columns.length)).toEqual([
    CASES.length,
    CASES.length,
    CASES.length,
  ])
  expect(sums(await applied(session, swapped))).toBe('0 3 0 0 0')
  expect(sums(await applied(session, swapped))).toBe('0 0 3 0 0')
})

test('a key that ignores case finds its row, and its spelling is carried, too', async () => {
  await session.query(
    `create collation public.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     create table public.t (k text collate public.ci primary key, v text collate public.ci, n numeric);
     insert into public.t values ('ada', 'x', 1), ('bob', 'y', 1)`,
  )
  const words: Words = {
    table: 't',
    staged: { k: 'text', v: 'text', n: 'numeric' },
    sourceKey: ['k'],
    rows: `('Ada', 'x', 1), ('bob', 'Y', 1), ('BOB', 'y', 1), ('c', 'c', 1)`,
    merge: {
      key: ['k'],
      columns: [column('k', 'text'), column('v', 'text'), column('n', 'numeric')],
      rules: { ...NO_RULES, uniques: [{ name: 'pk', parts: ['"k"'], where: null, nullsNotDistinct: false }] },
    },
  }
  const outcome = await applied(session, words)
  expect(sums(outcome)).toBe('1 2 0 0 1')
  expect(outcome.rejects).toHaveLength(1)
  expect(await all('select k, v from public.t order by k')).toEqual([
    '(Ada,x)',
    expect.stringMatching(/^\((bob,Y|BOB,y)\)$/),
    '(c,c)',
  ])
  expect(sums(await applied(session, words))).toBe('0 0 3 0 1')
})

test('an identity gets its values, and its sequence goes on behind them, never back', async () => {
  await session.query(
    `create table public.t (id int generated always as identity primary key, s int default 7);
     create sequence public.own; alter table public.t alter s set default nextval('public.own'); select setval('public.own', 500)`,
  )
  const words: Words = {
    table: 't',
    staged: { id: 'bigint', s: 'bigint' },
    sourceKey: ['id'],
    rows: '(41, 40), (42, 30)',
    merge: { key: ['id'], columns: [column('id', 'integer'), column('s', 'integer')] },
  }
  expect(sums(await applied(session, words))).toBe('2 0 0 0 0')
  const { rows } = await session.query('insert into public.t default values returning id, s')
  expect(rows).toEqual([{ id: 43, s: 501 }])
})

test('triggers see every row; one that keeps rows away is told, and nothing is written', async () => {
  await session.query(
    `create table public.t (id int primary key, a text); create table public.seen (id int, op text);
     create function public.look() returns trigger language plpgsql as $$ begin insert into public.seen values (new.id, tg_op); return new; end $$;
     create trigger look after insert or update on public.t for each row execute function public.look();
     insert into public.t values (1, 'a'), (2, 'b')`,
  )
  const words: Words = {
    table: 't',
    staged: { id: 'integer', a: 'text' },
    sourceKey: ['id'],
    rows: `(1, 'a'), (2, 'B'), (3, 'c')`,
    merge: { key: ['id'], columns: [column('id', 'integer'), column('a', 'text')] },
  }
  expect(sums(await applied(session, words))).toBe('1 1 1 0 0')
  expect(await all(`select op, id from public.seen order by 1, 2`)).toEqual([
    '(INSERT,1)',
    '(INSERT,2)',
    '(INSERT,3)',
    '(UPDATE,2)',
  ])
  await session.query(
    `create function public.refuse() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger refuse before insert on public.t for each row execute function public.refuse()`,
  )
  await expect(applied(session, { ...words, rows: `(2, 'BB'), (4, 'd')` })).rejects.toMatchObject({
    code: 'LF304',
    hint: expect.stringContaining('trigger'),
  })
  expect(await all('select a from public.t where id = 2')).toEqual(['(B)'])
})

test('a partitioned table', async () => {
  await session.query(
    `create table public.t (id int, day date, a text, primary key (id, day)) partition by range (day);
     create table public.t1 partition of public.t for values from ('2024-01-01') to ('2025-01-01');
     create table public.t2 partition of public.t for values from ('2025-01-01') to ('2026-01-01');
     insert into public.t values (1, '2024-05-05', 'a'), (1, '2025-05-05', 'b')`,
  )
  const words: Words = {
    table: 't',
    staged: { id: 'integer', day: 'date', a: 'text' },
    sourceKey: ['id', 'day'],
    rows: `(1, '2024-05-05'::date, 'a'), (1, '2025-05-05', 'B'), (2, '2025-05-05', 'c')`,
    merge: {
      key: ['id', 'day'],
      columns: [column('id', 'integer'), column('day', 'date'), column('a', 'text')],
    },
  }
  expect(sums(await applied(session, words))).toBe('1 1 1 0 0')
  expect(await all('select tableoid::regclass, id, a from public.t order by day, id')).toEqual([
    '(public.t1,1,a)',
    '(public.t2,1,B)',
    '(public.t2,2,c)',
  ])
})

test('values that the target has no place for, and expressions that fail, are set aside one by one', async () => {
  await session.query(
    `create domain public.even as int check (value % 2 = 0);
     create table public.t (id int primary key, n smallint, e public.even, q int);
     insert into public.t select i, 1, 2, 10 from generate_series(1, 500) i`,
  )
  const words: Words = {
    table: 't',
    staged: { id: 'bigint', n: 'bigint', e: 'integer', q: 'integer' },
    sourceKey: ['id'],
    rows: Array.from({ length: 1000 }, (_, at) => at + 1)
      .map((id) =>
        id === 77
          ? '(77, 40000, 2, 1)'
          : id === 600
            ? '(600, 1, 3, 1)'
            : id === 601
              ? '(601, 1, 2, 0)'
              : id === 1000
                ? '(5000000000, 1, 2, 1)'
                : `(${id}, 1, 2, 1)`,
      )
      .join(', '),
    merge: {
      key: ['id'],
      columns: [
        column('id', 'integer'),
        column('n', 'smallint'),
        column('e', 'public.even'),
        column('q', 'integer', { value: '10 / "q"' }),
      ],
    },
  }
  const outcome = await applied(session, words)
  expect(outcome.rejects).toEqual([
    'id = 77: cannot be stored: smallint out of range',
    'id = 600: cannot be stored: value for domain public.even violates check constraint "even_check"',
    'id = 601: cannot be stored: division by zero',
    'id = 5000000000: cannot be stored: integer out of range',
  ])
  expect(sums(outcome)).toBe('497 0 499 0 4')
  expect((await compared(session, words)).setAside).toBe(4)
  expect(sums(await applied(session, words))).toBe('0 0 996 0 4')
})

test('what a writer that came first has written is seen: its end is waited for', async () => {
  const other = await open(url)
  const own = await open(url)
  try {
    await own.query(
      'create table public.t (id int primary key, a text); insert into public.t values (1, $$a$$)',
    )
    const words: Words = {
      table: 't',
      staged: { id: 'integer', a: 'text' },
      sourceKey: ['id'],
      rows: `(1, 'b'), (2, 'c')`,
      merge: { key: ['id'], columns: [column('id', 'integer'), column('a', 'text')] },
    }
    await other.query('begin; insert into public.t values (2, $$theirs$$)')
    const merging = applied(own, words)
    await expect(
      Promise.race([merging, new Promise((done) => setTimeout(done, 300, 'waits'))]),
    ).resolves.toBe('waits')
    await other.query('commit')
    expect(sums(await merging)).toBe('0 2 0 0 0')
  } finally {
    await other.close()
    await own.close()
  }
})
