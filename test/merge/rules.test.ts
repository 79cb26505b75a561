import { describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import type { TargetRules, UniqueRule } from '../../src/plan/mapping.ts'
import type { TargetForeignKey } from '../../src/plan/model.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let session: Session
const { all } = eachInNewDatabase((opened) => {
  session = opened
})

const unique = (name: string, parts: readonly string[], more: Partial<UniqueRule> = {}): UniqueRule => ({
  name,
  parts,
  where: null,
  nullsNotDistinct: false,
  ...more,
})
const PRIMARY = unique('t_pkey', ['"id"'])

/** A table `t` with an `id`, and a text or two. */
function table(rows: string, rules: Partial<TargetRules>, more: Partial<Words['merge']> = {}): Words {
  return {
    table: 't',
    staged: { id: 'integer', a: 'text', b: 'text' },
    sourceKey: ['id'],
    rows,
    merge: {
      key: ['id'],
      columns: [column('id', 'integer', { notNull: true }), column('a', 'text'), column('b', 'text')],
      rules: { ...NO_RULES, uniques: [PRIMARY, ...(rules.uniques ?? [])], ...without(rules) },
      ...more,
    },
  }
}
const without = ({ uniques: _, ...rules }: Partial<TargetRules>): Partial<TargetRules> => rules

const rowsOf = (): Promise<string[]> => all('select id, a, b from public.t order by id')

describe('what must be unique', () => {
  const A = unique('t_a', ['"a"'])

  test('a value of a row that stays is taken; that of one which gives it up is free; the lowest of several stays', async () => {
    await session.query(
      `create table public.t (id int primary key, a text constraint t_a unique, b text);
       insert into public.t values (1, 'one', ''), (2, 'two', ''), (3, 'three', ''), (9, 'nine', '')`,
    )
    const words = table(
      `(1, 'uno', ''), (2, 'two', 'b'), (5, 'one', ''), (6, 'three', ''), (7, 'new', ''), (8, 'new', ''), (4, 'two', ''), (10, null, ''), (11, null, '')`,
      { uniques: [A] },
    )
    const outcome = await applied(session, words)
    expect(outcome.rejects.toSorted()).toEqual([
      'id = 4: a is that of a row before it (t_a)',
      'id = 6: a is taken by another row of the target (t_a)',
      'id = 8: a is that of a row before it (t_a)',
    ])
    expect(await rowsOf()).toEqual([
      '(1,uno,"")',
      '(2,two,b)',
      '(3,three,"")',
      '(5,one,"")',
      '(7,new,"")',
      '(9,nine,"")',
      '(10,,"")',
      '(11,,"")',
    ])
    expect(sums(outcome)).toBe('4 2 0 0 3')
    expect(sums(await applied(session, words))).toBe('0 0 6 0 3')
  })

  test('where the lowest of several with one key is refused, the next one stays', async () => {
    await session.query(
      `create table public.t (id int primary key, a text constraint t_a unique, b text); insert into public.t values (9, 'taken', '')`,
    )
    const words: Words = {
      ...table(`(1, 'taken', '3'), (1, 'taken', '2'), (1, 'free', '4'), (1, 'late', '5'), (2, 'x', '1')`, {
        uniques: [A],
      }),
      sourceKey: ['b'],
    }
    const outcome = await applied(session, words)
    expect(outcome.rejects.toSorted()).toEqual([
      'b = 2: a is taken by another row of the target (t_a)',
      'b = 3: a is taken by another row of the target (t_a)',
      'b = 5: id has the same id as a row before it',
    ])
    expect(await rowsOf()).toEqual(['(1,free,4)', '(2,x,1)', '(9,taken,"")'])
    expect(await compared(session, words)).toMatchObject({ expected: 2, setAside: 3, missing: 0, changed: 0 })
    expect(sums(await applied(session, words))).toBe('0 0 2 0 3')
  })

  test('what is set aside keeps its old value, which others cannot have then', async () => {
    await session.query(
      `create table public.t (id int primary key, a text constraint t_a unique, b text constraint t_b unique);
       insert into public.t values (1, 'one', 'x'), (2, 'two', 'y')`,
    )
    // 1 wants the b of 2, which stays; so it keeps its own a, which 3 wants.
    const words = table(`(1, 'uno', 'y'), (3, 'one', 'z')`, { uniques: [A, unique('t_b', ['"b"'])] })
    const outcome = await applied(session, words)
    expect(outcome.rejects).toEqual([
      'id = 1: b is taken by another row of the target (t_b)',
      'id = 3: a is taken by another row of the target (t_a)',
    ])
    expect(await rowsOf()).toEqual(['(1,one,x)', '(2,two,y)'])
  })

  test('values move along a chain, and rows exchange them where the column may be NULL', async () => {
    await session.query(
      `create table public.t (id int primary key, a text constraint t_a unique, b text not null constraint t_b unique);
       insert into public.t select i, 'a' || i, 'b' || i from generate_series(1, 6) i`,
    )
    const words = table(
      `(1, 'a2', 'b2'), (2, 'a1', 'b3'), (3, 'a3', 'b4'), (4, 'a5', 'b5'), (5, 'a6', 'b6'), (6, 'a4', 'b7'), (7, 'a7', 'b1')`,
      { uniques: [A, unique('t_b', ['"b"'])] },
      {
        columns: [
          column('id', 'integer', { notNull: true }),
          column('a', 'text'),
          column('b', 'text', { notNull: true }),
        ],
      },
    )
    expect(sums(await applied(session, words))).toBe('1 6 0 0 0')
    expect(await rowsOf()).toEqual([
      '(1,a2,b2)',
      '(2,a1,b3)',
      '(3,a3,b4)',
      '(4,a5,b5)',
      '(5,a6,b6)',
      '(6,a4,b7)',
      '(7,a7,b1)',
    ])
    expect(sums(await applied(session, words))).toBe('0 0 7 0 0')
  })

  test('rows that exchange values which must be there are set aside, and comparing says the same', async () => {
    await session.query(
      `create table public.t (id int primary key, a text, b text not null constraint t_b unique);
       insert into public.t values (1, '', 'x'), (2, '', 'y'), (3, '', 'z')`,
    )
    const words = table(`(1, '', 'y'), (2, '', 'x'), (3, 'c', 'w')`, { uniques: [unique('t_b', ['"b"'])] })
    const outcome = await applied(session, words)
    expect(outcome.rejects).toEqual([
      'id = 1: b is exchanged with another row, which the target refuses row by row (t_b)',
      'id = 2: b is exchanged with another row, which the target refuses row by row (t_b)',
    ])
    expect(await rowsOf()).toEqual(['(1,"",x)', '(2,"",y)', '(3,c,w)'])
    const found = await compared(session, words)
    expect([found.expected, found.setAside, found.missing, found.changed]).toEqual([1, 2, 0, 0])
  })

  test('rows exchange values of a constraint that is tested at the end', async () => {
    await session.query(
      `create table public.t (id int primary key, a text, b text not null constraint t_b unique deferrable initially immediate);
       insert into public.t values (1, '', 'x'), (2, '', 'y')`,
    )
    const words = table(`(1, '', 'y'), (2, '', 'x'), (3, 'c', 'w')`, { uniques: [unique('t_b', ['"b"'])] })
    expect(sums(await applied(session, words))).toBe('1 2 0 0 0')
    expect(await rowsOf()).toEqual(['(1,"",y)', '(2,"",x)', '(3,c,w)'])
  })

  test('a CHECK that wants a value keeps it from being given up; comparing says the same', async () => {
    await session.query(
      `create table public.t (id int primary key, a text constraint t_a unique check (a is not null), b text);
       insert into public.t values (1, 'x', ''), (2, 'y', ''), (3, 'z', '')`,
    )
    const words = table(`(1, 'y', ''), (2, 'x', ''), (3, 'z', 'new')`, { uniques: [A] })
    expect(sums(await applied(session, words))).toBe('0 1 0 0 2')
    expect(await compared(session, words)).toMatchObject({ expected: 1, setAside: 2, missing: 0, changed: 0 })
  })

  test('rows exchange values of an expression, and of an index that leaves rows out', async () => {
    await session.query(
      `create table public.t (id int primary key, a text, b text);
       create unique index t_lower on public.t (lower(a)) where b is not null;
       create unique index t_none on public.t (coalesce(a, '?')) where b = 'on';
       insert into public.t values (1, 'ann', 'on'), (2, 'bob', 'on')`,
    )
    const words = table(`(1, 'BOB', 'on'), (2, 'ANN', 'on')`, {
      uniques: [
        unique('t_lower', ['lower("a")'], { where: '"b" IS NOT NULL' }),
        unique('t_none', [`COALESCE("a", '?'::text)`], { where: `("b" = 'on'::text)` }),
      ],
    })
    expect(sums(await applied(session, words))).toBe('0 2 0 0 0')
    expect(await rowsOf()).toEqual(['(1,BOB,on)', '(2,ANN,on)'])
  })

  test('partial and expression indexes, and NULLs that are not distinct', async () => {
    await session.query(
      `create table public.t (id int primary key, a text, b text);
       create unique index t_lower on public.t (lower(a)) where b is not null;
       create unique index t_b on public.t (b, (a || '')) nulls not distinct;
       insert into public.t values (1, 'Ada', 'x'), (2, 'ada', null), (3, null, null)`,
    )
    const outcome = await applied(
      session,
      table(
        `(4, 'ADA', 'y'), (5, 'Bob', 'y'), (6, 'BOB', 'z'), (7, 'bob', null), (8, null, null), (9, 'c', null), (10, 'c', null), (1, 'Ada', 'X')`,
        {
          uniques: [
            unique('t_lower', ['lower("a")'], { where: '"b" IS NOT NULL' }),
            unique('t_b', ['"b"', `("a" || ''::text)`], { nullsNotDistinct: true }),
          ],
        },
      ),
    )
    expect(outcome.rejects).toEqual([
      'id = 4: lower("a") where "b" IS NOT NULL is that of a row before it (t_lower)',
      'id = 6: lower("a") where "b" IS NOT NULL is that of a row before it (t_lower)',
      `id = 8: (b, ("a" || ''::text)) is taken by another row of the target (t_b)`,
      `id = 10: (b, ("a" || ''::text)) is that of a row before it (t_b)`,
    ])
    expect(sums(outcome)).toBe('3 1 0 0 4')
  })
})

describe('parents', () => {
  const foreign = (columns: string[], refTable: string, refColumns: string[]): TargetForeignKey => ({
    name: 'fk',
    columns,
    refSchema: 'public',
    refTable,
    refColumns,
    onUpdate: 'no action',
    onDelete: 'no action',
    deferrable: 'no',
  })

  test('rows without one are set aside, also where the key has several columns', async () => {
    await session.query(
      `create table public.p (x text, y text, primary key (x, y)); insert into public.p values ('1', '2');
       create table public.t (id int primary key, a text, b text, foreign key (a, b) references public.p)`,
    )
    const outcome = await applied(
      session,
      table(`(1, '1', '2'), (2, '1', '1'), (3, '1', null), (4, null, null)`, {
        parents: [foreign(['a', 'b'], 'p', ['x', 'y'])],
      }),
    )
    expect(outcome.rejects).toEqual(['id = 2: has no parent in p'])
    expect(sums(outcome)).toBe('3 0 0 0 1')
  })

  test('a parent may be among the rows themselves; one that is set aside takes all below with it', async () => {
    await session.query(
      `create table public.t (id int primary key, a text check (a <> 'bad'), b int references public.t); insert into public.t values (100, 'old', 100)`,
    )
    const words: Words = {
      ...table(
        `(5, '', 4), (4, '', 3), (3, 'bad', null), (6, '', 7), (7, '', 6), (8, '', 100), (9, '', 10), (10, '', 99), (11, '', 11)`,
        {
          parents: [foreign(['b'], 't', ['id'])],
          checks: [{ name: 'c', expression: `(a <> 'bad'::text)` }],
        },
      ),
      staged: { id: 'integer', a: 'text', b: 'integer' },
    }
    const mapped = {
      ...words,
      merge: { ...words.merge, columns: [...words.merge.columns.slice(0, 2), column('b', 'integer')] },
    }
    const outcome = await applied(session, mapped)
    expect(outcome.rejects.toSorted()).toEqual([
      'id = 10: b has no parent in t',
      "id = 3: breaks CHECK ((a <> 'bad'::text))",
      'id = 4: b has no parent in t',
      'id = 5: b has no parent in t',
      'id = 9: b has no parent in t',
    ])
    expect(sums(outcome)).toBe('4 0 0 0 5')
    const fail = { ...mapped, merge: { ...mapped.merge, ifParentMissing: 'fail' as const } }
    await expect(applied(session, fail)).rejects.toMatchObject({
      code: 'LF209',
      exitCode: 5,
      // What is below goes with it, and needs no mending.
      message: 't: 1 row refers to parents that are unknown.',
      hint: expect.stringContaining('id = 10: b 99 has no parent in t'),
      details: { count: 1 },
    })
  })

  test('an identity that fails is a failure for every row that refers to what it does not know', async () => {
    await session.query(
      `create table public.m (o text primary key, n text); insert into public.m values ('u1', 'n1');
       create table public.t (id int primary key, a text, b text)`,
    )
    const map = { relation: 'public.m', oldKey: '"o"', newKey: '"n"' }
    const words = table(
      `(1, 'u1', ''), (2, 'u2', ''), (3, null, '')`,
      {},
      {
        columns: [column('id', 'integer'), column('a', 'text', { identity: 'users' }), column('b', 'text')],
      },
    )
    const outcome = await applied(session, { ...words, maps: new Map([['users', map]]) })
    expect(outcome.rejects).toEqual(['id = 2: a is not known by the identity users'])
    expect(await rowsOf()).toEqual(['(1,n1,"")', '(3,,"")'])
    await expect(
      applied(session, {
        ...words,
        maps: new Map([['users', { ...map, unknownFails: true, remedies: ['Look among the keys,'] }]]),
      }),
    ).rejects.toMatchObject({
      code: 'LF209',
      hint: [
        'id = 2: a u2 is not known by the identity users',
        'The target’s tables are as they were.',
        'Look among the keys,',
        "or leave such rows out: identities.users.unmatched: 'skip' and moves.t.ifParentMissing: 'set-aside'.",
      ].join('\n'),
    })
  })
})
