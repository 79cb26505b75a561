import { describe, expect, test } from 'vitest'
import { bench, query } from '../migrate/migrating.ts'
import { ASIDE, type ColumnCase, together } from './columns.ts'

const tools = bench()
const { sqlite, postgres, migrate, plan } = tools
const UNFIT = 'is no text that PostgreSQL can hold (bytes, a NUL, or invalid UTF-8)'

/** HAZARDS 3. */
together('text', tools, [
  {
    title: 'every kind of character',
    declared: 'TEXT',
    type: 'text',
    conversion: null,
    values: [
      ["'tab' || char(9) || 'newline' || char(10) || char(13)", 'tab\tnewline\n\r'],
      ["'back\\slash \\N \\. \\x41'", 'back\\slash \\N \\. \\x41'],
      ["'größe 名前 😀'", 'größe 名前 😀'],
      ["char(0xfeff) || 'BOM'", '\ufeffBOM'],
      [
        'char(0xfffd) || char(0xffff) || char(0x10ffff) || char(1) || char(127)',
        '\ufffd\uffff\u{10ffff}\u0001\u007f',
      ],
      ["'e' || char(0x301)", 'e\u0301'],
      ["''", ''],
      ['NULL', null],
    ],
  },
  {
    title: 'NUL, invalid UTF-8 and bytes among it',
    declared: 'TEXT',
    type: 'text',
    reason: UNFIT,
    values: [
      ["'fine'", 'fine'],
      ["'a' || char(0) || 'b'", ASIDE],
      ['char(0)', ASIDE],
      ["CAST(x'ff' AS TEXT)", ASIDE],
      ["CAST(x'c080' AS TEXT)", ASIDE],
      ["CAST(x'eda080' AS TEXT)", ASIDE],
      ["CAST(x'f4908080' AS TEXT)", ASIDE],
      ["CAST(x'e282' AS TEXT)", ASIDE],
      ["x'6162'", ASIDE],
      ["x''", ASIDE],
      ["'fine too'", 'fine too'],
    ],
  },
  {
    title: "NUL taken out, because the config says so: nul 'strip'",
    declared: 'TEXT',
    choice: { nul: 'strip' },
    type: 'text',
    conversion: 'NUL characters taken out',
    values: [
      ["'a' || char(0) || 'b'", 'ab'],
      ['char(0)', ''],
      ["'c'", 'c'],
      ['NULL', null],
      ["CAST(x'ff' AS TEXT)", ASIDE],
      ["x'61'", ASIDE],
    ],
  },
  {
    title: "invalid UTF-8 replaced: invalidUtf8 'replace'",
    declared: 'TEXT',
    choice: { invalidUtf8: 'replace' },
    type: 'text',
    conversion: 'invalid UTF-8 replaced by U+FFFD',
    values: [
      ["CAST(x'61ff62' AS TEXT)", 'a\ufffdb'],
      ["'fine'", 'fine'],
      ["'a' || char(0)", ASIDE],
    ],
  },
  {
    title: 'both, with a length that the repaired text keeps',
    declared: 'VARCHAR(3)',
    choice: { nul: 'strip', invalidUtf8: 'replace' },
    type: 'varchar(3)',
    values: [
      ["'abc' || char(0)", 'abc'],
      ["CAST(x'61ff62' AS TEXT)", 'a\ufffdb'],
    ],
  },
  {
    title: 'both, with a length that it does not keep',
    declared: 'VARCHAR(3)',
    choice: { nul: 'strip', invalidUtf8: 'replace' },
    type: 'text',
    values: [
      ["'abc' || char(0)", 'abc'],
      ["'abcd'", 'abcd'],
    ],
  },
  {
    title: 'into bytea, because the config says so: the bytes as they are',
    declared: 'TEXT',
    choice: { type: 'bytea' },
    type: 'bytea',
    conversion: 'text to its bytes',
    values: [
      ["'a' || char(0)", '\\x6100'],
      ["CAST(x'ff' AS TEXT)", '\\xff'],
      ["x'0102'", '\\x0102'],
      ["''", '\\x'],
    ],
  },
  {
    title: 'in a BLOB column',
    declared: 'BLOB',
    type: 'bytea',
    conversion: 'text to its bytes',
    why: 'declared BLOB',
    values: [
      ["x'00ff'", '\\x00ff'],
      ["'text' || char(0)", '\\x7465787400'],
      ['NULL', null],
    ],
  },
  {
    title: 'a number in a BLOB column',
    declared: 'BLOB',
    type: 'bytea',
    reason: 'is no BLOB',
    values: [
      ["x'00ff'", '\\x00ff'],
      ['1', ASIDE],
      ['0.5', ASIDE],
    ],
  },
  {
    title: 'empty and long BLOBs',
    declared: 'BLOB',
    type: 'bytea',
    conversion: null,
    shown: 'length(v)::text',
    values: [
      ["x''", '0'],
      ['zeroblob(2000000)', '2000000'],
    ],
  },
] satisfies ColumnCase[])

/** HAZARDS 4. */
together('lengths', tools, [
  {
    title: 'kept, in characters and not in bytes',
    declared: 'VARCHAR(4)',
    type: 'varchar(4)',
    values: [
      ["'abcd'", 'abcd'],
      ["'😀😀😀😀'", '😀😀😀😀'],
      ["'a   '", 'a   '],
    ],
  },
  {
    title: 'not kept: text, with the first value that is longer',
    declared: 'VARCHAR(4)',
    type: 'text',
    why: 'declared VARCHAR(4), but id = 2 ("abcde") is no text of at most 4 characters',
    values: [
      ["'abcd'", 'abcd'],
      ["'abcde'", 'abcde'],
      ["'a     '", 'a     '],
    ],
  },
  {
    title: "of a target's column are never exceeded, not even by blanks",
    declared: 'TEXT',
    there: 'varchar(4)',
    type: 'character varying(4)',
    values: [
      ["'abcd'", 'abcd'],
      ["'abcde'", ASIDE],
      ["'abc  '", ASIDE],
    ],
  },
] satisfies ColumnCase[])

together('JSON', tools, [
  {
    title: 'keeps its text to the letter',
    declared: 'JSON',
    type: 'json',
    values: [
      ['\'{"b":1,  "a":[1.50,1e400],"b":null}\'', '{"b":1,  "a":[1.50,1e400],"b":null}'],
      ['\'"\\u0000"\'', '"\\u0000"'],
      ['\'"\\ud800"\'', '"\\ud800"'],
      ["' [0] '", ' [0] '],
      ['NULL', null],
    ],
  },
  ...[
    "''",
    "'{'",
    "'{a:1}'",
    "'[1,]'",
    "'[01]'",
    "'NaN'",
    "char(0xfeff) || '{}'",
    "'\"' || char(10) || '\"'",
  ].map((value) => ({
    title: `${JSON.stringify(value)} is none and makes the column text`,
    declared: 'JSON',
    type: 'text',
    why: 'declared JSON, but id = 2 (',
    values: [
      ["'[1]'", '[1]'],
      [value, value.startsWith('char') ? '\ufeff{}' : value.includes('char') ? '"\n"' : value.slice(1, -1)],
    ] as const,
  })),
  {
    title: 'documents that are numbers, which SQLite stores as such',
    declared: 'JSON',
    type: 'json',
    conversion: 'numbers to their JSON text',
    values: [
      ["'5'", '5'],
      ["'0.1'", '0.1'],
      ["'[9007199254740993]'", '[9007199254740993]'],
      ["'9007199254740993'", '9007199254740993'],
      ["'true'", 'true'],
    ],
  },
  {
    title: 'infinity is no document',
    declared: 'JSON',
    there: 'jsonb',
    type: 'jsonb',
    values: [
      ["'5'", '5'],
      ['9e999', ASIDE],
      ['-9e999', ASIDE],
    ],
  },
  {
    title: 'with a NUL is no text',
    declared: 'JSON',
    type: 'text',
    reason: UNFIT,
    values: [
      ["'{}'", '{}'],
      ["'{}' || char(0)", ASIDE],
    ],
  },
  {
    title: 'as jsonb, because the config says so, is refused where jsonb has no place for it',
    declared: 'JSON',
    choice: { type: 'jsonb' },
    type: 'jsonb',
    reason: 'is no JSON text that jsonb can hold',
    values: [
      ['\'{"b":1,  "a":[1.50]}\'', '{"a": [1.50], "b": 1}'],
      ['\'"\\u0000"\'', ASIDE],
      // A backslash, then letters.
      ['\'"\\\\u0000"\'', '"\\\\u0000"'],
      ['\'"\\ud83d\\ude00"\'', '"😀"'],
      ['\'"\\ud83d"\'', ASIDE],
      ['\'"\\ude00\\ud83d"\'', ASIDE],
      ['\'"\\ud83d\\n"\'', ASIDE],
      ["'[1e131071]'", `[1${'0'.repeat(131071)}]`],
      ["'[1e131072]'", ASIDE],
      ['\'["x", 1e-16384]\'', ASIDE],
      ['\'"1e-16384"\'', '"1e-16384"'],
      ["'{'", ASIDE],
    ],
  },
] satisfies ColumnCase[])

describe.each([
  ['UTF-16le', (bytes: string) => bytes],
  ['UTF-16be', (bytes: string) => bytes.replace(/(..)(..)/g, '$2$1')],
])('a database in %s', (encoding, swapped) => {
  const raw = (littleEndian: string) => `CAST(x'${swapped(littleEndian)}' AS TEXT)`
  together(
    'holds',
    tools,
    [
      {
        title: 'every kind of character',
        declared: 'TEXT',
        type: 'text',
        values: [
          ["'größe 名前 😀'", 'größe 名前 😀'],
          ["''", ''],
        ],
      },
      {
        title: 'NUL and lone surrogates',
        declared: 'TEXT',
        type: 'text',
        reason: UNFIT,
        values: [
          ["'fine'", 'fine'],
          ["'a' || char(0)", ASIDE],
          [raw('00d8'), ASIDE],
          [raw('610000dc6200'), ASIDE],
          [raw('3dd800de'), '😀'],
        ],
      },
      {
        title: 'what is replaced and taken out',
        declared: 'TEXT',
        choice: { nul: 'strip', invalidUtf8: 'replace' },
        type: 'text',
        values: [
          ["'a' || char(0) || 'b'", 'ab'],
          [raw('610000dc6200'), 'a\ufffdb'],
        ],
      },
      {
        title: 'lengths in characters',
        declared: 'VARCHAR(2)',
        type: 'varchar(2)',
        values: [
          ["'😀é'", '😀é'],
          ["'ab'", 'ab'],
        ],
      },
      {
        title: 'JSON',
        declared: 'JSON',
        type: 'json',
        values: [
          ['\'{"é":1}\'', '{"é":1}'],
          ["'1'", '1'],
        ],
      },
      {
        title: 'times',
        declared: 'DATETIME',
        type: 'timestamp',
        values: [["'2024-01-01T10:00:00.5'", '2024-01-01 10:00:00.5']],
      },
      {
        title: 'UUIDs',
        declared: 'UUID',
        type: 'uuid',
        values: [["'0D6F6E5A-0000-4000-8000-00000000000F'", '0d6f6e5a-0000-4000-8000-00000000000f']],
      },
    ] satisfies ColumnCase[],
    `PRAGMA encoding = '${encoding}'`,
  )
})

test('text of several megabytes arrives whole, beside short text, JSON and jsonb', async () => {
  const from = sqlite(`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w VARCHAR(9000000), j JSON, b JSON);
    WITH n(x) AS (VALUES (1), (2), (3)) INSERT INTO t
      SELECT x, r, r, '["' || r || '"]', '["' || r || '"]'
      FROM (SELECT x, replace(hex(zeroblob(x * 500000)), '00', 'é' || x || char(9)) AS r FROM n);
    INSERT INTO t VALUES (4, '', '', '[]', '{}');`)
  // A tab inside JSON must be escaped.
  const fixed = sqlite(
    `ATTACH '${from}' AS s; CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w VARCHAR(9000000), j JSON, b JSON);
    INSERT INTO t SELECT id, v, w, replace(j, char(9), '\\t'), replace(b, char(9), '\\t') FROM s.t`,
  )
  const to = await postgres()
  const config = { moves: { t: { columns: { b: { type: 'jsonb' } } } } }
  const report = await migrate(fixed, to, { config })
  expect(report).toMatchObject({ exitCode: 0, tables: [{ read: 4, loaded: 4 }] })
  const types = await query(
    to,
    `SELECT format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = 't'::regclass AND attnum > 1 ORDER BY attnum`,
  )
  expect(types.flat()).toEqual(['text', 'character varying(9000000)', 'json', 'jsonb'])
  expect(
    await query(
      to,
      `SELECT id, v = w AND v = repeat('é' || id || chr(9), (id * 500000)::int) AND j ->> 0 = v AND b ->> 0 = v FROM t WHERE id < 4 ORDER BY id`,
    ),
  ).toEqual([
    ['1', 't'],
    ['2', 't'],
    ['3', 't'],
  ])
})

test('the choices of the plan for text that cannot be stored', async () => {
  const from = sqlite("CREATE TABLE t(v TEXT); INSERT INTO t VALUES ('a' || char(0)), (CAST(x'ff' AS TEXT))")
  const planned = await plan(from, await postgres())
  expect(planned.blockers).toMatchObject([
    {
      code: 'LF204',
      message: `t.v ${UNFIT} in 2 of 2 rows`,
      examples: ["rowid = 1 (text x'6100')", "rowid = 2 (text x'ff')"],
    },
  ])
  expect(planned.blockers[0]!.choices.at(-1)).toBe(
    "moves.t.columns.v: { nul: 'strip' }, { invalidUtf8: 'replace' } or { type: 'bytea' }",
  )
})

test('what is set aside keeps the exact bytes of text that is none', async () => {
  const from = sqlite(
    "CREATE TABLE t(v TEXT); INSERT INTO t VALUES ('a' || char(0) || 'é'), (CAST(x'61ff' AS TEXT)), (x'00')",
  )
  const to = await postgres()
  await migrate(from, to, { options: { badRows: 'set-aside' } })
  const found = await query(to, 'SELECT content::text FROM landfall.rejects ORDER BY key')
  expect(found.flat().map((content) => JSON.parse(content!))).toEqual([
    { v: { text: 'a\0é' } },
    { v: { textBytes: '61ff' } },
    { v: { blob: '00' } },
  ])
})
