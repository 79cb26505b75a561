import { expect, test } from 'vitest'
import {
  bigint,
  date,
  doublePrecision,
  identity,
  jsonb,
  type MigrationConfig,
  numeric,
  real,
  references,
  schemaApply,
  schemaPlan,
  schemaUndo,
  sql,
  text,
  timestamp,
  timestamptz,
  type as typeOf,
  uuid,
  varchar,
} from '../../src/index.ts'
import { bench, query, state, told } from './declaring.ts'

const { database, settings } = bench()
const yes = { ask: async () => true }

/** Made in an empty database, or added to a table with a row, it is the same, and found to be so. */
test.each<[string, NonNullable<NonNullable<MigrationConfig['schema']>[string]>['columns'] & {}]>([
  [
    'texts',
    { a: varchar(15).default(`it's "so" \\ $$`), b: text().default(''), c: typeOf('char(3)').default('x') },
  ],
  [
    'numbers',
    {
      a: bigint().default(9_223_372_036_854_775_807n),
      b: numeric(12, 2).default(-1.5),
      c: real().default(0.1),
      d: doublePrecision().default(-0.25),
      e: numeric().default('123456789012345678901234567890.5'),
    },
  ],
  [
    'times',
    {
      a: timestamp().default('now'),
      b: timestamptz().default('2020-01-02 03:04:05+02'),
      c: date().default('now'),
      d: typeOf('timestamp(3)').default(sql.target`now()`),
      e: typeOf('interval').default('1 day'),
      f: typeOf('time').default('12:00'),
    },
  ],
  [
    'others',
    {
      a: jsonb().default([1, { b: null }]),
      b: uuid().default(sql.target`gen_random_uuid()`),
      c: typeOf('text[]').default('{a,"b c"}'),
      d: typeOf('mood').default('ok'),
      e: typeOf('bit varying(5)').default('101'),
      f: typeOf('inet').default('10.0.0.1'),
      g: typeOf('int4range').default('[1,5)'),
      h: typeOf('varchar(5)[]').default('{}'),
      i: typeOf('word').default('w'),
    },
  ],
  [
    'expressions with comments',
    {
      a: text().default(sql.target`upper('x') -- loud`).check(sql.target`a <> '' -- never empty`),
      b: bigint().check(sql.target`b > 0 and b between 1 and 10 or b is null`),
    },
  ],
])('%s', async (name, columns) => {
  const options = { targetSchema: 'app' }
  const url = await database(
    `CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('ok', 'sad'); CREATE DOMAIN app.word AS text`,
  )
  const config: MigrationConfig = { name, schema: { made: { columns: { id: identity(), ...columns } } } }
  expect((await schemaApply(settings(config, url, options))).exitCode).toBe(0)
  expect((await schemaPlan(settings(config, url, options))).outcome).toBe('complete')

  await query(url, 'CREATE TABLE app.there (id int); INSERT INTO app.there VALUES (1)')
  const before = await state(url)
  // A column of a domain is not added under a short lock.
  const { i: _, ...added } = columns
  const more: MigrationConfig = { name: 'more', schema: { there: { columns: added } } }
  const plan = await schemaPlan(settings(more, url, options))
  expect(plan.conflicts.map(told)).toEqual([])
  expect((await schemaApply(settings(more, url, options))).exitCode).toBe(0)
  expect((await schemaPlan(settings(more, url, options))).outcome).toBe('complete')
  const definitions = async (table: string) =>
    (await state(url))
      .columns!.filter((line) => line.includes(`app.${table} `) && !/ id | i app.word/.test(line))
      .map((line) => line.replace(table, ''))
  expect(await definitions('there')).toEqual(await definitions('made'))
  await schemaUndo(settings(more, url, options), yes)
  expect(await state(url)).toEqual(before)
})

test('a partitioned table gets columns; what would need a long lock is told', async () => {
  const url =
    await database(`CREATE TABLE users (id bigint PRIMARY KEY); CREATE TABLE logs (at date, user_id bigint) PARTITION BY RANGE (at);
    CREATE TABLE logs_2020 PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')`)
  const columns: MigrationConfig = {
    schema: { logs: { columns: { note: text().check(sql.target`note <> ''`) } } },
  }
  expect((await schemaApply(settings(columns, url))).exitCode).toBe(0)
  expect((await schemaPlan(settings(columns, url))).outcome).toBe('complete')
  const config: MigrationConfig = {
    schema: { logs: { columns: { user_id: references('users') }, indexes: { logs_at: 'at' } } },
  }
  const { conflicts } = await schemaPlan(settings(config, url))
  expect(conflicts.map(told)).toEqual([
    expect.stringMatching(/^index logs.logs_at: The table is partitioned/),
    expect.stringMatching(/^foreign key logs.logs_user_id_fkey: The table is partitioned/),
  ])
  for (const way of conflicts.flatMap(({ conflict }) => conflict!.ways.flatMap((one) => one.sql)))
    await query(url, way)
  await query(url, 'CREATE INDEX logs_at ON logs (at)')
  expect((await schemaPlan(settings(config, url))).outcome).toBe('complete')
})

test('tables that refer to each other and to themselves, with keys of several columns', async () => {
  const url = await database()
  const config: MigrationConfig = {
    name: 'circle',
    schema: {
      a: {
        columns: { x: bigint(), y: bigint(), up_x: bigint(), up_y: bigint(), b: references('b') },
        primaryKey: ['x', 'y'],
        foreignKeys: {
          up: { columns: ['up_x', 'up_y'], references: 'a', onDelete: 'cascade', onUpdate: 'set null' },
        },
      },
      b: {
        columns: { id: identity('integer'), ax: bigint(), ay: bigint() },
        foreignKeys: { to_a: { columns: ['ay', 'ax'], references: 'a', to: ['y', 'x'] } },
      },
    },
  }
  expect((await schemaApply(settings(config, url))).exitCode).toBe(0)
  expect((await schemaPlan(settings(config, url))).outcome).toBe('complete')
  expect(
    await query(
      url,
      `SELECT format_type(atttypid, atttypmod) AS t FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'b'`,
    ),
  ).toEqual([{ t: 'integer' }])
  expect((await schemaUndo(settings(config, url), yes)).outcome).toBe('done')
  expect((await state(url)).relations).toEqual([])
})
