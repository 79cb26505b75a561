import { expect, test } from 'vitest'
import { makeSettings, type Options, type VerifyReport, verify } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const check = (from: string, to: string, options: Options = {}): Promise<VerifyReport> =>
  verify(
    makeSettings({}, { from: `sqlite:${from}`, to, jobs: 2, ...options }, { cwd: folder, environment: {} }),
  )

const ONE = 'CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)'

test('where nothing is compared nothing is the same', async () => {
  const empty = sqlite('CREATE VIEW v AS SELECT 1')
  const to = await postgres()
  expect((await migrate(empty, to)).exitCode).toBe(0)
  expect(await check(empty, to)).toMatchObject({ outcome: 'incomplete', exitCode: 1, tables: [] })
  const from = sqlite(ONE)
  await migrate(from, to)
  await expect(check(from, to, { exclude: ['t'] })).rejects.toMatchObject({ code: 'LF001' })
  await expect(check(from, to, { tables: ['t'], exclude: ['t'] })).rejects.toMatchObject({ code: 'LF001' })
})

test('another schema than the one that was filled is not passed over in silence', async () => {
  const from = sqlite(ONE)
  const to = await postgres()
  await migrate(from, to)
  await expect(check(from, to, { targetSchema: 'nope' })).rejects.toMatchObject({ code: 'LF001' })
  expect(await check(from, to)).toMatchObject({ outcome: 'same' })
})

test('a target where the migration never ran is told as such', async () => {
  const from = sqlite(ONE)
  const to = await postgres('CREATE TABLE other(id int)')
  const error = check(from, to)
  await expect(error).rejects.toMatchObject({
    code: 'LF005',
    message: expect.stringContaining('none of its'),
  })
})

test('of what was not looked at no number is exact', async () => {
  const from = sqlite(ONE)
  const to = await postgres()
  await migrate(from, to)
  const [cut] = (await check(from, to, { maxSeconds: 0 })).tables
  expect(cut).toMatchObject({ incomplete: 'time was up (--max-time)', exact: false })
  const [counted] = (await check(from, to, { counts: true })).tables
  expect(counted).toMatchObject({ compared: 'counts', exact: false, sourceRows: 2, targetRows: 2 })
  await query(to, 'DROP TABLE t')
  const gone = await check(from, to)
  expect(gone).toMatchObject({ exitCode: 1 })
  expect(gone.tables[0]!.incomplete).toContain('does not exist')
  // It came to its end: nothing is left that a later one would go on with.
  expect(await query(to, 'SELECT count(*)::text FROM landfall.verifications')).toEqual([['0']])
})
