import { expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { ident } from '../../src/connection/quote.ts'
import { type Shaped, STAGE_ROW, WRONG } from '../../src/merge/model.ts'
import { type ShapeRequest, shape } from '../../src/merge/shape.ts'
import { stageFromSelect, stageStatements } from '../../src/merge/stage.ts'
import { column, eachInNewDatabase, moveOf } from './merging.ts'

let session: Session
eachInNewDatabase((opened) => {
  session = opened
})

type Row = Record<string, unknown>

/** What becomes of rows that are staged, with the reason for which the target would refuse each. */
async function shaped(
  ddl: string,
  staged: Readonly<Record<string, string>>,
  values: string,
  request: Omit<ShapeRequest, 'stage' | 'into' | 'name' | 'maps'> & Partial<Pick<ShapeRequest, 'maps'>>,
): Promise<{ shaped: Shaped; rows: Row[] }> {
  await session.query(ddl)
  return session.transaction(async () => {
    const names = Object.keys(staged).map(ident).join(', ')
    const relation = `(SELECT * FROM (VALUES ${values}) AS v (${names}))`
    const move = moveOf({ table: 'a b"c', relation, staged, merge: { key: [], columns: [] } })
    for (const statement of stageStatements('"stage ""1"', move, 'temp')) await session.query(statement)
    await session.query(stageFromSelect('"stage ""1"', move))
    const result = await shape(session, {
      name: 'sha"ped',
      stage: '"stage ""1"',
      into: { schema: 'public', name: 'a b"c' },
      maps: new Map(),
      ...request,
    })
    const { rows } = await session.query<Row & { [WRONG]: number | null }>(
      `SELECT * FROM ${result.relation} ORDER BY ${STAGE_ROW}`,
    )
    return {
      shaped: result,
      rows: rows.map(({ [STAGE_ROW]: _, [WRONG]: wrong, ...row }) => {
        const reason = wrong === null ? null : result.reasons[wrong]!
        return { ...row, [WRONG]: reason && `${reason.column ?? ''}: ${reason.text}` }
      }),
    }
  })
}

test('values are cast as an assignment does, and what would be cut is found, blanks among it that the type keeps', async () => {
  const { rows } = await shaped(
    `create domain public.short as varchar(3);
     create table public."a b""c" ("quo""te" varchar(3), "ünï" char(2), bits bit(3), tags varchar(2)[], d public.short, n numeric(6,2))`,
    { 'quo"te': 'text', ünï: 'text', bits: '"bit"', tags: 'text[]', d: 'text', n: 'numeric' },
    `('abc', 'x   ', '101'::bit(3), '{aa,b}'::text[], 'abc', 1.005), ('äöü', 'xyz', '101', '{}', null, 1),
     ('abcd', null, '101', null, null, null), (null, null, '1010'::bit(4), null, null, null),
     (null, null, null, '{abc}', null, null), (null, null, null, null, 'abcd', 'NaN'), ('abc ', null, null, null, null, null)`,
    {
      columns: [
        column('quo"te', 'character varying(3)'),
        column('ünï', 'character(2)'),
        column('bits', 'bit(3)'),
        column('tags', 'character varying(2)[]'),
        column('d', 'public.short'),
        column('n', 'numeric(6,2)'),
      ],
    },
  )
  expect(rows.map((row) => row[WRONG])).toEqual([
    null,
    'ünï: is longer than 2 characters',
    'quo"te: is longer than 3 characters',
    'bits: does not fit into bit(3)',
    'tags: does not fit into character varying(2)[]',
    'd: does not fit into public.short',
    'quo"te: is longer than 3 characters',
  ])
  expect(rows[0]).toEqual({
    'quo"te': 'abc',
    ünï: 'x ',
    bits: '101',
    tags: '{aa,b}',
    d: 'abc',
    n: '1.01',
    [WRONG]: null,
  })
})

test('identities are looked up by values of another type, too, and an unknown one is a reason', async () => {
  await session.query(
    `create table public.people (old_key text primary key, id int); insert into public.people values
      ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 7)`,
  )
  const { rows } = await shaped(
    'create table public."a b""c" (id int, owner bigint not null)',
    { id: 'integer', old_key: 'uuid' },
    `(1, '6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid), (2, '00000000-8b86-d011-b42d-00c04fc964ff'), (3, null)`,
    {
      columns: [
        column('id', 'integer'),
        column('owner', 'bigint', { value: '"old_key"', identity: 'people', notNull: true }),
      ],
      maps: new Map([['people', { relation: 'public.people', oldKey: '"old_key"', newKey: '"id"' }]]),
    },
  )
  expect(rows).toEqual([
    { id: 1, owner: '7', [WRONG]: null },
    { id: 2, owner: null, [WRONG]: 'owner: is not known by the identity people' },
    { id: 3, owner: null, [WRONG]: 'owner: has no value, and the target must have one' },
  ])
})

test('values where there is none, expressions, constraints, and only the rows that are asked for', async () => {
  const { rows } = await shaped(
    'create table public."a b""c" (id int, tags text[], n int)',
    { id: 'integer', tags: 'text[]', m: 'bigint' },
    `(1, '{a}'::text[], 3), (2, null, 4), (3, null, -4), (4, null, 5)`,
    {
      columns: [
        column('id', 'integer'),
        column('tags', 'text[]', { orElse: "'{}'" }),
        column('n', 'integer', { value: '"m" * 2' }),
      ],
      where: 'id < 4',
      checks: [{ name: 'positive', expression: '(n  > 0)' }],
    },
  )
  expect(rows).toEqual([
    { id: 1, tags: ['a'], n: 6, [WRONG]: null },
    { id: 2, tags: [], n: 8, [WRONG]: null },
    { id: 3, tags: [], n: -8, [WRONG]: ': breaks CHECK ((n > 0))' },
  ])
})

test('no rows', async () => {
  const { shaped: result, rows } = await shaped(
    'create table public."a b""c" (id int)',
    { id: 'integer' },
    '(1)',
    { columns: [column('id', 'integer')], where: 'id > 1' },
  )
  expect([result.rows, rows]).toEqual([0, []])
})
