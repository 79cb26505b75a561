import { describe, expect, test } from 'vitest'
import { drawProgress, plainLine, plainSummary } from '../../src/cli/progress-draw.ts'
import { emptyProgress, overall, pace, takeEvent } from '../../src/cli/progress-state.ts'
import type { ProgressEvent } from '../../src/contract/progress.ts'
import { columns, PLAIN } from '../../src/report/text.ts'

function told(...events: readonly (readonly [number, ProgressEvent])[]) {
  const state = emptyProgress()
  for (const [now, event] of events) takeEvent(state, event, now)
  return state
}
const copy = (table: string, done: number, total: number): ProgressEvent => ({
  kind: 'table',
  phase: 'copy',
  table,
  done,
  total,
})
const phase = (name: string): ProgressEvent => ({ kind: 'phase', phase: name })

describe('the pace', () => {
  test('of a resumed table counts only what this run did', () => {
    const state = told([0, phase('copy')], [0, copy('a', 900, 1000)], [10_000, copy('a', 950, 1000)])
    const table = state.tables.get('a')!
    expect(pace(table, 10_000)).toEqual({ share: 0.95, perSecond: 5, left: 10 })
  })

  test('is not guessed from nothing', () => {
    const state = told([0, copy('a', 0, 1000)], [500, copy('a', 10, 1000)])
    expect(pace(state.tables.get('a')!, 500).left).toBeNull()
    expect(pace({ done: 0, total: 0, doneAtStart: 0, startedAt: 0 }, 0)).toEqual({
      share: null,
      perSecond: 0,
      left: null,
    })
  })

  test('of all tables is their sum', () => {
    const state = told([0, copy('a', 0, 100)], [0, copy('b', 0, 300)], [2000, copy('a', 100, 100)])
    expect(overall(state)).toMatchObject({ done: 100, total: 400, startedAt: 0 })
    expect(pace(overall(state)!, 2000)).toEqual({ share: 0.25, perSecond: 50, left: 6 })
  })
})

test('a new phase begins afresh, the same phase told again does not', () => {
  const state = told([0, phase('profile')], [0, copy('a', 1, 2)])
  takeEvent(state, phase('profile'), 1)
  expect(state.tables.size).toBe(1)
  takeEvent(state, phase('copy'), 2)
  expect(state.tables.size).toBe(0)
})

describe('the live lines', () => {
  const many = told(
    [0, phase('copy')],
    ...Array.from({ length: 30 }, (_, i): [number, ProgressEvent] => [
      0,
      copy(`table ${i} ${'日本'.repeat(i)}`, 0, 1e9),
    ]),
    ...Array.from({ length: 30 }, (_, i): [number, ProgressEvent] => [
      60_000,
      copy(`table ${i} ${'日本'.repeat(i)}`, 123_456_789, 1e9),
    ]),
  )

  test.each([20, 40, 60, 80, 200])('fit a terminal of %d columns', (width) => {
    const lines = drawProgress(many, 60_000, { ...PLAIN, width }, 10)
    expect(Math.max(...lines.map(columns))).toBeLessThanOrEqual(width)
    expect(lines.length).toBeLessThanOrEqual(10)
    expect(lines.at(-1)).toMatch(/^ {2}and 2[0-9] more$/)
  })

  test('show a bar, percent, rows, rate and time left for each table at work', () => {
    const state = told(
      [0, phase('copy')],
      [0, copy('orders', 0, 4000)],
      [0, copy('done', 0, 10)],
      [0, copy('waiting', 0, 10)],
      [2000, copy('orders', 1000, 4000)],
      [2000, copy('done', 10, 10)],
    )
    const lines = drawProgress(state, 2000, PLAIN, 10)
    expect(lines[0]).toBe('copy   1 of 3 tables   25 %   1,010 of 4,020 rows   505/s   6 s left')
    expect(lines[1]).toBe(
      `  orders  ${'█'.repeat(6)}${'░'.repeat(18)}  25 %  1,000 of 4,000 rows  500/s  6 s left`,
    )
    expect(lines).toHaveLength(2)
  })

  test('show steps and phases without rows', () => {
    const steps = told([0, phase('finish')], [0, { kind: 'step', name: 'index a_b', done: 3, total: 9 }])
    expect(drawProgress(steps, 0, PLAIN, 10)).toEqual(['finish   3 of 9   index a_b'])
    const waiting = told([0, { kind: 'phase', phase: 'snapshot', detail: 'backup' }])
    expect(drawProgress(waiting, 3000, PLAIN, 10)).toEqual(['snapshot   backup   3 s'])
  })

  test('carry no control characters of names', () => {
    const state = told([0, phase('copy')], [0, copy('a\u001b[2J', 1, 2)])
    expect(drawProgress(state, 0, PLAIN, 10).join('')).not.toContain('\u001b')
    expect(plainLine(state.tables.get('a\u001b[2J')!, 0)).toBe('copy a\\u{1b}[2J: 50 %, 1 of 2 rows\n')
  })
})

test('tables that are done in a moment are told of together', () => {
  const state = told(
    [0, phase('copy')],
    [0, copy('a', 5, 5)],
    [0, copy('b', 0, 2000)],
    [1500, copy('b', 2000, 2000)],
  )
  expect(plainSummary([...state.tables.values()], 1500)).toBe('copy: 2 tables, 2,005 rows in 1.50 s\n')
  takeEvent(state, copy('c', 1, 10), 2000)
  expect(plainSummary([...state.tables.values()], 2000)).toBe('copy: 2 of 3 tables, 2,006 rows in 2.00 s\n')
})
