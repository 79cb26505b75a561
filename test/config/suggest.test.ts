import { expect, test } from 'vitest'
import { didYouMean, suggest } from '../../src/config/suggest.ts'

const TABLES = ['orders', 'order_items', 'users', 'Rechnungs-Posten']

test.each([
  ['order', 'orders'],
  ['ORDERS', 'orders'],
  ['odrers', 'orders'],
  ['orderItems', 'order_items'],
  ['user', 'users'],
  ['rechnungsposten', 'Rechnungs-Posten'],
])('%s was probably meant to be %s', (word, meant) => {
  expect(suggest(word, TABLES)).toBe(meant)
})

test.each(['invoices', 'x', '', 'a'.repeat(10_000)])('nothing is suggested for %.10s', (word) => {
  expect(suggest(word, TABLES)).toBeNull()
})

test('an exact name wins over a near one', () => {
  expect(suggest('user_s', ['user', 'users', 'user_s'])).toBe('users')
  expect(suggest('ab', ['ac', 'ab'])).toBe('ab')
})

test('as the end of a sentence', () => {
  expect(didYouMean('colums', ['columns', 'from'])).toBe('; did you mean columns?')
  expect(didYouMean('zzz', ['columns'])).toBe('')
})
