import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { bench, contents, failure, query } from './migrating.ts'

const { folder, sqlite, postgres, migrate, plan } = bench()

const SHOP = `CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
  CREATE TABLE orders(id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), qty INTEGER); INSERT INTO orders VALUES (1, 1, 5), (2, 2, 7);
  CREATE TABLE empty(id INTEGER PRIMARY KEY AUTOINCREMENT, at DATETIME)`
const change = (path: string, sql: string) => {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  database.exec(sql)
  database.close()
}

describe('a run that is done', () => {
  test('has nothing left to do, and finds that out without reading a row', async () => {
    const from = sqlite(
      `${SHOP}; WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO users SELECT i, 'n' || i FROM n`,
    )
    const to = await postgres()
    const first = await migrate(from, to)
    expect(first).toMatchObject({ outcome: 'done', exitCode: 0, resumed: false })
    // What autovacuum would cut off meanwhile is cut off before.
    await query(to, 'VACUUM')
    const events: string[] = []
    const before = await contents(to)
    const again = await migrate(from, to, { tools: { progress: ({ kind }) => events.push(kind) } })
    expect(again).toMatchObject({ outcome: 'nothing-to-do', exitCode: 0, tables: first.tables })
    expect(events).not.toContain('table')
    expect((await contents(to)).filter(([schema]) => schema === 'public')).toEqual(
      before.filter(([schema]) => schema === 'public'),
    )
    change(from, 'VACUUM')
    expect(await migrate(from, to)).toMatchObject({ outcome: 'nothing-to-do', exitCode: 0 })
  })

  test('names the tables in which the source changed since', async () => {
    const from = sqlite(SHOP)
    const to = await postgres()
    await migrate(from, to)
    change(from, `UPDATE orders SET qty = 6 WHERE id = 1`)
    const updated = await failure(migrate(from, to))
    expect(updated).toMatchObject({ code: 'LF201', exitCode: 5, details: { tables: ['orders'] } })
    expect(updated.hint).toContain('--restart')
    change(
      from,
      `INSERT INTO empty(at) VALUES ('2024-01-01 00:00:00'); DELETE FROM users WHERE id = 2; UPDATE orders SET qty = 5 WHERE id = 1`,
    )
    expect(await failure(migrate(from, to))).toMatchObject({
      code: 'LF201',
      details: { tables: ['users', 'empty'] },
    })
    change(from, `DELETE FROM empty; INSERT INTO users VALUES (2, 'Grace')`)
    // No row is left of it, but the next one will not get the number 1.
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF201', details: { tables: ['empty'] } })
    change(from, 'UPDATE sqlite_sequence SET seq = 0')
    expect(await migrate(from, to)).toMatchObject({ outcome: 'nothing-to-do' })
    expect(await query(to, 'SELECT qty FROM orders WHERE id = 1')).toEqual([['5']])
  })

  test('notices rows in a table that had none', async () => {
    const from = sqlite(
      'CREATE TABLE a(x INT); CREATE TABLE b(k TEXT PRIMARY KEY) WITHOUT ROWID; CREATE TABLE c(x INT); INSERT INTO c VALUES (1)',
    )
    const to = await postgres()
    await migrate(from, to)
    change(from, "INSERT INTO a VALUES (5); INSERT INTO b VALUES ('k')")
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF201', details: { tables: ['a', 'b'] } })
    change(from, 'DELETE FROM a; DELETE FROM b; INSERT INTO c VALUES (2)')
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF201', details: { tables: ['c'] } })
  })

  test('refuses another plan and says what differs', async () => {
    const from = sqlite(SHOP)
    const to = await postgres()
    await migrate(from, to)
    const error = await failure(migrate(from, to, { options: { names: 'snake', exclude: ['empty'] } }))
    expect(error).toMatchObject({ code: 'LF202', exitCode: 5 })
    expect(error.message).toContain('empty was moved, and is not any more')
    const typed = await failure(
      migrate(from, to, { config: { moves: { '*': {}, orders: { columns: { qty: { type: 'text' } } } } } }),
    )
    expect(typed.message).toContain('orders.qty was bigint, and is text')
  })

  test('--restart asks first, and is refused without an answer', async () => {
    const from = sqlite(SHOP)
    const to = await postgres()
    await migrate(from, to)
    const options = { restart: true }
    expect(await failure(migrate(from, to, { options }))).toMatchObject({ code: 'LF206', exitCode: 5 })
    const asked: string[] = []
    const ask = (answer: boolean) => async (question: string) => {
      asked.push(question)
      return answer
    }
    expect(await failure(migrate(from, to, { options, tools: { ask: ask(false) } }))).toMatchObject({
      code: 'LF206',
    })
    expect(asked[0]).toContain('public.orders')
    expect(await query(to, 'SELECT count(*)::text FROM orders')).toEqual([['2']])
    change(from, 'INSERT INTO orders VALUES (3, 1, 1)')
    expect(await migrate(from, to, { options, tools: { ask: ask(true) } })).toMatchObject({
      outcome: 'done',
      resumed: false,
    })
    expect(await query(to, 'SELECT count(*)::text FROM orders')).toEqual([['3']])
    await query(to, 'INSERT INTO orders(qty) VALUES (99)')
    expect(await failure(migrate(from, to, { options, tools: { ask: ask(true) } }))).toMatchObject({
      code: 'LF203',
    })
    expect(await query(to, 'SELECT count(*)::text FROM orders')).toEqual([['4']])
  })

  test('whose table is gone says so', async () => {
    const from = sqlite(SHOP)
    const to = await postgres()
    await migrate(from, to)
    await query(to, 'DROP TABLE empty')
    expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF205', place: { table: 'empty' } })
  })
})

describe('--checkpoint FILE', () => {
  test('is written, is agreed with, and is refused when it claims more than the journal', async () => {
    const from = sqlite(SHOP)
    const to = await postgres()
    const checkpoint = join(folder, 'progress.json')
    await migrate(from, to, { options: { checkpoint } })
    const written = JSON.parse(readFileSync(checkpoint, 'utf8'))
    expect(written).toMatchObject({
      version: 1,
      tables: { users: { rows: 2, chunks: 1, done: 1 } },
    })
    expect(await migrate(from, to, { options: { checkpoint } })).toMatchObject({ outcome: 'nothing-to-do' })
    const harmed = (text: string) => {
      writeFileSync(checkpoint, text)
      return failure(migrate(from, to, { options: { checkpoint } }))
    }
    expect(
      await harmed(JSON.stringify({ ...written, tables: { users: { ...written.tables.users, rows: 3 } } })),
    ).toMatchObject({ code: 'LF405', exitCode: 5 })
    expect(await harmed(JSON.stringify({ ...written, run: '9999' }))).toMatchObject({ code: 'LF405' })
    for (const text of [
      '',
      'null',
      '[]',
      '{}',
      '{"version":1,"tables":null}',
      '"x"',
      JSON.stringify({ ...written, tables: { users: null } }),
    ])
      expect(await harmed(text)).toMatchObject({ code: 'LF405' })
    writeFileSync(checkpoint, JSON.stringify(written))
    expect(await failure(migrate(from, await postgres(), { options: { checkpoint } }))).toMatchObject({
      code: 'LF405',
    })
  })

  test('in a folder that is not there is refused before anything is written', async () => {
    const to = await postgres()
    const error = await failure(
      migrate(sqlite(SHOP), to, { options: { checkpoint: join(folder, 'none', 'x.json') } }),
    )
    expect(error).toMatchObject({ exitCode: 2 })
    expect(await query(to, `SELECT to_regclass('public.users')::text`)).toEqual([[null]])
  })
})

describe('what only reads', () => {
  test('--dry-run and plan leave the target as it was, without a journal', async () => {
    const from = sqlite(SHOP)
    const to = await postgres('CREATE TABLE users(id bigint, name text)')
    const before = await contents(to)
    const report = await migrate(from, to, { options: { dryRun: true } })
    expect(report).toMatchObject({ outcome: 'dry-run', command: 'migrate', version: 1 })
    expect((await plan(from, to)).moves).toHaveLength(3)
    expect(await contents(to)).toEqual(before)
    expect(before.some(([schema]) => schema === 'landfall')).toBe(false)
  })

  test('--dry-run says what blocks, in its exit status too', async () => {
    const from = sqlite(`${SHOP}; UPDATE orders SET qty = 'many' WHERE id = 2`)
    expect(await failure(migrate(from, await postgres(), { options: { dryRun: true } }))).toMatchObject({
      code: 'LF204',
      exitCode: 5,
    })
    const aside = await migrate(from, await postgres(), { options: { dryRun: true, badRows: 'set-aside' } })
    expect(aside).toMatchObject({
      outcome: 'dry-run',
      rejects: [{ table: 'orders', column: 'qty', rows: 1 }],
    })
  })

  test('plan against an embedded target that was never made makes none', async () => {
    const found = await plan(sqlite(SHOP), 'embedded')
    expect(found.moves).toHaveLength(3)
    expect(existsSync(join(folder, '.landfall'))).toBe(false)
  })
})
