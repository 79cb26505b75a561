import { expect, test } from 'vitest'
import { sql } from '../../src/index.ts'
import { planHash } from '../../src/plan/compare.ts'
import { samplePlan } from '../report/samples.ts'
import { mapper, told } from './mapping.ts'

const map = mapper()

test('plain moves go by name, in the order of their foreign keys', async () => {
  const tables = (order: string[]) => order.join(';')
  const users = 'CREATE TABLE users(id bigint PRIMARY KEY, "e mail" varchar(20) NOT NULL, note text)'
  const orders =
    'CREATE TABLE orders(id int PRIMARY KEY, user_id bigint REFERENCES users, total numeric(10,2) CHECK (total > 0))'
  const found = await map({
    source: tables([users, orders]),
    target: tables([users.replace('note text', 'UNIQUE ("e mail")'), orders]),
    config: { moves: { orders: { ifThere: 'keep' }, users: {} } },
  })
  expect(found.blockers).toEqual([])
  expect(found.moves.map(told)).toMatchInlineSnapshot(`
    [
      [
        "users -> users by id",
        "stage: SELECT "id" AS id bigint, "e mail" AS e mail character varying(20) FROM "public"."users"",
        "key id; there: update; no parent: fail",
        "id bigint not null = "id"",
        "e mail character varying(20) not null (20) = "e mail"",
        "unique users_pkey ("id")",
        "unique users_e mail_key ("e mail")",
        "note: not carried: note",
      ],
      [
        "orders -> orders by id",
        "stage: SELECT "id" AS id integer, "user_id" AS user_id bigint, "total" AS total numeric(10,2) FROM "public"."orders"",
        "key id; there: keep; no parent: fail",
        "id integer not null = "id"",
        "user_id bigint = "user_id"",
        "total numeric(10,2) = "total"",
        "unique orders_pkey ("id")",
        "parent (user_id) in users",
        "check orders_total_check total > (0)::numeric",
      ],
    ]
  `)
})

test('the rest: of one schema into the target’s, of all schemas into those of the same names', async () => {
  const tables = (schema: string) =>
    `CREATE SCHEMA IF NOT EXISTS ${schema}; CREATE TABLE ${schema}.t(id int PRIMARY KEY, v text)`
  const asked = {
    source: `${tables('old')}; ${tables('public')}`,
    target: `${tables('old')}; ${tables('public')}`,
  }
  const into = (found: Awaited<ReturnType<typeof map>>) =>
    found.moves.map(({ relation, target }) => `${relation} -> ${target.schema}.${target.name}`)
  const all = await map(asked)
  expect(all.blockers).toEqual([])
  expect(into(all)).toEqual(['"old"."t" -> old.t', '"public"."t" -> public.t'])
  const one = await map({ ...asked, config: { sourceSchema: 'old' } })
  expect(into(one)).toEqual(['"old"."t" -> public.t'])
})

test('--tables, --exclude, tables that are left out, filters, and several moves of one table', async () => {
  const t = 'CREATE TABLE t(id int PRIMARY KEY, v text)'
  const asked = { source: `${t}; CREATE TABLE u(id int); CREATE VIEW seen AS SELECT * FROM t`, target: t }
  const moves = {
    t: [
      { filter: sql`t.id > 0 -- positive` },
      { from: sql`SELECT id, 'x' AS v FROM t;` },
      { from: 'seen', columns: { v: { value: null } } },
    ],
    u: false,
  } as const
  const found = await map({ ...asked, config: { moves } })
  expect(found.moves.map(({ source, relation }) => [source, relation])).toEqual([
    ['t', '(SELECT * FROM "public"."t" WHERE (t.id > 0 -- positive\n))'],
    ['SELECT for t', "(SELECT id, 'x' AS v FROM t)"],
    ['seen', 'public.seen'],
  ])
  expect(found.leftOut).toEqual([{ kind: 'table', name: 'u', why: 'the config leaves it out' }])
  const none = await map({ ...asked, config: { moves: { t: {} } }, options: { exclude: ['t'] } })
  expect(none.moves).toEqual([])
})

test('types of the application travel as texts, and become what they are in the target', async () => {
  const types = `CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN positive AS int CHECK (value > 0);`
  const found = await map({
    source: `${types} CREATE TABLE t(id int PRIMARY KEY, m mood, ms mood[], p positive, c regclass, a int[], x char(3), i interval)`,
    target: `${types} CREATE TABLE t(id bigint PRIMARY KEY, m mood, ms mood[], p positive, c text, a bigint[], x varchar(2), i interval)`,
    config: { moves: { t: { columns: { m: { orElse: 'ok' } } } } },
  })
  expect(found.blockers).toEqual([])
  expect(told(found.moves[0]!)).toMatchInlineSnapshot(`
    [
      "t -> t by id",
      "stage: SELECT "id" AS id integer, "m"::text AS m text, "ms"::text AS ms text, "p" AS p integer, "c"::text AS c text, "a" AS a integer[], "x" AS x character(3), "i" AS i interval FROM "public"."t"",
      "key id; there: update; no parent: fail",
      "id bigint not null = "id"",
      "m public.mood = ("m")::public.mood or else 'ok'::public.mood",
      "ms public.mood[] = ("ms")::public.mood[]",
      "p public.positive = "p"",
      "c text = "c"",
      "a bigint[] = "a"",
      "x character varying(2) (2) = "x"",
      "i interval = "i"",
      "unique t_pkey ("id")",
    ]
  `)
})

test('a constant of every kind', async () => {
  const found = await map({
    source: 'CREATE TABLE t(id int PRIMARY KEY)',
    target: `CREATE TABLE t(id int PRIMARY KEY, b bigint, n numeric(40,2), f boolean, s varchar(3), ts text[], nested int[], js jsonb[], j json, jt jsonb, bits bit(3), d date)`,
    config: {
      moves: {
        t: {
          columns: {
            b: { value: 9007199254740993n },
            n: { value: '12345678901234567890123456789012345678.25' },
            f: { value: false },
            s: { value: "it's long" },
            ts: { value: ['a"b', 'c\\d', null, 'NULL', ''] },
            nested: {
              value: [
                [1, 2],
                [3, 4],
              ],
            },
            js: { value: [{ a: 'x"y' }, [1]] },
            j: { value: { big: 9007199254740993n, list: [null, true] } },
            jt: { value: 'a text' },
            bits: { value: '101' },
            d: { value: '2024-02-29' },
          },
        },
      },
    },
  })
  expect(found.blockers).toEqual([])
  const { mapping } = found.moves[0]!
  expect(
    mapping?.kind === 'merge' && mapping.columns.map(({ name, value }) => `${name}: ${value}`),
  ).toMatchInlineSnapshot(`
    [
      "id: "id"",
      "b: '9007199254740993'::bigint",
      "n: '12345678901234567890123456789012345678.25'::numeric(40,2)",
      "f: 'false'::boolean",
      "s: 'it''s long'::text",
      "ts: '{"a\\"b","c\\\\d",NULL,"NULL",""}'::text[]",
      "nested: '{{"1","2"},{"3","4"}}'::integer[]",
      "js: '{"{\\"a\\":\\"x\\\\\\"y\\"}","[1]"}'::jsonb[]",
      "j: '{"big":9007199254740993,"list":[null,true]}'::json",
      "jt: '"a text"'::jsonb",
      "bits: '101'::bit varying",
      "d: '2024-02-29'::date",
    ]
  `)
})

test('epochs, empty texts and zones', async () => {
  const found = await map({
    source: `CREATE TABLE t(id int PRIMARY KEY, ms bigint, e text, d date, told text, at timestamptz)`,
    target: `CREATE TABLE t(id int PRIMARY KEY, ms timestamptz, e text, d timestamptz, told timestamptz, at timestamp)`,
    config: {
      zone: 'UTC',
      moves: {
        t: {
          columns: {
            ms: { epoch: 'ms' },
            e: { empty: 'null' },
            told: { type: 'timestamp', zone: 'Asia/Tokyo' },
          },
        },
      },
    },
  })
  expect(found.blockers).toEqual([])
  const { mapping } = found.moves[0]!
  expect(
    mapping?.kind === 'merge' && mapping.columns.map(({ name, value }) => `${name}: ${value}`),
  ).toMatchInlineSnapshot(`
    [
      "id: "id"",
      "ms: ('epoch'::timestamptz + ("ms")::float8 * '1 millisecond'::interval)",
      "e: nullif("e", '')",
      "d: (("d")::timestamp AT TIME ZONE 'UTC')",
      "told: (CASE WHEN ("told")::text ~* '(:[0-9][0-9]([.][0-9]*)? *([ap]m)? *|[t ][0-9]{4}([0-9][0-9]([.][0-9]*)?)?)[+-][0-9]|(^|[^a-z])(?!(?:t|am|pm|ad|bc|now|today|tomorrow|yesterday|epoch|infinity|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?|mon(day)?|tue(s|sday)?|wed(nesday)?|thu(rs?|rsday)?|fri(day)?|sat(urday)?|sun(day)?)(?![a-z]))[a-z]' THEN ("told")::timestamptz AT TIME ZONE 'Asia/Tokyo' ELSE ("told")::timestamp END AT TIME ZONE 'Asia/Tokyo')",
      "at: ("at" AT TIME ZONE 'UTC')",
    ]
  `)
})

test('an identity that needs another one comes after it, and keys may be given by the config', async () => {
  const found = await map({
    source: `CREATE TABLE orgs(id int PRIMARY KEY, name text); CREATE TABLE users(id int PRIMARY KEY, org_id int, email text)`,
    target: `CREATE TABLE orgs(id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
      CREATE TABLE users(id uuid PRIMARY KEY, org_id uuid NOT NULL REFERENCES orgs, email text)`,
    config: {
      moves: { '*': false },
      identities: {
        users: {
          from: 'users',
          key: 'id',
          to: 'users',
          toKey: 'id',
          match: [{ equal: { email: 'email' } }],
          unmatched: { create: { id: { convert: sql`md5(id::text)::uuid` }, org_id: { identity: 'orgs' } } },
        },
        orgs: {
          from: 'orgs',
          key: 'id',
          to: 'orgs',
          toKey: 'id',
          match: [{ equal: { name: 'name' } }],
          unmatched: { create: {} },
        },
        ['n'.repeat(70)]: {
          from: 'orgs',
          key: 'id',
          to: 'orgs',
          toKey: 'id',
          match: [{ equal: { name: 'name' } }],
          unmatched: 'skip',
        },
      },
    },
  })
  expect(found.blockers).toEqual([])
  const identities = found.moves.flatMap(({ mapping }) => (mapping?.kind === 'identity' ? [mapping] : []))
  expect(identities.map(({ name, toKey }) => [name.slice(0, 5), toKey.next])).toEqual([
    ['orgs', 'gen_random_uuid()'],
    ['users', null],
    ['nnnnn', 'gen_random_uuid()'],
  ])
  expect(Math.max(...identities.map(({ map: kept }) => kept.table.length))).toBe(63)
})

test('a plan that maps in another way has another hash', async () => {
  const t = 'CREATE TABLE t(id int PRIMARY KEY, v text)'
  const hashes = []
  for (const said of [
    {},
    { ifThere: 'keep' },
    { columns: { v: { value: 'x' } } },
    { filter: sql`id > 0` },
  ] as const) {
    const { moves } = await map({ source: t, target: t, config: { moves: { t: said } } })
    hashes.push(planHash(samplePlan({ moves })))
  }
  expect(new Set(hashes).size).toBe(hashes.length)
})
