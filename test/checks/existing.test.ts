import { DatabaseSync } from 'node:sqlite'
import { beforeAll, expect, test } from 'vitest'
import type { CheckResult } from '../../src/contract/check.ts'
import { query } from '../migrate/migrating.ts'
import { checking } from './checking.ts'

const { migrated, check, broken, postgres: own } = checking()

const SOURCE = `CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, "Ünï" TEXT);
  INSERT INTO p VALUES (1, 'a', 'x'), (2, 'b', 'y');
  CREATE UNIQUE INDEX p_part ON p("Ünï") WHERE id > 0;
  CREATE TABLE c(id INTEGER PRIMARY KEY AUTOINCREMENT, p INT REFERENCES p, n TEXT REFERENCES p(name));
  INSERT INTO c VALUES (1, 1, 'a'), (2, 2, NULL);`
const BARE = `CREATE TABLE p(id int, name text, "Ünï" text); CREATE TABLE c(id int, p int, n text)`

let bare: { from: string; to: string }
beforeAll(async () => {
  bare = await migrated(SOURCE, { postgres: BARE })
})

const named = (checks: readonly CheckResult[], name: string): CheckResult =>
  checks.find((one) => one.name === name)!
const said = (one: CheckResult): string => [one.found, ...(one.evidence ?? [])].join('\n')

test('tables that were there without any key are read for what the source promises', async () => {
  const checks = await check(bare)
  expect(named(checks, 'p: unique values')).toMatchObject({ result: 'pass' })
  expect(
    said(named(checks, 'p: unique values')).match(/not enforced by the target; all rows were read/g),
  ).toHaveLength(3)
  expect(said(named(checks, 'c: foreign keys'))).toMatch(
    /\(p\) to p \(id\): the source has this foreign key, and the target does not\n.*all rows were looked at/,
  )
  // By which letters the source finds the parent, PostgreSQL's foreign keys cannot say.
  expect(checks.filter((one) => one.result !== 'pass')).toMatchObject([
    { name: 'c: foreign keys', result: 'incomplete', found: expect.stringContaining('NOCASE') },
  ])
})

test.each([
  [
    'a value twice',
    `UPDATE p SET "Ünï" = 'x' WHERE id = 2`,
    'p: unique values',
    /\(Ünï\) where .*: 2 rows share 1 value/,
  ],
  [
    'a value twice, in another case',
    `UPDATE p SET name = 'A' WHERE id = 2`,
    'p: unique values',
    /2 rows share 1 value/,
  ],
  [
    'a key twice',
    'INSERT INTO p VALUES (2, NULL, NULL)',
    'p: unique values',
    /\(id\): 2 rows share 1 value[\s\S]*ctid/,
  ],
  ['an orphan', 'UPDATE c SET p = 77 WHERE id = 2', 'c: foreign keys', /1 row without a parent/],
  [
    'more orphans than are named',
    'INSERT INTO c SELECT n, n FROM generate_series(10, 39) n',
    'c: foreign keys',
    /30 rows without a parent(\n.*)*(\nno parent by .*){10}$/,
  ],
])('%s', async (_, sql, name, words) => {
  const wrong = await broken(bare, sql)
  expect(named(wrong, name).result).toBe('fail')
  expect(said(named(wrong, name))).toMatch(words)
  expect(said(named(wrong, name)).match(/no parent by/g)?.length ?? 0).toBeLessThanOrEqual(10)
})

test('keys of the target’s own answer for the source’s', async () => {
  const pair = await migrated(
    `CREATE TABLE p(id INTEGER PRIMARY KEY, a INT, b INT, UNIQUE (a, b)); INSERT INTO p VALUES (1, 1, 1);
    CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p); INSERT INTO c VALUES (1, 1)`,
    {
      postgres: `CREATE TABLE p(id serial PRIMARY KEY, a int UNIQUE, b int);
      CREATE TABLE c(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p int REFERENCES p)`,
    },
  )
  const checks = await check(pair)
  expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(said(named(checks, 'p: unique values'))).toMatch(
    /^2 keys, which the target enforces[\s\S]*\(a, b\): p_a_key/,
  )
  expect(said(named(checks, 'c: foreign keys'))).toContain('c_p_fkey is validated by the target')
  const wrong = await broken(
    pair,
    `SELECT setval('p_id_seq', 1, false); ALTER TABLE c DROP CONSTRAINT c_p_fkey; ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p NOT VALID;
    ALTER TABLE p ADD CHECK (a > 0) NOT VALID`,
  )
  expect(wrong.map((one) => [one.name, one.result])).toEqual([
    ['p: checks', 'fail'],
    ['p: sequences', 'fail'],
    ['c: foreign keys', 'fail'],
  ])
})

test('citext finds its parents in any case', async ({ skip }) => {
  const postgres = `CREATE EXTENSION citext; CREATE TABLE p(k citext); CREATE TABLE c(id int PRIMARY KEY, k citext)`
  const [available] = await query(
    await own(),
    `SELECT count(*)::text FROM pg_available_extensions WHERE name = 'citext'`,
  )
  skip(available![0] === '0', 'this PostgreSQL has no citext')
  const pair = await migrated(
    `CREATE TABLE p(k TEXT PRIMARY KEY); INSERT INTO p VALUES ('Ab');
    CREATE TABLE c(id INTEGER PRIMARY KEY, k TEXT REFERENCES p); INSERT INTO c VALUES (1, 'Ab')`,
    { postgres },
  )
  const wrong = await broken(
    pair,
    `UPDATE c SET k = 'aB'; INSERT INTO c VALUES (2, 'x'); INSERT INTO p VALUES ('AB')`,
  )
  expect(said(named(wrong, 'c: foreign keys'))).toMatch(/1 row without a parent[\s\S]*id = 2$/)
  expect(said(named(wrong, 'p: unique values'))).toMatch(/2 rows share 1 value/)
})

test('a source that changed its tables', async () => {
  const pair = await migrated(SOURCE, { postgres: BARE })
  const database = new DatabaseSync(pair.from)
  database.exec('CREATE TABLE later(x); DROP TABLE c')
  database.close()
  const [coverage] = await check(pair)
  expect(coverage).toMatchObject({ result: 'fail' })
  expect(coverage!.evidence!.join('\n')).toMatch(
    /later: the source has it[\s\S]*c: the source does not have it any more/,
  )
})

test('what the role may not look at is incomplete, with the reason', async () => {
  const pair = await migrated(SOURCE)
  const role = `blind_${process.pid}`
  await query(pair.to, `CREATE ROLE ${role}; GRANT USAGE ON SCHEMA public TO ${role}`)
  try {
    const checks = await check(pair, { role })
    const open = checks.filter((one) => one.result !== 'pass')
    expect(open.map((one) => [one.name, one.result])).toEqual([
      ['p: keys and indexes', 'incomplete'],
      ['p: unique values', 'incomplete'],
      ['p: sequences', 'incomplete'],
      ['c: sequences', 'incomplete'],
    ])
    for (const one of open) expect(one.found).toContain('permission denied')
  } finally {
    await query(pair.to, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('numbers in a text are not known to be beyond', async () => {
  const pair = await migrated(`CREATE TABLE t(id TEXT, x INT); INSERT INTO t VALUES ('N-7', 1)`, {
    postgres: `CREATE SEQUENCE s; CREATE TABLE t(id text DEFAULT 'N-' || nextval('s'), x int)`,
  })
  expect((await check(pair)).filter((one) => one.result !== 'pass')).toMatchObject([
    { name: 't: sequences', result: 'incomplete', found: expect.stringContaining('public.s') },
  ])
})
