import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { renderError } from '../../src/report/error.ts'
import { bench, failure, query } from './migrating.ts'

const { folder, sqlite, postgres, migrate, plan } = bench()

const ROWS = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 5), (2, 6)'

test('a run whose check did not pass is not made good by running again', async () => {
  const from = sqlite(ROWS)
  const to = await postgres(`CREATE FUNCTION eats() RETURNS event_trigger LANGUAGE plpgsql
      AS $$ BEGIN DELETE FROM public.t WHERE id = 2; END $$;
    CREATE EVENT TRIGGER eats ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE INDEX') EXECUTE FUNCTION eats()`)
  const first = await migrate(from, to)
  expect([first.outcome, first.exitCode]).toEqual(['done', 1])
  const again = await migrate(from, to)
  expect([again.outcome, again.exitCode]).toEqual(['nothing-to-do', 1])
  expect(again.checks).toEqual(first.checks)
  expect(again.checks.some((check) => check.result !== 'pass')).toBe(true)
})

test('rows that were set aside are no reason to fail again', async () => {
  const from = sqlite(`${ROWS}, (3, 'x')`)
  const to = await postgres()
  const options = { badRows: 'set-aside' } as const
  expect((await migrate(from, to, { options })).exitCode).toBe(1)
  const again = await migrate(from, to, { options })
  expect([again.outcome, again.exitCode]).toEqual(['nothing-to-do', 0])
  expect(again.rejects).toHaveLength(1)
})

test('another database under the same name is told as that, and gets a name of its own', async () => {
  for (const name of ['a', 'b']) mkdirSync(join(folder, name))
  const a = sqlite(ROWS, 'a/app.db')
  const to = await postgres()
  await migrate(a, to)
  const like = await failure(migrate(sqlite(`${ROWS}; DELETE FROM t`, 'b/app.db'), to))
  expect(like.code).toBe('LF201')
  expect(like.message).toMatch(
    /^the migration app began with sqlite:.*a\/app\.db; this is sqlite:.*b\/app\.db\n/,
  )
  expect(like.hint).toMatch(/^--name NAME [\s\S]*\n--restart /)
  const b = sqlite('CREATE TABLE u(id INTEGER PRIMARY KEY); INSERT INTO u VALUES (7)', 'b/other.db')
  expect(await failure(migrate(b, to, { config: { name: 'app' } }))).toMatchObject({ code: 'LF201' })
  // The command line wins over the config.
  const done = await migrate(b, to, { config: { name: 'app' }, options: { name: 'other' } })
  expect([done.migration, done.outcome]).toEqual(['other', 'done'])
  expect(await query(to, 'SELECT migration FROM landfall.runs ORDER BY id')).toEqual([['app'], ['other']])
})

test('more tables under the same name: a name of their own is offered before --restart', async () => {
  const from = sqlite(`${ROWS}; CREATE TABLE u(x INT)`)
  const to = await postgres()
  await migrate(from, to, { options: { tables: ['t'] } })
  const refused = await failure(migrate(from, to, { options: { tables: ['u'] } }))
  expect(refused.code).toBe('LF202')
  expect(refused.hint).toMatch(/--name NAME [^\n]* their own\n--restart /)
  expect((await migrate(from, to, { options: { tables: ['u'], name: 'second' } })).outcome).toBe('done')
})

test('a schema in which tables cannot be made is refused before anything is asked', () => {
  const from = sqlite(ROWS)
  for (const targetSchema of ['landfall', 'pg_temp', 'information_schema', '', 'ä'.repeat(32)])
    expect(() => migrate(from, 'postgres://u@127.0.0.1:1/d', { options: { targetSchema } })).toThrow(
      expect.objectContaining({ code: 'LF001' }),
    )
})

test('a type that the target does not know is named with its place in the config, and nothing is written', async () => {
  const from = sqlite(ROWS)
  const to = await postgres('CREATE DOMAIN positive AS integer CHECK (VALUE > 0)')
  const typed = (type: string) => ({ config: { moves: { t: { columns: { n: { type } } } } } })
  for (const [type, meant] of [
    ['biginnt', '; did you mean bigint?'],
    ['numerc(12,2)', '; did you mean numeric?'],
    ['positive', '; did you mean "public"."positive"?'],
    ['no such (', ''],
  ] as const)
    for (const error of [
      await failure(migrate(from, to, typed(type))),
      await failure(plan(from, to, typed(type))),
    ])
      expect(error).toMatchObject({
        code: 'LF005',
        message: `moves.t.columns.n.type: the target has no type ${type}${meant}`,
      })
  expect(await query(to, 'SELECT count(*)::text FROM landfall.runs')).toEqual([['0']])
  expect((await migrate(from, to, typed('public.positive'))).outcome).toBe('done')
})

test('a run that failed before a row was loaded gives way to another plan', async () => {
  const from = sqlite(`${ROWS}; CREATE TABLE a(x INT)`)
  const to = await postgres()
  const owned = { moves: { '*': {}, t: { columns: { n: { type: 'text' } } } } }
  const first = await failure(migrate(from, to, { config: { ...owned, owner: 'nobody of that name' } }))
  expect(first.code).toBe('LF304')
  const checkpoint = join(folder, 'idle.json')
  const done = await migrate(from, to, { options: { checkpoint } })
  expect([done.outcome, done.resumed]).toEqual(['done', false])
  expect(await query(to, 'SELECT pg_typeof(n)::text FROM t LIMIT 1')).toEqual([['bigint']])
  expect((await migrate(from, to, { options: { checkpoint } })).outcome).toBe('nothing-to-do')
})

test('--restart with --checkpoint writes the file of the new run, also after an end in between', async () => {
  const from = sqlite(ROWS)
  const to = await postgres()
  const checkpoint = join(folder, 'restart.json')
  const file = () => JSON.parse(readFileSync(checkpoint, 'utf8'))
  await migrate(from, to, { options: { checkpoint } })
  const old = readFileSync(checkpoint, 'utf8')
  const again = { options: { checkpoint, restart: true }, tools: { ask: async () => true } }
  expect((await migrate(from, to, again)).outcome).toBe('done')
  expect(file().run).not.toBe(JSON.parse(old).run)
  // As an end right after the taking back leaves it: no run, or one that has not begun to load.
  await query(to, `DROP TABLE t; UPDATE landfall.runs SET state = 'forgotten'`)
  writeFileSync(checkpoint, old)
  expect((await migrate(from, to, again)).outcome).toBe('done')
  writeFileSync(checkpoint, old)
  expect((await migrate(from, to, again)).outcome).toBe('done')
  expect((await migrate(from, to, { options: { checkpoint } })).outcome).toBe('nothing-to-do')
  writeFileSync(checkpoint, 'somebody’s notes')
  expect(await failure(migrate(from, to, again))).toMatchObject({ code: 'LF405' })
  expect(readFileSync(checkpoint, 'utf8')).toBe('somebody’s notes')
})

test('a row that is met while copying: nobody says that nothing was written', async () => {
  const from = sqlite(
    `CREATE TABLE t(id INTEGER PRIMARY KEY, n INT); WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i WHERE x < 3000)
      INSERT INTO t SELECT x, x FROM i; UPDATE t SET n = 'many' WHERE id = 2990`,
  )
  const to = await postgres()
  const sampled = { options: { profileRows: 100, batchSize: 500, jobs: 1 } }
  const error = await failure(migrate(from, to, sampled))
  expect(error).toMatchObject({ code: 'LF204', details: { written: true } })
  expect(error.hint).toContain('What was loaded before stays')
  expect(renderError(error)).not.toContain('nothing was written')
  expect(await query(to, 'SELECT count(*) > 0 FROM t')).toEqual([['t']])
  const unbegun = await failure(migrate(from, await postgres()))
  expect(renderError(unbegun)).toContain('nothing was written')
  // The hint's other way: without --profile-rows the run goes on once the row is mended.
  const database = new DatabaseSync(from)
  database.exec('UPDATE t SET n = 2990 WHERE id = 2990')
  database.close()
  expect(await migrate(from, to, { options: { batchSize: 500 } })).toMatchObject({
    resumed: true,
    exitCode: 0,
  })
  expect(await query(to, 'SELECT count(*)::text FROM t')).toEqual([['3000']])
})

test('a done run that set rows aside has nothing to do after the file was only touched', async () => {
  const from = sqlite(`${ROWS}, (3, 'x')`)
  const to = await postgres()
  await migrate(from, to, { options: { badRows: 'set-aside' } })
  const touch = (sql: string) => {
    const database = new DatabaseSync(from)
    database.exec(sql)
    database.close()
  }
  touch('VACUUM')
  expect((await migrate(from, to)).outcome).toBe('nothing-to-do')
  touch(`INSERT INTO t VALUES (4, 'y')`)
  expect(await failure(migrate(from, to))).toMatchObject({ code: 'LF201', details: { tables: ['t'] } })
})

test('a role that may make tables in its schema, and no schemas', async () => {
  const from = sqlite(ROWS)
  const to = await postgres()
  const role = `mover_${process.pid}_${Date.now()}`
  await query(
    to,
    `CREATE ROLE ${role} LOGIN PASSWORD 'm'; CREATE SCHEMA app AUTHORIZATION ${role}; CREATE SCHEMA other`,
  )
  const url = new URL(to)
  url.username = role
  url.password = 'm'
  const journal = await failure(migrate(from, url.href))
  expect(journal).toMatchObject({ code: 'LF304', details: { sqlstate: '42501' } })
  expect(journal.hint).toContain('CREATE SCHEMA landfall AUTHORIZATION')
  await query(to, `CREATE SCHEMA landfall AUTHORIZATION ${role}`)
  for (const [targetSchema, name] of [
    ['other', 'o'],
    ['missing', 'm'],
  ] as const) {
    const refused = await failure(migrate(from, url.href, { options: { targetSchema, name } }))
    expect(refused).toMatchObject({ code: 'LF304', details: { sqlstate: '42501' } })
    expect(refused.hint).toMatch(/GRANT CREATE ON SCHEMA .*--target-schema NAME/)
  }
  expect((await migrate(from, url.href, { options: { targetSchema: 'app' } })).outcome).toBe('done')
  expect(await query(to, 'SELECT count(*)::text FROM app.t')).toEqual([['2']])
})

test('--restart says which tables it drops and which it empties, and a no changes nothing', async () => {
  const from = sqlite(`${ROWS}; CREATE TABLE made(x INT); INSERT INTO made VALUES (1)`)
  const to = await postgres('CREATE TABLE t(id bigint PRIMARY KEY, n bigint)')
  await migrate(from, to)
  const asked: string[] = []
  const ask = async (question: string) => {
    asked.push(question)
    return false
  }
  const no = await failure(migrate(from, to, { options: { restart: true }, tools: { ask } }))
  expect(no).toMatchObject({ code: 'LF206', message: 'you said no; nothing was changed' })
  expect(no.hint).toBeUndefined()
  expect(asked[0]).toMatch(/\n {2}dropped {3}public\.made\n {2}emptied {3}public\.t$/)
  expect(await query(to, 'SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM made)')).toEqual([['3']])
  await query(to, 'INSERT INTO t SELECT i + 10 FROM generate_series(1, 1234) i')
  const other = await failure(migrate(from, to, { options: { restart: true }, tools: { ask } }))
  expect(other).toMatchObject({ code: 'LF203', message: expect.stringContaining('holds 1,236 rows') })
})

test('a database without a table is moved, and its report says that there was none', async () => {
  const from = sqlite('CREATE TABLE t(x INT); DROP TABLE t')
  const to = await postgres()
  expect((await plan(from, to)).notes).toContain('no table was found to move')
  const done = await migrate(from, to)
  expect(done).toMatchObject({ outcome: 'done', exitCode: 0, tables: [] })
  expect(done.notes).toContain('no table was found to move')
})
