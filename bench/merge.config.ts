import { defineMigration } from 'landfall'

/** Projects and their owners, who are found by their e-mail, become rows of an application that has half of them. */
export default defineMigration({
  name: 'bench-merge',
  identities: {
    users: {
      from: 'users',
      key: 'id',
      to: 'users',
      toKey: 'id',
      match: [{ equalIgnoringCase: { email: 'email' } }],
      unmatched: { create: {} },
    },
  },
  moves: { projects: { columns: { user_id: { identity: 'users' } } } },
})
