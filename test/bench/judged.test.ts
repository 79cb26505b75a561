import { expect, test } from 'vitest'
import { type CloneResult, judgeClone } from '../../bench/clone.ts'
import { judgeMerge, type MergeResult } from '../../bench/merge.ts'
import { medians } from '../../bench/migrated.ts'

const run = (whole: number, peakMegabytes: number) => ({
  whole,
  phases: [{ name: 'copy', seconds: whole / 2 }],
  peakMegabytes,
})

test('a copy is judged against the better of pgcopydb’s ways', () => {
  const result: CloneResult = {
    shape: 'clone',
    rows: 100,
    landfall: run(10, 200),
    proven: run(12, 301),
    pgcopydb: 20,
    pgcopydbDividing: 9,
    dumpAndRestore: 11,
  }
  const met = (one: CloneResult) => Object.fromEntries(judgeClone(one).map(({ name, met }) => [name, met]))
  expect(met(result)).toMatchObject({
    'faster than the better pgcopydb': false,
    'faster than pg_dump and pg_restore': true,
    'peak memory': false,
    pgcopydb: null,
  })
  expect(met({ ...result, pgcopydbDividing: 10 })).toMatchObject({ 'faster than the better pgcopydb': true })
  expect(met({ ...result, pgcopydb: null, pgcopydbDividing: null })).not.toHaveProperty('pgcopydb')
})

test('a merge is judged against COPY and the script', () => {
  const result: MergeResult = {
    shape: 'merge',
    rows: 1000,
    landfall: run(4, 100),
    proven: run(8, 100),
    again: run(2, 100),
    copyAndIndex: 1,
    rowByRow: 8,
  }
  const figures = judgeMerge(result)
  expect(figures.map(({ name, value, met }) => [name, value, met])).toEqual(
    expect.arrayContaining([
      ['merge to COPY and index', 4, true],
      ['row by row, all rows at this rate', 125, null],
      ['faster than row by row', 31.25, true],
      ['peak memory', 100, true],
    ]),
  )
})

test('of several runs each time has its own median', () => {
  const three = medians([
    run(1, 5),
    { whole: 3, phases: [{ name: 'copy', seconds: 0 }], peakMegabytes: 9 },
    run(8, 1),
  ])
  expect(three).toEqual({ whole: 3, phases: [{ name: 'copy', seconds: 0.5 }], peakMegabytes: 9 })
})
