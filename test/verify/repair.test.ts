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
  const [hidden] = await reasons(false)
  expect(hidden).toContain(`${key} (Key (email) already exists.); `)
  expect(hidden).toMatch(/--delete-extra deletes it; if rows exchange values, .* repair again$/)
  expect((await reasons(true)).join()).toContain(
    `${key} (Key (email)=(a@(b)=(c).org) already exists.); if an extra row`,
  )
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

test('what both sides got after the source was opened anew stays, though the source is not looked at again', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');
    CREATE TABLE log(v TEXT); INSERT INTO log VALUES ('a')`)
  await query(to, `INSERT INTO t VALUES (2, 'extra'); INSERT INTO log VALUES ('extra')`)
  const write = (sql: string): void => {
    const database = new DatabaseSync(from)
    database.exec(sql)
    database.close()
  }
  const late = `INSERT INTO t (id, v) VALUES (4, 'late'); INSERT INTO log VALUES ('late')`
  let isAnswered = false
  let arrived: Promise<unknown> | null = null
  const report = await verify(
    makeSettings(
      {},
      { from: `sqlite:${from}`, to, jobs: 2, repair: true, deleteExtra: true },
      { cwd: folder, environment: {} },
    ),
    {
      async ask() {
        write(`INSERT INTO t VALUES (3, 'missing')`)
        isAnswered = true
        return true
      },
      // The source is read in its snapshot by then.
      progress(event) {
        if (event.kind !== 'phase' || event.phase !== 'profile' || !isAnswered || arrived !== null) return
        write(late)
        arrived = query(to, late)
      },
    },
  )
  expect(arrived).not.toBeNull()
  await arrived
  expect(report).toMatchObject({ repair: { inserted: 1, deleted: 2, extraLeft: 2 }, outcome: 'same' })
})

test('rows that exchange unique values, which may be NULL', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, code TEXT UNIQUE, place INTEGER UNIQUE, "never null" TEXT NOT NULL UNIQUE);
    INSERT INTO t VALUES (1, 'a', 1, 'x'), (2, 'b', 2, 'y'), (3, 'c', 3, 'z')`)
  await query(
    to,
    `UPDATE t SET code = NULL, place = NULL; UPDATE t SET code = 'b', place = 3 WHERE id = 1;
     UPDATE t SET code = 'c', place = 1 WHERE id = 2; UPDATE t SET code = 'a', place = 2 WHERE id = 3`,
  )
  expect(await repair(from, to)).toMatchObject({ outcome: 'same', repair: { updated: 3, failed: [] } })
  await query(
    to,
    `UPDATE t SET "never null" = '?' WHERE id = 1; UPDATE t SET "never null" = 'x' WHERE id = 2;
     UPDATE t SET "never null" = 'y' WHERE id = 1`,
  )
  const refused = await repair(from, to)
  expect(refused).toMatchObject({ outcome: 'different', repair: { updated: 0 } })
  expect(refused.repair!.failed[0]!.reason).toMatch(
    /set one of them to a free value by hand, and repair again$/,
  )
})

test('unique values to which rows of another table refer are not given up, or these would lose their parent', async () => {
  const { from, to } = await moved(`
    CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT UNIQUE); CREATE TABLE c(id INTEGER PRIMARY KEY, code TEXT);
    INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 'a')`)
  await query(
    to,
    `UPDATE p SET code = '?' WHERE id = 1; UPDATE p SET code = 'a' WHERE id = 2; UPDATE p SET code = 'b' WHERE id = 1;
     ALTER TABLE c ADD FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE`,
  )
  expect(await repair(from, to)).toMatchObject({ repair: { updated: 0, failed: [{ table: 'p' }] } })
  expect(await query(to, 'SELECT code FROM c')).toEqual([['a']])
})

test('an identity that is always generated and no key: the other values are written', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, v TEXT); INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')`)
  await query(
    to,
    `UPDATE t SET v = 'wrong' WHERE id = 1; DELETE FROM t WHERE id = 2;
     ALTER TABLE t ALTER COLUMN n ADD GENERATED ALWAYS AS IDENTITY (START 100)`,
  )
  const report = await repair(from, to)
  expect(report.repair).toMatchObject({ inserted: 1, updated: 1, failed: [] })
  expect(await query(to, 'SELECT id, n, v FROM t ORDER BY id')).toEqual([
    ['1', '10', 'a'],
    ['2', '20', 'b'],
  ])
})

test('extra rows that refer to each other, and columns whose domain allows no NULL', async () => {
  const { from, to } = await moved(`
    CREATE TABLE t(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES t(id), v TEXT);
    CREATE INDEX by_parent ON t(parent); INSERT INTO t VALUES (1, NULL, 'a')`)
  await query(
    to,
    `CREATE DOMAIN filled AS text CHECK (value IS NOT NULL); ALTER TABLE t ALTER v TYPE filled;
     INSERT INTO t SELECT n, CASE WHEN n > 2 THEN n - 1 ELSE 25000 END, 'x' FROM generate_series(2, 25000) n;
     SELECT setval('t_id_seq', 25000)`,
  )
  expect((await repair(from, to)).repair).toMatchObject({ deleted: 24_999, extraLeft: 0, failed: [] })
  expect(await query(to, 'SELECT * FROM t')).toEqual([['1', null, 'a']])
})

test('keys of a type whose operators no path finds', async ({ skip }) => {
  const { from, to } = await moved(`
    CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v TEXT); INSERT INTO t VALUES ('Ab', 'a'), ('c', 'b')`)
  const [available] = await query(to, `SELECT count(*) FROM pg_available_extensions WHERE name = 'ltree'`)
  skip(available![0] === '0', 'this PostgreSQL has no ltree')
  await query(
    to,
    `CREATE SCHEMA "my types"; CREATE EXTENSION ltree SCHEMA "my types";
     ALTER TABLE t ALTER k TYPE "my types".ltree USING k::"my types".ltree; UPDATE t SET v = 'wrong'`,
  )
  expect((await repair(from, to)).repair).toMatchObject({ updated: 2, failed: [] })
  expect(await query(to, 'SELECT k, v FROM t ORDER BY v')).toEqual([
    ['Ab', 'a'],
    ['c', 'b'],
  ])
})

test('sequences that are behind are set forward, also where no row has to be repaired', async () => {
  const from = sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 0), (70, 1)')
  const to = await postgres()
  await migrate(from, to)
  await query(to, `SELECT setval(pg_get_serial_sequence('t', 'id'), 5)`)
  await expect(repair(from, to, async () => false)).rejects.toMatchObject({ code: 'LF206' })
  expect(await repair(from, to)).toMatchObject({ outcome: 'same', exitCode: 0, repair: { inserted: 0 } })
  await query(to, `INSERT INTO t (v) VALUES ('next')`)
  expect(await query(to, 'SELECT max(id)::text FROM t')).toEqual([['71']])
})

test('a row that somebody has put in the place of one that was set aside is never deleted', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 1), (2, 'two'), (3, 3)`,
  )
  const to = await postgres()
  await migrate(from, to, { options: { badRows: 'set-aside' } })
  await query(to, 'INSERT INTO t VALUES (2, 22), (9, 9)')
  const report = await repair(from, to)
  expect(report).toMatchObject({ exitCode: 1, repair: { deleted: 1, extraLeft: 1 } })
  expect(await query(to, 'SELECT id::text FROM t ORDER BY id')).toEqual([['1'], ['2'], ['3']])
})
