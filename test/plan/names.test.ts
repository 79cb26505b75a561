import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { madeName } from '../../src/connection/postgres-names.ts'
import { relationNames, targetNames } from '../../src/plan/names.ts'

const of = (names: readonly string[], options: Parameters<typeof targetNames>[1]) =>
  Object.fromEntries(targetNames(names, options).names)

describe('targetNames', () => {
  test('spelling is kept, also where names differ in case only', () => {
    const { names, notes } = targetNames(['Users', 'users', 'a "b".c', 'größe'], { style: 'keep' })
    expect([...names.values()]).toEqual(['Users', 'users', 'a "b".c', 'größe'])
    expect(notes).toEqual([])
  })

  test.each([
    ['InvoiceLine', 'invoice_line'],
    ['HTTPServer', 'http_server'],
    ['userID', 'user_id'],
    ['Order Details', 'order_details'],
    ['already_snake', 'already_snake'],
    ['_private', '_private'],
    ['ABC', 'abc'],
    ['v2Beta', 'v2_beta'],
    ['Foo_Bar', 'foo_bar'],
    ['ÄrgerÜber', 'ärger_über'],
    ['a-b.c', 'a_b_c'],
    ['x__y', 'x_y'],
  ])('snake: %s → %s', (name, expected) => {
    expect(of([name], { style: 'snake' })).toEqual({ [name]: expected })
  })

  test('names that a person chose stay', () => {
    expect(of(['Chosen', 'OtherOne'], { style: 'snake', kept: ['Chosen'] })).toEqual({
      Chosen: 'Chosen',
      OtherOne: 'other_one',
    })
  })

  test('what becomes equal is told apart, and the one that fits keeps its name', () => {
    const { names, notes } = targetNames(['UserName', 'user_name', 'userName'], { style: 'snake' })
    expect(Object.fromEntries(names)).toEqual({
      UserName: 'user_name_2',
      user_name: 'user_name',
      userName: 'user_name_3',
    })
    expect(notes).toEqual([
      'UserName is called user_name_2: user_name is taken',
      'userName is called user_name_3: user_name is taken',
    ])
  })

  test('63 bytes, cut between characters, and equal beginnings', () => {
    const long = 'ü'.repeat(40)
    const { names, notes } = targetNames([`${long}a`, `${long}b`], { style: 'keep' })
    expect([...names.values()]).toEqual(['ü'.repeat(31), `${'ü'.repeat(30)}_2`])
    expect(notes).toHaveLength(2)
    expect(notes[0]).toContain('63 bytes')
  })

  test('system columns, empty names and names that are taken', () => {
    expect(of(['xmin', ''], { style: 'keep', columns: true })).toEqual({ xmin: 'xmin_2', '': 'unnamed' })
    expect(of(['a'], { style: 'keep', taken: ['a', 'a_2'] })).toEqual({ a: 'a_3' })
  })

  test('whatever the names are, the result is all different and fits', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }).filter((text) => text.isWellFormed()),
      fc.constantFrom('a', 'A', 'a_2', 'aB', 'a_b', 'x'.repeat(63), 'x'.repeat(64), 'X'.repeat(64)),
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 12 }),
        fc.constantFrom('keep' as const, 'snake' as const),
        (names, style) => {
          const result = targetNames(names, { style, columns: true })
          const values = [...result.names.values()]
          expect([...result.names.keys()]).toEqual(names)
          expect(new Set(values).size).toBe(names.length)
          expect(
            values.every((value) => value !== '' && Buffer.byteLength(value) <= 63 && value.isWellFormed()),
          ).toBe(true)
        },
      ),
    )
  })
})

test('relationNames gives each name once', () => {
  const claim = relationNames(['orders', 'orders_pkey'])
  expect([claim('orders_pkey'), claim('orders_pkey'), claim('idx'), claim('idx')]).toEqual([
    'orders_pkey_2',
    'orders_pkey_3',
    'idx',
    'idx_2',
  ])
})

test('madeName spells and cuts as PostgreSQL does', () => {
  expect(madeName('orders', ['a', 'b'], 'key')).toBe('orders_a_b_key')
  expect(madeName('orders', [], 'pkey')).toBe('orders_pkey')
  expect(madeName('t'.repeat(70), [], 'pkey')).toBe(`${'t'.repeat(58)}_pkey`)
  for (const [table, column] of [
    ['t'.repeat(63), 'c'.repeat(63)],
    ['short', 'c'.repeat(63)],
    ['ä'.repeat(31), 'id'],
  ] as const) {
    const name = madeName(table, [column], 'seq')
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
    expect(name).toMatch(/_seq$/)
    expect(name.startsWith(table.slice(0, 5))).toBe(true)
  }
})
