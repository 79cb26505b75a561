import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { type Run, seconds } from '../../bench/contestants.ts'
import { judge, table } from '../../bench/figures.ts'
import { generate } from '../../bench/generate.ts'
import { measure, median } from '../../bench/measure.ts'

describe('the generated databases', () => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-bench-test-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    ['events', 4000, 'SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM customers)', [4000, 200]],
    ['wide', 10, "SELECT count(*), (SELECT count(*) FROM pragma_table_info('wide')) FROM wide", [10, 300]],
    ['huge-row', 1, 'SELECT count(*), max(octet_length(body)) FROM documents', [1, 100_000_000]],
    ['narrow', 5000, 'SELECT count(*), max(id) FROM readings', [5000, 5000]],
  ] as const)('%s', (shape, rows, question, answer) => {
    const file = join(folder, `${shape}.db`)
    generate(shape, file, rows)
    const database = new DatabaseSync(file, { readOnly: true })
    expect(Object.values(database.prepare(question).get() ?? {})).toEqual(answer)
    expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([])
    database.close()
  })
})

test('pgloader’s times are read', () => {
  expect([seconds('0.704s'), seconds('1m2.5s'), seconds('1h1m1.000s')]).toEqual([0.704, 62.5, 3661])
  expect(() => seconds(undefined)).toThrow('cannot be read')
})

test('a command is measured', async () => {
  const script =
    'const a = Buffer.alloc(150e6, 1); setTimeout(() => { console.log(a.length); process.exitCode = 3 }, 300)'
  const measured = await measure(process.execPath, ['-e', script])
  expect(measured).toMatchObject({ status: 3, stdout: '150000000\n', stderr: '' })
  expect(measured.seconds).toBeGreaterThan(0.3)
  if (process.platform === 'linux') expect(measured.peakMegabytes).toBeGreaterThan(143)
})

test('the median is the middle, or the mean of the two in the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5])
})

test('figures are judged against what is asked', () => {
  const run = (whole: number, copy: number, profile: number): Run => ({
    whole,
    copy,
    profile,
    peakMegabytes: 301,
    rows: 100,
  })
  const result = {
    shape: 'events',
    rows: 100,
    landfall: run(10, 5, 2),
    proven: run(14, 5, 2),
    verified: { seconds: 3, secondsToName: 3.5, peakMegabytes: 100 },
    pair: { seconds: 8, counting: 2 },
    fullScan: 1,
    pgloader: run(30, 19, 0),
    physicalLimit: 3,
  } as const
  const verdicts = Object.fromEntries(judge(result).map((figure) => [figure.name, figure.met]))
  expect(verdicts).toMatchObject({
    'faster than pgloader, whole': true,
    'faster than pgloader, COPY': false,
    'COPY phase to ready-made binary files': true,
    'profile to whole migrate': true,
    'the same, verified': true,
    'verify to full scan': false,
    'verify to COPY phase': true,
    'one changed row, named after the scan': true,
    'peak memory, migrate': false,
    'the same to count(*) on both': false,
    'peak memory, verify': true,
    'pgloader, whole': null,
  })
  expect(table(judge(result))).toMatch(/peak memory, migrate +301 MB +at most 300 +MISSED/)
})
