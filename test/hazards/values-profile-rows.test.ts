import { expect, test } from 'vitest'
import { landfall } from '../cli/run.ts'
import { bench, failure, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate, plan } = bench()
/** Ranges of ten rows, so that three of them are looked at. */
const PART = { profileRows: 25, batchSize: 10 } as const
const SET_ASIDE = { ...PART, badRows: 'set-aside' } as const

/** A hundred rows whose value is `before` up to the 90th, and then these. */
function late(declared: string, before: string, after: readonly string[], more = ''): string {
  return `PRAGMA foreign_keys = OFF; CREATE TABLE t(id INTEGER PRIMARY KEY, v ${declared});
    WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 90) INSERT INTO t SELECT x, ${before} FROM n;
    INSERT INTO t(v) VALUES ${after.map((value) => `(${value})`).join(', ')}; ${more}`
}

test('the plan says that only a part was looked at', async () => {
  const from = sqlite(late('INTEGER', 'x', ['1']), 'part.db')
  const to = await postgres()
  expect((await plan(from, to, { options: PART })).moves[0]).toMatchObject({ profiledRows: 30 })
  expect((await plan(from, to, { options: { batchSize: 10 } })).moves[0]).toMatchObject({
    profiledRows: null,
  })
  const told = await landfall(
    ['plan', '--from', `sqlite:${from}`, '--to', to, '--profile-rows', '25', '--batch-size', '10'],
    { cwd: folder },
  )
  expect(told.status).toBe(0)
  expect(told.stdout).toMatch(/only 30 rows of 91 were profiled; the others are tested while they are copied/)
})

test('a bad row beyond stops the copy before its chunk, and the same command goes on once it is mended', async () => {
  const from = sqlite(late('INTEGER', 'x', ['1', "'toto'", '3']))
  const to = await postgres()
  expect((await plan(from, to, { options: PART })).blockers).toEqual([])
  const error = await failure(migrate(from, to, { options: { ...PART, jobs: 1 } }))
  expect(error.code).toBe('LF204')
  expect(error.place).toMatchObject({ table: 't', column: 'v', key: 'id = 92 ("toto")' })
  const loaded = await query(to, 'SELECT count(*) FROM t WHERE id > 90')
  expect(loaded).toEqual([['0']])
  const report = await migrate(from, to, { options: SET_ASIDE })
  expect(report).toMatchObject({
    exitCode: 1,
    resumed: true,
    tables: [{ read: 93, loaded: 92, setAside: 1 }],
  })
})

test('bad rows beyond are set aside, each with its reason and content', async () => {
  const from = sqlite(late('INTEGER', 'x', ['1', "'toto'", '3', '0.5', 'NULL']))
  const to = await postgres()
  const report = await migrate(from, to, { options: SET_ASIDE })
  expect(report).toMatchObject({ exitCode: 1, tables: [{ read: 95, loaded: 93, setAside: 2 }] })
  expect(
    await query(to, 'SELECT key, "column", reason, content::text FROM landfall.rejects ORDER BY key'),
  ).toEqual([
    ['id = 92', 'v', 'is no integer', '{"id":{"integer":"92"},"v":{"text":"toto"}}'],
    ['id = 94', 'v', 'is no integer', '{"id":{"integer":"94"},"v":{"real":"0.5"}}'],
  ])
})

test.each([
  ['integers of more than 53 bits', 'INTEGER', 'x', '9223372036854775807', 'bigint', '9223372036854775807'],
  [
    'text of megabytes',
    'TEXT',
    'x',
    "replace(hex(zeroblob(1000000)), '00', 'é')",
    'text',
    'é'.repeat(1000000),
  ],
  ['a BLOB of megabytes', 'BLOB', "x'00'", 'zeroblob(1500000)', 'bytea', `\\x${'00'.repeat(1500000)}`],
  [
    'JSON of megabytes',
    'JSON',
    "'[]'",
    `'"' || hex(zeroblob(800000)) || '"'`,
    'json',
    `"${'00'.repeat(800000)}"`,
  ],
  ['a JSON number', 'JSON', "'[]'", '5', 'json', '5'],
  [
    'a UUID in capitals',
    'UUID',
    "'0d6f6e5a-0000-4000-8000-00000000000f'",
    "'AD6F6E5A-0000-4000-8000-00000000000F'",
    'uuid',
    'ad6f6e5a-0000-4000-8000-00000000000f',
  ],
  [
    'a time with a fraction',
    'DATETIME',
    "'2024-01-01 10:00:00'",
    "'2024-01-01T10:00:00.5'",
    'timestamp without time zone',
    '2024-01-01 10:00:00.5',
  ],
  ['a word in a boolean column', 'BOOLEAN', '1', "'false'", 'boolean', 'false'],
])('%s beyond fit all the same', async (_, declared, before, after, type, text) => {
  const to = await postgres()
  const report = await migrate(sqlite(late(declared, before, [after])), to, { options: PART })
  expect(report).toMatchObject({ exitCode: 0, tables: [{ read: 91, loaded: 91 }] })
  const arrived = await query(to, 'SELECT v::text, pg_typeof(v)::text FROM t WHERE id = 91')
  expect(arrived[0]![1]).toBe(type)
  expect(arrived[0]![0] === text).toBe(true)
})

test('orphans beyond are caught, and rows that lose their parent beyond go with it', async () => {
  const from = sqlite(
    late(
      'INTEGER',
      'x',
      ['1', "'toto'"],
      `CREATE TABLE c(id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id));
      INSERT INTO c SELECT id, id FROM t; INSERT INTO c VALUES (200, 999);`,
    ),
  )
  const to = await postgres()
  const report = await migrate(from, to, { options: SET_ASIDE })
  expect(
    report.tables.map(({ source, read, loaded, setAside }) => [source, read, loaded, setAside]).sort(),
  ).toEqual([
    ['c', 93, 91, 2],
    ['t', 92, 91, 1],
  ])
})

test('duplicates beyond are caught before anything is loaded, or set aside', async () => {
  const from = sqlite(
    late('UUID UNIQUE', "printf('0d6f6e5a-0000-4000-8000-%012d', x)", [
      "'0D6F6E5A-0000-4000-8000-000000000007'",
    ]),
  )
  const to = await postgres()
  expect((await failure(migrate(from, to, { options: PART }))).code).toBe('LF204')
  const report = await migrate(from, to, { options: SET_ASIDE })
  expect(report).toMatchObject({ tables: [{ read: 91, loaded: 90, setAside: 1 }] })
})

test('values beyond that are too long for an index count', async () => {
  const long = 'hex(randomblob(5000))'
  const keys = 'CREATE INDEX short ON t(id, v) WHERE id < 50; CREATE INDEX slow ON t(v)'
  const to = await postgres()
  const report = await migrate(sqlite(late('TEXT', 'x', [long], keys)), to, { options: PART })
  expect(report).toMatchObject({ exitCode: 0, tables: [{ loaded: 91 }] })
  expect(
    await query(to, "SELECT indexname FROM pg_indexes WHERE tablename = 't' ORDER BY indexname"),
  ).toEqual([['short'], ['t_pkey']])
  const unique = sqlite(late('TEXT UNIQUE', 'x', [long]))
  expect((await plan(unique, await postgres(), { options: PART })).blockers).toMatchObject([
    { code: 'LF205', table: 't', column: 'v' },
  ])
})
