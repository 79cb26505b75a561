import { defineMigration, env, sql } from 'landfall'

/** Part (b): all of `pagtive_previews` merged into the backend, users matched by their e-mail. */
export default defineMigration({
  name: 'pagtive-merge',
  source: env('SOURCE_DATABASE_URL'),
  target: env('DATABASE_URL'),
  // The source's timestamps have no zone; its servers stood in this one.
  zone: 'Asia/Shanghai',
  // Rows without a place are listed, and the status is 1.
  badRows: 'set-aside',
  // Both databases, before anything is written.
  backup: { source: true },

  identities: {
    users: {
      from: 'users',
      key: 'id',
      to: 'authentication_user',
      toKey: 'id',
      match: [{ equalIgnoringCase: { email: 'email' } }],
      // Two users of the source with one e-mail are one person.
      severalOld: 'join',
      // Two users of the backend with one e-mail: the older one.
      severalNew: 'first',
      matched: { take: ['status', 'role', 'agreed_agreement_version'] },
      unmatched: {
        create: {
          username: {
            unique: sql`coalesce(nullif(username, ''), nullif(split_part(email, '@', 1), ''), 'user_' || left(id::text, 8))`,
          },
          email: { from: 'email', orElse: '' },
          first_name: { from: 'name', orElse: '' },
          last_name: { value: '' },
          // Django's mark of a password with which nobody can sign in; a new one can be asked for by e-mail.
          password: { value: '!' },
          is_active: { value: true },
          is_staff: { value: false },
          is_superuser: { value: false },
          date_joined: { from: 'created_at', orElse: sql.target`now()` },
          status: { from: 'status', orElse: 1 },
          role: { from: 'role', orElse: 'user' },
          agreed_agreement_version: 'agreed_agreement_version',
        },
        alsoCreate: {
          authentication_useraccount: {
            where: sql.target`email <> ''`,
            columns: {
              user_id: { identity: 'users' },
              type: { value: 'email' },
              provider: { value: 'email' },
              provider_account_id: 'email',
              is_primary: { value: true },
              is_verified: { value: true },
            },
          },
        },
      },
      keptIn: { table: 'pagtive_user_identities', oldKey: 'pagtive_user_id', newKey: 'user_id' },
    },
  },

  moves: {
    pagtive_project: {
      from: 'projects',
      ifParentMissing: 'set-aside',
      columns: {
        user_id: { identity: 'users' },
        is_public: { orElse: false },
        is_featured: { orElse: false },
        is_published: { orElse: false },
        style_tags: { convert: sql`to_jsonb(style_tags)`, orElse: [] },
      },
    },
    pagtive_projectdetail: {
      from: 'project_details',
      key: ['project_id', 'page_id'],
      ifParentMissing: 'set-aside',
      columns: { version_id: 'versionId' },
    },
    pagtive_projectllmlog: {
      from: 'project_llm_logs',
      ifSourceMissing: 'skip',
      ifParentMissing: 'set-aside',
      columns: { user_id: { identity: 'users' } },
    },
  },
})
