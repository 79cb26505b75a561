import { defineMigration, env, sql } from 'landfall'

/**
 * Part (a): one account for each way in that a user has. Source and target are the same database, so
 * that everything is one transaction.
 */
export default defineMigration({
  name: 'account-upgrade',
  source: env('DATABASE_URL'),
  target: env('DATABASE_URL'),
  // An account that somebody else has already is not stored; it is listed, and the status is 1.
  badRows: 'set-aside',
  backup: true,
  moves: {
    // In this order: who has got an account by Feishu needs none by e-mail.
    authentication_useraccount: [
      {
        from: 'authentication_feishuauth',
        // Of several rows of a user the first one counts.
        filter: sql`NOT EXISTS (
          SELECT FROM authentication_feishuauth first
          WHERE first.user_id = authentication_feishuauth.user_id AND first.id < authentication_feishuauth.id)`,
        key: ['user_id', 'provider'],
        ifThere: 'keep',
        columns: {
          user_id: 'user_id',
          type: { value: 'oauth' },
          provider: { value: 'feishu' },
          provider_account_id: 'open_id',
          access_token: 'access_token',
          refresh_token: 'refresh_token',
          expires_at: 'token_expires_at',
          provider_profile: { convert: sql`jsonb_build_object('open_id', open_id, 'union_id', union_id)` },
          is_primary: { value: true },
          is_verified: { value: true },
        },
      },
      {
        from: 'authentication_user',
        filter: sql`email <> ''
          AND NOT EXISTS (SELECT FROM authentication_feishuauth f WHERE f.user_id = authentication_user.id)
          AND NOT EXISTS (SELECT FROM authentication_useraccount a WHERE a.user_id = authentication_user.id)`,
        key: ['user_id', 'provider'],
        ifThere: 'keep',
        columns: {
          user_id: 'id',
          type: { value: 'email' },
          provider: { value: 'email' },
          provider_account_id: 'email',
          is_primary: { value: true },
          is_verified: { value: true },
        },
      },
    ],
  },
})
