import { beforeAll, describe, expect, test } from 'vitest'
import { contents, query } from '../migrate/migrating.ts'
import { checking } from './checking.ts'
import { SHOP, WEIRD, WEIRD_NAME } from './shop.ts'

const { migrated, check, broken } = checking()

describe('after a migration', () => {
  test('all is as it should be, each kind of each table is named once, and looking changes nothing', async () => {
    const pair = await migrated(SHOP)
    const sequence = async () =>
      await query(
        pair.to,
        `SELECT last_value::text, is_called::text FROM customers_id_seq UNION ALL SELECT last_value::text, is_called::text FROM empty_id_seq`,
      )
    const before = [await contents(pair.to), await sequence()]
    const checks = await check(pair)
    expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
    const names = checks.map((one) => one.name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => name.startsWith('customers: ') || name.startsWith('orders: '))).toEqual([
      'customers: columns',
      'customers: keys and indexes',
      'customers: unique values',
      'customers: checks',
      'customers: sequences',
      'orders: columns',
      'orders: keys and indexes',
      'orders: unique values',
      'orders: foreign keys',
      'orders: sequences',
    ])
    expect(names.filter((name) => name.startsWith(WEIRD_NAME))).toHaveLength(6)
    expect([await contents(pair.to), await sequence()]).toEqual(before)
  })

  test('what the target’s catalog vouches for is not read', async () => {
    const pair = await migrated(SHOP)
    const scans = async () =>
      await query(
        pair.to,
        `SELECT relname::text, (seq_scan + coalesce(idx_scan, 0))::text FROM pg_stat_user_tables WHERE relname IN ('bag', 'pair') ORDER BY 1`,
      )
    await query(pair.to, 'SELECT pg_stat_force_next_flush()')
    const before = await scans()
    await check(pair)
    await query(pair.to, 'SELECT pg_stat_force_next_flush()')
    expect(await scans()).toEqual(before)
  })

  test('an application that goes on with its schema breaks nothing', async () => {
    const pair = await migrated(SHOP)
    await query(
      pair.to,
      `CREATE TABLE "its own"(x int); ALTER TABLE orders ADD extra text; ALTER TABLE orders ALTER code SET DEFAULT 'z';
      CREATE INDEX more ON orders(extra); ALTER TABLE bag ALTER x SET NOT NULL; ALTER INDEX orders_recent RENAME TO "re""cent";
      ALTER TABLE customers RENAME CONSTRAINT customers_check TO adult; ALTER TABLE orders RENAME CONSTRAINT orders_customer_fkey TO who`,
    )
    const checks = await check(pair)
    expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
    expect(checks[0]).toMatchObject({
      result: 'pass',
      found: '6 moved, 1 other table in the target',
      evidence: [expect.stringContaining('its own')],
    })
    expect(checks.find((one) => one.name === 'orders: keys and indexes')!.evidence!.join('\n')).toContain(
      'orders_recent is called re"cent',
    )
  })

  test('tables that were left out are named', async () => {
    const pair = await migrated(SHOP, { options: { exclude: ['bag', 'customers'] } })
    const checks = await check(pair)
    expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
    expect(checks[0]).toMatchObject({ found: '4 moved, 2 left out' })
    expect(checks[0]!.evidence!.join('\n')).toMatch(/left out: customers, --exclude[\s\S]*left out: bag/)
    expect(checks.find((one) => one.name === 'orders: foreign keys')!.evidence!.join('\n')).toMatch(
      /left out: \(customer\) to customers, customers is missing, or is not moved/,
    )
  })

  test('only the tables that are asked for', async () => {
    const pair = await migrated(SHOP)
    await query(pair.to, 'DROP TABLE bag')
    const checks = await check(pair, { tables: ['orders'] })
    expect(new Set(checks.slice(1).map((one) => one.name.split(':')[0]))).toEqual(new Set(['orders']))
    expect(checks.filter((one) => one.result !== 'pass')).toEqual([])
  })
})

const DISABLED = 'does not work, since its triggers are disabled'
const INVALID = (index: string, flag: string) =>
  `UPDATE pg_catalog.pg_index SET ${flag} = false WHERE indexrelid = '${index}'::regclass`

/** What is broken, by which statement, which checks say so, and with which words. */
const BREAKS: readonly [string, string, readonly string[], RegExp][] = [
  ['a table is dropped', 'DROP TABLE bag', ['bag: columns'], /has no such table/],
  [
    'a table became a view',
    'ALTER TABLE bag RENAME TO b2; CREATE VIEW bag AS TABLE b2',
    ['bag: columns'],
    /no such table/,
  ],
  ['a column is dropped', 'ALTER TABLE bag DROP y', ['bag: columns'], /y is missing/],
  [
    'a column has another type',
    'ALTER TABLE bag ALTER x TYPE int',
    ['bag: columns'],
    /x is integer instead of bigint/,
  ],
  [
    'a length is another one',
    'ALTER TABLE customers ALTER note TYPE varchar(21)',
    ['customers: columns'],
    /note is character varying\(21\) instead of varchar\(20\)/,
  ],
  [
    'NOT NULL is gone',
    'ALTER TABLE orders ALTER customer DROP NOT NULL',
    ['orders: columns'],
    /not NOT NULL/,
  ],
  [
    'NOT NULL is not validated',
    'ALTER TABLE orders ALTER customer DROP NOT NULL; ALTER TABLE orders ADD CONSTRAINT nn NOT NULL customer NOT VALID',
    ['orders: columns'],
    /customer: its NOT NULL nn is not validated/,
  ],
  [
    'a generated column is a plain one',
    'ALTER TABLE orders ALTER twice DROP EXPRESSION',
    ['orders: columns'],
    /twice is not generated any more/,
  ],
  [
    'a generated column computes something else',
    'ALTER TABLE orders ALTER twice SET EXPRESSION AS (id * 3)',
    ['orders: columns'],
    /twice is generated as .*3.* instead of .*2/,
  ],
  [
    'an index is dropped',
    'DROP INDEX orders_recent',
    ['orders: keys and indexes'],
    /orders_recent .* is missing/,
  ],
  [
    'an index is not valid',
    INVALID('orders_recent', 'indisvalid'),
    ['orders: keys and indexes'],
    /orders_recent is not valid: REINDEX/,
  ],
  [
    'an index of the application’s own is not ready',
    `CREATE INDEX own ON bag(x); ${INVALID('own', 'indisready')}`,
    ['bag: keys and indexes'],
    /own is not valid/,
  ],
  [
    'an index has another direction',
    'DROP INDEX orders_recent; CREATE INDEX orders_recent ON orders(at, customer)',
    ['orders: keys and indexes'],
    /another definition/,
  ],
  [
    'an index has another expression',
    'DROP INDEX orders_lower; CREATE INDEX orders_lower ON orders(upper(code COLLATE "C"))',
    ['orders: keys and indexes'],
    /another definition/,
  ],
  [
    'an index has another collation',
    'DROP INDEX customers_email_key; CREATE UNIQUE INDEX customers_email_key ON customers(lower(email COLLATE "POSIX"))',
    ['customers: keys and indexes'],
    /another definition/,
  ],
  [
    'an index is of another kind',
    'DROP INDEX orders_lower; CREATE INDEX orders_lower ON orders USING hash (lower(code COLLATE "C"))',
    ['orders: keys and indexes'],
    /another definition/,
  ],
  [
    'a unique index has another condition',
    'DROP INDEX orders_code; CREATE UNIQUE INDEX orders_code ON orders(code) WHERE customer > 1',
    ['orders: keys and indexes'],
    /another definition/,
  ],
  [
    'an index is not unique any more, and a value is there twice',
    `DROP INDEX orders_code; CREATE INDEX orders_code ON orders(code) WHERE customer > 0; UPDATE orders SET code = 'a' WHERE id = 2`,
    ['orders: keys and indexes', 'orders: unique values'],
    /2 rows share 1 value[\s\S]*: id = 1 and id = 2$/m,
  ],
  [
    'a folded unique index is gone, and two cases of a value are there',
    `DROP INDEX customers_email_key; UPDATE customers SET email = 'A@X' WHERE id = 2`,
    ['customers: keys and indexes', 'customers: unique values'],
    /customers_email_key .* is missing[\s\S]*2 rows share 1 value/,
  ],
  [
    'a unique index is not valid, and a value is there twice',
    `UPDATE pg_catalog.pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'orders_code'::regclass; UPDATE orders SET code = 'a' WHERE id = 2`,
    ['orders: keys and indexes', 'orders: unique values'],
    /2 rows share 1 value/,
  ],
  [
    'a unique constraint is only an index',
    `ALTER TABLE ${WEIRD} DROP CONSTRAINT "we""ird.t'able ü_c'd_key"; CREATE UNIQUE INDEX ON ${WEIRD}("c'd")`,
    [`${WEIRD_NAME}: keys and indexes`],
    /not a unique constraint any more/,
  ],
  [
    'the primary key is gone, and a key is there three times',
    `ALTER TABLE pair DROP CONSTRAINT pair_pkey; INSERT INTO pair VALUES (1, 'x', 7), (1, 'x', 8)`,
    ['pair: keys and indexes', 'pair: unique values'],
    /the primary key \(a, b\) is missing[\s\S]*3 rows share 1 value[\s\S]*ctid = .*\(3 rows\)/,
  ],
  [
    'the primary key has its columns in another order',
    'ALTER TABLE pair DROP CONSTRAINT pair_pkey; ALTER TABLE pair ADD PRIMARY KEY (b, a)',
    ['pair: keys and indexes'],
    /the primary key is \(b, a\) instead of \(a, b\)/,
  ],
  [
    'the primary key is not valid, and a key is there twice',
    `UPDATE pg_catalog.pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'pair_pkey'::regclass; INSERT INTO pair VALUES (1, 'x', 7)`,
    ['pair: keys and indexes', 'pair: unique values'],
    /pair_pkey has an index that is not valid[\s\S]*a = 1, b = x \(2 rows\)/,
  ],
  [
    'a foreign key is gone, and there is an orphan',
    'ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey; UPDATE orders SET customer = 99 WHERE id = 3',
    ['orders: foreign keys'],
    /orders_customer_fkey is missing[\s\S]*1 row without a parent[\s\S]*: id = 3$/m,
  ],
  [
    'a foreign key is gone, and there is no orphan',
    'ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey',
    ['orders: foreign keys'],
    /orders_customer_fkey is missing[\s\S]*all rows were looked at/,
  ],
  [
    'a foreign key is not validated',
    `ALTER TABLE ${WEIRD} DROP CONSTRAINT "we""ird.t'able ü_É e_fkey"; UPDATE ${WEIRD} SET "É e" = 5 WHERE "a""b" = 2;
      ALTER TABLE ${WEIRD} ADD CONSTRAINT "n'""v" FOREIGN KEY ("É e") REFERENCES ${WEIRD} NOT VALID`,
    [`${WEIRD_NAME}: foreign keys`],
    /n'"v is not validated: ALTER TABLE "public"."we""ird.t'able ü" VALIDATE CONSTRAINT "n'""v"[\s\S]*1 row without a parent[\s\S]*a"b = 2$/m,
  ],
  [
    'a foreign key is not enforced',
    'ALTER TABLE orders ALTER CONSTRAINT orders_customer_fkey NOT ENFORCED; DELETE FROM customers WHERE id = 2',
    ['orders: foreign keys'],
    /is not enforced[\s\S]*1 row without a parent/,
  ],
  [
    'the triggers of a foreign key are disabled',
    'ALTER TABLE orders DISABLE TRIGGER ALL; UPDATE orders SET customer = 50 WHERE id < 3',
    ['orders: foreign keys'],
    new RegExp(`${DISABLED}[\\s\\S]*2 rows without a parent`),
  ],
  [
    'a foreign key does something else',
    'ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey; ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers',
    ['orders: foreign keys'],
    /on delete no action instead of on update no action on delete cascade/,
  ],
  [
    'a check is gone',
    'ALTER TABLE customers DROP CONSTRAINT customers_check; UPDATE customers SET age = -1 WHERE id = 1',
    ['customers: checks'],
    /customers_check .* is missing[\s\S]*1 row breaks it[\s\S]*by id = 1$/m,
  ],
  [
    'a check is not validated',
    `ALTER TABLE ${WEIRD} DROP CONSTRAINT "we""ird.t'able ü_check"; ALTER TABLE ${WEIRD} ADD CHECK ("É e" <> 77) NOT VALID`,
    [`${WEIRD_NAME}: checks`],
    /is not validated: ALTER TABLE [\s\S]*all rows were looked at/,
  ],
  [
    'a check says something else',
    'ALTER TABLE customers DROP CONSTRAINT customers_check; ALTER TABLE customers ADD CONSTRAINT customers_check CHECK (age >= 0)',
    ['customers: checks'],
    /customers_check is \(.*\) instead of/,
  ],
  [
    'a sequence is behind',
    `SELECT setval('orders_id_seq', 2)`,
    ['orders: sequences'],
    /goes on with 3, and numbers up to 3 are taken/,
  ],
  [
    'a sequence was never called and is behind',
    `SELECT setval('orders_id_seq', 3, false)`,
    ['orders: sequences'],
    /goes on with 3/,
  ],
  [
    'AUTOINCREMENT’s memory is lost',
    `SELECT setval('customers_id_seq', 8)`,
    ['customers: sequences'],
    /goes on with 9, and numbers up to 9 are taken/,
  ],
  [
    'a sequence that counts down is behind',
    'ALTER SEQUENCE orders_id_seq INCREMENT -1 MINVALUE -100 START 2 RESTART 2',
    ['orders: sequences'],
    /goes on with 2, and numbers down to 1 are taken/,
  ],
  [
    'a sequence starts over at its end',
    'ALTER SEQUENCE orders_id_seq MAXVALUE 3 CYCLE',
    ['orders: sequences'],
    /goes on with 1/,
  ],
  [
    'a column does not number itself any more',
    `ALTER TABLE ${WEIRD} ALTER "a""b" DROP IDENTITY`,
    [`${WEIRD_NAME}: sequences`],
    /a"b does not number itself any more/,
  ],
]

let shop: { from: string; to: string }
beforeAll(async () => {
  shop = await migrated(SHOP)
})

test.each(BREAKS)('%s', async (_, sql, names, words) => {
  const wrong = await broken(shop, sql)
  expect(wrong.map((one) => one.name)).toEqual(names)
  for (const one of wrong) expect(one.result).toBe('fail')
  expect(wrong.map((one) => [one.found, ...(one.evidence ?? [])].join('\n')).join('\n')).toMatch(words)
})

test.each([
  ['no number was taken', `ALTER SEQUENCE empty_id_seq RESTART 1`],
  [
    'a sequence that counts down',
    `TRUNCATE orders; ALTER SEQUENCE orders_id_seq INCREMENT -1 MINVALUE -9 MAXVALUE -1 START -1 RESTART -1`,
  ],
  ['a sequence at its end gives no number that is taken', `ALTER SEQUENCE orders_id_seq MAXVALUE 3`],
  ['a sequence that is far ahead', `SELECT setval('orders_id_seq', 9223372036854775807)`],
  [
    'a serial instead of an identity',
    `ALTER TABLE empty ALTER id DROP IDENTITY; CREATE SEQUENCE "o'wn"; ALTER TABLE empty ALTER id SET DEFAULT nextval('"o''wn"')`,
  ],
])('right: %s', async (_, sql) => {
  expect(await broken(shop, sql)).toEqual([])
})
