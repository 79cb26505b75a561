import { afterEach, describe, expect, test } from 'vitest'
import type { MappedColumn, TargetRules, Unmatched } from '../../src/plan/mapping.ts'
import { column, identityMove, type MoveSpec, noRules, rule, type World, world } from './identifying.ts'

let here: World
afterEach(() => here.close())

const U = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const ACCOUNTS = `CREATE TABLE authentication_user (id serial PRIMARY KEY, username varchar(12) NOT NULL UNIQUE,
    email text, status integer NOT NULL, first_name text NOT NULL);
  CREATE UNIQUE INDEX user_email ON authentication_user (lower(email));
  CREATE TABLE authentication_useraccount (id serial PRIMARY KEY, user_id integer NOT NULL REFERENCES authentication_user,
    provider text NOT NULL, provider_account_id text NOT NULL, UNIQUE (provider, provider_account_id));
  INSERT INTO authentication_user VALUES (1, 'ann', 'Ann@example.org', 3, 'Ann'), (2, 'bob', 'bob@there.org', 1, 'Bob'),
    (3, 'bob_2', NULL, 1, '')`
const stage = { id: 'uuid', email: 'text', username: 'text', name: 'text', status: 'integer' }
const username = column(
  'username',
  'character varying(12)',
  `coalesce(username, nullif(split_part(email, '@', 1), ''), 'user_' || left(id::text, 8))`,
  { notNull: true, maxLength: 12, unique: true },
)
const rules: TargetRules = {
  uniques: [
    { name: 'authentication_user_pkey', parts: ['"id"'], where: null, nullsNotDistinct: false },
    { name: 'authentication_user_username_key', parts: ['"username"'], where: null, nullsNotDistinct: false },
    { name: 'user_email', parts: ['lower("email")'], where: null, nullsNotDistinct: false },
  ],
  parents: [],
  checks: [],
}
const create = {
  kind: 'create',
  columns: [
    username,
    column('email', 'text', 'email'),
    column('first_name', 'text', 'name', { notNull: true, orElse: `''` }),
    column('status', 'integer', 'status', { notNull: true, orElse: '1' }),
  ],
  rules,
  alsoCreate: [
    {
      schema: 'public',
      table: 'authentication_useraccount',
      where: 'email is not null',
      columns: [
        column('user_id', 'integer', 'id', { notNull: true, identity: 'users' }),
        column('provider', 'text', `'email'`, { notNull: true }),
        column('provider_account_id', 'text', 'email', { notNull: true }),
      ],
      rules: {
        uniques: [
          {
            name: 'authentication_useraccount_provider_provider_account_id_key',
            parts: ['"provider"', '"provider_account_id"'],
            where: null,
            nullsNotDistinct: false,
          },
        ],
        parents: [],
        checks: [],
      },
    },
  ],
} satisfies Unmatched
const spec: MoveSpec = {
  stage,
  target: 'authentication_user',
  toKey: { next: `nextval('public.authentication_user_id_seq'::regclass)` },
  match: [rule('authentication_user', { email: 'email' }, { ignoreCase: true })],
  take: [column('status', 'integer', 'status')],
  severalOld: 'join',
  unmatched: create,
}
const users = (): Promise<unknown[][]> =>
  here.all('SELECT id, username, email, status, first_name FROM authentication_user ORDER BY id')

describe('users of another database', () => {
  const rows = [
    [U(1), 'ANN@EXAMPLE.ORG', 'whoever', 'Ann B.', 5],
    [U(2), 'bob@here.org', null, null, null],
    [U(3), 'Carl@here.org', 'carl', 'Carl', 2],
    [U(4), 'carl@here.org', 'carl', null, 7],
    [U(5), null, null, 'nobody', null],
    [U(6), null, 'ann', null, 1],
    [U(7), 'ann@example.org', null, null, 9],
  ]

  test('are matched, joined, or created with a name of their own and an account; once', async () => {
    here = await world(ACCOUNTS)
    const move = identityMove(spec)
    const { applied, notes } = await here.resolve(move, rows)
    expect(applied).toEqual({ created: 4, updated: 1, unchanged: 2, skipped: 0, setAside: 0 })
    expect(notes).toEqual([
      `1 key means the same row as another: joined (id = ${U(7)})`,
      `1 row that is to be created means the same as another: joined (id = ${U(4)})`,
      `2 of username were taken and have a number behind (id = ${U(2)}: "bob_3", id = ${U(6)}: "ann_2")`,
    ])
    const after = [
      [1, 'ann', 'Ann@example.org', 5, 'Ann'],
      [2, 'bob', 'bob@there.org', 1, 'Bob'],
      [3, 'bob_2', null, 1, ''],
      [4, 'bob_3', 'bob@here.org', 1, ''],
      [5, 'carl', 'Carl@here.org', 2, 'Carl'],
      [6, 'user_0000000', null, 1, 'nobody'],
      [7, 'ann_2', null, 1, ''],
    ]
    expect(await users()).toEqual(after)
    expect(await here.all('SELECT old, new, how FROM users_map ORDER BY old')).toEqual([
      [U(1), 1, 'matched: equal ignoring case: email'],
      [U(2), 4, 'created'],
      [U(3), 5, 'created'],
      [U(4), 5, 'joined'],
      [U(5), 6, 'created'],
      [U(6), 7, 'created'],
      [U(7), 1, 'matched: equal ignoring case: email'],
    ])
    expect(
      await here.all('SELECT user_id, provider_account_id FROM authentication_useraccount ORDER BY id'),
    ).toEqual([
      [4, 'bob@here.org'],
      [5, 'Carl@here.org'],
    ])
    const again = await here.resolve(move, rows)
    expect(again.applied).toEqual({ created: 0, updated: 0, unchanged: 7, skipped: 0, setAside: 0 })
    expect(await users()).toEqual(after)
    const changed = await here.resolve(move, [[U(5), null, null, null, 4]])
    expect(changed.applied).toMatchObject({ updated: 1 })
    expect((await users())[5]).toEqual([6, 'user_0000000', null, 4, 'nobody'])
  })

  test('are found again by the rules where the map is not kept', async () => {
    here = await world(ACCOUNTS)
    const move = identityMove({ ...spec, map: { drop: true } })
    const mailed = rows.filter(([, email]) => email !== null)
    expect((await here.resolve(move, mailed)).applied).toMatchObject({ created: 2 })
    const after = await users()
    expect((await here.resolve(move, mailed)).applied).toMatchObject({ created: 0, updated: 0, unchanged: 5 })
    expect(await users()).toEqual(after)
  })

  test('that mean the same: the first only, or a failure with all of them', async () => {
    here = await world(ACCOUNTS)
    const fail = identityMove({ ...spec, severalOld: 'fail' })
    await expect(here.resolve(fail, rows)).rejects.toMatchObject({
      code: 'LF210',
      details: {
        cases: [
          `id = ${U(1)}, id = ${U(7)} find 1`,
          `id = ${U(3)}, id = ${U(4)} are the same and none of them is there`,
        ],
      },
    })
    expect((await users()).length).toBe(3)
    const { applied } = await here.resolve(identityMove({ ...spec, severalOld: 'first' }), rows)
    expect(applied).toEqual({ created: 4, updated: 1, unchanged: 0, skipped: 0, setAside: 2 })
    expect(await here.rejects()).toEqual([
      [`id = ${U(4)}`, null, `means the same row as id = ${U(3)}`],
      [`id = ${U(7)}`, null, `means the same row as id = ${U(1)}`],
    ])
  })

  test('the target would refuse are set aside, with what means the same; a refused account alone', async () => {
    here = await world(`${ACCOUNTS}; ALTER TABLE authentication_user ADD CHECK (status < 100);
      INSERT INTO authentication_useraccount (user_id, provider, provider_account_id) VALUES (1, 'email', 'e@x.org')`)
    const key = rule('authentication_user', { first_name: 'name' })
    const checked = { ...create, rules: { ...rules, checks: [{ name: 'c', expression: 'status < 100' }] } }
    const move = identityMove({ ...spec, match: [key], unmatched: checked })
    const { applied, notes } = await here.resolve(move, [
      [U(1), 'ANN@example.org', 'one', 'x', 1],
      [U(2), 'two@x.org', 'two', 'x', 1],
      [U(3), 'three@x.org', 'three', 'y', 100],
      [U(4), 'four@x.org', 'four', 'z1', 1],
      [U(5), 'FOUR@x.org', 'five', 'z2', 1],
      [U(6), 'e@x.org', '', 'z3', 1],
      [U(7), 'f@x.org', '', 'z4', 1],
    ])
    expect(applied).toEqual({ created: 1, updated: 0, unchanged: 0, skipped: 0, setAside: 6 })
    expect(notes.length).toBe(1)
    expect(await here.rejects()).toEqual([
      [`id = ${U(1)}`, null, 'lower("email") is taken by a row of the target (user_email)'],
      [`id = ${U(2)}`, null, `means the same row as id = ${U(1)}, which was set aside`],
      [`id = ${U(3)}`, null, 'breaks CHECK (status < 100)'],
      [`id = ${U(5)}`, null, 'lower("email") is that of a row before it (user_email)'],
      [`id = ${U(6)}`, 'username', 'has no value, and the target must have one'],
      [`id = ${U(7)}`, 'username', 'has no value, and the target must have one'],
    ])
    const mailed = identityMove({ ...spec, match: [key] })
    const { notes: said } = await here.resolve(mailed, [[U(8), 'e@x.org', 'eight', 'z8', 1]])
    expect(said).toEqual([
      '1 row of public.authentication_useraccount that would go with what was created cannot be stored: set aside, without what they belong to',
    ])
    expect((await here.rejects()).at(-1)).toEqual([
      `id = ${U(8)}`,
      null,
      '(provider, provider_account_id) is taken by a row of the target (authentication_useraccount_provider_provider_account_id_key)',
    ])
  })

  test('whose taken value does not fit stay known, and nothing of them is taken', async () => {
    here = await world(ACCOUNTS)
    const take = [column('username', 'character varying(12)', 'username', { maxLength: 12 }), ...spec.take!]
    const { applied } = await here.resolve(identityMove({ ...spec, take }), [
      [U(1), 'ann@example.org', 'x'.repeat(13), null, 9],
    ])
    expect(applied).toMatchObject({ setAside: 1 })
    expect(await here.rejects()).toEqual([[`id = ${U(1)}`, 'username', 'is longer than 12 characters']])
    expect(await here.all('SELECT old, new FROM users_map')).toEqual([[U(1), 1]])
    expect((await users())[0]).toEqual([1, 'ann', 'Ann@example.org', 3, 'Ann'])
  })
})

test('names may be anything', async () => {
  here =
    await world(`CREATE SCHEMA "o'dd"; CREATE TABLE "Us ""er" ("i d" serial PRIMARY KEY, "grp" text, k text UNIQUE, "n'r" text);
    CREATE TABLE "o'dd"."al so" ("user" integer, "select" text UNIQUE); INSERT INTO "Us ""er" VALUES (1, '', 'x', '')`)
  const move = identityMove({
    stage: { 'o"ld': 'text', nr: 'text', first: 'text', way: 'text' },
    source: 'the "users"',
    target: 'Us "er',
    match: [rule('Us "er', { "n'r": '"first"' }, { gives: 'i d' })],
    toKey: { column: 'i d', next: `nextval('"Us ""er_i d_seq"'::regclass)` },
    map: { schema: "o'dd", table: 'm " ap', oldKey: 'a b', newKey: 'c"d' },
    severalOld: 'join',
    unmatched: {
      kind: 'create',
      columns: [
        column('grp', 'text', 'way'),
        column('k', 'text', 'nr', { unique: true }),
        column("n'r", 'text', '"first"'),
      ],
      rules: {
        uniques: [{ name: 'k', parts: ['"k"'], where: null, nullsNotDistinct: false }],
        parents: [],
        checks: [],
      },
      alsoCreate: [
        {
          schema: "o'dd",
          table: 'al so',
          where: `"way" <> 'no'`,
          columns: [
            column('user', 'integer', '"o""ld"', { identity: 'users' }),
            column('select', 'text', 'nr'),
          ],
          rules: noRules,
        },
      ],
    },
  })
  const rows = [
    ['a', 'x', 'f1', 'w'],
    ["b'", 'x"', 'f2', 'no'],
    ['c', 'zz', 'f1', 'w'],
    ['d\\', 'x', "f'3", 'no'],
  ]
  expect((await here.resolve(move, rows)).applied).toMatchObject({ created: 3, unchanged: 1 })
  expect(await here.all(`SELECT * FROM "Us ""er" ORDER BY 1`)).toEqual([
    [1, '', 'x', ''],
    [2, 'w', 'x_2', 'f1'],
    [3, 'no', 'x"', 'f2'],
    [4, 'no', 'x_3', "f'3"],
  ])
  expect(await here.all(`SELECT * FROM "o'dd"."al so"`)).toEqual([[2, 'x']])
  expect((await here.resolve(move, rows)).applied).toMatchObject({ created: 0, unchanged: 4 })
})

describe('new keys', () => {
  const simple = (columns: MappedColumn[], uniques: TargetRules['uniques'] = []): Unmatched => ({
    kind: 'create',
    columns,
    rules: { ...noRules, uniques },
    alsoCreate: [],
  })

  test('may be made by a function, or given by the config: then sequences follow', async () => {
    here = await world(`CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n text);
      CREATE TABLE b (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n text)`)
    const columns = [column('n', 'text', 'name')]
    const uuid = identityMove({
      stage: { id: 'integer', name: 'text' },
      target: 'a',
      unmatched: simple(columns),
      toKey: { type: 'uuid', next: 'gen_random_uuid()' },
    })
    expect(
      (
        await here.resolve(uuid, [
          [1, "o'n"],
          [2, 't"wo'],
        ])
      ).applied.created,
    ).toBe(2)
    expect(await here.all('SELECT m.old, a.n FROM users_map m JOIN a ON a.id = m.new ORDER BY 1')).toEqual([
      [1, "o'n"],
      [2, 't"wo'],
    ])
    const given = identityMove({
      stage: { id: 'integer', name: 'text' },
      target: 'b',
      map: { table: 'm' },
      unmatched: simple([column('id', 'integer', 'id + 100', { notNull: true }), ...columns]),
    })
    await here.resolve(given, [
      [7, 'x'],
      [9, 'y'],
    ])
    expect(await here.all('SELECT * FROM b')).toEqual([
      [107, 'x'],
      [109, 'y'],
    ])
    expect(await here.all(`INSERT INTO b (n) VALUES ('z') RETURNING id`)).toEqual([[110]])
  })

  test('a sequence behind its table goes forward first', async () => {
    here = await world(
      `CREATE TABLE b (id serial PRIMARY KEY, n text); INSERT INTO b VALUES (1, ''), (5, '')`,
    )
    const move = identityMove({
      stage: { id: 'integer' },
      target: 'b',
      unmatched: simple([column('n', 'text', `'new'`)]),
      toKey: { next: `nextval('public.b_id_seq')` },
    })
    await here.resolve(move, [[2], [1]])
    expect(await here.all('SELECT old, new FROM users_map ORDER BY old')).toEqual([
      [1, 6],
      [2, 7],
    ])
  })
})

describe('texts that must be new', () => {
  const texts = async (
    table: string,
    rows: (string | null)[],
    unique: Partial<MappedColumn>,
    uniques: TargetRules['uniques'],
  ): Promise<unknown[][]> => {
    here = await world(table)
    const move = identityMove({
      stage: { id: 'integer', name: 'text' },
      target: 'b',
      toKey: { next: `nextval('public.b_id_seq')` },
      unmatched: {
        kind: 'create',
        columns: [
          column('n', 'text', 'name', { unique: true, ...unique }),
          column('tenant', 'integer', 'id % 2'),
        ],
        rules: { ...noRules, uniques },
        alsoCreate: [],
      },
    })
    await here.resolve(
      move,
      rows.map((name, at) => [at + 1, name]),
    )
    return (await here.all('SELECT n FROM users_map m JOIN b ON b.id = m.new ORDER BY old')).map(
      ([n]) => n,
    ) as never
  }
  const B = 'CREATE TABLE b (id serial PRIMARY KEY, n text, tenant integer)'

  test('take the smallest free number, in the order of old keys, and cut what is too long', async () => {
    const rows = [
      'bob',
      'bob',
      'bob_2',
      'bob',
      'abcdefgh',
      'abcdefgh',
      'abcdefgh',
      'abcdefxx',
      'abcdefxx',
      null,
    ]
    expect(
      await texts(
        `${B}; INSERT INTO b (n) VALUES ('bob_4'), ('bob'), ('abcdefgh')`,
        rows,
        { maxLength: 8 },
        [],
      ),
    ).toEqual([
      'bob_3',
      'bob_5',
      'bob_2',
      'bob_6',
      'abcdef_2',
      'abcdef_3',
      'abcdef_4',
      'abcdefxx',
      'abcdef_5',
      null,
    ])
  })

  test('are compared as the index does: without case, in a tenant, or for some rows only', async () => {
    const lower = [{ name: 'i', parts: ['lower(n)'], where: null, nullsNotDistinct: false }]
    expect(
      await texts(
        `${B}; CREATE UNIQUE INDEX i ON b (lower(n)); INSERT INTO b (n) VALUES ('ANN_2')`,
        ['Ann', 'ANN', 'ann', 'Zoë', 'ZOË'],
        {},
        lower,
      ),
    ).toEqual(['Ann', 'ANN_3', 'ann_4', 'Zoë', 'ZOË_2'])
    await here.close()
    const tenant = [{ name: 'i', parts: ['"tenant"', '"n"'], where: 'tenant > 0', nullsNotDistinct: false }]
    expect(
      await texts(
        `${B}; CREATE UNIQUE INDEX i ON b (tenant, n) WHERE tenant > 0; INSERT INTO b (n, tenant) VALUES ('a', 0), ('a', 1)`,
        ['a', 'a', 'a', 'a'],
        {},
        tenant,
      ),
    ).toEqual(['a_2', 'a', 'a_3', 'a'])
  })

  test('run out where the column is too short', async () => {
    const rows = Array.from({ length: 10 }, () => 'abc')
    expect(await texts(B, rows, { maxLength: 3 }, [])).toEqual([
      'abc',
      'a_2',
      'a_3',
      'a_4',
      'a_5',
      'a_6',
      'a_7',
      'a_8',
      'a_9',
    ])
    expect(await here.rejects()).toEqual([['id = 10', 'n', 'is taken, and so is every number behind it']])
  })
})

describe('a trigger of the target', () => {
  const trigger = (table: string, body: string): string =>
    `CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN new; END $$;
      CREATE TRIGGER interfere BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION interfere()`
  const rows = [
    [U(1), 'spam@here.org', 'spam', '', 1],
    [U(2), 'carl@here.org', 'carl', '', 1],
  ]
  const nothing = async (): Promise<void> => {
    expect(await users()).toHaveLength(3)
    expect(await here.all(`SELECT to_regclass('public.users_map')`)).toEqual([[null]])
  }

  test('that keeps rows from being created ends the run: nothing refers to what is not there', async () => {
    here = await world(
      `${ACCOUNTS}; ${trigger('authentication_user', `IF new.email LIKE 'spam%' THEN RETURN NULL; END IF;`)}`,
    )
    await expect(here.resolve(identityMove(spec), rows)).rejects.toMatchObject({
      code: 'LF304',
      message: expect.stringContaining('took 1 of 2 new rows'),
      hint: expect.stringContaining(`id = ${U(1)}`),
    })
    await nothing()
  })

  test('that gives keys of its own does, too', async () => {
    here = await world(`${ACCOUNTS}; ${trigger('authentication_user', 'new.id := new.id + 1000;')}`)
    await expect(here.resolve(identityMove(spec), rows)).rejects.toMatchObject({
      code: 'LF304',
      message: expect.stringContaining('has 0 of the keys'),
    })
    await nothing()
  })

  test('that keeps out rows which go with them does, too', async () => {
    here = await world(`${ACCOUNTS}; ${trigger('authentication_useraccount', 'RETURN NULL;')}`)
    await expect(here.resolve(identityMove(spec), rows)).rejects.toMatchObject({
      code: 'LF304',
      message: expect.stringContaining('took 0 of 2 new rows'),
    })
    await nothing()
  })
})
