import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Table } from '../../src/catalog/model.ts'
import { readPostgresCatalog } from '../../src/catalog/postgres.ts'
import { readDependents } from '../../src/catalog/postgres-dependents.ts'
import { readPostData } from '../../src/catalog/postgres-post-data.ts'
import { readSurroundings } from '../../src/catalog/postgres-surroundings.ts'
import { guardSettings } from '../../src/connection/settings.ts'
import { schemaFindings } from '../../src/plan/postgres-schema.ts'
import { postgresTable, withoutDumpBlockers, withoutDumpLeftOut } from '../../src/plan/postgres-tables.ts'
import { runSteps } from '../../src/schema/apply.ts'
import { createStatements } from '../../src/schema/postgres.ts'
import { dumpSchema, dumpToolsFor } from '../../src/schema/postgres-dump.ts'
import { postDataSteps } from '../../src/schema/postgres-post-data.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { testServer } from '../support/postgres.ts'
import { clone, databaseOn, described, openAs, psql, settingsOf } from './cloning.ts'

let server: DumpableServer

beforeAll(async () => {
  if (canDump) server = await dumpableServer()
})
afterAll(async () => {
  if (canDump) await server.stop()
})

const database = (): string => databaseOn(server.url)

const around = async (url: string) => {
  const session = await openAs(url, 'source')
  try {
    return await readSurroundings(session)
  } finally {
    await session.close()
  }
}

const NOTHING = { ids: new Set<string>(), views: [], objects: [], tables: [] }

describe.skipIf(!canDump)('what is left out', () => {
  test('takes with it what needs it, and all of that is named', async () => {
    const from = database()
    const to = database()
    psql(
      from,
      `create table kept (id integer primary key, gone_id integer, n integer);
       create table "go ne" (id serial primary key, t text);
       alter table kept add constraint to_gone foreign key (gone_id) references "go ne";
       create view over_gone as select * from "go ne"; create materialized view far as select count(*) from over_gone;
       create index far_i on far (count); comment on view over_gone is 'gone too';
       create function reads() returns bigint language sql begin atomic select count(*) from "go ne"; end;
       comment on function reads() is 'with a comment'; create index kept_n on kept (n);
       create function takes("go ne") returns integer language sql as 'select 1';
       create policy p on kept using (exists (select from "go ne")); alter table kept enable row level security;
       create policy q on kept using (true); create view stays as select id from kept;
       insert into "go ne" default values; insert into kept values (1, 1, 1);`,
    )
    const session = await openAs(from, 'source')
    const excluded = [{ schema: 'public', name: 'go ne' }]
    const dependents = await readDependents(session, excluded)
    const surroundings = await readSurroundings(session)
    await session.close()
    const found = schemaFindings(surroundings, surroundings, dependents)
    expect(found.blockers).toEqual([])
    expect(found.leftOut.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'function public.reads()',
      'function public.takes(public."go ne")',
      'materialized view public.far',
      'policy p on public.kept',
      'table constraint to_gone on public.kept',
      'view public.over_gone',
    ])
    await clone(from, to, { exclude: [...excluded, ...found.views], skipped: found.skipped })
    const names = described(to).flatMap((text) => /^-- Name: (.*); Schema/m.exec(text)?.[1] ?? [])
    expect(names.sort()).toEqual([
      'kept kept_pkey; Type: CONSTRAINT',
      'kept q; Type: POLICY',
      'kept; Type: ROW SECURITY',
      'kept; Type: TABLE',
      'kept_n; Type: INDEX',
      'stays; Type: VIEW',
    ])
  })

  test('a table that cannot be without it is a blocker', async () => {
    const from = database()
    psql(
      from,
      `create table old (id serial); create table young () inherits (old);
       create table typed (o old); create sequence own owned by old.id; create table uses (n int default nextval('own'));
       create function one() returns int language sql immutable begin atomic select count(o.id)::int from old o; end;
       create table tested (n int check (n > one()));`,
    )
    const session = await openAs(from, 'source')
    const dependents = await readDependents(session, [{ schema: 'public', name: 'old' }])
    await session.close()
    const tables = schemaFindings(await around(from), null, dependents).blockers.map((one) => one.table)
    expect([...new Set(tables)].sort()).toEqual([
      'public.tested',
      'public.typed',
      'public.uses',
      'public.young',
    ])
  })
})

describe.skipIf(!canDump)('what is no table', () => {
  test('is made, or named, and passwords stay where they are', async () => {
    const from = database()
    const to = database()
    psql(
      from,
      `create schema ext; create extension hstore schema ext; create extension btree_gist; create extension postgres_fdw;
       comment on extension hstore is 'a comment of the superuser''s'; create table tags (id integer, h ext.hstore, at tsrange,
         exclude using gist (id with =, at with &&)); create index tags_h on tags using gin (h); create index tags_id on tags using gist (id);
       alter index tags_id depends on extension btree_gist; insert into tags values (1, 'a=>"b c"', '[2024-01-01,2024-02-01)');
       create server far foreign data wrapper postgres_fdw options (host 'far.example');
       create user mapping for postgres server far options (user 'u', password 'fdw-secret');
       create foreign table distant (id integer) server far; create view through as select * from distant;
       create subscription sub connection 'host=far.example password=sub-secret' publication p with (connect = false);
       select lo_from_bytea(0, 'x'); create publication everything for all tables;
       create function on_ddl() returns event_trigger language plpgsql as 'begin end'; create event trigger ddl on ddl_command_end execute function on_ddl();
       comment on event trigger ddl is 'an event'; do $$ begin execute format('alter database %I set work_mem = ''5MB''', current_database()); end $$;
       create role maker_too login password 'm';`,
    )
    psql(
      to,
      `alter database ${new URL(to).pathname.slice(1)} owner to maker_too; create extension btree_gist; create extension postgres_fdw;
      grant usage on foreign data wrapper postgres_fdw to maker_too;`,
    )
    const asMaker = Object.assign(new URL(to), { username: 'maker_too', password: 'm' }).href
    const found = schemaFindings(await around(from), await around(asMaker), NOTHING)
    expect(found.blockers).toEqual([])
    expect(found.leftOut.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'database setting work_mem',
      'large objects 1',
      'subscription sub',
      'user mapping postgres for the server far',
      'event trigger ddl',
      'publication for all tables everything',
    ])
    expect(found.notes.join('\n')).toContain('public.distant')
    const { dump } = await clone(from, asMaker, { skipped: found.skipped })
    expect(JSON.stringify(dump)).not.toMatch(/secret|subscription|comment on extension/i)
    const names = (url: string) =>
      described(url).flatMap((text) => /^-- Name: ([^;]*; Type: \w+.*); Schema/m.exec(text)?.[1] ?? [])
    const stays = /EVENT TRIGGER|PUBLICATION|USER MAPPING|EXTENSION/
    expect(names(to).filter((name) => !stays.test(name))).toEqual(
      names(from).filter((name) => !stays.test(name)),
    )
    expect(psql(to, 'select h::text from tags')).toBe('"a"=>"b c"\n')
    psql(from, 'alter subscription sub set (slot_name = none); drop subscription sub;')
  })
})

describe.skipIf(!canDump)('before anything is written', () => {
  test('sequences whose last number may not be read, but for those of tables that are left out', async () => {
    const from = database()
    psql(
      from,
      `create role counter login password 'counter'; create table muted (id serial); create table told (id serial);
       grant select on all tables in schema public to counter; grant select on told_id_seq to counter`,
    )
    const asCounter = new URL(from)
    asCounter.username = 'counter'
    asCounter.password = 'counter'
    const source = await around(asCounter.href)
    const [blocker, ...more] = schemaFindings(source, null, NOTHING).blockers
    expect(more).toEqual([])
    expect(blocker?.message).toBe(
      'the role that reads the source may not read the sequence public.muted_id_seq',
    )
    const session = await openAs(asCounter.href, 'source')
    const dependents = await readDependents(session, [{ schema: 'public', name: 'muted' }])
    await session.close()
    expect(schemaFindings(source, null, dependents).blockers).toEqual([])
    expect((await around(from)).unreadableSequences).toEqual([])
  })

  test('what the target lacks, and rows that policies hide', async () => {
    const from = database()
    psql(
      from,
      `create role reader login password 'reader'; create role "of a policy";
       create table closed (id integer); alter table closed enable row level security;
       create policy p on closed to "of a policy"; insert into closed values (1);
       create table forced (id integer); alter table forced enable row level security, force row level security;
       create table open (id integer); grant select on all tables in schema public to reader;
       create function definer() returns int language sql security definer as 'select 1';`,
    )
    const asReader = new URL(from)
    asReader.username = 'reader'
    asReader.password = 'reader'
    const source = await around(asReader.href)
    expect(source.hiddenTables).toEqual(['public.closed', 'public.forced'])
    expect((await around(from)).hiddenTables).toEqual([])
    const target = { ...(await around(from)), availableExtensions: [], roles: [], mayCreate: false }
    const { blockers, notes } = schemaFindings(source, target, NOTHING)
    expect(blockers.map(({ message }) => message)).toEqual([
      'policies hide rows of public.closed from the role that reads the source',
      'policies hide rows of public.forced from the role that reads the source',
      'the role may not create schemas in the target',
      'the extension plpgsql is not available in the target',
      'policies are for the role of a policy, which is not in the target',
    ])
    expect(notes.join('\n')).toContain("run with that role's: public.definer()")
    // And should one slip through, the server says so instead of sending fewer rows.
    const session = await openAs(asReader.href, 'source')
    await expect(session.query('copy public.closed to stdout')).rejects.toMatchObject({
      details: { sqlstate: '42501' },
    })
    await session.close()
  })

  test('a failure of pg_dump tells what it said and no secret', async () => {
    const from = database()
    psql(from, `create role blind login password 'bl1nd secret'; create table locked_up (id integer);`)
    const url = new URL(from)
    url.username = 'blind'
    url.password = encodeURIComponent('bl1nd secret')
    const session = await openAs(url.href, 'source')
    const settings = settingsOf(url.href)
    const tools = dumpToolsFor(session.serverVersion, session.serverVersion)!
    const failed = await dumpSchema({ settings, session, tools }).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'LF105' })
    expect((failed as Error & { hint: string }).hint).toContain('locked_up')
    const wrong = guardSettings({ ...settings, options: '-c nosuch.thing=bl1nd -c nonsense=1' })
    const refused = await dumpSchema({ settings: wrong, session, tools }).catch((error: unknown) => error)
    expect(JSON.stringify([refused, (refused as Error).message])).not.toContain('bl1nd secret')
    await session.close()
  })
})

test('the programs are those of the target, or else of the nearest release that knows the source', () => {
  const tools = dumpToolsFor(140_000, 140_000)
  if (tools === null) return
  const { major } = tools
  expect(dumpToolsFor(major * 10_000, (major + 3) * 10_000)?.major).toBe(major)
  expect(dumpToolsFor(990_000, 990_000)).toBeNull()
  expect(dumpToolsFor(140_000, 180_000, { LANDFALL_PG_BIN: '/nowhere' })).toBeNull()
})

/** A serial column becomes an identity, and indexes come in another order. */
function comparable({ columns, indexes, checks, foreignKeys, ...rest }: Table): unknown {
  const byName = <T extends { readonly name: string | null }>(all: readonly T[]): T[] =>
    all.toSorted((a, b) => (a.name! < b.name! ? -1 : 1))
  return {
    ...rest,
    columns: columns.map(({ default: value, identity, ...column }) => ({
      ...column,
      default: column.sequence === null ? value : null,
      identity: identity ?? (column.sequence === null ? null : 'by default'),
    })),
    indexes: byName(indexes),
    checks: byName(checks),
    foreignKeys: byName(foreignKeys),
  }
}

test('tables without pg_dump: what they are made of, and what they cannot be made of', async () => {
  const { database: fresh, stop } = await testServer()
  const [from, to] = [await fresh(), await fresh()]
  const source = await openAs(from, 'source')
  const target = await openAs(to, 'target')
  try {
    await source.query(
      `create table public."a ""b" (id integer generated always as identity primary key, n bigserial,
         t text collate "C" not null default 'x''y', twice bigint generated always as (n * 2) stored,
         u uuid unique deferrable, at timestamptz default now(), check (n > 0) no inherit, check (t <> 'q') not valid);
       create sequence public.own increment by -3 maxvalue 70 start 70 cycle;
       create table public.child (id int references public."a ""b", tags text[], down int not null default nextval('public.own'), exclude using hash (id with =));
       create index on public.child using gin (tags); create unique index on public.child (lower(id::text) desc) include (tags);
       create type public.mood as enum ('a'); create table public.moody (m public.mood, ms public.mood[] default '{}');
       create table public.whole (id int) partition by range (id); create table public.part partition of public.whole default;
       create sequence public.loose; create sequence public.lonely;
       create table public.shares (id bigint default nextval('public.loose'), n bigint default nextval('public.loose'));
       create view public.v as select 1; create function public.f(int) returns int immutable return 1;
       create table public.by_f (n int default public.f(1) check (public.f(n) > 0));
       create table public.elder (); create table public.heir () inherits (public.elder); create materialized view public.mv as select 1 as a;
       create index on public.mv (a); alter table public.shares enable row level security;`,
    )
    await source.query(
      `insert into public."a ""b" default values; select setval('public."a ""b_id_seq"', 50, false)`,
    )
    const catalog = await readPostgresCatalog(source)
    const surroundings = await readSurroundings(source)
    const blockers = withoutDumpBlockers(catalog, surroundings, catalog.tables, new Set(), 'install it')
    const [cannot, is] = ['cannot be made without pg_dump:', 'is not in the target']
    const taken = 'it takes its values from the sequence public.loose, which is not its own'
    expect(blockers.map(({ message }) => message)).toEqual([
      `by_f ${cannot} n: it uses something of its own: public.f(1); the check by_f_n_check uses something of its own: public.f(n) > 0`,
      `heir ${cannot} it inherits from public.elder`,
      `moody ${cannot} m: its type public.mood ${is}; ms: its type public.mood ${is}`,
      `shares ${cannot} id: ${taken}; n: ${taken}`,
      `whole ${cannot} it is partitioned`,
    ])
    const some = catalog.tables.filter(({ name }) => name === 'elder' || name === 'a "b')
    expect(withoutDumpBlockers(catalog, surroundings, some, new Set(), 'install it')).toEqual([])
    expect(blockers[1]!.choices).toEqual(['install it', 'exclude heir'])
    const left = withoutDumpLeftOut(catalog, surroundings, 18).map(({ kind, name }) => `${kind} ${name}`)
    expect(left).toEqual(
      expect.arrayContaining([
        'view public.v',
        'function public.f(integer)',
        'row-level security public.shares',
        'sequence public.lonely',
      ]),
    )
    const kept = ['a "b', 'child']
    const tables = catalog.tables.filter(({ name }) => kept.includes(name))
    for (const table of tables)
      for (const sql of createStatements(postgresTable(table))) await target.query(sql)
    const { rows } = await source.query<{ id: string }>(
      `select 'pg_class'::regclass::oid || '/' || oid as id from pg_class where relnamespace = 'public'::regnamespace
         and relname in ('moody', 'whole', 'part', 'shares', 'by_f', 'heir', 'elder')`,
    )
    const data = await readPostData(source, { skipped: new Set(rows.map(({ id }) => id)) })
    await runSteps(postDataSteps(data, null), {
      open: () => openAs(to, 'target'),
      jobs: 2,
      done: new Set(),
      record: async () => {},
    })
    const made = await readPostgresCatalog(target)
    expect(made.tables.map((table) => table.name)).toEqual(kept)
    expect(made.tables.map(comparable)).toEqual(tables.map(comparable))
    const sequences = 'select * from pg_catalog.pg_sequences order by sequencename'
    const ofKept = (await source.query<{ sequencename: string }>(sequences)).rows.filter(
      ({ sequencename }) => !['loose', 'lonely'].includes(sequencename),
    )
    expect(ofKept).toHaveLength(3)
    expect((await target.query(sequences)).rows).toEqual(ofKept)
    const state = 'select last_value, is_called from public."a ""b_id_seq"'
    expect((await target.query(state)).rows).toEqual([{ last_value: '50', is_called: false }])
  } finally {
    await Promise.all([source.close(), target.close()])
    await stop()
  }
})

test('what only newer servers have: temporal keys, keys that are not enforced, late NOT NULL', async () => {
  const { database: fresh, stop } = await testServer()
  const [from, to] = [await fresh(), await fresh()]
  const source = await openAs(from, 'source')
  const target = await openAs(to, 'target')
  const made = `create table public.rooms (id int4range, at daterange not null, n int, code text, parent int);
    create table public.stays (room int4range, at daterange not null, n int);`
  try {
    await source.query(made)
    await source.query(
      `insert into public.rooms values ('[1,2)', '[2024-01-01,2025-01-01)', null, null, 7);
       insert into public.stays values ('[1,2)', '[2024-02-01,2024-03-01)', 1);
       alter table public.rooms add constraint rooms_key primary key (id, at without overlaps) with (fillfactor = 60);
       alter table public.rooms add constraint one_code unique nulls not distinct (code), add constraint late not null n not valid;
       alter table public.rooms add constraint n_key unique (n);
       alter table public.rooms add constraint loose foreign key (parent) references public.rooms (n) not enforced;
       alter table public.rooms add constraint loosely check (n > 5) not enforced;
       alter table public.stays add constraint in_room foreign key (room, period at) references public.rooms (id, period at);
       create index broken on public.stays (n);
       update pg_index set indisvalid = false where indexrelid = 'public.broken'::regclass;`,
    )
    await target.query(made)
    await target.query(`insert into public.rooms values ('[1,2)', '[2024-01-01,2025-01-01)', null, null, 7);
      insert into public.stays values ('[1,2)', '[2024-02-01,2024-03-01)', 1);`)
    const data = await readPostData(source)
    expect(data.invalidIndexes).toEqual(['"public"."broken"'])
    await runSteps(postDataSteps(data, null), {
      open: () => openAs(to, 'target'),
      jobs: 2,
      done: new Set(),
      record: async () => {},
    })
    const keys = `select conname, conrelid::regclass::text as "table", pg_get_constraintdef(oid) as sql, convalidated, conenforced,
      (select reloptions::text from pg_class where oid = conindid) as options from pg_constraint
      where connamespace = 'public'::regnamespace order by 1, 2`
    const found = (await source.query(keys)).rows
    expect(found.length).toBeGreaterThan(8)
    expect((await target.query(keys)).rows).toEqual(found)
  } finally {
    await Promise.all([source.close(), target.close()])
    await stop()
  }
})
