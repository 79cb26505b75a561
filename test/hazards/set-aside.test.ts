import { expect, test } from 'vitest'
import { bench, query } from '../migrate/migrating.ts'

const { postgres, migrate, sqlite } = bench()
const SET_ASIDE = { options: { badRows: 'set-aside' } } as const
const NUMBERS = (n: number) =>
  `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ${n})`

const tally = async (to: string, table: string) =>
  (
    await query(
      to,
      `SELECT (SELECT count(*) FROM ${table}), (SELECT count(*) FROM landfall.rejects WHERE "table" = '${table}')`,
    )
  )[0]

test('names that Landfall uses for its own marks are free for the user', async () => {
  const to = await postgres()
  await migrate(
    sqlite(`CREATE TABLE z(landfall_k1, b, q INTEGER, landfall_reason, PRIMARY KEY (landfall_k1, b)) WITHOUT ROWID;
      INSERT INTO z VALUES (1, 'b', 1, 'r'), (2, 'b', 'bad', 'r'), (3, 'b', 3, 'r');
      CREATE TABLE landfall_bad_0(id INTEGER PRIMARY KEY, v INTEGER);
      INSERT INTO landfall_bad_0 VALUES (1, 1), (2, 'x'), (3, 3);`),
    to,
    SET_ASIDE,
  )
  expect(await tally(to, 'z')).toEqual(['2', '1'])
  expect(await query(to, 'SELECT landfall_k1 FROM z ORDER BY 1')).toEqual([['1'], ['3']])
  expect(await query(to, 'SELECT id FROM landfall_bad_0 ORDER BY 1')).toEqual([['1'], ['3']])
})

test('hundreds of thousands of rows are set aside in a time that grows with their number', {
  timeout: 120_000,
}, async () => {
  const to = await postgres()
  await migrate(
    sqlite(`PRAGMA foreign_keys = OFF; CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (3);
      CREATE TABLE orphans(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id));
      ${NUMBERS(200_000)} INSERT INTO orphans SELECT i, i FROM s;`),
    to,
    SET_ASIDE,
  )
  expect(await tally(to, 'orphans')).toEqual(['2', '199998'])
})

test('a long chain of rows is followed to its end, across tables too', { timeout: 120_000 }, async () => {
  const to = await postgres()
  await migrate(
    sqlite(`PRAGMA foreign_keys = OFF;
      CREATE TABLE n(id INTEGER PRIMARY KEY, prev INTEGER REFERENCES n(id), v INTEGER);
      ${NUMBERS(5_000)} INSERT INTO n SELECT i, nullif(i - 1, 0), CASE i WHEN 1 THEN 'bad' ELSE i END FROM s;
      INSERT INTO n VALUES (9000, NULL, 1), (9001, 9000, 1);
      CREATE TABLE c(id INTEGER PRIMARY KEY, n INTEGER REFERENCES n(id));
      ${NUMBERS(5_000)} INSERT INTO c SELECT i, i FROM s;
      INSERT INTO c VALUES (9000, 9001), (9001, NULL);`),
    to,
    SET_ASIDE,
  )
  expect(await query(to, 'SELECT id FROM n ORDER BY 1')).toEqual([['9000'], ['9001']])
  expect(await query(to, 'SELECT id FROM c ORDER BY 1')).toEqual([['9000'], ['9001']])
  expect(await tally(to, 'n')).toEqual(['2', '5000'])
})
