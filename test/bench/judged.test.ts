import { expect, test } from 'vitest'
import { type CloneResult, judgeClone } from '../../bench/clone.ts'
import { judgeMerge, type MergeResult } from '../../bench/merge.ts'
import { medians } from '../../bench/migrated.ts'
import { judged, judgeSchema, percentile, type SchemaResult } from '../../bench/schema.ts'

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

test('writes are told apart by when they were due and when they ended', () => {
  const write = (ended: number, ms: number) => ({ ended, ms })
  const before = Array.from({ length: 400 }, (_, i) =>
    write(1_000 + i * 50, i < 100 ? 900 : i === 350 ? 90 : 2),
  )
  const meanwhile = [write(21_100, 7), write(22_400, 300), write(25_000, 2_900)]
  // The last one ended after the change, and was due before its end; the other two have nothing to do with it.
  const change = judged([...before, ...meanwhile, write(25_001, 100), write(30_000, 5_000)], 21_000, 24_000)
  expect(change).toEqual({
    seconds: 3,
    writes: 3,
    p99Before: 2,
    p99During: 2_900,
    ratio: 1_450,
    longestWrite: 2_900,
  })
  expect(percentile([3, 1, 2], 0.5)).toBe(2)
})

test('a change of a schema is judged by its writers, its locks and its rewrites', () => {
  const change = { seconds: 7, writes: 100, p99Before: 5, p99During: 9, ratio: 1.8, longestWrite: 40 }
  const result: SchemaResult = {
    shape: 'schema',
    rows: 100,
    apply: change,
    longestWait: 251,
    rewritten: 0,
    file: change,
  }
  const met = (one: SchemaResult) => Object.fromEntries(judgeSchema(one).map(({ name, met }) => [name, met]))
  expect(met(result)).toMatchObject({
    'p99 meanwhile to before': true,
    'longest wait for a lock': false,
    'tables written anew': true,
    'longest write meanwhile': null,
  })
  expect(met({ ...result, apply: { ...change, ratio: 2.1 }, rewritten: 1 })).toMatchObject({
    'p99 meanwhile to before': false,
    'tables written anew': false,
  })
})
