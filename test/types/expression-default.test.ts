import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { translate } from '../../src/types/expression.ts'
import { type TestServer, testServer } from '../support/postgres.ts'

let server: TestServer
let client: Client
const sqlite = new DatabaseSync(':memory:')

beforeAll(async () => {
  server = await testServer()
  client = new Client({ connectionString: await server.database() })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await server.stop()
  sqlite.close()
})

describe('defaults', () => {
  const NO = null
  test.each([
    ["'null'", 'text', "'null'"],
    ['null', 'text', 'null'],
    ['"0"', 'bigint', '0'],
    ["''", 'integer', NO],
    ["' 12 '", 'integer', '12'],
    ['5.0', 'bigint', '5'],
    ['1.5', 'bigint', NO],
    ['40000', 'smallint', NO],
    ['-32768', 'smallint', '-32768'],
    ['0x1F', 'bigint', '31'],
    ['-9223372036854775808', 'bigint', '-9223372036854775808'],
    ['9223372036854775808', 'bigint', NO],
    ['1', 'boolean', 'true'],
    ["'t'", 'boolean', 'true'],
    ['"false"', 'boolean', 'false'],
    ['FALSE', 'boolean', 'false'],
    ['2', 'boolean', NO],
    ['1700000000', 'timestamp', NO],
    ["'2024-02-30'", 'date', NO],
    ["'2024-02-29'", 'date', "'2024-02-29'"],
    ["'2024-01-01 10:00:00'", 'timestamptz', "'2024-01-01 10:00:00+00'"],
    ["'2024-01-01T10:00:00Z'", 'timestamptz', "'2024-01-01T10:00:00Z'"],
    ["'2024-01-01'", 'timestamptz', "'2024-01-01 00:00+00'"],
    ["'soon'", 'timestamp', NO],
    ['active', 'text', "'active'"],
    ["'it''s'", 'text', "'it''s'"],
    ["'toolong'", 'varchar(3)', NO],
    ['0', 'text', "'0'"],
    ['1.50', 'text', "'1.5'"],
    ["'{}'", 'jsonb', "'{}'"],
    ["'{'", 'jsonb', NO],
    ["x'00ff'", 'bytea', "'\\x00ff'::bytea"],
    ["'abc'", 'bytea', NO],
    ['0.1', 'numeric(10,2)', '0.1'],
    ["'1e3'", 'double precision', '1000'],
    ['(1 + 2)', 'integer', '1::bigint + 2'],
    ["'a' || 'b'", 'text', "'a' || 'b'"],
    ['random()', 'bigint', NO],
    ['lower(hex(randomblob(16)))', 'text', NO],
    ["'f47ac10b-58cc-4372-a567-0e02b2c3d479'", 'uuid', "'f47ac10b-58cc-4372-a567-0e02b2c3d479'"],
    ["'x'", 'uuid', NO],
  ])('%s into %s', async (sql, type, expected) => {
    const result = translate(sql, { columns: new Map(), purpose: 'default', type })
    expect('sql' in result ? result.sql : null, JSON.stringify(result)).toBe(expected)
    if (expected === null) return
    await client.query('drop table if exists d')
    await client.query(`create table d (k int, v ${type} default ${expected})`)
    await client.query('insert into d (k) values (1)')
  })

  test.each([
    ['CURRENT_TIMESTAMP', 'text'],
    ['CURRENT_DATE', 'text'],
    ['CURRENT_TIME', 'text'],
    ["datetime('now')", 'text'],
    ["datetime('now', '+2 days', '-30 minutes')", 'text'],
    ["date('now')", 'text'],
    ['datetime()', 'text'],
    ["strftime('%Y-%m-%dT%H:%M:%SZ', 'now')", 'text'],
    ["strftime('%s','now')", 'text'],
    ["strftime('%s','now')", 'bigint'],
    ['unixepoch()', 'integer'],
    ['(unixepoch() * 1000)', 'bigint'],
    ["cast(strftime('%s','now') as integer)", 'bigint'],
    ["cast((julianday('now') - 2440587.5) * 86400000 as integer)", 'bigint'],
    ["julianday('now')", 'double precision'],
    ["strftime('%Y', 'now')", 'integer'],
  ])('%s into %s is the same instant', async (sql, type) => {
    const read = async () => {
      const value = translate(sql, { columns: new Map(), purpose: 'default', type })
      if (!('sql' in value)) throw new Error(value.untranslatable)
      await client.query("set timezone = 'Asia/Tokyo'")
      const found = await client.query(`select (${value.sql})::text v`)
      return [(found.rows[0] as { v: string }).v, String(sqlite.prepare(`select ${sql} v`).get()?.v)] as const
    }
    const near = ([a, b]: readonly [string, string]) =>
      /^\d+(\.\d+)?$/.test(a) ? Math.abs(Number(a) - Number(b)) < (Number(b) > 1e12 ? 5000 : 5) : a === b
    // The second may change between the two.
    expect(near(await read()) || near(await read()), (await read()).join(' | ')).toBe(true)
  })

  test('the present time in the types of time', async () => {
    await client.query("set timezone = 'Asia/Tokyo'")
    for (const sql of [
      'CURRENT_TIMESTAMP',
      'unixepoch()',
      "datetime('now','localtime')",
      "julianday('now')",
    ]) {
      for (const type of ['timestamp', 'timestamptz', 'timestamp(3) without time zone']) {
        const value = translate(sql, { columns: new Map(), purpose: 'default', type })
        if (!('sql' in value)) throw new Error(value.untranslatable)
        const zone = sql.includes('localtime') || type === 'timestamptz' ? '' : ` at time zone 'utc'`
        const found = await client.query(
          `select abs(extract(epoch from (${value.sql}) - (now()${zone}${zone === '' && type !== 'timestamptz' ? '::timestamp' : ''}))) < 1 as near`,
        )
        expect((found.rows[0] as { near: boolean }).near, `${sql} ${type} ${value.sql}`).toBe(true)
      }
    }
    expect(
      translate("datetime('now', 'start of month')", {
        columns: new Map(),
        purpose: 'default',
        type: 'timestamp',
      }),
    ).toHaveProperty('untranslatable')
    expect(
      translate('CURRENT_TIMESTAMP', { columns: new Map(), purpose: 'default', type: 'bigint' }),
    ).toHaveProperty('untranslatable')
  })
})
