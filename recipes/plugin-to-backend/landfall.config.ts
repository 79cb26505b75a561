import { defineMigration, env, exportedBy } from 'landfall'

/** What the backend takes over of the plugin, which it replaces. */
export default defineMigration({
  name: 'plugin_db_to_backend_v2',
  // The exporter beside the plugin knows where its database is.
  source: exportedBy(env('PLUGIN_API_BASE_URL'), {
    token: env('PLUGIN_ENV_EXPORT_TOKEN', 'PLUGIN_ADMIN_API_KEY'),
  }),
  target: env('DATABASE_URL'),

  // When the backend starts: once, whatever the number of instances; not at all where the variable is empty.
  boot: {
    state: 'plugin_db_migration_states',
    onlyIf: env('PLUGIN_API_BASE_URL'),
    waitAtMost: '30m',
  },

  identities: {
    users: {
      from: 'users',
      key: 'user_id',
      to: 'users',
      toKey: 'id',
      match: [
        { through: 'plugin_api_keys', where: { plugin_user_id: 'user_id' }, gives: 'user_id' },
        { through: 'plugin_api_keys', where: { api_key: 'api_key' }, gives: 'user_id' },
      ],
      // A person may have had several users in the plugin.
      severalOld: 'join',
      // Only where an account names such a user; then nothing is written, and the accounts are listed.
      unmatched: 'fail',
      keptIn: { table: 'plugin_user_mappings', oldKey: 'plugin_user_id', newKey: 'user_id' },
    },
  },

  moves: {
    antigravity_accounts: {
      from: 'accounts',
      key: 'cookie_id',
      columns: { user_id: { identity: 'users' }, token_expires_at: 'expires_at' },
    },
    // The backend numbers these rows itself.
    antigravity_model_quotas: { from: 'model_quotas', key: ['cookie_id', 'model_name'] },
    kiro_accounts: { ifSourceMissing: 'skip', columns: { user_id: { identity: 'users' } } },
    kiro_subscription_models: { ifSourceMissing: 'skip' },
  },
})
