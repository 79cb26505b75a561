import { describe, expect, test } from 'vitest'
import { validateConfig } from '../../src/config/validate.ts'
import {
  bigint,
  boolean,
  identity,
  integer,
  jsonb,
  LandfallError,
  type MigrationConfig,
  makeSchemaSettings,
  numeric,
  references,
  sql,
  text,
  timestamp,
  type as typeOf,
  varchar,
} from '../../src/index.ts'

const HERE = { cwd: '/', environment: {} }

function mistakes(config: unknown): unknown {
  try {
    validateConfig(config, 'landfall.config.ts')
  } catch (error) {
    if (error instanceof LandfallError && error.code === 'LF002') return error.details?.mistakes
    throw error
  }
  return []
}

const EVERYTHING: MigrationConfig = {
  schema: {
    users: {
      columns: {
        id: identity(),
        role: varchar(32).notNull().default('user').comment('what').unique().check(sql.target`true`),
        by: references('users', { schema: 'auth', column: 'id' }).onDelete('cascade').onUpdate('restrict'),
        data: jsonb().default({ a: [1] }),
        at: timestamp().default('now'),
        code: text().default(sql.target`upper('x')`),
        said: undefined,
      },
      primaryKey: ['id'],
      indexes: {
        one: 'role',
        two: ['role', { desc: 'at' }, sql.target`lower(code)`],
        three: {
          on: { desc: 'at' } as never,
          unique: true,
          where: sql.target`at is not null`,
          using: 'btree',
        },
      },
      unique: { both: ['role', 'code'] },
      foreignKeys: { fk: { columns: ['by'], references: 'users', to: 'id', onDelete: 'set null' } },
      checks: { sane: sql.target`role <> ''` },
      comment: 'People',
      ensureRows: { key: 'code', rows: [{ code: 'a', at: sql.target`now()`, data: null }] },
    },
    gone: undefined,
  },
  invariants: { none: sql.target`select 1 where false` },
}

test('everything that can be said is valid, and becomes a plain value', () => {
  const config = structuredClone({}) as MigrationConfig
  const { three: _, ...indexes } = EVERYTHING.schema!.users!.indexes!
  const said = {
    ...config,
    ...EVERYTHING,
    schema: { ...EVERYTHING.schema, users: { ...EVERYTHING.schema!.users, indexes } },
  }
  expect(mistakes(said)).toEqual([])
  const { declaration } = makeSchemaSettings(said, { targetSchema: 'app' }, HERE)
  expect(JSON.parse(JSON.stringify(declaration))).toEqual(declaration)
  expect(declaration).toMatchObject({ name: 'schema', schema: 'app' })
  const [users, ...others] = declaration.tables
  expect(others).toEqual([])
  expect(users!.columns.map(({ name }) => name)).toEqual(['id', 'role', 'by', 'data', 'at', 'code'])
  expect(users!.columns[3]!.default).toEqual({ kind: 'constant', sql: `'{"a":[1]}'` })
  expect(users!.columns[4]!.default).toEqual({ kind: 'now' })
  expect(users!.columns[2]!.type).toEqual({
    kind: 'as referenced',
    table: { schema: 'auth', table: 'users' },
    column: 'id',
  })
  expect(users!.uniques.map(({ name, named }) => [name, named])).toEqual([
    ['users_role_key', false],
    ['both', true],
  ])
  expect(users!.foreignKeys.map(({ name, refers }) => [name, refers.schema])).toEqual([
    ['users_by_fkey', 'auth'],
    ['fk', 'app'],
  ])
})

test('an identity is the primary key, unless another one is said', () => {
  const of = (config: MigrationConfig['schema'] & {}) =>
    makeSchemaSettings({ schema: config }, {}, HERE).declaration.tables[0]!
  expect(of({ t: { columns: { id: identity() } } }).primaryKey?.columns).toEqual(['id'])
  const other = of({ t: { columns: { n: identity(), code: text() }, primaryKey: 'code' } })
  expect(other.primaryKey?.columns).toEqual(['code'])
  expect(other.columns.map(({ notNull }) => notNull)).toEqual([true, true])
  expect(of({ t: { columns: { n: integer() } } }).primaryKey).toBeNull()
})

const LONG = 'x'.repeat(64)
describe('a mistake is told with its exact path', () => {
  test.each<[unknown, string]>([
    [{ shema: {} }, 'shema: unknown key; did you mean schema?'],
    [{ schema: { t: { colums: {} } } }, 'schema.t.colums: unknown key; did you mean columns?'],
    [
      { schema: { t: { columns: { a: 'varchar(32)' } } } },
      "schema.t.columns.a: must be a column such as varchar(32), bigint() or identity(); any other type: type('citext')",
    ],
    [
      { schema: { t: { columns: { a: varchar } } } },
      "schema.t.columns.a: must be a column such as varchar(32), bigint() or identity(); any other type: type('citext')",
    ],
    [
      { schema: { t: { checks: { c: sql`a > 0` } } } },
      'schema.t.checks.c: must be an expression of the target: sql.target`…`',
    ],
    [
      { invariants: { i: sql`select 1` } },
      'invariants.i: must be a query of the target that finds nothing: sql.target`select …`',
    ],
    [
      { schema: { t: { indexes: { i: { on: 'a', wher: 1 } } } } },
      'schema.t.indexes.i.wher: unknown key; did you mean where?',
    ],
    [
      { schema: { t: { foreignKeys: { f: { columns: 'a' } } } } },
      'schema.t.foreignKeys.f.references: is missing',
    ],
    [
      { schema: { [LONG]: {} } },
      `schema.${LONG}: is longer than the 63 bytes that PostgreSQL keeps of a name`,
    ],
    [{ schema: { t: { primaryKey: ['a', 'a'] } } }, 'schema.t.primaryKey: names a twice'],
    [
      { schema: { t: { columns: { a: varchar(3).default('long') } } } },
      'schema.t.columns.a: its default is longer than 3 characters',
    ],
    [
      { schema: { t: { columns: { a: identity(), b: identity() } } } },
      'schema.t.primaryKey: must be said: a and b are both identity()',
    ],
    [{ schema: { t: { indexes: { i: 'a' } }, u: { indexes: { i: 'a' } } } }, 'schema.u.indexes.i: is taken'],
    [
      { schema: { t: { ensureRows: { rows: [{ a: 1 }] } } } },
      'schema.t.ensureRows.key: must name the columns that tell which row is there',
    ],
    [
      { schema: { t: { ensureRows: { key: 'a', rows: [{ b: 1 }] } } } },
      'schema.t.ensureRows.rows[0].a: is part of the key and must be given',
    ],
    [
      { schema: { t: { columns: { id: identity() }, ensureRows: { key: 'a', rows: [{ id: 1, a: 1 }] } } } },
      'schema.t.ensureRows.rows[0].id: is a number that the server gives: leave it out, and name another key',
    ],
    [
      {
        schema: {
          t: {
            ensureRows: {
              key: 'a',
              rows: [
                { a: 1, b: 1 },
                { a: 1, b: 2 },
              ],
            },
          },
        },
      },
      'schema.t.ensureRows.rows[1]: has the same key as rows[0]',
    ],
  ])('%j', (config, mistake) => {
    expect(mistakes(config)).toEqual([mistake])
  })
})

test.each<[() => unknown, RegExp]>([
  [() => varchar(0), /varchar: must be a whole number from 1/],
  [() => numeric(1001), /numeric: must be/],
  [() => (integer() as never as ReturnType<typeof references>).onDelete('cascade'), /references/],
  [() => text().default(null as never), /has NULL already/],
  [() => text().check(sql`x` as never), /sql\.target/],
  [() => text().check(sql.target`x`).check(sql.target`y`), /there is one already/],
])('%s is refused as it is written', (work, message) => {
  expect(work).toThrow(message)
})

test('what cannot be meant is a red line', () => {
  // @ts-expect-error a number is no text
  varchar(3).default(1)
  // @ts-expect-error a text is no number
  bigint().default('1')
  // @ts-expect-error an identity has its own values
  expect(() => identity().default(1)).not.toThrow()
  // @ts-expect-error it refers to nothing
  expect(() => boolean().onDelete('cascade')).toThrow()
  // @ts-expect-error runs in the source
  expect(() => text().default(sql`1`)).toThrow()
  // @ts-expect-error no such action
  references('t').onDelete('vanish')
  typeOf('text[]').default([])
})

test('settings: a lock is waited for 250 ms at most, and something must be declared', () => {
  expect(() => makeSchemaSettings({ schema: {} }, { lockTimeout: 251 }, HERE)).toThrow(/at most 250ms/)
  expect(() => makeSchemaSettings({}, {}, HERE)).toThrow(/no schema is declared/)
  expect(() => makeSchemaSettings({ schema: {} }, { targetSchema: 'landfall' }, HERE)).toThrow(/journal/)
})
