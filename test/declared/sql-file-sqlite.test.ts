import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import {
  bigint,
  identity,
  integer,
  type MigrationConfig,
  makeSchemaSqlSettings,
  references,
  schemaSql,
  sql,
  timestamp,
  varchar,
} from '../../src/index.ts'
import { landfall } from '../cli/run.ts'
import { needs } from '../support/needs.ts'

/** `landfall schema sql --dialect sqlite`, its file run by SQLite itself. */
const folder = mkdtempSync(join(tmpdir(), 'landfall-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const USERS = `CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(64) NOT NULL UNIQUE);
  INSERT INTO users (username) VALUES ('anna'), ('it''s'), ('zoë')`
/** What an older release of the application made. */
const LOGS = `CREATE TABLE token_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER REFERENCES users(id),
    total_tokens INT, prompt_tokens INT, completion_tokens INT, model_name TEXT,
    created_at DATETIME DEFAULT (current_timestamp));
  INSERT INTO token_logs (user_id, total_tokens) VALUES (1, 7)`

let made = 0
function database(...statements: string[]): string {
  const file = join(folder, `${++made}.db`)
  const db = new DatabaseSync(file)
  for (const one of statements) db.exec(one)
  db.close()
  return file
}

const recipe = fileURLToPath(new URL('../../recipes/token-system/landfall.config.ts', import.meta.url))

async function fileFor(db: string, config: MigrationConfig): Promise<string> {
  const where = { cwd: folder, environment: {} }
  return (await schemaSql(makeSchemaSqlSettings(config, { dialect: 'sqlite', from: `sqlite:${db}` }, where)))
    .sql
}

/** The recipe's own declaration, through the command line. */
async function tokensFor(db: string): Promise<string> {
  const args = ['schema', 'sql', '--config', recipe, '--dialect', 'sqlite', '--from', `sqlite:${db}`]
  const { status, stdout, stderr } = await landfall(args, { cwd: folder })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

const RUNS = {
  'the shell': (db: string, text: string): string => {
    const ran = spawnSync('sqlite3', ['-bail', db], { input: text, encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(ran.stderr)
    return ran.stdout
  },
  'the shell, going on after errors': (db: string, text: string): string => {
    const ran = spawnSync('sqlite3', [db], { input: text, encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(ran.stderr)
    return ran.stdout
  },
  'node:sqlite': (db: string, text: string): string => {
    const open = new DatabaseSync(db)
    try {
      open.exec(text)
    } finally {
      open.close()
    }
    return ''
  },
} as const

function ask(db: string, question: string): unknown[][] {
  const open = new DatabaseSync(db, { readOnly: true })
  try {
    return open
      .prepare(question)
      .all()
      .map((row) => Object.values(row))
  } finally {
    open.close()
  }
}

const SCHEMA = 'SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2'
const CHANGES = /^(CREATE TABLE|CREATE INDEX|CREATE UNIQUE|ALTER|INSERT INTO (?!temp))/m

for (const [name, run] of Object.entries(RUNS)) {
  const it = name === 'node:sqlite' ? test : needs('sqlite3')
  describe(`the file for SQLite, written and run three times by ${name}`, () => {
    it('where only users is there', async () => {
      const db = database(USERS)
      const said = run(db, await tokensFor(db))
      if (name !== 'node:sqlite') expect(said).toMatch(/verified: \d+ things\nholds: 2 things/)
      const after = ask(db, SCHEMA)
      for (let again = 2; again <= 3; again++) {
        const text = await tokensFor(db)
        expect(text).not.toMatch(CHANGES)
        run(db, text)
      }
      expect(ask(db, SCHEMA)).toEqual(after)
      expect(ask(db, 'SELECT role, token_balance, token_updated_at FROM users')).toEqual(
        Array(3).fill(['user', 0, null]),
      )
      expect(() => new DatabaseSync(db).exec(`UPDATE users SET role = 'king'`)).toThrow(/users_role_check/)
      expect(ask(db, "SELECT name FROM pragma_table_info('token_logs')").flat()).toEqual(
        'id user_id total_tokens prompt_tokens completion_tokens model_name assistant_name created_at'.split(
          ' ',
        ),
      )
    })

    it('where token_logs is there without assistant_name', async () => {
      const db = database(USERS, LOGS)
      const text = await tokensFor(db)
      expect(text).toContain('ALTER TABLE "token_logs" ADD COLUMN "assistant_name" VARCHAR(128);')
      expect(text).not.toContain('CREATE TABLE IF NOT EXISTS "token_logs"')
      run(db, text)
      for (let again = 2; again <= 3; again++) expect(await tokensFor(db)).not.toMatch(CHANGES)
      expect(ask(db, 'SELECT user_id, total_tokens, assistant_name FROM token_logs')).toEqual([[1, 7, null]])
    })

    it('where something became otherwise in between: nothing of it is kept', async () => {
      const db = database(USERS)
      const text = await tokensFor(db)
      new DatabaseSync(db).exec(
        'CREATE TABLE invite_codes (id INTEGER PRIMARY KEY, code TEXT, redeemed_by INTEGER)',
      )
      const before = ask(db, SCHEMA)
      expect(() => run(db, text)).toThrow(
        'CHECK constraint failed: column invite_codes.code is not as declared',
      )
      expect(ask(db, SCHEMA)).toEqual(before)
    })
  })
}

test('what is there in another form is named, and no file is written', async () => {
  const db = database(
    USERS,
    `CREATE TABLE token_logs (id INTEGER PRIMARY KEY, user_id INTEGER, total_tokens TEXT DEFAULT '7', model_name TEXT,
      created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE INDEX idx_token_logs_user_created ON token_logs (user_id)`,
  )
  const args = [
    'schema',
    'sql',
    '--config',
    recipe,
    '--dialect',
    'sqlite',
    '--from',
    `sqlite:${db}`,
    '--json',
  ]
  const { status, stdout } = await landfall(args, { cwd: folder })
  const { error } = JSON.parse(stdout)
  expect({ status, code: error.code }).toEqual({ status: 5, code: 'LF213' })
  expect(error.details.conflicts).toEqual([
    `column token_logs.total_tokens: its type TEXT keeps other values than INTEGER; its default is '7' and not none`,
    'foreign key token_logs_user_id_fkey of token_logs: SQLite adds it only to a new table, or with a new column',
    'index idx_token_logs_user_created of token_logs: it has another definition: CREATE INDEX idx_token_logs_user_created ON token_logs (user_id)',
  ])
})

test('rows to have, unique keys, defaults of any kind, names that want quotes', async () => {
  const config: MigrationConfig = {
    schema: {
      'Odd "table"': {
        columns: {
          id: identity(),
          code: varchar(9).unique(),
          n: bigint().default(5n),
          at: timestamp().default('now'),
          up: varchar().default(sql.target`upper('x')`),
          owner: references('users'),
        },
        unique: { 'uq "n"': ['n', 'code'] },
        checks: { 'n > 0': sql.target`n > 0` },
        indexes: { 'part "n"': { on: [sql.target`n + 1`], where: sql.target`n > 7`, unique: true } },
        ensureRows: { key: 'code', rows: [{ code: "it's", n: 8 }, { code: 'b' }] },
      },
      users: {
        columns: { invited_by: references('Odd "table"'), seen: integer().notNull().default(0) },
        ensureRows: { key: 'username', rows: [{ username: 'anna', seen: 0 }] },
      },
    },
    invariants: { 'only PostgreSQL reads it': sql.target`SELECT 1 WHERE false::boolean` },
  }
  const db = database(USERS)
  const text = await fileFor(db, config)
  expect(text).toContain('-- Left out: the invariant "only PostgreSQL reads it"')
  RUNS['node:sqlite'](db, text)
  const again = await fileFor(db, config)
  expect(again).not.toMatch(CHANGES)
  RUNS['node:sqlite'](db, again)
  expect(ask(db, `SELECT code, n, up, at IS NOT NULL FROM "Odd ""table""" ORDER BY id`)).toEqual([
    ["it's", 8, 'X', 1],
    ['b', 5, 'X', 1],
  ])
  new DatabaseSync(db).exec(`UPDATE "Odd ""table""" SET n = 9 WHERE n = 8`)
  await expect(fileFor(db, config)).rejects.toMatchObject({ code: 'LF213' })
})

test('an expression that only PostgreSQL reads is refused with what SQLite says', async () => {
  const config: MigrationConfig = {
    schema: {
      logs: { columns: { id: identity(), at: timestamp().default(sql.target`now() - interval '1 day'`) } },
    },
  }
  await expect(fileFor(database(USERS), config)).rejects.toMatchObject({ code: 'LF002' })
})

test('without a database, or with one for PostgreSQL, it says which option', async () => {
  const where = { cwd: folder, environment: {} }
  expect(() => makeSchemaSqlSettings({ schema: {} }, { dialect: 'sqlite' }, where)).toThrow(
    'no source is named',
  )
  expect(() => makeSchemaSqlSettings({ schema: {} }, { from: 'sqlite:a.db' }, where)).toThrow(
    'only --dialect sqlite',
  )
})

needs('sqlite3')('the command line writes the file', async () => {
  const db = database(USERS)
  const args = ['schema', 'sql', '--config', recipe, '--dialect', 'sqlite', '--from', `sqlite:${db}`]
  const { status } = await landfall([...args, '--out', 'out.sql'], { cwd: folder })
  expect(status).toBe(0)
  execFileSync('sqlite3', ['-bail', db, '.read out.sql'], { cwd: folder, stdio: 'pipe' })
  expect(ask(db, 'SELECT count(*) FROM invite_codes')).toEqual([[0]])
  expect((await landfall([...args, '--out', 'none/out.sql'], { cwd: folder })).status).toBe(2)
})
