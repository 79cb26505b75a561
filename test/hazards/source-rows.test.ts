import { expect, test } from 'vitest'
import { bench, failure, query } from '../migrate/migrating.ts'

const { sqlite, postgres, migrate } = bench()

/** HAZARDS 13. */
const MANY = `CREATE TABLE parents(id INTEGER PRIMARY KEY, n INT);
  WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000)
    INSERT INTO parents SELECT i, CASE WHEN i % 100 = 0 THEN 'x' || i ELSE i END FROM s;
  CREATE TABLE children(id INTEGER PRIMARY KEY, parent INT REFERENCES parents(id), word TEXT);
  INSERT INTO children SELECT id, id, CASE WHEN id % 250 = 3 THEN CAST(x'ff' AS TEXT) ELSE 'w' END FROM parents;
  PRAGMA foreign_keys = off; INSERT INTO children VALUES (5000, 5000, 'orphan'), (5001, NULL, 'none');
  CREATE TABLE empty(x)`

test('for every table what was read is what was loaded and what was set aside, and so are the databases', async () => {
  const to = await postgres()
  const report = await migrate(sqlite(MANY), to, { options: { badRows: 'set-aside', batchSize: 90 } })
  expect(report.exitCode).toBe(1)
  const parents = { source: 'parents', read: 1000, loaded: 990, setAside: 10 }
  // Children without valid text, of parents that were set aside, and without any.
  const children = { source: 'children', read: 1002, loaded: 987, setAside: 15 }
  expect(report.tables).toMatchObject([
    parents,
    children,
    { source: 'empty', read: 0, loaded: 0, setAside: 0 },
  ])
  const counted = report.checks.filter((check) => check.name.endsWith(': every row is accounted for'))
  expect(counted).toHaveLength(3)
  expect(report.checks.filter((check) => check.result !== 'pass')).toEqual([])
  expect(await query(to, 'SELECT (SELECT count(*) FROM parents), (SELECT count(*) FROM children)')).toEqual([
    ['990', '987'],
  ])
  const rejects = await query(
    to,
    `SELECT "table", count(*)::text, count(DISTINCT key)::text FROM landfall.rejects GROUP BY 1 ORDER BY 1`,
  )
  expect(rejects).toEqual([
    ['children', '15', '15'],
    ['parents', '10', '10'],
  ])
  expect(report.rejects.reduce((sum, one) => sum + one.rows, 0)).toBe(25)
})

test('rows that the target drops in silence are an error that names the table', async () => {
  const from = sqlite('CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)')
  const to = await postgres(
    `CREATE FUNCTION drop_two() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';
     CREATE FUNCTION arm() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN IF to_regclass(''public.t'') IS NOT NULL THEN
       CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.drop_two(); END IF; END';
     CREATE EVENT TRIGGER arm ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION arm()`,
  )
  const error = await failure(migrate(from, to))
  expect(error).toMatchObject({ code: 'LF204', place: { table: 't' } })
  expect(error.message).toContain('the target stored 2 rows of a chunk that holds 3')
  expect(await query(to, 'SELECT count(*)::text FROM t')).toEqual([['0']])
})

test('a row that went before the end makes the check fail, and status 1', async () => {
  const from = sqlite(
    'CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3); CREATE TABLE u(id INTEGER PRIMARY KEY); INSERT INTO u VALUES (1)',
  )
  const to = await postgres()
  await query(
    to,
    // Fires with the last statement on the table, when all rows are there and before they are counted.
    `CREATE FUNCTION lose() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN IF to_regclass(''public.t_pkey'') IS NOT NULL THEN DELETE FROM public.t WHERE id = 2; END IF; END';
     CREATE EVENT TRIGGER lose ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION lose()`,
  )
  const report = await migrate(from, to)
  expect(report).toMatchObject({ outcome: 'done', exitCode: 1 })
  const failed = report.checks.filter((check) => check.result === 'fail')
  expect(failed).toMatchObject([
    { name: 't: every row is accounted for', found: '2 rows in the target, 0 set aside' },
    { name: 't: every row as in the source', found: '1 missing' },
  ])
  expect(failed[0]!.evidence).toEqual(['read 3, loaded 3, set aside 0 by the journal'])
  expect(report.verification!.differences).toEqual([
    { table: 't', kind: 'missing', key: 'id = 2', columns: [] },
  ])
  const kept = await query(to, `SELECT name FROM landfall.checks WHERE result = 'fail' ORDER BY id`)
  expect(kept).toEqual(failed.map(({ name }) => [name]))
})
