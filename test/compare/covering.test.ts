import { expect, test } from 'vitest'
import { covering } from '../../src/compare/tables.ts'
import type { ChunkBounds } from '../../src/journal/model.ts'

const range = (after: string | null, upTo: string | null): ChunkBounds => ({
  after: after === null ? null : [after],
  upTo: upTo === null ? null : [upTo],
})

test('ranges that join up, and are open at both ends, cover a table', () => {
  for (const ranges of [[range(null, null)], [range(null, '5'), range('5', '9'), range('9', null)]])
    expect(covering(ranges)).toBe(ranges)
})

test.each([
  ['no range', []],
  ['a gap', [range(null, '5'), range('6', null)]],
  ['a beginning', [range('1', null)]],
  ['an end', [range(null, '5'), range('5', '9')]],
  ['a range that is open within', [range(null, '5'), range(null, null)]],
  ['another order', [range('5', null), range(null, '5')]],
])('%s: rows would be overlooked', (_, ranges) => {
  expect(() => covering(ranges)).toThrow('do not cover')
})
