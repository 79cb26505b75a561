import { describe, expect, test } from 'vitest'
import { collations, sameSql } from '../../src/checks/same-sql.ts'
import { openPostgres } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import { checking } from './checking.ts'

const { migrated, check, postgres } = checking()

test('the server’s own words for the plan’s expressions are recognised', async () => {
  const pair =
    await migrated(`CREATE TABLE t(id INTEGER PRIMARY KEY, s VARCHAR(10) CHECK (s IN ('a', 'b')), c CHAR(3),
    x TEXT CHECK (x LIKE 'a%' OR x IS NULL), n INT CHECK (n BETWEEN 1 AND 9), r REAL CHECK (r > 0.5 AND r < 1e10),
    b BOOLEAN CHECK (b IN (0, 1)), dt DATETIME, m NUMERIC(8,3) CHECK (m % 2 <> 1 AND abs(m) > 0), j JSON,
    bl BLOB CHECK (length(bl) < 100), k TEXT COLLATE RTRIM UNIQUE,
    g TEXT GENERATED ALWAYS AS (upper(s) || '-' || n), g2 REAL GENERATED ALWAYS AS (r * 2.5) STORED,
    CHECK (CASE WHEN n > 3 THEN s <> 'a' ELSE 1 END), CHECK (coalesce(n, 0) + length(trim(x)) < 100),
    CHECK (s IS NOT NULL OR n IS NOT NULL), CHECK (NOT (n = 5)), CHECK (x <> '''q' || s), CHECK (g <> 'zz'));
    CREATE UNIQUE INDEX u1 ON t(s, n) WHERE b = 1; CREATE UNIQUE INDEX u2 ON t(lower(s), n DESC);
    CREATE INDEX i3 ON t(n + 1, x COLLATE NOCASE); CREATE INDEX i4 ON t(dt) WHERE dt IS NOT NULL;
    CREATE INDEX i5 ON t(g); CREATE UNIQUE INDEX u6 ON t(g2); CREATE INDEX i7 ON t(coalesce(x, 'none'));
    CREATE INDEX i8 ON t(substr(x, 1, 3)); CREATE INDEX i9 ON t(x) WHERE x LIKE 'A%' OR n IN (1, 2);
    INSERT INTO t(id, s, n, x, r, dt, j, b, m) VALUES (1, 'a', 2, 'ab', 0.75, '2020-01-01 10:00:00', '{}', 1, 2.5)`)
  const checks = await check(pair)
  expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
  expect(checks.map((one) => one.expected)).toEqual(
    expect.arrayContaining([
      'the primary key and 10 indexes of the plan, all valid',
      expect.stringMatching(/^1\d CHECK constraints of the plan, validated$/),
    ]),
  )
})

describe('two expressions mean the same', () => {
  test('or not', async () => {
    const to = await postgres('CREATE TABLE "t t"(a varchar(9), n int)')
    const session = await openPostgres(parsePostgres(to, {}).settings, { applicationName: 'landfall test' })
    try {
      const asked: (readonly [string, string, boolean])[] = [
        [
          `a IN ('x', 'y')`,
          `((a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))`,
          true,
        ],
        [`"n" > 3 AND n < 9`, '((n > 3) AND (n < 9))', true],
        ['n > 3', 'n >= 3', false],
        [`a = 'N'`, `a = 'n'`, false],
        [`lower(a COLLATE "C")`, 'lower((a COLLATE "C")::text)', true],
        [`lower(a COLLATE "C")`, 'lower(a)', false],
        [`lower(a COLLATE "C")`, 'lower(a COLLATE "POSIX")', false],
        ['NULL::varchar(9)', 'NULL::character varying(9)', true],
        ['NULL::varchar(9)', 'NULL::varchar(8)', false],
        ['NULL::varchar(9)', 'NULL::varchar', false],
        ['NULL::timestamptz(3)', 'NULL::timestamp(3) with time zone', true],
      ]
      expect(
        await sameSql(
          session,
          'public."t t"',
          asked.map(([left, right]) => [left, right] as const),
        ),
      ).toEqual(asked.map(([, , same]) => same))
    } finally {
      await session.close()
    }
  })

  test('a collation is none inside of a string or a name', () => {
    expect(
      collations(`a COLLATE "C" || ' collate "D"' || "x collate ""E""" collate pg_catalog."C" collate de_x`),
    ).toEqual(['"C"', '"C"', 'de_x'])
  })
})
