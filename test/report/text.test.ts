import { expect, test } from 'vitest'
import {
  alignedTable,
  columns,
  count,
  cut,
  duration,
  PLAIN,
  printable,
  rate,
  withoutSecrets,
  wrap,
} from '../../src/report/text.ts'

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [4_200_000, '4,200,000'],
])('count of %d', (n, text) => expect(count(n)).toBe(text))

test.each([
  [0, '0.00 s'],
  [9.994, '9.99 s'],
  [12.34, '12.3 s'],
  [59.96, '1 min 00 s'],
  [125, '2 min 05 s'],
  [3599.7, '1 h 00 min'],
  [3725, '1 h 02 min'],
])('duration of %d s', (seconds, text) => expect(duration(seconds)).toBe(text))

test.each([
  [0, '-'],
  [Number.NaN, '-'],
  [850, '850/s'],
  [12_345, '12.3 k/s'],
  [1_200_000, '1.20 M/s'],
])('rate of %d', (n, text) => expect(rate(n)).toBe(text))

test('wide and combining characters are counted as a terminal does', () => {
  expect(columns('日本')).toBe(4)
  expect(columns('e\u0301')).toBe(1)
  expect(cut('日本語', 5)).toBe('日本…')
  expect(cut('short', 5)).toBe('short')
  const table = alignedTable(
    [{ title: 'a' }, { title: 'b' }],
    [
      ['日本', 'x'],
      ['abcd', 'y'],
    ],
    PLAIN,
  )
  expect(table.slice(1)).toEqual(['日本  x', 'abcd  y'])
})

test('control characters, also invisible ones and half of a pair, become escapes', () => {
  expect(printable('a\0b\u001b\u200e\ud800')).toBe('a\\u{0}b\\u{1b}\\u{200e}\\u{d800}')
})

test.each([
  ['unknown command postgres://app:p@ss@host/db', 'unknown command postgres://***@host/db'],
  ["host=h password='a b' user=x", 'host=h password=*** user=x'],
  ['?user=a&password=x&sslmode=require', '?user=a&password=***&sslmode=require'],
  ["open postgres://app:p'a%22@host/db", 'open postgres://***@host/db'],
  ['://app:p/a@ss@h/d', '://***@h/d'],
  ['postgres://app@host:5432/db', 'postgres://app@host:5432/db'],
  ['no secret at all', 'no secret at all'],
])('%s', (text, safe) => expect(withoutSecrets(text)).toBe(safe))

test('lines are broken at spaces, and inside only where a word is longer than a line', () => {
  expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc'])
  expect(wrap('aa  bb', 9)).toEqual(['aa  bb'])
  expect(wrap('a 日本語日本語 b', 6)).toEqual(['a', '日本語', '日本語', 'b'])
  for (const line of wrap('x'.repeat(25), 10)) expect(columns(line)).toBeLessThanOrEqual(10)
  expect(wrap('', 10)).toEqual([''])
})

test('numbers are never broken, however narrow the terminal', () => {
  const head = [{ title: 'table' }, { title: 'rows', align: 'right' as const }]
  const [, row] = alignedTable(head, [['a_table_with_a_name', '1,000,000']], { ...PLAIN, width: 20 })
  expect(row).toBe('a_table_w  1,000,000')
})
