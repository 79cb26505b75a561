import { beforeAll, describe, expect, test } from 'vitest'
import { comparisonOf } from '../../src/compare/comparison.ts'
import { bench, failure } from '../migrate/migrating.ts'
import { numbers, type Pair, pairs, rangesAt, series } from './comparing.ts'

const b = bench()
const movedPair = pairs(b)

const same = (rows: number) => ({
  sourceRows: rows,
  targetRows: rows,
  missing: 0,
  extra: 0,
  changed: 0,
  exact: true,
  incomplete: null,
})

const ROWS = 3_000

/** Of every kind of column, with a text as its key. */
const KEYED = `
  CREATE TABLE things (code TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT, n INTEGER, r REAL, x BLOB, at TIMESTAMP, price DECIMAL(10,2), j JSON);
  INSERT INTO things SELECT 'k' || value, 'a' || value, 'b' || value, value, value + 0.1, randomblob(value % 7),
      '2024-01-01 00:00:00.123456', value || '.50', '{"v": ' || value || '}'
    FROM ${series(ROWS)};
  INSERT INTO things VALUES ('null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), ('empty', '', 'NULL', 0, 0.0, x'', NULL, 0, '[]'),
      ('shift', 'ab', 'c', 0, 0.0, NULL, NULL, 1, 'null'), ('nfc', '\u00e9', 'x', 1, 1, NULL, NULL, 1, '1');
`
const LOOSE = `
  CREATE TABLE loose (a TEXT, b INTEGER);
  INSERT INTO loose SELECT 'row ' || (value % 500), value % 500 FROM ${series(2000)};
  INSERT INTO loose VALUES (NULL, NULL), (NULL, NULL), ('once', 1);
`

describe('tables that are the same', () => {
  test('with keys and without, of no rows, in one range and in many', async () => {
    const pair = await movedPair(
      `${KEYED} ${LOOSE}
       CREATE TABLE empty (a TEXT);
       CREATE TABLE pairs (a TEXT, b INTEGER, v REAL, PRIMARY KEY (a, b)) WITHOUT ROWID;
       INSERT INTO pairs SELECT 'p' || (value % 10), value, value / 3.0 FROM ${series(1000)};`,
    )
    expect(await pair.compare('things')).toEqual({ ...same(ROWS + 4), differences: [] })
    expect(await pair.compare('things', { ranges: rangesAt(10, 999, 1000, 2500), jobs: 3 })).toMatchObject(
      same(ROWS + 4),
    )
    expect(await pair.compare('loose', { ranges: rangesAt(1, 2, 700) })).toMatchObject(same(2003))
    expect(await pair.compare('empty')).toMatchObject(same(0))
    expect(await pair.compare('pairs')).toMatchObject(same(1000))
    const ranges = [
      { after: null, upTo: ["'p3'", '500'] },
      { after: ["'p3'", '500'], upTo: null },
    ]
    expect(await pair.compare('pairs', { ranges })).toMatchObject(same(1000))
  })

  test('rows of no columns that are compared', async () => {
    const pair = await movedPair(
      'CREATE TABLE g (a INTEGER GENERATED ALWAYS AS (1) STORED, b TEXT); INSERT INTO g (b) VALUES (1), (2)',
    )
    const move = pair.plan.moves[0]!
    const none = { ...move, columns: [] }
    const comparison = comparisonOf(none, '0', null)
    expect(await pair.compare('g', { comparison })).toMatchObject(same(2))
    await pair.target('INSERT INTO g (b) VALUES (3)')
    expect(await pair.compare('g', { comparison })).toMatchObject({ missing: 0, extra: 1, changed: 0 })
    await pair.target(`DELETE FROM g; INSERT INTO g (b) VALUES ('only')`)
    expect(await pair.compare('g', { comparison })).toMatchObject({ missing: 1, extra: 0 })
    expect(await pair.repair('g', false, { comparison })).toMatchObject({ inserted: 1 })
    expect(await pair.compare('g', { comparison })).toMatchObject(same(2))
  })
})

describe('a difference of any kind', () => {
  let pair: Pair
  beforeAll(async () => {
    pair = await movedPair(`${KEYED} ${LOOSE}`)
  })

  const cases: [what: string, sql: string, expected: object][] = [
    ['swapped cells', `UPDATE things SET a = b, b = a WHERE code = 'k7'`, { changed: 1 }],
    [
      'cells swapped between rows',
      `UPDATE things t SET a = o.a FROM things o WHERE (t.code, o.code) IN (('k1', 'k2'), ('k2', 'k1'))`,
      { changed: 2 },
    ],
    [
      'the same change in an even number of rows',
      `UPDATE things SET n = 0 WHERE n BETWEEN 11 AND 20`,
      { changed: 10 },
    ],
    ['an empty text for NULL', `UPDATE things SET a = '' WHERE code = 'null'`, { changed: 1 }],
    ['NULL for an empty text', `UPDATE things SET a = NULL WHERE code = 'empty'`, { changed: 1 }],
    ['the word for NULL', `UPDATE things SET a = 'NULL' WHERE code = 'null'`, { changed: 1 }],
    ['NULL for its word', `UPDATE things SET b = NULL WHERE code = 'empty'`, { changed: 1 }],
    ['shifted delimiters', `UPDATE things SET a = 'a', b = 'bc' WHERE code = 'shift'`, { changed: 1 }],
    ['-0', `UPDATE things SET r = '-0' WHERE code = 'empty'`, { changed: 1 }],
    ['the last bit of a real', `UPDATE things SET r = 1.1000000000000003 WHERE code = 'k1'`, { changed: 1 }],
    [
      'a microsecond',
      `UPDATE things SET at = at + interval '1 microsecond' WHERE code = 'k5'`,
      { changed: 1 },
    ],
    ['NFD for NFC', `UPDATE things SET a = U&'e\\0301' WHERE code = 'nfc'`, { changed: 1 }],
    ['trailing blanks', `UPDATE things SET a = a || ' ' WHERE code = 'k9'`, { changed: 1 }],
    ['a cent', `UPDATE things SET price = price + 0.01 WHERE code = 'k9'`, { changed: 1 }],
    ['a byte', `UPDATE things SET x = x || '\\x00' WHERE code = 'k6'`, { changed: 1 }],
    ['JSON', `UPDATE things SET j = '{"v": 5.0}' WHERE code = 'k5'`, { changed: 1 }],
    ['a row missing', `DELETE FROM things WHERE code = 'k100'`, { missing: 1, targetRows: ROWS + 3 }],
    ['a row extra', `INSERT INTO things (code) VALUES ('new')`, { extra: 1, targetRows: ROWS + 5 }],
    ['another key', `UPDATE things SET code = 'K100' WHERE code = 'k100'`, { missing: 1, extra: 1 }],
    [
      'some of all',
      `DELETE FROM things WHERE n % 100 = 1; UPDATE things SET a = 'x' WHERE n % 100 = 2; INSERT INTO things (code) SELECT 'n' || i FROM generate_series(1, 7) i`,
      // Row nfc has n = 1.
      { missing: ROWS / 100 + 1, changed: ROWS / 100, extra: 7 },
    ],
  ]
  test.each(cases)('%s', async (_, sql, expected) => {
    await pair.target(sql)
    const outcome = await pair.compare('things', { ranges: rangesAt(1000, 2000) })
    const repaired = await pair.repair('things', true, { ranges: rangesAt(1000, 2000) })
    expect(numbers(outcome)).toMatchObject({ ...same(ROWS + 4), targetRows: expect.any(Number), ...expected })
    const { missing, extra, changed } = outcome
    expect(outcome.differences.length).toBe(missing + extra + changed)
    expect(repaired).toEqual({ inserted: missing, deleted: extra, updated: changed, extraLeft: 0 })
    expect(await pair.compare('things')).toMatchObject(same(ROWS + 4))
  })

  const loose: [what: string, sql: string, expected: object][] = [
    ['a duplicate', `INSERT INTO loose VALUES ('once', 1)`, { extra: 1 }],
    [
      'some duplicates, one row less',
      `INSERT INTO loose VALUES ('once', 1), ('once', 1), (NULL, NULL); DELETE FROM loose WHERE a = 'row 7'`,
      { extra: 3, missing: 4 },
    ],
    [
      'one of several equal rows',
      `DELETE FROM loose WHERE ctid = (SELECT min(ctid) FROM loose WHERE a IS NULL)`,
      { missing: 1 },
    ],
    ['another value', `UPDATE loose SET b = 2 WHERE a = 'once'`, { missing: 1, extra: 1 }],
    ['NULLs that moved', `UPDATE loose SET a = '' WHERE a IS NULL`, { missing: 2, extra: 2 }],
    ['everything gone', `TRUNCATE loose`, { missing: 2003, targetRows: 0 }],
    ['everything twice', `INSERT INTO loose SELECT * FROM loose`, { extra: 2003, targetRows: 4006 }],
  ]
  test.each(loose)('without a key: %s', async (_, sql, expected) => {
    await pair.target(sql)
    const outcome = await pair.compare('loose', { most: 5000 })
    const repaired = await pair.repair('loose', true)
    expect(outcome).toMatchObject({ ...same(2003), targetRows: expect.any(Number), ...expected })
    const { missing, extra } = outcome
    expect(outcome.differences.map((one) => one.kind).sort()).toEqual([
      ...Array(extra).fill('extra'),
      ...Array(missing).fill('missing'),
    ])
    expect(repaired).toEqual({ inserted: missing, deleted: extra, updated: 0, extraLeft: 0 })
    expect(await pair.compare('loose')).toMatchObject(same(2003))
  })
})

describe('what is shown', () => {
  test('key, columns and values; long ones are cut and told apart all the same', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (k TEXT NOT NULL, n INTEGER NOT NULL, v TEXT, w TEXT, PRIMARY KEY (k, n));
       INSERT INTO t SELECT 'it''s', value, printf('%.*c', 5000, 'x') || value, 'w' FROM ${series(9)};`,
    )
    await pair.target(
      `UPDATE t SET v = v || '!' WHERE n = 3; UPDATE t SET w = NULL WHERE n = 5; DELETE FROM t WHERE n = 7`,
    )
    const long = `${'x'.repeat(60)}…`
    const { differences } = await pair.compare('t')
    expect(differences).toEqual([
      {
        table: 't',
        kind: 'changed',
        key: `k = "it's", n = 3`,
        columns: [{ column: 'v', source: long, target: long }],
      },
      {
        table: 't',
        kind: 'changed',
        key: `k = "it's", n = 5`,
        columns: [{ column: 'w', source: 'w', target: null }],
      },
      {
        table: 't',
        kind: 'missing',
        key: `k = "it's", n = 7`,
        columns: [
          { column: 'k', source: "it's" },
          { column: 'n', source: '7' },
          { column: 'v', source: long },
          { column: 'w', source: 'w' },
        ],
      },
    ])
    expect((await pair.compare('t', { showValues: false })).differences[0]).toEqual({
      table: 't',
      kind: 'changed',
      key: `k = "it's", n = 3`,
      columns: [{ column: 'v' }],
    })
    expect(numbers(await pair.compare('t', { most: 2 }))).toMatchObject({
      changed: 2,
      missing: 1,
      exact: true,
    })
    expect((await pair.compare('t', { most: 2 })).differences.length).toBe(2)
  })
})

describe('a sample', () => {
  test('is the same rows on both sides and the next time, and about as many as were asked for', async () => {
    const pair = await movedPair(
      `CREATE TABLE s (k TEXT PRIMARY KEY NOT NULL, v INTEGER); INSERT INTO s SELECT 'k' || value, value FROM ${series(20000)};
       CREATE TABLE l (v INTEGER); INSERT INTO l SELECT value FROM ${series(20000)};`,
    )
    for (const table of ['s', 'l']) {
      const first = await pair.compare(table, { sample: 0.1 })
      expect(first).toMatchObject(same(first.sourceRows))
      expect(Math.abs(first.sourceRows - 2000)).toBeLessThan(200)
      expect(await pair.compare(table, { sample: 0.1, ranges: rangesAt(5000) })).toEqual(first)
    }
    await pair.target('UPDATE s SET v = v + 1; UPDATE l SET v = -v')
    const { sourceRows, targetRows, changed } = await pair.compare('s', { sample: 0.1 })
    expect([targetRows, changed]).toEqual([sourceRows, sourceRows])
    const loose = await pair.compare('l', { sample: 0.1 })
    expect([loose.missing, loose.extra]).toEqual([loose.sourceRows, loose.targetRows])
  })
})

describe('many differences', () => {
  test('are taken in groups, and counted to the end or as far as was said', async () => {
    const pair = await movedPair(
      `CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, v INTEGER); INSERT INTO t SELECT 'k' || value, value FROM ${series(3000)};
       CREATE TABLE l (v INTEGER); INSERT INTO l SELECT value FROM ${series(2000)}; INSERT INTO l SELECT 7 FROM ${series(2000)};`,
    )
    await pair.target(
      `UPDATE t SET v = -v WHERE v > 100; DELETE FROM t WHERE v BETWEEN 1 AND 20; DELETE FROM l WHERE ctid = (SELECT min(ctid) FROM l WHERE v = 7)`,
    )
    const all = { changed: 2900, missing: 20, extra: 0 }
    for (const groupRows of [100, 1000]) {
      const depth = { groupRows, groups: 1000 }
      expect(await pair.compare('t', { depth, most: 3 })).toMatchObject({ ...all, exact: true })
      const some = await pair.compare('t', { depth: { groupRows, groups: 2 }, most: 3 })
      expect(some).toMatchObject({ sourceRows: 3000, targetRows: 2980, exact: false, incomplete: null })
      expect(some.changed + some.missing).toBeGreaterThan(groupRows / 4)
      expect(some.changed + some.missing).toBeLessThanOrEqual(groupRows * 2)
      expect(some.differences.length).toBe(3)
      // As long as fewer are listed than were asked for, it goes on.
      expect(await pair.compare('t', { depth: { groupRows, groups: 2 }, most: 5000 })).toMatchObject(all)
    }
    const depth = { groupRows: 500, groups: 8 }
    // Equal rows take one place, however many they are.
    expect(await pair.compare('l', { depth })).toMatchObject({ missing: 1, extra: 0, exact: true })
    // A bucket that holds more rows than may be held at once.
    const cramped = await pair.compare('t', { depth: { groupRows: 1, groups: 100 }, most: 10 })
    expect(cramped).toMatchObject({ exact: false, incomplete: null })
    expect(cramped.changed + cramped.missing).toBeGreaterThan(0)
    expect(await pair.repair('t', false, { depth })).toEqual({
      inserted: 20,
      updated: 2900,
      deleted: 0,
      extraLeft: 0,
    })
    expect(await pair.compare('t')).toMatchObject(same(3000))
  })
})

describe('an end before the end', () => {
  let pair: Pair
  beforeAll(async () => {
    pair = await movedPair(
      `CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, v INTEGER);
      INSERT INTO t SELECT 'k' || value, value FROM ${series(1000)};`,
    )
  })

  test('time was up at once, and between the parts', async () => {
    expect(await pair.compare('t', { isOver: () => true })).toMatchObject({
      sourceRows: 0,
      exact: false,
      incomplete: 'time was up (--max-time)',
    })
    await pair.target(`UPDATE t SET v = 0 WHERE v = 5`)
    for (const calls of [1, 2, 3, 4, 5, 6]) {
      let left = calls
      const outcome = await pair.compare('t', { jobs: 1, isOver: () => left-- === 0 })
      if (calls < 6) expect(outcome.incomplete).toBe('time was up (--max-time)')
      if (calls < 2) expect(outcome).toMatchObject({ missing: 0, extra: 0, changed: 0, exact: false })
      if (calls >= 2) expect(outcome).toMatchObject({ missing: 0, extra: 0, changed: 1 })
    }
    await pair.target(`UPDATE t SET v = 5 WHERE v = 0`)
  })

  test('a value that does not fit any more', async () => {
    await pair.source(`UPDATE t SET v = 'five' WHERE v = 5`)
    const outcome = await pair.compare('t')
    expect(outcome.incomplete).toMatch(/column v of t/)
    expect(outcome.exact).toBe(false)
    expect((await failure(pair.repair('t', true))).code).toBe('LF204')
  })

  test('a target that shows nothing is an error, and the readers go on', async () => {
    const other = await movedPair(`CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL); INSERT INTO t VALUES (1)`)
    await other.target('ALTER TABLE t RENAME TO u')
    expect((await failure(other.compare('t'))).code).toBe('LF304')
    await other.target('ALTER TABLE u RENAME TO t')
    expect(await other.compare('t')).toMatchObject(same(1))
  })
})
