import { beforeAll, describe, expect, test } from 'vitest'
import type { MigrationConfig, VerifyReport } from '../../src/index.ts'
import { renderVerify } from '../../src/report/verify.ts'
import { NEW_SHOP, OLD_SHOP, SHOP } from '../migrate/mapped-shop.ts'
import { bench, contents, failure, query } from '../migrate/migrating.ts'
import { asking } from './asking.ts'

const { folder, postgres, migrate } = bench()
const { check } = asking(folder)
const yes = { ask: async () => true }

const found = (report: VerifyReport) =>
  report.differences.map(({ table, kind, key, columns }) => [
    table,
    kind,
    key,
    columns.map((one) => one.column),
  ])

let from: string
let to: string
beforeAll(async () => {
  from = await postgres(OLD_SHOP)
  to = await postgres(NEW_SHOP)
  await migrate(from, to, { config: SHOP, tools: yes })
})

describe('rows that were mapped', () => {
  test('are compared as they should have become, and nothing but the checks is written', async () => {
    const before = await contents(to)
    const report = await check(from, to, { config: SHOP, options: { record: false } })
    expect(await contents(to)).toEqual(before)
    expect(report).toMatchObject({ outcome: 'same', exitCode: 0, mapped: true })
    expect(report.tables.map(({ source, sourceRows, setAside }) => [source, sourceRows, setAside])).toEqual([
      ['clients', 3, 0],
      ['SELECT for events', 2, 1],
      ['logins', 2, 0],
      ['orders', 3, 1],
      ['lines', 3, 1],
    ])
    // Rows of others are nobody's business.
    expect(report.tables.every(({ extra }) => extra === 0)).toBe(true)
    expect(report.notes).toContainEqual(expect.stringMatching(/only the target has were not looked for/))
    expect(renderVerify(report)).toMatch(/^Same: all 13 rows of 5 tables, but for 3 set aside/)
    const recorded = await check(from, to, { config: SHOP })
    expect(recorded.exitCode).toBe(0)
    const [[checks]] = (await query(to, `SELECT count(*) FROM landfall.checks WHERE result = 'pass'`)) as [
      [string],
    ]
    expect(Number(checks)).toBeGreaterThan(5)
  })

  test('and that somebody changed or deleted are named; moving them again mends them', async () => {
    await query(
      to,
      `UPDATE orders SET cents = 1, made = 'x' WHERE id = 10; DELETE FROM order_lines WHERE order_id = 13;
       UPDATE customers SET name = 'Eve' WHERE id = 103; UPDATE events SET day = day + 1 WHERE kind = 'login' AND nr = 1;
       DELETE FROM client_map WHERE old_key = 2; UPDATE orders SET cents = 6 WHERE id = 7`,
    )
    const report = await check(from, to, { config: SHOP })
    expect(report).toMatchObject({ outcome: 'different', exitCode: 1 })
    expect(found(report)).toEqual(
      expect.arrayContaining([
        ['clients', 'missing', 'id = 2', []],
        ['clients', 'changed', 'id = 3', ['name']],
        ['logins', 'changed', 'id = 1', ['day']],
        ['orders', 'changed', 'nr = 10', ['cents', 'made']],
        ['lines', 'missing', 'order_nr = 13, pos = 1', []],
      ]),
    )
    expect(JSON.stringify(report.differences)).not.toContain('Eve')
    const shown = await check(from, to, { config: SHOP, options: { showValues: true, tables: ['orders'] } })
    expect(shown.scope.tables).toEqual(['orders'])
    expect(shown.differences.find(({ key }) => key === 'nr = 10')!.columns).toEqual([
      { column: 'cents', source: '1250', target: '1' },
      { column: 'made', source: '{"A": 1}', target: 'x' },
    ])
    const text = renderVerify(report, undefined, ' --to x')
    expect(text).toContain('  landfall verify --show-values --to x   shows the values')
    expect(text).toContain('  landfall migrate --to x   adds what is missing and updates what differs')
    expect(text).not.toContain('--repair')

    const again = await migrate(from, to, { config: SHOP, tools: yes })
    expect(again.exitCode).toBe(1)
    const mended = await check(from, to, { config: SHOP })
    // What an identity created is the application's once it is there.
    expect(found(mended).filter(([table]) => table !== 'clients')).toEqual([])
    await query(to, `UPDATE customers SET name = 'Nobody' WHERE id = 103`)
    expect(await check(from, to, { config: SHOP })).toMatchObject({ outcome: 'same', exitCode: 0 })
    expect(await query(to, 'SELECT cents FROM orders WHERE id = 7')).toEqual([['6']])
  })

  test('within limits; those that mean nothing are refused', async () => {
    const events = await check(from, to, { config: SHOP, options: { tables: ['events'] } })
    expect(events.tables.map(({ source }) => source)).toEqual(['SELECT for events', 'logins'])
    const others = await check(from, to, { config: SHOP, options: { exclude: ['clients', 'events'] } })
    expect(others.tables.map(({ source }) => source)).toEqual(['orders', 'lines'])
    expect(await failure(check(from, to, { config: SHOP, options: { tables: ['line'] } }))).toMatchObject({
      code: 'LF005',
      message: expect.stringContaining('did you mean lines?'),
    })
    for (const options of [{ repair: true }, { counts: true }, { sample: 0.5 }])
      expect(await failure(check(from, to, { config: SHOP, options }))).toMatchObject({
        code: 'LF001',
        exitCode: 2,
      })
    expect((await failure(check(from, to, { config: SHOP, options: { repair: true } }))).hint).toContain(
      'landfall migrate',
    )
    const hurried = await check(from, to, { config: SHOP, options: { maxSeconds: 1e-6 } })
    expect(hurried).toMatchObject({ outcome: 'incomplete', exitCode: 1 })
    expect(hurried.tables.every(({ incomplete }) => incomplete?.includes('--max-time'))).toBe(true)
  })

  test('when the map is gone: the rules find what they can, and that is said', async () => {
    await query(to, 'ALTER TABLE client_map RENAME TO elsewhere')
    const report = await check(from, to, { config: SHOP })
    expect(report.notes).toContainEqual(
      expect.stringMatching(/clients: the map public\.client_map is not there/),
    )
    expect(report).toMatchObject({ outcome: 'same', exitCode: 0 })
    await query(to, 'ALTER TABLE elsewhere RENAME TO client_map')
  })
})

test('before anything was moved all rows are missing, and nothing is made', async () => {
  const empty = await postgres(NEW_SHOP)
  const before = await contents(empty)
  const report = await check(from, empty, { config: SHOP })
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1 })
  expect(await contents(empty)).toEqual(before)
})

test('a map that is not kept is none afterwards, and the rows are the same', async () => {
  const { clients } = SHOP.identities!
  const config: MigrationConfig = {
    ...SHOP,
    name: 'mapless',
    identities: { clients: { ...clients!, keptIn: false } },
  }
  const target = await postgres(NEW_SHOP)
  expect(await migrate(from, target, { config, tools: yes })).toMatchObject({ outcome: 'done', exitCode: 1 })
  expect(
    await query(
      target,
      `SELECT relname FROM pg_class WHERE relname ~ '(identity_|client_map)' AND relkind = 'r'`,
    ),
  ).toEqual([])
  expect(await check(from, target, { config })).toMatchObject({ outcome: 'same', exitCode: 0 })
  await query(target, 'DELETE FROM events WHERE nr = 3')
  expect(found(await check(from, target, { config }))).toEqual([['logins', 'missing', 'id = 3', []]])
  const again = await migrate(from, target, { config, tools: yes })
  expect(again.tables.find(({ source }) => source === 'clients')!.merged).toMatchObject({
    created: 0,
    unchanged: 3,
  })
  expect(await check(from, target, { config })).toMatchObject({ outcome: 'same', exitCode: 0 })
})
