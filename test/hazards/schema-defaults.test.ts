import { expect, test } from 'vitest'
import { bench, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate, plan } = bench()

/** HAZARDS 9. Each column with its default, and what a row without a value gets in the target. */
const SAME: readonly (readonly [string, string, string | null])[] = [
  ['n INTEGER', '-5', '-5'],
  ['plus INTEGER', '+7', '7'],
  ['hex INTEGER', '0x10', '16'],
  ['big INTEGER', '9223372036854775807', '9223372036854775807'],
  ['r REAL', '1e3', '1000'],
  ['t TEXT', "'it''s'", "it's"],
  ['empty TEXT', "''", ''],
  ['nul TEXT', "'null'", 'null'],
  ['nil TEXT', 'NULL', null],
  ['quoted TEXT', '"0"', '0'],
  ['quoted_number INTEGER', '"0"', '0'],
  ['number_text INTEGER', "'12'", '12'],
  ['text_number TEXT', '5', '5'],
  ['flag BOOLEAN', '1', 't'],
  ['flag_word BOOLEAN', 'true', 't'],
  ['off BOOLEAN', '0', 'f'],
  ['blob BLOB', "x'00ff'", '\\x00ff'],
  ['expression INTEGER', '(1 + 2 * 3)', '7'],
  ['joined TEXT', "('a' || 'b')", 'ab'],
  ['price DECIMAL(8,2)', '9.99', '9.99'],
  ['backslash TEXT', "'a\\b'", 'a\\b'],
  ['comma TEXT', "'a,b) --'", 'a,b) --'],
]

test('constants mean the same in the target', async () => {
  const columns = SAME.map(([column, value]) => `${column} DEFAULT ${value}`).join(', ')
  const from = sqlite(`CREATE TABLE d(id INTEGER PRIMARY KEY, ${columns}); INSERT INTO d(id) VALUES (1)`)
  const to = await postgres()
  await migrate(from, to)
  const names = SAME.map(([column]) => column.split(' ')[0])
  const [copied, made] = await query(
    to,
    `INSERT INTO d(id) VALUES (2); SELECT ${names.join(', ')} FROM d ORDER BY id`,
  )
  const expected = Object.fromEntries(SAME.map(([column, , value]) => [column.split(' ')[0], value]))
  const named = (row: (string | null)[]) => Object.fromEntries(names.map((name, i) => [name, row[i]]))
  expect(named(copied!)).toEqual(expected)
  expect(named(made!)).toEqual(expected)
})

test('the time of day is taken when the row is made, in the form that the column has', async () => {
  const from = sqlite(`CREATE TABLE d(id INTEGER PRIMARY KEY,
    a DATETIME DEFAULT CURRENT_TIMESTAMP, b DATE DEFAULT CURRENT_DATE, c TEXT DEFAULT (datetime('now')),
    d INTEGER DEFAULT (unixepoch()), e TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), f TEXT DEFAULT CURRENT_TIME,
    g INTEGER DEFAULT (strftime('%s', 'now')), h TEXT DEFAULT (datetime('now', 'localtime')));
    INSERT INTO d(id) VALUES (1)`)
  const to = await postgres()
  await migrate(from, to)
  const rows = await query(
    to,
    `SET TimeZone = 'Asia/Tokyo'; INSERT INTO d(id) VALUES (2);
     SELECT abs(extract(epoch FROM a::timestamp AT TIME ZONE 'UTC' - now())) < 60, b = (now() AT TIME ZONE 'UTC')::date,
       c = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), abs(d - extract(epoch FROM now())) < 60,
       e = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), f::text LIKE to_char(now() AT TIME ZONE 'UTC', 'HH24:MI:') || '%',
       abs(g - extract(epoch FROM now())) < 60, h = to_char(localtimestamp, 'YYYY-MM-DD HH24:MI:SS') FROM d WHERE id = 2`,
  )
  expect(rows).toEqual([['t', 't', 't', 't', 't', 't', 't', 't']])
})

test('what means something else in PostgreSQL is left out with a reason, and never guessed', async () => {
  const from = sqlite(`CREATE TABLE d(id INTEGER PRIMARY KEY,
      b TEXT DEFAULT (hex(randomblob(16))), c INTEGER DEFAULT 'no number', e INTEGER NOT NULL DEFAULT (sqlite_version()));
    INSERT INTO d(id, c, e) VALUES (1, 3, 4)`)
  const to = await postgres()
  const { moves, leftOut } = await plan(from, to)
  const told = [...moves[0]!.notes, ...leftOut.map((one) => `${one.kind} ${one.name}: ${one.why}`)].join('\n')
  for (const [name, value] of [
    ['b', 'randomblob'],
    ['c', 'no number'],
    ['e', 'sqlite_version'],
  ])
    expect(told).toMatch(new RegExp(`${name}.*${value}`))
  expect((await migrate(from, to)).exitCode).toBe(0)
  const defaults = await query(
    to,
    `SELECT column_name::text, column_default FROM information_schema.columns WHERE table_name = 'd' AND column_default IS NOT NULL`,
  )
  expect(defaults).toEqual([])
})
