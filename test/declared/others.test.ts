import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  bigint,
  LandfallError,
  type MigrationConfig,
  schemaApply,
  schemaPlan,
  schemaUndo,
  sql,
  text,
  type as typeOf,
  varchar,
} from '../../src/index.ts'
import { bench, connected, failure, query, state, TOKENS, told, USERS } from './declaring.ts'

/** What others have made under the names that a declaration uses is theirs. */

const { database, settings } = bench()
const yes = { ask: async () => true }
const BY_EMAIL: MigrationConfig = {
  name: 'by-email',
  schema: { users: { indexes: { by_email: ['email'] } } },
}

test('an index that others built after ours could not be begun stays', async () => {
  const url = await database(USERS)
  const other = await connected(url)
  await other.query('BEGIN; LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE')
  const error = await failure(schemaApply(settings(BY_EMAIL, url, { indexWait: 300 })))
  expect(error.code).toBe('LF312')
  await other.query('COMMIT')
  await other.end()
  expect((await state(url)).record).toEqual([])
  await query(url, 'CREATE INDEX by_email ON users (email)')
  expect((await schemaApply(settings(BY_EMAIL, url))).outcome).toBe('nothing-to-do')
  expect((await schemaUndo(settings(BY_EMAIL, url), yes)).outcome).toBe('nothing-to-do')
  expect((await state(url)).indexes).toContainEqual(expect.stringContaining('by_email'))
})

test('one that others build while ours waits stays, too', async () => {
  const url = await database(USERS)
  const other = await connected(url)
  await other.query('BEGIN; CREATE INDEX by_email ON users (email)')
  const applying = schemaApply(settings(BY_EMAIL, url))
  await sleep(1500)
  await other.query('COMMIT')
  await other.end()
  expect((await applying).exitCode).toBe(0)
  expect((await state(url)).record).toEqual([])
})

/** As a process leaves it that was killed before its statement reached the server. */
const BEGUN = `INSERT INTO landfall.declared (declaration, kind, schema_name, table_name, name, statement)
  VALUES ('by-email', 'index', 'public', 'users', 'by_email', 'CREATE INDEX CONCURRENTLY "by_email" ON "public"."users" ("email")')`

test('of an index that was only begun, another one of the name blocks undo', async () => {
  const url = await database(USERS)
  await schemaApply(settings({ ...BY_EMAIL, schema: {} }, url))
  await query(url, `${BEGUN}; CREATE INDEX by_email ON users (lower(email))`)
  const error = await failure(schemaUndo(settings(BY_EMAIL, url), yes))
  expect(error.code).toBe('LF212')
  expect(error.message).toContain('it cannot be told who made it')
  expect((await state(url)).indexes).toContainEqual(expect.stringContaining('by_email'))
})

test('a unique index of others serves a unique column, and is made no key of', async () => {
  const url = await database(`${USERS}; CREATE UNIQUE INDEX users_email_key ON users (email)`)
  const before = await state(url)
  const unnamed: MigrationConfig = {
    name: 'u',
    schema: { users: { columns: { email: text().unique() } } },
  }
  expect((await schemaApply(settings(unnamed, url))).outcome).toBe('nothing-to-do')
  expect((await schemaUndo(settings(unnamed, url), yes)).outcome).toBe('nothing-to-do')
  expect(await state(url)).toEqual({ ...before, record: [] })
  const named: MigrationConfig = { schema: { users: { unique: { users_email_key: 'email' } } } }
  const { conflicts } = await schemaPlan(settings(named, url))
  expect(conflicts.map(told)).toEqual([expect.stringMatching(/Somebody has built the unique index/)])
  for (const way of conflicts[0]!.conflict!.ways) await query(url, way.sql.join(';'))
  expect((await schemaApply(settings(named, url))).outcome).toBe('nothing-to-do')
})

test('a role that may not see others’ sessions still waits for an index that they build', async () => {
  const role = `limited_${process.pid}`
  const url =
    await database(`${USERS}; CREATE ROLE ${role} LOGIN PASSWORD 'x'; ALTER TABLE users OWNER TO ${role};
    GRANT ALL ON SCHEMA public TO ${role}`)
  const as = new URL(url)
  as.username = role
  as.password = 'x'
  await query(url, `GRANT ALL ON DATABASE ${as.pathname.slice(1)} TO ${role}`)
  const writer = await connected(url, 'writer')
  await writer.query('BEGIN; UPDATE users SET email = email WHERE id = 1')
  const builder = await connected(url, 'the administrator')
  const building = builder.query('CREATE INDEX CONCURRENTLY by_email ON users (email)')
  while ((await query(url, `SELECT FROM pg_class WHERE relname = 'by_email'`)).length === 0) await sleep(20)
  const applying = schemaApply(settings(BY_EMAIL, as.href))
  await sleep(1500)
  await writer.query('COMMIT')
  await building
  expect((await applying).statements).toEqual([])
  await writer.end()
  await builder.end()
  await query(url, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
})

const PARTITIONS = `CREATE TABLE users (id bigint, email text) PARTITION BY RANGE (id);
  CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (10);
  CREATE TABLE users_2 PARTITION OF users FOR VALUES FROM (10) TO (20)`

test('an index of a partitioned table that is not attached everywhere is a conflict', async () => {
  const url = await database(`${PARTITIONS}; CREATE INDEX by_email ON ONLY users (email)`)
  const { conflicts } = await schemaPlan(settings(BY_EMAIL, url))
  expect(conflicts.map(told)).toEqual([expect.stringMatching(/ATTACH PARTITION/)])
  expect((await failure(schemaApply(settings(BY_EMAIL, url)))).code).toBe('LF213')
})

test('a partition that is in use makes nobody wait for the others', async () => {
  const url = await database(`${PARTITIONS}; INSERT INTO users VALUES (1, 'a'), (11, 'b')`)
  const config: MigrationConfig = { schema: { users: { columns: { nick: varchar(32) } } } }
  const holders = [await connected(url), await connected(url)]
  await holders[0]!.query('BEGIN; LOCK TABLE users_1 IN ROW EXCLUSIVE MODE')
  await holders[1]!.query('BEGIN; LOCK TABLE users_2 IN ROW EXCLUSIVE MODE')
  const reader = await connected(url)
  const applying = schemaApply(settings(config, url))
  let longest = 0
  for (let n = 0; n < 150; n++) {
    const began = performance.now()
    await reader.query('SELECT count(*) FROM users')
    longest = Math.max(longest, performance.now() - began)
    if (n === 100) await holders[0]!.query('COMMIT')
    await sleep(20)
  }
  await holders[1]!.query('COMMIT')
  expect((await applying).exitCode).toBe(0)
  expect(longest).toBeLessThan(150)
  for (const one of [reader, ...holders]) await one.end()
})

test('what others build while undo waits for the table stops it', async () => {
  const url = await database(USERS)
  const config: MigrationConfig = { name: 'nick', schema: { users: { columns: { nick: text() } } } }
  await schemaApply(settings(config, url))
  const holder = await connected(url)
  await holder.query('BEGIN; UPDATE users SET email = email WHERE id = 1')
  const undoing = failure(schemaUndo(settings(config, url), yes))
  await sleep(1500)
  await holder.query('CREATE INDEX of_others ON users (nick); COMMIT')
  await holder.end()
  const error = await undoing
  expect(error.code).toBe('LF212')
  expect(error.message).toContain('of_others')
  expect((await state(url)).indexes).toContainEqual(expect.stringContaining('of_others'))
})

test('a row that somebody else inserts at the same time is there, and no error', async () => {
  const url = await database('CREATE TABLE codes (code text PRIMARY KEY)')
  const config: MigrationConfig = {
    schema: { codes: { ensureRows: { key: 'code', rows: [{ code: 'A' }] } } },
  }
  const other = await connected(url)
  await other.query(`BEGIN; INSERT INTO codes VALUES ('A')`)
  const applying = schemaApply(settings(config, url, { lockTimeout: 250 }))
  await sleep(700)
  // Each attempt waits for this row, so one of them most likely does when it is committed.
  for (;;) {
    const waiting = await query(url, `SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid'`)
    if (waiting.length > 0) break
    await sleep(5)
  }
  await other.query('COMMIT')
  await other.end()
  const report = await applying
  expect(report.exitCode).toBe(0)
  expect((await state(url)).record).toEqual([])
})

test('to count what undo loses runs no default', async () => {
  const url = await database(`${USERS}; CREATE SEQUENCE numbers`)
  const config: MigrationConfig = {
    name: 'numbers',
    schema: { users: { columns: { number: bigint().default(sql.target`nextval('numbers')`) } } },
  }
  await schemaApply(settings(config, url))
  await query(url, 'UPDATE users SET number = 7 WHERE id < 4')
  const { losses } = await schemaUndo(settings(config, url), yes)
  expect(losses).toMatchObject([{ rows: 3, changed: null }])
  expect(await query(url, 'SELECT last_value, is_called FROM numbers')).toEqual([
    { last_value: '1', is_called: 'f' },
  ])
})

test('functions of the application that are called like the server’s are not called', async () => {
  const raising = `LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END'`
  const url = await database(`${USERS};
    CREATE FUNCTION obj_description(oid, text) RETURNS text ${raising};
    CREATE FUNCTION concat_ws(text, text, text, text, text) RETURNS text ${raising};
    CREATE FUNCTION has_table_privilege(text, text, VARIADIC text[]) RETURNS boolean ${raising};
    CREATE FUNCTION json_build_array(json) RETURNS json ${raising}`)
  expect((await schemaApply(settings(TOKENS, url))).exitCode).toBe(0)
  expect((await schemaApply(settings(TOKENS, url))).outcome).toBe('nothing-to-do')
  expect((await schemaUndo(settings(TOKENS, url), yes)).outcome).toBe('done')
})

test('a column that others dropped and added anew is theirs', async () => {
  const url = await database(USERS)
  const config: MigrationConfig = { name: 'nick', schema: { users: { columns: { nick: text() } } } }
  await schemaApply(settings(config, url))
  await query(url, 'ALTER TABLE users DROP COLUMN nick; ALTER TABLE users ADD COLUMN nick text')
  expect((await failure(schemaUndo(settings(config, url), yes))).code).toBe('LF212')
})

test('undo by a role that does not own one of the tables drops nothing at all', async () => {
  const role = `undoing_${process.pid}`
  const url = await database(USERS)
  await schemaApply(settings(TOKENS, url))
  const before = await state(url)
  await query(
    url,
    `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT pg_read_all_data TO ${role};
     ALTER TABLE token_logs OWNER TO ${role};
     GRANT ALL ON SCHEMA landfall TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA landfall TO ${role};
     GRANT DELETE ON invite_codes TO ${role}`,
  )
  const as = new URL(url)
  as.username = role
  as.password = 'x'
  const error = await failure(schemaUndo(settings(TOKENS, as.href), yes))
  expect(error.code).toBe('LF304')
  expect(error.message).toMatch(/the role does not own/)
  expect(await state(url)).toEqual(before)
  await query(url, `REASSIGN OWNED BY ${role} TO postgres; DROP OWNED BY ${role}; DROP ROLE ${role}`)
})

test('a value of a row that differs each time is only inserted', async () => {
  const url = await database('CREATE TABLE codes (code text PRIMARY KEY, at timestamptz, n int)')
  const rows = (...all: Record<string, unknown>[]): MigrationConfig =>
    ({ schema: { codes: { ensureRows: { key: 'code', rows: all } } } }) as MigrationConfig
  const config = rows({ code: 'A', at: sql.target`clock_timestamp()`, n: 1 })
  expect((await schemaApply(settings(config, url))).exitCode).toBe(0)
  expect((await schemaApply(settings(config, url))).outcome).toBe('nothing-to-do')
  await query(url, 'UPDATE codes SET n = 2')
  expect((await schemaPlan(settings(config, url))).outcome).toBe('conflicts')
})

test('a type with a collation is refused', async () => {
  const url = await database(USERS)
  const config: MigrationConfig = { schema: { users: { columns: { nick: typeOf('text COLLATE "C"') } } } }
  const error = await failure(schemaApply(settings(config, url)))
  expect(error.code).toBe('LF005')
  expect(error.message).toContain('a collation cannot be declared')
})

test('an interruption ends an invariant that is being looked at', async () => {
  const url = await database(USERS)
  const config: MigrationConfig = { invariants: { 'it ends': sql.target`select pg_sleep(60)` } }
  const controller = new AbortController()
  const stopping = failure(schemaApply(settings(config, url), { signal: controller.signal }))
  while ((await query(url, `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).length === 0)
    await sleep(20)
  const began = performance.now()
  controller.abort(new LandfallError('LF403', 'interrupted'))
  expect((await stopping).code).toBe('LF403')
  expect(performance.now() - began).toBeLessThan(3000)
})

test('two who build on one table at once both come to their end', async () => {
  const url = await database(USERS)
  const writer = await connected(url)
  await writer.query('BEGIN; UPDATE users SET email = email WHERE id = 1')
  const other = await connected(url)
  // Waits for the writer, and after it for the snapshot of ours, which waits for its lock.
  const building = other.query('CREATE INDEX CONCURRENTLY of_others ON users (email)')
  await sleep(300)
  const applying = schemaApply(settings(BY_EMAIL, url))
  // The other one has now to wait for us before our second is over, after which the server looks for a circle.
  for (;;) {
    const waiting = await query(
      url,
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONCURRENTLY "by_email"%'`,
    )
    if (waiting.length > 0) break
    await sleep(20)
  }
  await writer.query('COMMIT')
  await building.catch(() => {})
  const report = await applying
  expect(report.exitCode).toBe(0)
  expect(report.statements[0]!.attempts).toBe(2)
  expect((await state(url)).indexes).toContainEqual(expect.stringMatching(/by_email .* t t$/))
  await writer.end()
  await other.end()
})
