import { expect, test } from 'vitest'
import type { Move, Plan } from '../../src/index.ts'
import { postgresMove } from '../../src/plan/postgres-move.ts'
import { renderPlan } from '../../src/report/plan.ts'

const move = (source: string, more: Partial<Move>): Move => ({
  ...postgresMove({
    source,
    relation: `ONLY "public"."${source}"`,
    target: {
      schema: 'public',
      name: source,
      columns: [
        {
          name: 'id',
          type: 'integer',
          notNull: true,
          default: null,
          identity: false,
          generated: null,
          sequenceFloor: null,
        },
      ],
      primaryKey: null,
      indexes: [],
      foreignKeys: [],
      checks: [],
    },
    existing: false,
    key: { kind: 'none', expressions: [], names: [] },
    columns: [],
    format: 'binary',
  }),
  statistics: { rows: 12, misfits: [] },
  ...more,
})

const clone: Plan = {
  version: 1,
  migration: 'app',
  source: { label: 'postgres://old/app', engine: 'postgres', encoding: 'UTF8' },
  target: { label: 'postgres://new/app', schema: 'public' },
  badRows: 'stop',
  moves: [
    move('cities', {}),
    move('orders', {
      key: { kind: 'columns', expressions: ['t."id"'], names: ['id'] },
      chunkRows: 100_000,
      statistics: { rows: 1_200_000, misfits: [], estimated: true },
    }),
    move('visits\u001b', {
      key: { kind: 'ctid', expressions: ['t.ctid'], names: ['ctid'] },
      chunkRows: 100_000,
      statistics: { rows: 2_000_000, misfits: [] },
    }),
  ],
  leftOut: [{ kind: 'large objects', name: '3', why: 'only rows of tables are moved' }],
  blockers: [],
  notes: ['what is not rows is made by pg_dump 18.4'],
  schemaBy: { program: 'pg_dump', schemas: ['public'] },
}

test('a plan of a whole database has a line for each table', () => {
  expect(renderPlan(clone)).toMatchInlineSnapshot(`
    "Plan of app   3 tables, about 3,200,012 rows
      source postgres://old/app (UTF8)
      target postgres://new/app
      the whole database: tables and all that belongs to them, as in the source

    table                    rows  columns  read
    cities                     12        1  in one piece
    orders        about 1,200,000        1  in chunks of 100,000 rows, by id
    visits\\u{1b}        2,000,000        1  in chunks of 100,000 rows, by place *
    * if the run is stopped while such a table is copied, that table begins again

    Left out
      kind           name  why
      large objects  3     only rows of tables are moved

    Notes
      what is not rows is made by pg_dump 18.4

    ready. Nothing was written. To carry it out:
      landfall migrate
    "
  `)
})

test('where Landfall makes the tables the plan says so', () => {
  const { schemaBy: _, ...plain } = clone
  expect(renderPlan(plain)).toContain('\n  each table becomes the same, with keys, indexes,')
})

test('what stays behind for one reason is told of together', () => {
  const leftOut = Array.from({ length: 9 }, (_, i) => ({
    kind: i < 7 ? 'view' : 'trigger',
    name: `o${i}`,
    why: 'none is installed',
  }))
  const text = renderPlan({ ...clone, leftOut: [...clone.leftOut, ...leftOut] })
  expect(text).toContain(`Left out
  kind           name  why
  large objects  3     only rows of tables are moved
  none is installed:
    7 × view  o0; o1; o2; o3; o4; o5; o6
    2 × trigger  o7; o8
`)
})
