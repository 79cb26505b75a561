import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { askBeforeWriting } from '../../src/migrate/consent.ts'
import type { Identity, Merge } from '../../src/plan/mapping.ts'
import type { Move, Plan } from '../../src/plan/model.ts'
import { postgresMove } from '../../src/plan/postgres-move.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

const MERGE: Merge = {
  kind: 'merge',
  key: ['id'],
  columns: [],
  ifThere: 'update',
  ifParentMissing: 'fail',
  rules: { uniques: [], parents: [], checks: [] },
}

const IDENTITY: Identity = {
  kind: 'identity',
  name: 'users',
  key: { column: 'id', type: 'integer' },
  toKey: { column: 'id', type: 'bigint', next: null },
  match: [],
  severalOld: 'fail',
  severalNew: 'fail',
  take: [],
  unmatched: {
    kind: 'create',
    columns: [],
    rules: MERGE.rules,
    alsoCreate: [{ schema: 'public', table: 'accounts', where: null, columns: [], rules: MERGE.rules }],
  },
  map: { schema: 'public', table: 'user_map', oldKey: 'old', newKey: 'new', existing: false, drop: false },
}

function move(name: string, more: Partial<Move>): Move {
  return {
    ...postgresMove({
      source: name,
      target: {
        schema: 'public',
        name,
        columns: [],
        primaryKey: null,
        indexes: [],
        foreignKeys: [],
        checks: [],
      },
      existing: true,
      key: { kind: 'none', expressions: [], names: [] },
      columns: [],
      format: 'binary',
    }),
    ...more,
  }
}

const planOf = (moves: readonly Move[], more: Partial<Plan> = {}): Plan => ({
  version: 1,
  migration: 'shop',
  source: { label: 'postgres://a@old/shop', engine: 'postgres', encoding: 'UTF8' },
  target: { label: 'postgres://b@new/app', schema: 'public' },
  badRows: 'stop',
  moves,
  leftOut: [],
  blockers: [],
  notes: [],
  ...more,
})

describe('before rows are written beside others', () => {
  let server: TestServer
  let session: Session

  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(() => server.stop())

  beforeEach(async () => {
    const connection = parseConnection(await server.database())
    if (connection.engine !== 'postgres') throw new TypeError()
    session = await openPostgres(connection.settings, { applicationName: 'test' })
    await session.query(`create table public.users (id int); create table public.accounts (id int);
      create table public."the orders" (id int); create table public.big (id int); create table public.unused (id int);
      insert into public.unused values (1)`)
    return () => session.close()
  })

  /** The questions that were asked; a script that says yes. */
  async function asked(plan: Plan, backup = false, answer = true): Promise<string[]> {
    const questions: string[] = []
    const ask = async (question: string) => {
      questions.push(question)
      return answer
    }
    await askBeforeWriting({ ...ends, plan, session, backup, tools: { ask } })
    return questions
  }
  const ends = { source: 'postgres://a@old/shop', target: 'postgres://b@new/app' }

  test('nobody is asked about tables that are made, or are empty, whatever the others hold', async () => {
    expect(
      await asked(planOf([move('unused', { existing: false }), move('users', { mapping: MERGE })])),
    ).toEqual([])
    await askBeforeWriting({ ...ends, plan: planOf([move('users', {})]), session, backup: false, tools: {} })
  })

  test('the question has both ends, every table with what happens to it, and the backup', async () => {
    await session.query(`insert into public.users select generate_series(1, 1234);
      insert into public.accounts values (1); insert into public.big select generate_series(1, 150000); analyze public.big`)
    const plan = planOf([
      move('users', { mapping: IDENTITY }),
      move('the orders', { mapping: MERGE }),
      move('big', { mapping: { ...MERGE, ifThere: 'keep' } }),
      move('logs', { existing: false }),
    ])
    expect(await asked(plan)).toEqual([
      [
        'Write to tables that hold rows?',
        '  from   postgres://a@old/shop',
        '  into   postgres://b@new/app',
        '  matches rows of, and adds those that match none: public.users (1,234 rows)',
        '  adds rows to: public.accounts (1 row)',
        '  makes: public.user_map',
        '  adds rows to, and updates those that differ: public.the orders (empty)',
        '  adds rows to, and keeps those that are there: public.big (about 150,000 rows)',
        '  makes and fills: public.logs',
        '  No backup is made; --backup makes one.',
        'Go on?',
      ].join('\n'),
    ])
    expect((await asked(plan, true))[0]).toContain('A backup is made first.')
  })

  test('a table with many rows that was never analysed is not called small', async () => {
    await session.query('insert into public.big select generate_series(1, 100001)')
    expect((await asked(planOf([move('big', { mapping: MERGE })])))[0]).toContain('(more than 100,000 rows)')
  })

  test('rows in a table that is only written beside, or in a map that was there, are asked about', async () => {
    await session.query('insert into public.accounts values (1)')
    expect(await asked(planOf([move('users', { mapping: IDENTITY })]))).toHaveLength(1)
    const map = { ...IDENTITY.map, existing: true, table: 'unused' }
    const plan = planOf([move('users', { mapping: { ...IDENTITY, map, unmatched: { kind: 'skip' } } })])
    expect((await asked(plan))[0]).toContain('adds rows to: public.unused (1 row)')
  })

  test('a database that is both ends is named once', async () => {
    await session.query('insert into public.users values (1)')
    const [question] = await asked(planOf([move('users', { mapping: MERGE })], { inPlace: true }))
    expect(question).toMatch(/^Change tables of postgres:\/\/b@new\/app that hold rows\?\n {2}adds/)
  })

  test('a no is a refusal, and so is nobody to ask', async () => {
    await session.query('insert into public.users values (1)')
    const plan = planOf([move('users', { mapping: MERGE })])
    await expect(asked(plan, false, false)).rejects.toMatchObject({ code: 'LF206', exitCode: 5 })
    await expect(
      askBeforeWriting({ ...ends, plan, session, backup: false, tools: {} }),
    ).rejects.toMatchObject({
      code: 'LF206',
      hint: expect.stringContaining('--yes'),
      message: expect.stringContaining('into   postgres://b@new/app'),
    })
  })
})
