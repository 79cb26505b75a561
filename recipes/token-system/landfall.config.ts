import {
  bigint,
  defineMigration,
  env,
  identity,
  integer,
  references,
  sql,
  timestamp,
  varchar,
} from 'landfall'

/** What must be true of the database that DATABASE_URL names, wherever it stands today. */
export default defineMigration({
  name: 'token_system',
  target: env('DATABASE_URL'),

  schema: {
    users: {
      columns: {
        role: varchar(32).default('user').comment('admin or user'),
        token_balance: bigint().default(0).comment('Sum of the token_ledger of this user'),
        token_updated_at: timestamp().comment('When token_balance last changed'),
      },
      indexes: { idx_users_role: 'role' },
      checks: { users_role_check: sql.target`role IN ('admin', 'user')` },
    },
    invite_codes: {
      comment: 'Codes that one user can redeem, once',
      columns: {
        id: identity(),
        code: varchar(64).notNull().unique().comment('What the user types'),
        tokens: bigint().notNull().default(1_000_000).comment('What it grants; 10,000 are a point'),
        redeemed_by: references('users').comment('Null: nobody yet'),
        redeemed_at: timestamp(),
        created_at: timestamp().notNull().default('now'),
      },
      indexes: { idx_invite_codes_redeemed_by: 'redeemed_by' },
    },
    token_ledger: {
      comment: 'Every change of a balance; balances can be computed from it',
      columns: {
        id: identity(),
        user_id: references('users').notNull(),
        delta: bigint().notNull().comment('Positive: granted. Negative: used'),
        reason: varchar(64).notNull(),
        invite_code_id: references('invite_codes'),
        created_at: timestamp().notNull().default('now'),
      },
      indexes: {
        idx_token_ledger_user_created: ['user_id', { desc: 'created_at' }],
        idx_token_ledger_invite_code: 'invite_code_id',
      },
    },
    token_logs: {
      comment: 'Real use per model call',
      columns: {
        id: identity(),
        user_id: references('users'),
        total_tokens: integer(),
        prompt_tokens: integer(),
        completion_tokens: integer(),
        model_name: varchar(128),
        assistant_name: varchar(128).comment('Who in the application asked the model'),
        created_at: timestamp().default('now'),
      },
      indexes: { idx_token_logs_user_created: ['user_id', { desc: 'created_at' }] },
    },
  },

  invariants: {
    'balance is the sum of the ledger': sql.target`
      SELECT u.id, u.token_balance, coalesce(sum(l.delta), 0) AS ledger
      FROM users u LEFT JOIN token_ledger l ON l.user_id = u.id
      GROUP BY u.id HAVING coalesce(u.token_balance, 0) <> coalesce(sum(l.delta), 0)`,
    'a redeemed code was granted once': sql.target`
      SELECT c.id, c.code, count(l.id) AS granted
      FROM invite_codes c LEFT JOIN token_ledger l ON l.invite_code_id = c.id
      GROUP BY c.id HAVING count(l.id) <> CASE WHEN c.redeemed_by IS NULL THEN 0 ELSE 1 END`,
  },
})
