import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { makeSettings, type VerifyReport, verify } from '../../src/index.ts'
import { bench, query } from '../migrate/migrating.ts'

const { folder, sqlite, postgres, migrate } = bench()

const repair = (from: string, to: string, ask = async (): Promise<boolean> => true): Promise<VerifyReport> =>
  verify(
    makeSettings(
      {},
      { from: `sqlite:${from}`, to, jobs: 2, repair: true, deleteExtra: true },
      { cwd: folder, environment: {} },
    ),
    { ask },
  )

async function moved(sql: string): Promise<{ from: string; to: string }> {
  const from = sqlite(sql)
  const to = await postgres()
  expect((await migrate(from, to)).exitCode).toBe(0)
  return { from, to }
}

test('an extra row that holds the unique value of another one goes first', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, code TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
  await query(
    to,
    `DELETE FROM t; INSERT INTO t VALUES (1, 'other'), (2, 'b'), (8, 'c'), (9, 'a'); SELECT setval('t_id_seq', 9)`,
  )
  const report = await repair(from, to)
  expect(report.repair).toMatchObject({ inserted: 1, updated: 1, deleted: 2, failed: [] })
  expect(report).toMatchObject({ outcome: 'same', exitCode: 0, tables: [{ sourceRows: 3, targetRows: 3 }] })
})

test('rows that went with their extra parent are missed afterwards, where all was the same before', async () => {
  const { from, to } = await moved(`
    CREATE TABLE parents(id INTEGER PRIMARY KEY); CREATE TABLE children(id INTEGER PRIMARY KEY, parent INTEGER);
    INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1), (2, 7)`)
  // The source knows no such rule, so that its second child may be without a parent.
  await query(
    to,
    `INSERT INTO parents VALUES (7); SELECT setval('parents_id_seq', 7);
     ALTER TABLE children ADD FOREIGN KEY (parent) REFERENCES parents ON DELETE CASCADE`,
  )
  const report = await repair(from, to)
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1, repair: { deleted: 1 } })
  expect(report.differences).toMatchObject([{ table: 'children', kind: 'missing', key: 'id = 2' }])
})

test('what a trigger did to other rows meanwhile is seen', async () => {
  const { from, to } = await moved(`
    CREATE TABLE items(id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE totals(id INTEGER PRIMARY KEY, n INTEGER);
    INSERT INTO items VALUES (1, 'a'), (2, 'b'); INSERT INTO totals VALUES (1, 2)`)
  await query(
    to,
    `DELETE FROM items WHERE id = 2;
     CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE public.totals SET n = n + 1; RETURN NULL; END';
     CREATE TRIGGER counted AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION count_up()`,
  )
  const report = await repair(from, to)
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1, repair: { inserted: 1 } })
  expect(report.differences).toMatchObject([{ table: 'totals', kind: 'changed', key: 'id = 1' }])
})

test('a migration under way is not repaired: it would load the same rows again', async () => {
  const from = sqlite(`
    CREATE TABLE log(v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO log SELECT 'v' || i FROM n`)
  const to = await postgres()
  const stop = new AbortController()
  const tools = {
    signal: stop.signal,
    progress: (event: { readonly kind: string; readonly phase?: string }) => {
      if (event.kind === 'table' && event.phase === 'copy') stop.abort()
    },
  }
  await expect(migrate(from, to, { options: { batchSize: 100 }, tools })).rejects.toMatchObject({
    code: 'LF403',
  })
  await expect(repair(from, to)).rejects.toMatchObject({
    code: 'LF208',
    hint: expect.stringContaining('landfall migrate'),
  })
  expect((await migrate(from, to, { options: { batchSize: 100 } })).exitCode).toBe(0)
  expect(await query(to, 'SELECT count(*) FROM log')).toEqual([['3000']])
})

test('a table that is gone keeps nobody from mending the others', async () => {
  const { from, to } = await moved(`
    CREATE TABLE gone(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO gone VALUES (1); INSERT INTO t VALUES (1, 'a')`)
  await query(to, 'DROP TABLE gone; DELETE FROM t')
  const report = await repair(from, to)
  expect(report).toMatchObject({ outcome: 'different', exitCode: 1, repair: { inserted: 1, failed: [] } })
  expect(await query(to, 'SELECT v FROM t')).toEqual([['a']])
})

test('what both sides got while somebody thought about the answer stays', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`)
  await query(to, `UPDATE t SET v = 'wrong' WHERE id <> 2`)
  const both = `UPDATE t SET v = 'newer' WHERE id = 1; INSERT INTO t (id, v) VALUES (4, 'new')`
  const report = await repair(from, to, async () => {
    const database = new DatabaseSync(from)
    database.exec(both)
    database.close()
    await query(to, `${both}; SELECT setval('t_id_seq', 4)`)
    return true
  })
  expect(report).toMatchObject({ outcome: 'same', repair: { inserted: 0, updated: 1, deleted: 0 } })
  expect(await query(to, 'SELECT v FROM t ORDER BY id')).toEqual([['newer'], ['b'], ['c'], ['new']])
})

test('verifications that end at once leave the checks of one', async () => {
  const { from, to } = await moved('CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)')
  await Promise.all([repair(from, to), repair(from, to), repair(from, to), repair(from, to)])
  expect(await query(to, 'SELECT name FROM landfall.checks GROUP BY name HAVING count(*) > 1')).toEqual([])
})

test('why a row was refused is told without its values, unless they are asked for', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, email TEXT UNIQUE, note TEXT); INSERT INTO t VALUES (1, 'a@(b)=(c).org', 'secret')`)
  await query(to, `UPDATE t SET id = 9; SELECT setval('t_id_seq', 9)`)
  const settings = { from: `sqlite:${from}`, to, jobs: 2, repair: true }
  const reasons = async (showValues: boolean) => {
    const { repair: done } = await verify(
      makeSettings({}, { ...settings, showValues }, { cwd: folder, environment: {} }),
      { ask: async () => true },
    )
    return done!.failed.map(({ reason }) => reason.replace(/^.*?: /, ''))
  }
  const key = 'duplicate key value violates unique constraint "t_email_key"'
  expect(await reasons(false)).toEqual([`${key} (Key (email) already exists.)`])
  expect(await reasons(true)).toEqual([`${key} (Key (email)=(a@(b)=(c).org) already exists.)`])
  await query(to, `TRUNCATE t; ALTER TABLE t ADD CHECK (note <> 'secret')`)
  expect((await reasons(false)).join()).toMatch(/violates check constraint "t_note_check"$/)
})

test('a row whose parent is another row of the table that is missing', async () => {
  const { from, to } = await moved(`
    CREATE TABLE tree(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree(id), code TEXT UNIQUE);
    INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 2, 'b')`)
  await query(
    to,
    `INSERT INTO tree VALUES (10, 1, 'x'), (11, 10, 'y'); UPDATE tree SET parent = 11 WHERE id = 3;
     DELETE FROM tree WHERE id = 2; SELECT setval('tree_id_seq', 11)`,
  )
  const report = await repair(from, to)
  expect(report).toMatchObject({
    outcome: 'same',
    repair: { inserted: 1, updated: 1, deleted: 2, failed: [] },
  })
})
