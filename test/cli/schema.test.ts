import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { query } from '../declared/declaring.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { type Ended, landfall } from './run.ts'

const cwd = mkdtempSync(join(tmpdir(), 'landfall-schema-cli-'))
let server: TestServer
let url: string

beforeAll(async () => {
  server = await testServer()
})
beforeEach(async () => {
  url = await server.database()
  await query(
    url,
    'CREATE TABLE users (id bigint PRIMARY KEY, email text); INSERT INTO users VALUES (1), (2)',
  )
  config(
    `users: { columns: { role: varchar(32).notNull().default('user') }, indexes: { idx_users_role: ['role'] } }`,
  )
})
afterAll(async () => {
  await server.stop()
  rmSync(cwd, { recursive: true })
})

/** It names neither a source nor moves. */
function config(schema: string): void {
  writeFileSync(
    join(cwd, 'landfall.config.ts'),
    `import { defineMigration, env, integer, sql, varchar } from 'landfall'
    export default defineMigration({ name: 'roles', target: env('DATABASE_URL'), schema: { ${schema} },
      invariants: { 'everybody has a role': sql.target\`select id from users where role = ''\` } })`,
  )
}

function schema(...args: string[]): Promise<Ended> {
  return landfall(['schema', ...args], { cwd, env: { DATABASE_URL: url, NO_COLOR: '1' } })
}

test('plan, apply, verify, undo', async () => {
  const plan = await schema('plan')
  expect(plan.stderr).toBe('')
  expect(plan.stdout).toContain('2 statements to carry out: landfall schema apply\n')
  expect(plan.stdout).toContain(`1. add role to users
   lock ACCESS EXCLUSIVE on users; no rewrite; reads no row
   ALTER TABLE "public"."users"
     ADD COLUMN "role" varchar(32) DEFAULT 'user' NOT NULL;
`)
  expect(plan.status).toBe(0)
  expect((await schema('verify')).status).toBe(1)

  const dry = await schema('apply', '--dry-run')
  expect(dry.stdout).toMatch(/^2 statements would be carried out; nothing was\n/)
  const apply = await schema('apply')
  expect(apply.status).toBe(0)
  expect(apply.stdout).toMatch(/^Done: 2 statements carried out, and verified/)
  expect((await schema('apply')).stdout).toMatch(/^Nothing to do: everything is there, and verified/)

  const verify = await schema('verify')
  expect(verify.stdout).toMatch(/^As declared/)
  expect(verify.status).toBe(0)
  await query(url, `UPDATE users SET role = '' WHERE id = 2`)
  const broken = await schema('verify')
  expect(broken.stdout).toMatch(/^Different/)
  expect(broken.stdout).toContain('failed  invariant: everybody has a role: expected no row, found 1 row')
  expect(broken.stdout).toContain('{"id":2}')
  expect(broken.status).toBe(1)

  const unasked = await schema('undo')
  expect(unasked.status).toBe(5)
  expect(unasked.stderr).toContain('column users.role: 2 rows with a value, 1 of them other than the default')
  expect(unasked.stderr).toContain('--yes')
  const undone = await schema('undo', '--yes', '--json')
  expect(undone.status).toBe(0)
  expect(JSON.parse(undone.stdout)).toMatchObject({
    version: 1,
    command: 'schema undo',
    declaration: 'roles',
    outcome: 'done',
    losses: [{ object: { kind: 'column', name: 'role' }, rows: 2, changed: 1 }],
  })
  expect(undone.stdout).not.toContain(new URL(url).password)
})

test('what is there in another form: plan shows the way, apply refuses', async () => {
  await query(url, `ALTER TABLE users ADD COLUMN role text`)
  const plan = await schema('plan')
  expect(plan.status).toBe(5)
  expect(plan.stdout).toMatch(/^Refused: 1 thing is there in another form, so apply would change nothing\n/)
  expect(plan.stdout).toContain(`conflict  column users.role
  declared  character varying(32), default 'user', not null
  there     text
`)
  expect(plan.stdout).toContain(`    ALTER TABLE "public"."users" ALTER COLUMN "role" TYPE varchar(32);
      lock ACCESS EXCLUSIVE on users; rewrites the table; reads every row
`)
  const apply = await schema('apply')
  expect(apply.status).toBe(5)
  expect(apply.stderr).toContain('LF213')
  const json = await schema('apply', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'LF213' } })
})

test('mistakes are usage', async () => {
  config(`users: { columns: { role: 'varchar(32)' } }`)
  const typed = await schema('plan')
  expect(typed.status).toBe(2)
  expect(typed.stderr).toContain('schema.users.columns.role: must be a column')
  config(`users: { columns: { role: varchar(32) } }`)
  const long = await schema('apply', '--lock-timeout', '2s')
  expect(long.status).toBe(2)
  expect(long.stderr).toContain('at most 250ms')
  const none = await landfall(['schema', 'plan'], { cwd: tmpdir() })
  expect(none.stderr).toContain('no schema is declared')
  expect((await landfall(['schema', 'plan', '--to', 'embedded'], { cwd })).stderr).toContain('LF301')
})
