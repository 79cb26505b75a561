import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { testServer } from '../support/postgres.ts'
import { clone, databaseOn, described, openAs, psql } from './cloning.ts'

const PAGILA = readFileSync(new URL('../data/pagila.sql', import.meta.url), 'utf8')
const HOSTILE = readFileSync(new URL('hostile.sql', import.meta.url), 'utf8')

let server: DumpableServer

beforeAll(async () => {
  if (canDump) server = await dumpableServer()
})
afterAll(async () => {
  if (canDump) await server.stop()
})

const database = (): string => databaseOn(server.url)

async function rows<T extends object>(url: string, sql: string): Promise<T[]> {
  const session: Session = await openAs(url, 'source')
  try {
    return (await session.query<T>(sql)).rows
  } finally {
    await session.close()
  }
}

const SEQUENCES = `select schemaname || '.' || sequencename as name, last_value from pg_sequences order by 1`
const PARTS = `select i.inhrelid::regclass::text as part, i.inhparent::regclass::text as whole
  from pg_inherits i order by 1, 2`
const INDEXES = `select indexrelid::regclass::text as name, indisvalid, indisprimary, indisreplident, indisclustered,
  indimmediate from pg_index where indrelid >= 16384
  and indexrelid::regclass::text !~ '^pg_toast' order by 1`
const OBJECTS = `select identity, object.type, obj_description(objid, catalog::regclass::name) as comment
  from (values ('pg_class'), ('pg_proc'), ('pg_type'), ('pg_policy'), ('pg_trigger'), ('pg_rewrite'),
    ('pg_publication'), ('pg_event_trigger'), ('pg_cast'), ('pg_operator'), ('pg_statistic_ext')) as catalogs (catalog),
  lateral (select objid from pg_depend where classid = catalog::regclass and objid >= 16384
    union select oid from pg_event_trigger where catalog = 'pg_event_trigger'
    union select oid from pg_publication where catalog = 'pg_publication') as ids,
  lateral pg_identify_object(catalog::regclass, objid, 0) as object
  where coalesce(object.schema, '') !~ '^pg_toast' and object.identity !~ '_ConstraintTrigger_' order by 1, 2`

async function sameOnBothSides(from: string, to: string): Promise<void> {
  const description = described(from)
  expect(description.length).toBeGreaterThan(100)
  expect(described(to)).toEqual(description)
  for (const sql of [SEQUENCES, PARTS, INDEXES, OBJECTS])
    expect(await rows(to, sql)).toEqual(await rows(from, sql))
}

describe.skipIf(!canDump)('a whole database', () => {
  test('pagila arrives as it is', async () => {
    const from = database()
    const to = database()
    psql(from, PAGILA)
    const { steps } = await clone(from, to)
    await sameOnBothSides(from, to)
    expect(steps.filter((step) => step.name.startsWith('attach ')).length).toBeGreaterThan(0)
    const counted = 'select count(*) as n from public.rental'
    expect(await rows(to, counted)).toEqual(await rows(from, counted))
  })

  test('hostile definitions arrive as they are', async () => {
    const from = database()
    const to = database()
    psql(from, HOSTILE)
    const { steps } = await clone(from, to)
    await sameOnBothSides(from, to)
    expect(new Set(steps.map((step) => step.name)).size).toBe(steps.length)
    const views = ['public.late', 'other.base', 'public.above', 'public.a_top']
    for (const view of views)
      expect(await rows(to, `select * from ${view} order by 1`)).toEqual(
        await rows(from, `select * from ${view} order by 1`),
      )
    expect(await rows(to, 'select last_value, is_called from other.waits')).toEqual([
      { last_value: '77', is_called: false },
    ])
    await expect(rows(to, 'select * from public.never_filled')).rejects.toThrow('has not been populated')
  })

  test('pagila arrives by roles that are no superusers and share nothing', async () => {
    const from = database()
    const to = database()
    psql(from, PAGILA)
    psql(
      to,
      `create role reader login password 'r'; grant pg_read_all_data to reader;
       create role maker login password 'm'; alter database ${new URL(to).pathname.slice(1)} owner to maker;`,
    )
    const as = (url: string, user: string, password: string) =>
      Object.assign(new URL(url), { username: user, password }).href
    await clone(as(from, 'reader', 'r'), as(to, 'maker', 'm'))
    await sameOnBothSides(from, to)
    expect(
      await rows(
        to,
        `select distinct relowner::regrole::text as owner from pg_class
      where relnamespace = 'public'::regnamespace`,
      ),
    ).toEqual([{ owner: 'maker' }])
  })

  test.each(['pagila', 'hostile'])('%s is taken by a newer server', async (name) => {
    const from = database()
    psql(from, name === 'pagila' ? PAGILA : HOSTILE)
    const newer = await testServer()
    try {
      const to = await newer.database()
      await clone(from, to)
      for (const sql of [SEQUENCES, PARTS, INDEXES, OBJECTS])
        expect(await rows(to, sql)).toEqual(await rows(from, sql))
    } finally {
      await newer.stop()
    }
  })
})
