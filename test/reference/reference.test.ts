import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '../../src/errors.ts'
import { EXIT_STATUSES } from '../../src/report/exit-statuses.ts'
import { EXPLANATIONS } from '../../src/report/explanations.ts'
import { referencePages } from './pages.ts'

describe('pages made from the product are up to date (npx node test/reference/write.ts makes them)', () => {
  test.each(Object.entries(referencePages()))('%s', (path, text) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text)
  })
})

test('every error code is explained, with something to do', () => {
  for (const code of Object.keys(ERRORS) as (keyof typeof ERRORS)[]) {
    const { what, why, todo } = EXPLANATIONS[code]
    expect(
      [what, why, ...todo].every((line) => line.length > 10),
      code,
    ).toBe(true)
    expect(todo.length, code).toBeGreaterThan(0)
  }
})

test('every exit status that an error has is explained', () => {
  const explained = new Set(EXIT_STATUSES.map((one) => one.status))
  expect(Object.values(ERRORS).filter(({ exit }) => !explained.has(exit))).toEqual([])
})
