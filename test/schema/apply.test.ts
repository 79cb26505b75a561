import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import type { Session } from '../../src/connection/postgres.ts'
import { LandfallError } from '../../src/errors.ts'
import { type RunStepsOptions, runSteps } from '../../src/schema/apply.ts'
import { createStatements } from '../../src/schema/postgres.ts'
import { finishSteps, type Step } from '../../src/schema/steps.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { build, moveOf, NO_CATALOG, open } from './building.ts'

let server: TestServer
let url: string
let session: Session
beforeAll(async () => {
  server = await testServer()
})
beforeEach(async () => {
  await session?.close()
  url = await server.database()
  session = await open(url)
  await session.query(
    'create table public.steps_done (name text primary key, backend int not null default pg_backend_pid())',
  )
})
afterAll(async () => {
  await session?.close()
  await server.stop()
})

const record = async (inner: Session, step: Step): Promise<void> => {
  await inner.query('insert into public.steps_done (name) values ($1)', [step.name])
}
const run = (steps: readonly Step[], more: Partial<RunStepsOptions> = {}) =>
  runSteps(steps, { open: () => open(url), jobs: 3, done: new Set(), record, ...more })
const recorded = async (): Promise<string[]> =>
  (await session.query<{ name: string }>('select name from public.steps_done order by name')).rows.map(
    ({ name }) => name,
  )

async function created(sql: string): Promise<Step[]> {
  const tables = [...build(sql).values()].map((built) => built.table)
  for (const table of tables) for (const statement of createStatements(table)) await session.query(statement)
  return finishSteps(
    tables.map((table, at) => moveOf(table, { rows: at })),
    NO_CATALOG,
  )
}

const SCHEMA = `
  create table p (id integer primary key autoincrement, code text unique, n int check (n > 0));
  create table c (id integer primary key, p int references p, q text references p(code), n int);
  create index c_p on c (p); create index c_q on c (q); create index c_n on c (n); create index p_n on p (n);
`

describe('running steps', () => {
  test('all of them, each with its record, on several connections, in an order that holds', async () => {
    const steps = await created(SCHEMA)
    await session.query(
      `insert into public.p (code, n) overriding system value select 'x' || i, i from generate_series(1, 2000) i`,
    )
    await session.query(
      `insert into public.c (p, q, n) select i, 'x' || i, i from generate_series(1, 2000) i`,
    )
    const states = new Map<string, 'started' | 'done'>()
    const seen: number[] = []
    await run(steps, {
      onStep: ({ step, state, done, total }) => {
        if (state === 'started') {
          const others = steps.filter(
            (other) =>
              states.get(other.name) === 'started' &&
              other.touches.some((table) => step.touches.includes(table)),
          )
          expect(others.every((other) => other.lock === 'shared' && step.lock === 'shared')).toBe(true)
          if (step.after !== 'load') {
            const before = steps.filter(
              (other) =>
                other.after === 'load' && other.touches.some((table) => step.touches.includes(table)),
            )
            expect(before.every((other) => states.get(other.name) === 'done')).toBe(true)
          }
        } else seen.push(done)
        states.set(step.name, state)
        expect(total).toBe(steps.length)
      },
    })
    expect(seen.at(-1)).toBe(steps.length)
    expect(await recorded()).toEqual(steps.map((step) => step.name).sort())
    const { rows } = await session.query<{ n: string }>(
      'select count(distinct backend) n from public.steps_done',
    )
    expect(Number(rows[0]!.n)).toBeGreaterThan(1)
    expect(new Set(steps.map((step) => step.name)).size).toBe(steps.length)
    expect(steps.map((step) => step.name)).toContain('index "public"."c_n"')
  })

  test('what is done is not done again', async () => {
    const steps = await created(SCHEMA)
    const done = new Set(steps.filter((step) => step.after === 'load').map((step) => step.name))
    for (const step of steps) if (done.has(step.name)) await session.query(step.sql)
    await run(steps, { done })
    expect(await recorded()).toEqual(
      steps
        .filter((step) => step.after !== 'load')
        .map((step) => step.name)
        .sort(),
    )
    await run(steps, {
      done: new Set(steps.map((step) => step.name)),
      open: () => Promise.reject(new Error('no connection is needed')),
    })
  })

  test('a refused statement names its step, leaves no record, and lets the others finish', async () => {
    const steps = await created(SCHEMA)
    await session.query(`insert into public.p (code, n) values ('same', 1), ('same', 2)`)
    const error = await run(steps, { jobs: 2 }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(LandfallError)
    const { code, message, hint } = error as LandfallError
    expect(code).toBe('LF304')
    expect(message).toContain('index "public"."p_code_key": ')
    expect(message).toContain('Key (code)=(same) is duplicated')
    expect(hint).toContain('the same command goes on')
    const names = await recorded()
    expect(names).not.toContain('index "public"."p_code_key"')
    const { rows } = await session.query(`select 1 from pg_class where relname = 'p_code_key'`)
    expect(rows).toEqual([])
    await session.query(`update public.p set code = n::text`)
    await run(steps, { done: new Set(names) })
    expect(await recorded()).toHaveLength(steps.length)
  })

  test('when the record fails, its statement is undone and the failure is the record’s', async () => {
    const steps = await created('create table t (a int); create index i on t (a)')
    const lost = new LandfallError('LF402', 'the lock is gone')
    await expect(run(steps, { record: () => Promise.reject(lost) })).rejects.toBe(lost)
    expect((await session.query(`select 1 from pg_class where relname = 'i'`)).rows).toEqual([])
  })

  test('an interruption stops before the next step', async () => {
    const steps = await created(SCHEMA)
    const stop = new AbortController()
    const running = run(steps, {
      jobs: 1,
      signal: stop.signal,
      onStep: ({ state }) => state === 'done' && stop.abort(),
    })
    await expect(running).rejects.toMatchObject({ code: 'LF403' })
    expect(await recorded()).toHaveLength(1)
  })

  test('connections are given memory for building, and never less than the server has', async () => {
    const steps = await created('create table t (a int); create index i on t (a)')
    const seen: string[] = []
    const look = async (inner: Session): Promise<void> => {
      seen.push(
        (await inner.query<{ mem: string }>(`select current_setting('maintenance_work_mem') as mem`)).rows[0]!
          .mem,
      )
    }
    await run(steps.slice(0, 1), { record: look })
    await session.query(`alter database "${new URL(url).pathname.slice(1)}" set maintenance_work_mem = '2GB'`)
    await run(steps.slice(1), { record: look })
    expect(seen).toEqual(['512MB', '2GB'])
  })
})

describe('sequences', () => {
  const next = async (table: string): Promise<number> =>
    Number(
      (await session.query<{ id: string }>(`insert into public.${table} default values returning id::text`))
        .rows[0]!.id,
    )

  test('empty tables, values, negative values, and the memory of AUTOINCREMENT', async () => {
    const steps = await created(`
      create table empty (id integer primary key); create table full (id integer primary key); create table minus (id integer primary key);
      create table remembers (id integer primary key autoincrement); insert into remembers values (100); delete from remembers;
    `)
    await session.query('insert into public.full values (7), (41); insert into public.minus values (-5)')
    await run(steps)
    expect([await next('empty'), await next('full'), await next('minus'), await next('remembers')]).toEqual([
      1, 42, 1, 101,
    ])
  })

  test('existing tables: serial, unowned, descending, and never backwards', async () => {
    await session.query(`
      create table public.ser (id serial primary key); create sequence public."un owned";
      create table public.un (id bigint primary key default nextval('public."un owned"'));
      create table public.ahead (id bigint generated always as identity (increment by 10)); create table public.small (id smallint generated by default as identity);
      create sequence public.down increment -1; create table public.des (id int default nextval('public.down'));
      select setval('public.ahead_id_seq', 1000);
      insert into public.ser values (3); insert into public.un values (8); insert into public.small values (32767); insert into public.des values (-9);
    `)
    const catalog = await readPostgresCatalog(session, { schemas: ['public'] })
    const moves = ['ser', 'un', 'ahead', 'small', 'des'].map((name) =>
      moveOf(
        { schema: 'public', name, columns: [], primaryKey: null, indexes: [], foreignKeys: [], checks: [] },
        { existing: true },
      ),
    )
    const steps = finishSteps(moves, catalog)
    expect(steps.map((step) => step.name)).toContain('sequence "public"."un"."id"')
    expect(steps).toHaveLength(10)
    await run(steps)
    expect([await next('ser'), await next('un'), await next('ahead'), await next('des')]).toEqual([
      4, 9, 1010, -10,
    ])
    await expect(next('small')).rejects.toMatchObject({ details: { sqlstate: '2200H' } })
  })
})

test('hostile names go through', async () => {
  const steps = await created(
    `create table "a ""b"" 'c'.d" ("x ""y"".z" integer primary key, "select" text unique check ("select" <> 'a"b''c'), "ünï" int references "a ""b"" 'c'.d")`,
  )
  await run(steps)
  expect(await recorded()).toHaveLength(steps.length)
  expect(steps.map((step) => step.after)).toEqual([
    'load',
    'load',
    'indexes',
    'indexes',
    'keys',
    'all',
    'all',
  ])
})
