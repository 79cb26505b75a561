import {
  bigint,
  identity,
  integer,
  jsonb,
  type MigrationConfig,
  references,
  sql,
  text,
  timestamp,
  timestamptz,
  varchar,
} from '../../src/index.ts'

/** The application's table before anything is declared: what all tests here begin with. */
export const USERS = `
  CREATE TABLE users (id serial PRIMARY KEY, username varchar(64) NOT NULL UNIQUE);
  INSERT INTO users (username) SELECT 'user' || i FROM generate_series(1, 200) AS i`

/** System 5, with one of each thing that can be declared, and names and texts that want to be quoted. */
export const TOKENS: MigrationConfig = {
  name: 'it\'s "$landfall$"',
  schema: {
    users: {
      columns: {
        role: varchar(32).notNull().default('user').comment('it\'s 100% $sql$ "so" \\'),
        token_balance: bigint().notNull().default(0),
        token_updated_at: timestamp(),
        'Made "at"': timestamptz().default(sql.target`now() + interval '1 day'`),
      },
      indexes: {
        idx_users_role: 'role',
        'Idx "users"': {
          on: [{ desc: 'token_balance' }, sql.target`lower(role)`],
          where: sql.target`role <> 'it''s'`,
        },
      },
      checks: { users_role_check: sql.target`role IN ('admin', 'user', 'it''s')` },
    },
    invite_codes: {
      comment: 'Codes of the 20% action',
      columns: {
        id: identity(),
        code: varchar(64).notNull().unique(),
        redeemed_by: references('users').onDelete('set null'),
        about: jsonb().default({ a: ['it\'s "so"'] }),
      },
      ensureRows: { key: 'code', rows: [{ code: 'WELCOME' }, { code: "it's", about: { b: 1 } }] },
    },
    token_logs: {
      columns: {
        id: identity(),
        user_id: references('users'),
        invite_code: references('invite_codes'),
        total_tokens: integer().notNull().default(0),
        assistant_name: varchar(128),
        note: text(),
        created_at: timestamp().default('now'),
      },
      unique: { uq_token_logs: ['user_id', 'created_at'] },
      indexes: { idx_token_logs_user: ['user_id', { desc: 'created_at' }] },
    },
  },
  invariants: {
    'no balance below 0; it\'s "so"': sql.target`SELECT id FROM users WHERE token_balance < 0 -- none`,
  },
}

/** Half-way there: a table without a column, an index that was never finished, a constraint not looked at. */
export const HALF = `
  CREATE TABLE token_logs (id bigserial PRIMARY KEY, user_id integer,
    total_tokens integer NOT NULL DEFAULT 0, created_at timestamp DEFAULT CURRENT_TIMESTAMP);
  INSERT INTO token_logs (user_id) SELECT id FROM users;
  ALTER TABLE token_logs ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID;
  ALTER TABLE users ADD COLUMN role varchar(32) NOT NULL DEFAULT 'user';
  CREATE INDEX idx_users_role ON users (role);
  UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_users_role'::regclass`

/** Other things under the declared names. */
export const OTHERWISE = `
  CREATE TABLE token_logs (id bigserial PRIMARY KEY, user_id integer, total_tokens bigint NOT NULL DEFAULT 7,
    note text NOT NULL DEFAULT '');
  CREATE INDEX idx_token_logs_user ON token_logs (user_id);
  CREATE TABLE invite_codes (id bigserial PRIMARY KEY, code varchar(64) NOT NULL UNIQUE, about jsonb);
  INSERT INTO invite_codes (code, about) VALUES ('it''s', '{"b": 2}')`
