import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { makeShop, type Shop } from '../../demo/shop.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-shop-'))
afterAll(() => rmSync(folder, { recursive: true }))

function open(name: string): { shop: Shop; ask: (sql: string, exact?: boolean) => unknown[] } {
  const file = join(folder, name)
  const shop = makeShop(file, 0.01)
  const database = new DatabaseSync(file, { readOnly: true })
  const ask = (sql: string, exact = false): unknown[] => {
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    statement.setReadBigInts(exact)
    return statement.all() as unknown as unknown[]
  }
  return { shop, ask }
}

const { shop, ask } = open('shop.db')

test('the shop has as many rows as it says', () => {
  for (const [table, rows] of Object.entries(shop.rows))
    expect([table, ...ask(`SELECT count(*) FROM "${table}"`)]).toEqual([table, [rows]])
})

test('each kind of trouble is in it', () => {
  expect(ask(`SELECT order_id, line_no FROM order_line WHERE typeof(quantity) <> 'integer'`)).toEqual([
    [42, 1],
  ])
  expect(ask(`SELECT "id" FROM "Customer" WHERE instr(CAST("displayName" AS BLOB), x'00') > 0`)).toEqual([
    [193],
  ])
  expect(ask('SELECT "id" FROM "Customer" WHERE length("displayName") > 80')).toEqual([[192]])
  expect(ask(`SELECT count(*) FROM audit_log WHERE instr(CAST(details AS BLOB), x'e9') > 0`)).toEqual([[1]])
  expect(ask('PRAGMA foreign_key_check')).toEqual([['order', shop.rows.order, 'Customer', 0]])
  expect(ask(`SELECT count(*) FROM order_line WHERE order_id = ${shop.rows.order}`)).toEqual([[2]])
})

test('nothing depends on the customers that do not fit', () => {
  for (const table of ['"order"', 'session'])
    expect(ask(`SELECT count(*) FROM ${table} WHERE customer_id IN (192, 193)`)).toEqual([[0]])
})

test('the same scale gives the same content', () => {
  const again = open('again.db').ask
  for (const table of Object.keys(shop.rows)) {
    const all = `SELECT * FROM "${table}" ORDER BY 1, 2`
    expect(again(all, true)).toEqual(ask(all, true))
  }
})
