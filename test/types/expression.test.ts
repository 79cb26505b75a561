import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ExpressionColumn, type ExpressionContext, translate } from '../../src/types/expression.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

const COLUMNS: readonly (readonly [name: string, declared: string, more: string, type: string])[] = [
  ['a', 'INTEGER', '', 'bigint'],
  ['b', 'INT', '', 'integer'],
  ['m', 'INTEGER', 'NOT NULL', 'bigint'],
  ['r', 'REAL', '', 'double precision'],
  ['d', 'DECIMAL(10,2)', '', 'numeric(10,2)'],
  ['t', 'TEXT', '', 'text'],
  ['u', 'VARCHAR(20)', 'COLLATE NOCASE', 'varchar(20)'],
  ['f', 'BOOLEAN', '', 'boolean'],
  ['x', 'BLOB', '', 'bytea'],
  ['j', 'TEXT', '', 'jsonb'],
  ['Odd "name"', 'INTEGER', '', 'bigint'],
]
const ROWS: readonly (readonly (number | string | null | Uint8Array)[])[] = [
  [1, 2, 3, 1.5, 0.1, 'abc', 'ABC', 1, new Uint8Array([1, 2]), '{}', 7],
  [-7, 3, 0, -2.5, 2, 'Abc', 'abc ', 0, new Uint8Array([]), '[1]', -1],
  [0, 0, 1, 0, -3.25, '', '', null, new Uint8Array([255]), null, null],
  [null, null, -5, null, null, null, null, 1, null, '"x"', 0],
  [2147483648, 2147483647, 9, 0.1, 7, '  Éa_%\\ ', 'É', 0, new Uint8Array([65]), '1', 2],
  [5, -2147483648, 2, 2.5, 0.3, '5', '10', null, null, '{}', 1],
  [10, 7, -2, 1e15, 100.01, 'a\'b"c', 'abc', 1, null, 'null', 3],
  [5, 5, 5, 5, 5, 'Zebra', 'zebra', 0, new Uint8Array([0]), '0', 5],
]

const columns: ReadonlyMap<string, ExpressionColumn> = new Map(
  COLUMNS.map(([name, declared, more, type]) => [
    name.toLowerCase(),
    {
      target: name,
      type,
      declared,
      collation: more.includes('NOCASE') ? 'NOCASE' : null,
      notNull: more === 'NOT NULL',
    },
  ]),
)
const context = (more: Partial<ExpressionContext> = {}): ExpressionContext => ({
  columns,
  purpose: 'index',
  unique: true,
  ...more,
})
const sqlOf = (sql: string, more: Partial<ExpressionContext> = {}): string => {
  const result = translate(sql, context(more))
  return 'sql' in result ? result.sql : `untranslatable: ${result.untranslatable}`
}

/** Divided by `;`. */
const SAME = String.raw`
  a + b ; a - 1 ; b * b ; a / b ; a % b ; b % 3 ; a / 2 ; r / 3 ; r + d ; d * 2 ; r * d - a ; -a
  - -b ; +a ; ~a ; a & 6 ; a | 1 ; a << 3 ; a >> 1 ; 1 + 2 * a ; (1 + 2) * a ; a = 5 ; a == b
  a <> b ; a != 5 ; r >= 0.1 ; d = 0.1 ; a < 1.5 ; a = '5' ; t = 5 ; f = 1 ; f = 0 ; f != 1 ; f
  not f ; f = TRUE ; t || u ; t || a ; a || 'x' ; f || t ; t = 'abc' ; u = 'ABC' ; t = u ; u = t
  t < 'B' ; u < t ; t between 'A' and 'b' ; t collate nocase = 'ABC' ; u collate binary = 'abc'
  u collate rtrim = 'abc' ; t is null ; t isnull ; t notnull ; t not null ; a is b ; a is not b
  a is not distinct from 5 ; a is distinct from b ; f is true ; a is not true ; f is 0
  a is null and b is null ; a in (1, 5, null) ; t in ('abc', '5') ; u in ('ABC', 'x')
  a not in (1, 5) ; f in (0, 1) ; f in (1) ; a in () ; a between 1 and 5 ; a not between b and 5
  a between 1 and 5 and f ; case when a > 1 then 'x' when f then t else null end
  case a when 5 then 1 else 0 end ; case u when 'ABC' then 1 end ; case when r then 1 else r end
  iif(a > 1, 'y', 'n') ; coalesce(a, b, 0) ; ifnull(t, '') ; coalesce(r, 0) ; coalesce(f, 0)
  nullif(a, 5) ; nullif(t, '') ; abs(a) ; abs(r) ; abs(b) ; round(r) ; round(a) ; lower(t) ; upper(t)
  lower(u) = upper(u) ; length(t) ; length(x) ; length(a) ; trim(t) ; ltrim(t, 'A ') ; rtrim(t, 'c')
  trim(t, '') ; substr(t, 2) ; substr(t, 1, 2) ; substr(t, 2, 0) ; replace(t, 'b', 'X')
  replace(t, '', 'X') ; instr(t, 'b') ; instr(t, '') ; max(m, 3) ; min(m, 3, -1) ; t like 'ABC'
  t like 'a%' ; t like '%é%' ; t like '%!_%' escape '!' ; t not like '_b_' ; a like '1%' ; t like '5'
  a and b ; a or not b ; not a = b ; a + 1 > b - 1 and t is not null ; cast(a as text)
  cast(b as integer) * 2 ; cast(a as real) / 4 ; cast(f as int) ; x = x'0102' ; x < x'41'
  typeof(a) = 'integer' ; typeof(t) in ('text', 'null') ; typeof(r) <> 'real'
  typeof(f) is 'integer' ; typeof(x) = 'blob' ; "Odd ""name""" + 1 ; [Odd "name"] = 7 ; "a" > 1
  t.a > 1 ; 0x1F + a ; (a is null) + (b is null) = 1 ; a in (b, m) ; 1e2 < a
  a > 9223372036854775807 ; -9223372036854775808 < a ; a /* x */ + 1 ; json_valid(j)
  t like '%\%' ; j is null or json_valid(j) ; likely(a > 1) ; a % 0 ; a / 0.0 ; substring(t, 1, 1) ; "t" = 'abc'
`
  .trim()
  .split(/ ; |\n/)
  .map((sql) => sql.trim())

let server: TestServer
let client: Client
const sqlite = new DatabaseSync(':memory:')

beforeAll(async () => {
  server = await testServer()
  client = new Client({ connectionString: await server.database() })
  await client.connect()
  const name = (text: string) => `"${text.replaceAll('"', '""')}"`
  sqlite.exec(
    `create table t (id integer primary key, ${COLUMNS.map(([n, type, more]) => `${name(n)} ${type} ${more}`).join(', ')})`,
  )
  await client.query(
    `create table t (id bigint primary key, ${COLUMNS.map(([n, , , type]) => `${name(n)} ${type}`).join(', ')})`,
  )
  for (const [index, row] of ROWS.entries()) {
    sqlite.prepare(`insert into t values (${[0, ...row].map(() => '?').join(', ')})`).run(index, ...row)
    const cells = row.map((cell, at) =>
      COLUMNS[at]![0] === 'f' && cell !== null
        ? cell === 1
        : cell instanceof Uint8Array
          ? Buffer.from(cell)
          : cell,
    )
    await client.query(`insert into t values (${[0, ...row].map((_, at) => `$${at + 1}`).join(', ')})`, [
      index,
      ...cells,
    ])
  }
})
afterAll(async () => {
  await client.end()
  await server.stop()
  sqlite.close()
})

function plain(cell: unknown): unknown {
  if (typeof cell === 'boolean') return cell ? '1' : '0'
  if (cell instanceof Uint8Array) return `x${Buffer.from(cell).toString('hex')}`
  if (typeof cell === 'bigint') return String(cell)
  if (typeof cell === 'number') return String(cell === 0 ? 0 : cell)
  return cell
}

/** Evaluates both; false where it was not translated. Compares numbers by value, and everything else exactly. */
async function same(sql: string, purpose: 'index' | 'check' | 'predicate'): Promise<boolean> {
  // A value that an index would fold by its collation is compared as it is.
  const translated = translate(purpose === 'index' ? `(${sql}) collate binary` : sql, context({ purpose }))
  if (!('sql' in translated)) return false
  const as = (text: string) =>
    purpose === 'index'
      ? `(${text})`
      : purpose === 'check'
        ? `case when not (${text}) then 0 else 1 end`
        : `case when (${text}) then 1 else 0 end`
  const statement = sqlite.prepare(`select ${as(sql)} v from t order by id`)
  statement.setReadBigInts(true)
  const expected = statement.all().map((row) => plain(row.v))
  const found = await client
    .query({ text: `select ${as(translated.sql)} from t order by id`, rowMode: 'array' })
    .catch((error: Error & { code?: string }) => {
      // Leaving 64 bits or the doubles' range is the documented difference.
      if (error.code === '22003') return null
      throw new Error(`${sql}\n-> ${translated.sql}\n${error.message}`)
    })
  if (found === null) return false
  const rows = (found.rows as unknown[][]).map(([cell], index) => {
    const value = plain(cell)
    const other = expected[index]
    return typeof value === 'string' &&
      typeof other === 'string' &&
      /^-?[\d.]+(e[+-]?\d+)?$/.test(value) &&
      Number(value) === Number(other)
      ? other
      : value
  })
  expect(rows, `${sql}\n-> ${translated.sql}`).toEqual(expected)
  return true
}

describe('expressions that mean the same', () => {
  test.each([...SAME, 'a -- why\n + 1', '`a` > 1'])('%s', async (sql) => {
    const purposes: boolean[] = []
    for (const purpose of ['index', 'check', 'predicate'] as const) purposes.push(await same(sql, purpose))
    expect(purposes, JSON.stringify(translate(sql, context()))).toContain(true)
  })

  test('generated expressions', async () => {
    const { number, condition, string } = fc.letrec<{ number: string; condition: string; string: string }>(
      (tie) => {
        const [n, c, s] = [tie('number'), tie('condition'), tie('string')]
        const glue = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((all) => all.join(' '))
        const is = (text: string) => fc.constant(text)
        return {
          number: fc.oneof(
            { maxDepth: 4 },
            fc.constantFrom(
              'a',
              'b',
              'm',
              'r',
              'd',
              'f',
              '0',
              '1',
              '2',
              '-3',
              '1.5',
              'NULL',
              '"Odd ""name"""',
            ),
            glue(is('('), n, fc.constantFrom('+', '-', '*', '/', '%', '&', '|'), n, is(')')),
            glue(n, fc.constantFrom('+', '-', '*', '/', '%'), n),
            glue(is('-'), n),
            glue(is('coalesce('), n, is(','), n, is(')')),
            glue(is('abs('), n, is(')')),
            glue(is('length('), s, is(')')),
            glue(is('case when'), c, is('then'), n, is('else'), n, is('end')),
            glue(is('('), c, is(')')),
            glue(is('nullif('), n, is(','), n, is(')')),
            glue(is('cast('), n, is('as integer)')),
            glue(is('round('), n, is(')')),
          ),
          string: fc.oneof(
            { maxDepth: 3 },
            fc.constantFrom('t', 'u', 't', "'abc'", "'A'", "''", "'5'", 'NULL'),
            glue(s, is('||'), s),
            glue(is('lower('), s, is(')')),
            glue(is('trim('), s, is(')')),
            glue(is('substr('), s, is(', 2)')),
            glue(is('coalesce('), s, is(','), s, is(')')),
            glue(is('replace('), s, is(','), s, is(','), s, is(')')),
            glue(is('nullif('), s, is(','), s, is(')')),
            glue(is('case'), s, is('when'), s, is('then'), s, is('end')),
          ),
          condition: fc.oneof(
            { maxDepth: 4 },
            fc.constantFrom(
              'f',
              'a is null',
              't is null',
              'r > 0',
              "t like 'a%'",
              "typeof(a) = 'integer'",
              'json_valid(j)',
              'f in (0, 1)',
            ),
            glue(n, fc.constantFrom('=', '<>', '<', '<=', '>', '>=', 'is', 'is not'), n),
            glue(s, fc.constantFrom('=', '<>', '<', '>=', 'is', 'is not'), s),
            glue(s, fc.constantFrom('=', '<'), n),
            glue(is('not'), c),
            glue(c, fc.constantFrom('and', 'or', '=', 'is'), c),
            glue(is('('), c, fc.constantFrom('and', 'or'), c, is(')')),
            glue(n, is('in ('), n, is(','), n, is(')')),
            glue(s, is('not in ('), s, is(','), s, is(')')),
            glue(n, is('between'), n, is('and'), n),
          ),
        }
      },
    )
    let translated = 0
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(number, condition, string),
        fc.constantFrom('index', 'check', 'predicate'),
        async (sql, purpose) => {
          if (await same(sql, purpose as 'index')) translated += 1
        },
      ),
      { numRuns: Number(process.env.LANDFALL_SOAK ?? 600) },
    )
    expect(translated).toBeGreaterThan(150)
  })
})

describe('what is not translated', () => {
  test.each([
    ["t glob 'a*'", 'GLOB'],
    ['random()', 'random()'],
    ['hex(x)', 'hex()'],
    ["strftime('%Y', t)", 'strftime()'],
    ['max(a, b)', 'min() and max()'],
    ['exists (select 1)', 'query'],
    ['(select 1)', 'query'],
    ['a in (select 1)', 'query'],
    ['a in other', 'another table'],
    ['nosuch > 1', 'nosuch is no column'],
    ['rowid > 1', 'rowid'],
    ["j ->> 'a'", '->>'],
    ["t collate fancy = 'a'", 'FANCY'],
    ["a = 'abc'", 'types'],
    ['t + 1', 'text'],
    ['t', ''],
    ['(a, b) = (1, 2)', 'rows'],
    ['d / 2', '/'],
    ['cast(t as integer)', 'CAST'],
    ['a >', 'ends'],
    ['a ? b', 'read'],
    ['count(*)', 'aggregate'],
    ["j = '{}'", 'another form'],
    ['sum(a) over ()', 'window'],
    ['current_timestamp', 'time'],
    ['a = 1;', 'read'],
    ['a b', 'not expected'],
  ])('%s', (sql, why) => {
    const result = translate(sql, context({ purpose: 'check' }))
    expect('untranslatable' in result ? result.untranslatable : result.sql).toContain(why)
    expect('untranslatable' in result).toBe(true)
  })
})

test('a check that the types keep is true', () => {
  const check = (sql: string) => sqlOf(sql, { purpose: 'check' })
  expect(check('f in (0, 1)')).toBe('true')
  expect(check('json_valid(j)')).toBe('true')
  expect(check("typeof(m) = 'integer' and a > 0")).toBe('"a" > 0')
  expect(check("typeof(a) = 'integer'")).toBe('"a" is not null')
  expect(check('not json_valid(j)')).not.toBe('true')
  expect(check('f')).toBe('"f"')
})

test('an index that keeps no rule is one that the application finds', () => {
  expect(sqlOf('lower(t)', { unique: false })).toBe('lower("t")')
  expect(sqlOf('lower(t)', { unique: true })).toBe('lower("t" collate "C")')
})

test('a name in double quotes that is no column is a string', () => {
  expect(sqlOf('t = "nosuch"')).toBe(`"t" = 'nosuch'`)
})

test('a column that is not carried is not taken for a string', () => {
  const other = new Map([...columns, ['gone', { target: 'gone', type: 'text', unusable: 'is not carried' }]])
  expect(translate('a = "gone"', { columns: other, purpose: 'check' })).toEqual({
    untranslatable: 'column gone is not carried',
  })
})
