import { describe, expect, test } from 'vitest'
import { bench, query } from '../migrate/migrating.ts'
import { sources } from '../migrate/pagila.ts'
import { openAs } from '../schema/cloning.ts'
import { canDump } from '../support/dumpable.ts'
import { asking } from '../verify/asking.ts'

const { folder, postgres, plan, migrate } = bench()
const { check } = asking(folder)
const { source } = sources()

/** Built-in types alone, and so COPY's binary form: columns with their values. */
const BUILT_IN: readonly (readonly [string, readonly string[]])[] = [
  ['date', ['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31', '2024-02-29']],
  ['timestamp', ['infinity', '-infinity', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999']],
  ['timestamptz', ['infinity', '-infinity', '1900-01-01 00:00:00.000001+05:53:28', '2024-03-31 02:30:00+02']],
  ['time', ['24:00:00', '00:00:00.000001']],
  ['timetz', ['24:00:00-15:59', '12:00:00+14']],
  ['interval', ['-1 mon +2 days -03:04:05.000006', '178000000 years', '1 day -24:00:00', 'P0D']],
  [
    'numeric',
    ['NaN', 'Infinity', '-Infinity', `1${'0'.repeat(400)}.000`, `-0.${'0'.repeat(300)}1`, '1.10', '1.1000'],
  ],
  ['numeric(1000,500)', [`${'9'.repeat(500)}.${'1'.repeat(500)}`, '-0.5']],
  ['float8', ['NaN', 'Infinity', '-Infinity', '-0', '4.9e-324', '1.7976931348623157e308', '0.1', '5e-324']],
  ['real', ['NaN', '-Infinity', '1.1754944e-38', '3.4028235e38', '0.3']],
  ['money', ['-92233720368547758.08', '92233720368547758.07', '0.01']],
  ['bit(5)', ['10101', '00000']],
  ['bit varying', ['', '1', '1'.repeat(1000)]],
  ['bytea', ['', '\\x00ff5c', '\\x27']],
  ['text', ['', `\\N`, `tab\there`, `line\nfeed\r`, `\\.`, `back\\slash`, 'é🂡', ' ', 'NULL']],
  ['char(4)', ['a', '    ', 'éé']],
  ['"char"', ['x', '']],
  ['name', ['a name']],
  ['uuid', ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']],
  ['jsonb', ['null', '{"b":1,"a":[1.10,1e400]}', `"\\u00e9\\\\"`]],
  ['json', ['{"b":1,  "a":2,"a":3}', '1e400']],
  ['inet', ['::1/64', '10.0.0.1/8', '10.0.0.1']],
  ['cidr', ['10.0.0.0/8', '2001:db8::/32']],
  ['macaddr', ['08:00:2b:01:02:03']],
  ['macaddr8', ['08:00:2b:01:02:03:04:05']],
  ['tsvector', [`'a':1A,2B 'it''s':3 '\\\\':4`, '']],
  ['int4range', ['empty', '(,)', '[1,5)']],
  ['numrange', ['[1.10,NaN]', '(,-Infinity]']],
  ['tstzrange', ['[2024-01-01 00:00+00,infinity]', '[2024-01-01 00:00+00,infinity)']],
  ['daterange', ['[-infinity,2024-01-01)', 'empty']],
  ['point', ['(1e300,-0.1)', '(NaN,Infinity)']],
  ['path', ['[(0,0),(1,1)]', '((0,0),(1,1))']],
  ['circle', ['<(0.1,0.2),3>']],
  ['integer[]', ['{}', '{{1,2},{3,NULL}}', '[5:6]={7,8}']],
  ['text[]', ['{}', '{NULL,"NULL","",",","\\"","\\\\"}']],
  ['numeric[]', ['{NaN,1.10,Infinity}']],
]

/** Their wire form holds numbers of one database, so such a table travels as text. */
const OWN: readonly (readonly [string, readonly string[]])[] = [
  ['s."Mo od"', [`it's`, 'a,b "c" {}', '']],
  ['s."Mo od"[]', ['{}', `{"it's",NULL,"a,b \\"c\\" {}",""}`, `[0:0]={"it's"}`]],
  ['s.age', ['0', '150']],
  ['s.age[]', ['{}', '{1,NULL,150}']],
  ['s.moods', [`{"it's"}`]],
  ['s.pair', ['(1,)', `(,"{""it's""}")`, '(2,"{}")']],
  ['s.pair[]', [`{"(1,\\"{\\"\\"it's\\"\\"}\\")",NULL}`]],
  ['s.span', ['empty', '[1.5,2.25)']],
  ['tsquery', [`'a' & !'it''s':*B`]],
  ['s.hstore', ['', '"a"=>NULL, "b\\"\\\\"=>"c=>d"']],
  ['xml', ['<a b="&lt;">é</a>', '']],
  ['pg_lsn', ['FFFFFFFF/FFFFFFFF']],
  ['regclass', ['pg_catalog.pg_class']],
  ['interval', ['-1 mon +2 days -03:04:05.000006', '1 day -24:00:00']],
  ['date', ['infinity', '0001-02-03 BC', '2024-02-01']],
  ['timestamptz', ['-infinity', '2024-02-01 03:04:05.678901+09']],
  ['float8', ['0.1', '-0', 'NaN', '1.7976931348623157e308']],
  ['real', ['0.3', '1.1754944e-38']],
  ['bytea', ['', '\\x00ff5c27']],
  ['money', ['-12345.67']],
  ['numeric', ['NaN', '-Infinity', `1${'0'.repeat(400)}.10`]],
  ['text', ['', `\\N`, `\\.`, `tab\tline\nfeed\\`]],
]

function tableOf(name: string, columns: typeof BUILT_IN): string {
  const longest = Math.max(...columns.map(([, values]) => values.length))
  const literal = (value: string | undefined, type: string): string =>
    value === undefined ? 'NULL' : `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'::${type}`
  const rows = Array.from(
    { length: longest + 1 },
    (_, at) => `(${at}, ${columns.map(([type, values]) => literal(values[at], type)).join(', ')})`,
  )
  return `CREATE TABLE ${name} (id int PRIMARY KEY, ${columns.map(([type], at) => `c${at} ${type}`).join(', ')});
    INSERT INTO ${name} VALUES ${rows.join(',\n')};`
}

const CREATED = `CREATE SCHEMA s; CREATE EXTENSION hstore SCHEMA s;
  CREATE TYPE s."Mo od" AS ENUM ('it''s', 'a,b "c" {}', ''); CREATE DOMAIN s.age AS int CHECK (VALUE BETWEEN 0 AND 150);
  CREATE DOMAIN s.moods AS s."Mo od"[] CHECK (cardinality(VALUE) > 0); CREATE TYPE s.pair AS (a int, b s."Mo od"[]);
  CREATE TYPE s.span AS RANGE (subtype = float8);
  ${tableOf('built_in', BUILT_IN)} ${tableOf('s."o wn"', OWN)}`

/** Everything by which two servers could be told to write and read values differently. */
const OTHERWISE = (first: boolean): string => `DO $$ DECLARE d text := current_database(); BEGIN
  EXECUTE format('ALTER DATABASE %I SET DateStyle = ${first ? 'SQL, DMY' : 'German'}', d);
  EXECUTE format('ALTER DATABASE %I SET IntervalStyle = ${first ? 'sql_standard' : 'iso_8601'}', d);
  EXECUTE format('ALTER DATABASE %I SET bytea_output = ${first ? 'escape' : 'hex'}', d);
  EXECUTE format('ALTER DATABASE %I SET extra_float_digits = ${first ? '-15' : '0'}', d);
  EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', d, '${first ? 'Asia/Tokyo' : 'America/St_Johns'}');
  EXECUTE format('ALTER DATABASE %I SET xmloption = ${first ? 'document' : 'content'}', d);
  EXECUTE format('ALTER DATABASE %I SET client_encoding = ${first ? 'LATIN1' : 'UTF8'}', d);
  EXECUTE format('ALTER DATABASE %I SET lc_monetary = %L', d, 'POSIX');
  EXECUTE format('ALTER DATABASE %I SET search_path = ${first ? 's' : 'pg_temp'}', d);
  EXECUTE format('ALTER DATABASE %I SET array_nulls = ${first ? 'on' : 'off'}', d);
  EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = ${first ? 'off' : 'on'}', d); END $$`

const PLAIN = `SET DateStyle = 'ISO, YMD'; SET IntervalStyle = postgres; SET bytea_output = hex; SET extra_float_digits = 3;
  SET TimeZone = 'UTC'; SET client_encoding = UTF8; SET search_path = pg_catalog;`

describe.skipIf(!canDump)('values between two PostgreSQL servers', () => {
  test('every type and its edges arrive, whatever the servers are told of how values look', async () => {
    const from = await source(CREATED)
    await query(from, OTHERWISE(true))
    const to = await postgres(OTHERWISE(false))
    const planned = await plan(from, to)
    expect(planned.moves.map(({ source: table, format }) => [table, format])).toEqual([
      ['built_in', 'binary'],
      ['s.o wn', 'text'],
    ])
    const report = await migrate(from, to)
    expect(report.checks.filter(({ result }) => result !== 'pass')).toEqual([])
    expect(report).toMatchObject({ outcome: 'done', exitCode: 0, rejects: [] })
    for (const table of ['public.built_in', 's."o wn"']) {
      const rows = `${PLAIN} SELECT * FROM ${table} ORDER BY id`
      const theirs = await query(from, rows)
      expect(theirs.length).toBeGreaterThan(4)
      expect(await query(to, rows)).toEqual(theirs)
    }
    expect(await check(from, to)).toMatchObject({ outcome: 'same', exitCode: 0 })
  })

  test('a session is told by nobody how values look', async () => {
    const url = await postgres(OTHERWISE(true))
    const session = await openAs(url, 'source')
    const { rows } = await session.query(
      `SELECT now()::text ~ '[+]00$' AS utc, '1 day'::interval::text AS i, '\\x00'::bytea::text AS b, (0.1::float8 + 0.2::float8)::text AS f,
        current_setting('lc_monetary') AS money, current_setting('array_nulls') AS nulls`,
    )
    await session.close()
    expect(rows).toEqual([
      { utc: true, i: '1 day', b: '\\x00', f: '0.30000000000000004', money: 'C', nulls: 'on' },
    ])
  })
})
