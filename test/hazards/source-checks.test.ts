import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { sql } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

/** HAZARDS 13: rows that the source should not have by its own word. */
const BROKEN = `CREATE TABLE t(id INTEGER PRIMARY KEY, age INTEGER CHECK (age >= 0 /* unborn */),
    mood TEXT, low INTEGER, high INTEGER, flag BOOLEAN CHECK (flag IN (0, 1)),
    CONSTRAINT moods CHECK (t.mood IN ('fine', "odd") -- words
    ),
    CHECK (low < high), CHECK (mood = printf('%s', mood)));
  PRAGMA ignore_check_constraints = ON;
  INSERT INTO t VALUES (1, 5, 'fine', 1, 2, 1), (2, -5, 'odd', 1, 2, 0), (3, NULL, NULL, NULL, 1, NULL),
    (4, 1, 'bad', 1, 2, 1), (5, 1, 'fine', 2, 2, 1), (6, -1, 'bad', 3, 2, 1);`

/** The source, made with SQLite's own setting that a text may stand in double quotes. */
function broken(): string {
  const path = sqlite('')
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: true })
  database.exec(BROKEN)
  database.close()
  return path
}

test('rows that break a check are found before anything is written', async () => {
  const { blockers } = await plan(broken(), await postgres())
  expect(blockers.map(({ code, column, message, examples }) => [code, column, message, ...examples])).toEqual(
    [
      ['LF204', 'age', 't.age breaks CHECK (age >= 0) in 2 of 6 rows', 'id = 2 (-5)', 'id = 6 (-1)'],
      [
        'LF204',
        'mood',
        `t.mood breaks CHECK (t.mood IN ('fine', "odd")) in 2 of 6 rows`,
        'id = 4 ("bad")',
        'id = 6 ("bad")',
      ],
      ['LF204', null, 't breaks CHECK (low < high) in 2 of 6 rows', 'id = 5', 'id = 6'],
    ],
  )
})

test.each([[{}], [{ profileRows: 1, batchSize: 1 }]])(
  'they are set aside, and the checks stand (%j)',
  async (ask) => {
    const to = await postgres()
    const report = await migrate(broken(), to, { options: { badRows: 'set-aside', ...ask } })
    expect(report).toMatchObject({ exitCode: 1, tables: [{ read: 6, loaded: 2, setAside: 4 }] })
    expect(await query(to, 'SELECT id FROM t ORDER BY id')).toEqual([['1'], ['3']])
    expect(
      await query(
        to,
        `SELECT count(*)::text FROM pg_constraint WHERE contype = 'c' AND conrelid = 't'::regclass`,
      ),
    ).toEqual([['3']])
  },
)

test('what the config makes of values is judged by the target, and NULL breaks nothing', async () => {
  const from =
    sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT CHECK (v <> ''), w TEXT CHECK (length(w) < 3));
    PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (1, '', 'a'), (2, 'x', 'long')`)
  const columns = { v: { empty: 'null' }, w: { type: 'text', convert: sql`substr(w, 1, 2)` } } as const
  const to = await postgres()
  expect((await migrate(from, to, { config: { moves: { t: { columns } } } })).exitCode).toBe(0)
  expect(await query(to, 'SELECT * FROM t ORDER BY id')).toEqual([
    ['1', null, 'a'],
    ['2', 'x', 'lo'],
  ])
})

test('checks that the target does not get, and those of a table that is there, stop nothing', async () => {
  const from =
    sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT CHECK (v GLOB '[a-z]*'), d TEXT CHECK (date(d) IS NOT NULL));
    PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (1, '1', 'x')`)
  expect(
    (await plan(from, await postgres())).blockers.filter(({ message }) => message.includes('date(')),
  ).toEqual([])
  const to = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, v text, d text)')
  expect((await migrate(from, to)).exitCode).toBe(0)
})

test('the choices go by what is broken, not by the words for it', async () => {
  const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT CHECK (v <> 'UTF-8'), n INTEGER);
    PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (1, 'UTF-8', 'x'), (2, 'a' || char(0), 2)`)
  const choices = async (to: string) =>
    (await plan(from, to)).blockers.map(({ choices }) => choices.at(-1)!.replace('moves.t.columns.', ''))
  expect(await choices(await postgres())).toEqual([
    "v: { nul: 'strip' }, { invalidUtf8: 'replace' } or { type: 'bytea' }",
    "n: { type: 'text' } or { convert: sql`…` }",
    'v: { convert: sql`…` }',
  ])
  const there = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, v text, n bigint)')
  expect(await choices(there)).toEqual([
    "v: { nul: 'strip' }, { invalidUtf8: 'replace' } or { convert: sql`…` }",
    'n: { convert: sql`…` }',
  ])
})
