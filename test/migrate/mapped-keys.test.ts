import { expect, test } from 'vitest'
import { bench, query } from './migrating.ts'

const { postgres, migrate } = bench()

test('of several rows with one key the lowest of the source stays, also where that is not carried', async () => {
  const from = await postgres(
    `CREATE TABLE t (id int PRIMARY KEY, k text, v text);
     INSERT INTO t VALUES (2, 'a', 'x'), (10, 'b', 'z'), (1, 'a', 'y'), (9, 'b', NULL)`,
  )
  const to = await postgres('CREATE TABLE t (k text PRIMARY KEY, v text)')
  const report = await migrate(from, to, {
    config: { badRows: 'set-aside', moves: { t: { key: 'k' } } },
    tools: { ask: async () => true },
  })
  expect(report.checks.filter((check) => check.result !== 'pass')).toEqual([])
  expect(await query(to, 'SELECT * FROM t ORDER BY k')).toEqual([
    ['a', 'y'],
    ['b', null],
  ])
  expect(await query(to, 'SELECT key FROM landfall.rejects ORDER BY key')).toEqual([['id = 10'], ['id = 2']])
})
