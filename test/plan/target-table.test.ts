import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Session } from '../../src/connection/postgres.ts'
import { relationNames } from '../../src/plan/names.ts'
import { buildTargetTable } from '../../src/plan/target-table.ts'
import { createStatements } from '../../src/schema/postgres.ts'
import { finishSteps } from '../../src/schema/steps.ts'
import { build, catalogOf, moved, moveOf, NO_CATALOG, open } from '../schema/building.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let session: Session
beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await session?.close()
  await server.stop()
})

/** Builds a SQLite schema in a fresh database; `left` is what was left out, `notes` what changed. */
async function made(sql: string) {
  await session?.close()
  session = await open(await server.database())
  await session.query('set search_path = public')
  const built = [...build(sql).values()]
  for (const { table } of built)
    for (const statement of createStatements(table)) await session.query(statement)
  for (const step of finishSteps(
    built.map(({ table }) => moveOf(table)),
    NO_CATALOG,
  ))
    await session.query(step.sql)
  return {
    left: built.flatMap(({ leftOut }) => leftOut.map(({ kind, name, why }) => `${kind} ${name}: ${why}`)),
    notes: built.flatMap(({ notes }) => notes),
    constraints: await lines(
      `select conrelid::regclass || ': ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n' order by 1`,
    ),
    indexes: await lines(
      `select regexp_replace(indexdef, '^CREATE (.*) USING btree', '\\1') from pg_indexes where schemaname = 'public' order by 1`,
    ),
    columns: await lines(
      `select attrelid::regclass || '.' || quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
        || case when attidentity = 'd' then ' identity' else '' end || coalesce(case when attgenerated = 's' then ' = ' else ' default ' end || pg_get_expr(adbin, adrelid), '')
       from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
       join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 order by attrelid::regclass::text, attnum`,
    ),
  }
}

async function lines(sql: string): Promise<string[]> {
  return (await session.query<Record<string, string>>(sql)).rows.flatMap((row) => Object.values(row))
}

async function refusal(sql: string): Promise<string> {
  return session.query(sql).then(
    () => 'accepted',
    (error: { details?: { sqlstate?: string } }) => String(error.details?.sqlstate),
  )
}

describe('columns', () => {
  test('types, NOT NULL, defaults, identity and generated values', async () => {
    const { columns, left, notes } = await made(`
      create table "Order Lines" (
        id integer primary key autoincrement, "select" text not null default 'it''s', price real default 0.5, active boolean not null default 1,
        made timestamp default current_timestamp, code int default "0", odd text default (hex(randomblob(4))), nil text default null,
        total real generated always as (price * 2) stored, shout text as (upper("select")), strange text as (printf('%d', id)), twice real as (total * 2)
      );
      create table plain (a text, b blob default x'00ff', primary key (a)) without rowid;
    `)
    expect(columns).toEqual([
      '"Order Lines".id bigint not null identity',
      '"Order Lines"."select" text not null default \'it\'\'s\'::text',
      '"Order Lines".price double precision default 0.5',
      '"Order Lines".active boolean not null default true',
      '"Order Lines".made timestamp with time zone default now()',
      '"Order Lines".code bigint default 0',
      '"Order Lines".odd text',
      '"Order Lines".nil text',
      `"Order Lines".total double precision = (price * (2)::double precision)`,
      '"Order Lines".shout text = upper(("select" COLLATE "C"))',
      '"Order Lines".strange text',
      '"Order Lines".twice double precision',
      'plain.a text not null',
      "plain.b bytea default '\\x00ff'::bytea",
    ])
    expect(left).toEqual([
      'default Order Lines.odd: DEFAULT hex(randomblob(4)): randomblob() has no equal in PostgreSQL',
    ])
    expect(notes).toEqual([
      'strange is generated in the source and a plain column with its values in the target: printf() has no equal in PostgreSQL',
      'twice is generated in the source and a plain column with its values in the target: column total is generated itself',
    ])
  })

  test('a number that is no integer in the target cannot number itself', () => {
    const [table] = catalogOf('create table t (id integer primary key)').tables
    const built = buildTargetTable(
      moved(table!, { columns: [{ source: 'id', target: 'id', type: 'text' }] }),
      [],
      relationNames(['t']),
    )
    expect(built.table.columns[0]).toMatchObject({ identity: false, notNull: true })
    expect(built.notes).toEqual(['id numbers itself in the source; as text it cannot'])
  })

  test("AUTOINCREMENT's memory", () => {
    const built = build(
      'create table t (id integer primary key autoincrement); insert into t values (41); delete from t;',
    ).get('t')!
    expect(built.table.columns[0]).toMatchObject({
      identity: true,
      sequenceFloor: '41',
      sequenceName: 't_id_seq',
    })
  })
})

describe('keys and indexes', () => {
  test('constraints, and plain, partial, descending and expression indexes', async () => {
    const { constraints, indexes, left } = await made(`
      create table t (a text, b int, c text, d json, e text, active boolean, primary key (a, b), unique (b, c), unique (c));
      create index by_c on t (c desc, b);
      create unique index one_active on t (b) where active = 1 and c is not null;
      create index by_lower on t (lower(c));
      create unique index by_trim on t (trim(e), b);
      create index by_json on t (d);
      create index by_glob on t (b) where c glob 'x*';
      create index by_hex on t (hex(c));
    `)
    expect(constraints).toEqual([
      't: t_b_c_key UNIQUE (b, c)',
      't: t_c_key UNIQUE (c)',
      't: t_pkey PRIMARY KEY (a, b)',
    ])
    expect(indexes).toEqual([
      'INDEX by_c ON public.t (c DESC, b)',
      'INDEX by_lower ON public.t (lower(c))',
      'UNIQUE INDEX by_trim ON public.t (btrim(e), b)',
      'UNIQUE INDEX one_active ON public.t (b) WHERE (active AND (c IS NOT NULL))',
      'UNIQUE INDEX t_b_c_key ON public.t (b, c)',
      'UNIQUE INDEX t_c_key ON public.t (c)',
      'UNIQUE INDEX t_pkey ON public.t (a, b)',
    ])
    expect(left.sort()).toEqual([
      "index t: by_glob: WHERE c glob 'x*': GLOB has no equal in PostgreSQL",
      'index t: by_hex: hex(c): hex() has no equal in PostgreSQL',
      'index t: by_json: d is json in the target, which has no order',
    ])
  })

  test('a key without regard to case keeps its rule', async () => {
    const { indexes, notes, left } = await made(`
      create table users (name text collate nocase primary key, email text collate nocase unique, nick text);
      create unique index nicks on users (nick collate nocase);
      create index loose on users (email);
      create unique index exact on users (email collate binary);
      create table posts (by text references users(name));
    `)
    expect(indexes).toEqual([
      'INDEX loose ON public.users (lower(email))',
      'UNIQUE INDEX exact ON public.users (email)',
      'UNIQUE INDEX nicks ON public.users (lower((nick COLLATE "C")))',
      'UNIQUE INDEX users_email_key ON public.users (lower((email COLLATE "C")))',
      'UNIQUE INDEX users_name_key ON public.users (lower((name COLLATE "C")))',
      'UNIQUE INDEX users_pkey ON public.users (name)',
    ])
    expect(notes).toHaveLength(2)
    expect(left).toEqual([
      'foreign key posts (by) to users: users finds its keys by the collation nocase, and PostgreSQL would compare all characters',
    ])
    await session.query(`insert into public.users values ('Ann', 'a@x', 'É')`)
    expect(await refusal(`insert into public.users values ('ANN', 'b@x', 'x')`)).toBe('23505')
    expect(await refusal(`insert into public.users values ('Bob', 'A@X', 'x')`)).toBe('23505')
    expect(await refusal(`insert into public.users values ('Bob', 'b@x', 'é')`)).toBe('accepted')
  })

  test('names of indexes, tables and sequences do not meet', async () => {
    const { indexes } = await made(`
      create table t (id integer primary key, x int); create table t_pkey (id integer primary key); create table t_id_seq (x int);
      create index "a.b" on t (x); create index ${'i'.repeat(64)} on t (x); create index ${'i'.repeat(65)} on t (x);
    `)
    expect(indexes.map((line) => line.replace(/^.*INDEX (.*) ON.*$/, '$1'))).toEqual(
      expect.arrayContaining(['t_pkey_2', 't_pkey_pkey', '"a.b"', 'i'.repeat(63), `${'i'.repeat(61)}_2`]),
    )
    expect(await lines(`select sequencename from pg_sequences order by 1`)).toEqual([
      't_id_seq_2',
      't_pkey_id_seq',
    ])
  })
})

test('checks', async () => {
  const { constraints, left, notes } = await made(`
    create table t (a int check (a > 0), s text constraint kind check (s in ('x', 'y')), f boolean check (f in (0, 1)), d date check (d > '2020-01-01'), check (a < 10 or s is null));
  `)
  expect(constraints).toEqual([
    `t: kind CHECK ((s = ANY (ARRAY['x'::text, 'y'::text])))`,
    't: t_check CHECK ((a > 0))',
    't: t_check_2 CHECK (((a < 10) OR (s IS NULL)))',
  ])
  expect(left).toEqual(["check t: CHECK (d > '2020-01-01'): d has another form in the target (date)"])
  expect(notes).toEqual(['CHECK (f in (0, 1)) is kept by the types'])
})

test('foreign keys', async () => {
  const { constraints, left } = await made(`
    create table p (id integer primary key, code text, n real, unique (code, id));
    create table c (
      id integer primary key references c deferrable initially deferred,
      p_id int references p on delete cascade on update set null, t text references p(id), x int references gone(id), y real references p(n),
      foreign key (id, t) references p(id, code), foreign key (id, t, x) references p
    );
  `)
  expect(constraints.filter((line) => line.includes('FOREIGN'))).toEqual([
    'c: c_id_fkey FOREIGN KEY (id) REFERENCES c(id) DEFERRABLE INITIALLY DEFERRED',
    'c: c_id_t_fkey FOREIGN KEY (id, t) REFERENCES p(id, code)',
    'c: c_p_id_fkey FOREIGN KEY (p_id) REFERENCES p(id) ON UPDATE SET NULL ON DELETE CASCADE',
  ])
  expect(left.sort()).toEqual([
    'foreign key c (id, t, x) to p: p has no key of 3 columns',
    'foreign key c (t) to p: t is text and p.id is bigint',
    'foreign key c (x) to gone: gone is missing, or is not moved',
    'foreign key c (y) to p: (n) of p is not unique in the target',
  ])
})

test('a parent that was there before counts with its own keys', () => {
  const { tables } = catalogOf(
    'create table p (id integer primary key, code text); create table c (p_id int references p(id), code text references p(code));',
  )
  const [p, c] = tables as [(typeof tables)[0], (typeof tables)[0]]
  const existing = {
    ...p,
    schema: 'app',
    primaryKey: null,
    indexes: [{ ...catalogOf('create table x (code text unique)').tables[0]!.indexes[0]! }],
  }
  const parent = moved(p, { schema: 'app', name: 'parents', existing })
  const child = moved(c)
  const built = buildTargetTable(child, [parent, child], relationNames(['c']))
  expect(built.table.foreignKeys).toMatchObject([
    { columns: ['code'], refSchema: 'app', refTable: 'parents', refColumns: ['code'] },
  ])
  expect(built.leftOut.map((one) => one.why)).toEqual(['(id) of p is not unique in the target'])
})

test('rules that read a column which is not carried are left out', () => {
  const [table] = catalogOf(
    'create table t (a int, b text, primary key (a, b), check ("b" <> \'x\')); create index i on t (b);',
  ).tables
  const built = buildTargetTable(
    moved(table!, { columns: [{ source: 'a', target: 'A!', type: 'bigint' }] }),
    [],
    relationNames(['t']),
  )
  expect(built.table).toMatchObject({ primaryKey: null, indexes: [], checks: [] })
  expect(built.leftOut.map((one) => `${one.kind}: ${one.why}`)).toEqual([
    'primary key: its column b is not carried',
    'index: its column b is not carried',
    `check: CHECK ("b" <> 'x'): column b is not carried`,
  ])
})
