import { beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { column, eachInNewDatabase, NO_RULES } from './merging.ts'
import { applied, compared, sums, type Words } from './staging.ts'

let session: Session
const { all } = eachInNewDatabase((opened) => {
  session = opened
})

describe('rows are told apart by their key', () => {
  const words: Words = {
    table: 'th"ings',
    staged: { a: 'integer', 'b c': 'text', 'v"1': 'text', n: 'bigint' },
    sourceKey: ['a', 'b c'],
    rows: `(1, 'x', 'same', 1), (1, 'y', 'new value', 2), (2, 'x', 'not there', 3), (3, 'ü', NULL, NULL), (4, 'z', 'was null', 9)`,
    merge: {
      key: ['a', 'b c'],
      columns: [
        column('a', 'integer', { notNull: true }),
        column('b c', 'character varying(10)', { notNull: true }),
        column('ü', 'text', { value: '"v""1"' }),
        column('n', 'integer', { value: '"n"' }),
      ],
      rules: {
        ...NO_RULES,
        uniques: [{ name: 'pk', parts: ['"a"', '"b c"'], where: null, nullsNotDistinct: false }],
      },
    },
  }
  beforeEach(async () => {
    await session.query(
      `create table public."th""ings" (a int, "b c" varchar(10), "ü" text, n int, mine text default 'm', twice text generated always as ("ü" || "ü") stored, primary key (a, "b c"));
       insert into public."th""ings" (a, "b c", "ü", n) values (1, 'x', 'same', 1), (1, 'y', 'old value', 2), (3, 'ü', 'value', 7), (4, 'z', null, 9), (5, 'q', 'untouched', 0)`,
    )
  })

  test('new ones are inserted, changed ones updated, and the second time there is nothing to do', async () => {
    expect((await compared(session, words)).differences).toEqual([
      { table: 'th"ings', kind: 'changed', key: 'a = 1, b c = y', columns: [{ column: 'ü' }] },
      { table: 'th"ings', kind: 'missing', key: 'a = 2, b c = x', columns: [] },
      {
        table: 'th"ings',
        kind: 'changed',
        key: 'a = 3, b c = ü',
        columns: [{ column: 'ü' }, { column: 'n' }],
      },
      { table: 'th"ings', kind: 'changed', key: 'a = 4, b c = z', columns: [{ column: 'ü' }] },
    ])
    expect(sums(await applied(session, words))).toBe('1 3 1 0 0')
    expect(await all('select * from public."th""ings" order by a, "b c"')).toEqual([
      '(1,x,same,1,m,samesame)',
      '(1,y,"new value",2,m,"new valuenew value")',
      '(2,x,"not there",3,m,"not therenot there")',
      '(3,ü,,,m,)',
      '(4,z,"was null",9,m,"was nullwas null")',
      '(5,q,untouched,0,m,untoucheduntouched)',
    ])
    const before = await all('select xmin, ctid, * from public."th""ings"')
    expect(sums(await applied(session, words))).toBe('0 0 5 0 0')
    expect(await all('select xmin, ctid, * from public."th""ings"')).toEqual(before)
    expect(await compared(session, words)).toEqual({
      expected: 5,
      setAside: 0,
      missing: 0,
      changed: 0,
      differences: [],
    })
  })

  test('values are shown only when they are asked for', async () => {
    const { differences } = await compared(session, words, true)
    expect(differences.slice(0, 2)).toEqual([
      {
        table: 'th"ings',
        kind: 'changed',
        key: 'a = 1, b c = y',
        columns: [{ column: 'ü', source: 'new value', target: 'old value' }],
      },
      {
        table: 'th"ings',
        kind: 'missing',
        key: 'a = 2, b c = x',
        columns: [
          { column: 'a', source: '2' },
          { column: 'b c', source: 'x' },
          { column: 'ü', source: 'not there' },
          { column: 'n', source: '3' },
        ],
      },
    ])
  })

  test('they are left as they are where the config says so', async () => {
    const keep = { ...words, merge: { ...words.merge, ifThere: 'keep' as const } }
    expect(sums(await applied(session, keep))).toBe('1 0 0 4 0')
    expect(await all(`select "ü" from public."th""ings" where a = 1 and "b c" = 'y'`)).toEqual([
      '("old value")',
    ])
    expect(sums(await applied(session, keep))).toBe('0 0 0 5 0')
    const found = await compared(session, keep)
    expect([found.missing, found.changed, found.note]).toEqual([
      0,
      0,
      expect.stringContaining('left as they are'),
    ])
  })

  test('or they are a failure that names them', async () => {
    const fail = { ...words, merge: { ...words.merge, ifThere: 'fail' as const } }
    await expect(applied(session, fail)).rejects.toMatchObject({
      code: 'LF203',
      message: 'th"ings: the keys of 4 rows are in "public"."th""ings" already.',
      hint: expect.stringContaining('a = 1, b c = x\na = 1, b c = y'),
      details: { count: 4 },
    })
    expect(await all('select count(*) from public."th""ings"')).toEqual(['(5)'])
  })

  test('without a key they are set aside, and of several with one key the lowest stays', async () => {
    const more = {
      ...words,
      rows: `(2, 'b', '2b', 1), (null, 'x', 'no key', 1), (2, 'a', '2a', 1), (1, 'x', 'same', 1), (1, 'x', 'other', 1)`,
      sourceKey: ['v"1'],
      merge: {
        ...words.merge,
        columns: words.merge.columns.map((one) =>
          one.name === 'b c' ? { ...one, value: `case when a = 2 then 'k' else "b c" end` } : one,
        ),
      },
    }
    const outcome = await applied(session, more)
    expect(outcome.rejects.toSorted()).toEqual([
      'v"1 = 2b: has the same (a, b c) as a row before it',
      'v"1 = no key: a has no value, and the target must have one',
      'v"1 = same: has the same (a, b c) as a row before it',
    ])
    expect(sums(outcome)).toBe('1 1 0 0 3')
    expect(outcome.content).toContainEqual({
      a: null,
      'b c': { text: 'x' },
      'v"1': { text: 'no key' },
      n: { text: '1' },
    })
    expect(await all(`select a, "b c", "ü" from public."th""ings" where a in (1, 2) order by 1, 2`)).toEqual([
      '(1,x,other)',
      '(1,y,"old value")',
      '(2,k,2a)',
    ])
    expect(sums(await applied(session, more))).toBe('0 0 2 0 3')
  })

  test('of several with one key the others are set aside each time, also where what is there is kept', async () => {
    const keep: Words = {
      ...words,
      rows: `(7, 'x', 'second', 1), (7, 'x', 'first', 1), (1, 'x', 'there', 1), (1, 'x', 'too', 1)`,
      sourceKey: ['v"1'],
      merge: { ...words.merge, ifThere: 'keep' },
    }
    const outcome = await applied(session, keep)
    expect(outcome.rejects.toSorted()).toEqual([
      'v"1 = second: has the same (a, b c) as a row before it',
      'v"1 = too: has the same (a, b c) as a row before it',
    ])
    expect(sums(outcome)).toBe('1 0 0 1 2')
    expect(await compared(session, keep)).toMatchObject({ expected: 2, setAside: 2, missing: 0, changed: 0 })
    expect(sums(await applied(session, keep))).toBe('0 0 0 2 2')
  })

  test('what the target always generates itself is left as it is where it is equal, else the row has a reason', async () => {
    await session.query(
      `create table public.g (id int generated always as identity primary key, mail text unique, v text);
       insert into public.g (mail, v) values ('a', 'old'), ('b', 'old')`,
    )
    const numbered: Words = {
      table: 'g',
      staged: { id: 'integer', mail: 'text', v: 'text' },
      sourceKey: ['id'],
      rows: `(1, 'a', 'new'), (7, 'b', 'new'), (8, 'c', 'new')`,
      merge: {
        key: ['mail'],
        columns: [column('id', 'integer', { notNull: true }), column('mail', 'text'), column('v', 'text')],
        rules: {
          ...NO_RULES,
          uniques: [{ name: 'g_mail', parts: ['"mail"'], where: null, nullsNotDistinct: false }],
        },
      },
    }
    const outcome = await applied(session, numbered)
    expect(outcome.rejects).toEqual([
      'id = 7: id is GENERATED ALWAYS, and the row that is there has another value',
    ])
    expect(sums(outcome)).toBe('1 1 0 0 1')
    expect(await all('select * from public.g order by id')).toEqual(['(1,a,new)', '(2,b,old)', '(8,c,new)'])
    expect(await compared(session, numbered)).toMatchObject({
      expected: 2,
      setAside: 1,
      missing: 0,
      changed: 0,
    })
  })

  test('columns may have names as Landfall likes them', async () => {
    const names = ['landfall_row', 'landfall_wrong', 'landfall_there', 'landfall_changed']
    await session.query(`create table public.own (id int primary key, ${names.join(' int, ')} int)`)
    const own: Words = {
      table: 'own',
      staged: { id: 'integer', ...Object.fromEntries(names.map((name) => [name, 'integer'])) },
      sourceKey: ['id'],
      rows: '(1, 1, 2, 3, 4), (2, 5, 6, 7, 8)',
      merge: { key: ['id'], columns: ['id', ...names].map((name) => column(name, 'integer')) },
    }
    expect(sums(await applied(session, own))).toBe('2 0 0 0 0')
    expect(sums(await applied(session, { ...own, rows: '(1, 1, 2, 3, 9), (2, 5, 6, 7, 8)' }))).toBe(
      '0 1 1 0 0',
    )
    expect(await all('select * from public.own order by id')).toEqual(['(1,1,2,3,9)', '(2,5,6,7,8)'])
  })

  test('no rows', async () => {
    expect(sums(await applied(session, { ...words, rows: '' }))).toBe('0 0 0 0 0')
  })

  test('a key that several rows of the target have is refused with its name', async () => {
    await session.query(
      'create table public.loose (k text, v int); insert into public.loose values ($$a$$, 1), ($$a$$, 2), ($$b$$, 1), ($$c$$, 1), ($$c$$, 1)',
    )
    const loose = {
      table: 'loose',
      staged: { k: 'text', v: 'integer' },
      rows: `('a', 1), ('b', 1)`,
      merge: { key: ['k'], columns: [column('k', 'text'), column('v', 'integer')] },
    }
    await expect(applied(session, loose)).rejects.toMatchObject({
      code: 'LF204',
      hint: expect.stringMatching(/^k = a: 2 rows\nNothing/),
    })
    // Where they stay as they are, it does not matter which one is meant.
    const keep = { ...loose, rows: `('a', 7), ('b', 7), ('c', 7), ('c', 8), ('d', 7)` }
    const outcome = await applied(session, { ...keep, merge: { ...loose.merge, ifThere: 'keep' as const } })
    expect(outcome.applied).toMatchObject({ created: 1, skipped: 3, setAside: 1 })
  })
})
