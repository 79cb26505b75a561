import { describe, expect, test } from 'vitest'
import { defineMigration } from '../../src/config/define.ts'
import { env } from '../../src/config/env.ts'
import type { CreateConfig } from '../../src/config/mapping.ts'
import { sql } from '../../src/config/sql.ts'

/** A wrong line here is an error of `tsc`, and so is one that is right where an error is expected. */
test('a config is checked by the compiler and given back as it is', () => {
  const config = defineMigration({
    name: 'control-plane',
    source: env('SOURCE_DATABASE_URL', { default: 'sqlite:///data/rules.db' }),
    target: env('DATABASE_URL'),
    moves: {
      '*': {},
      alembic_version: false,
      run_executions: { columns: { started_at: { zone: 'UTC' }, note: false, key: 'run_key' } },
      sums: { from: 'totals', columns: { cents: { type: 'bigint', convert: sql`round(amount * 100)` } } },
    },
    grants: [{ role: 'reader', rights: ['select'] }],
  })
  expect(config.moves?.alembic_version).toBe(false)
})

describe('the compiler refuses', () => {
  test('wrong keys and values at every depth', () => {
    // @ts-expect-error a misspelt key at the top
    defineMigration({ tagret: 'postgres://host/db' })
    // @ts-expect-error a misspelt key of a move
    defineMigration({ moves: { orders: { colums: {} } } })
    // @ts-expect-error a misspelt key of a column
    defineMigration({ moves: { orders: { columns: { qty: { tpye: 'text' } } } } })
    // @ts-expect-error a choice that does not exist
    defineMigration({ badRows: 'skip' })
    // @ts-expect-error nothing can be said of all other tables
    defineMigration({ moves: { '*': { from: 'x' } } })
    // @ts-expect-error a filter is the source's
    defineMigration({ moves: { orders: { filter: sql.target`true` } } })
    // @ts-expect-error true is not a choice; leave the entry out
    defineMigration({ moves: { orders: true } })
    // @ts-expect-error an unknown right
    defineMigration({ grants: [{ role: 'reader', rights: ['read'] }] })
    expect.assertions(0)
  })

  test('what mapped moves and identities cannot say', () => {
    const users = {
      from: 'users',
      key: 'id',
      to: 'people',
      toKey: 'id',
      match: [],
      unmatched: 'skip',
    } as const
    // @ts-expect-error a SELECT is the source's
    defineMigration({ moves: { t: { from: sql.target`select 1` } } })
    // @ts-expect-error a choice that does not exist
    defineMigration({ moves: { t: { ifThere: 'replace' } } })
    // @ts-expect-error a misspelt key in a list of moves
    defineMigration({ moves: { t: [{ colums: {} }] } })
    // @ts-expect-error only what an identity creates can be made unique
    defineMigration({ moves: { t: { columns: { name: { unique: 'name' } } } } })
    // @ts-expect-error a default is the target's, when it is an expression
    defineMigration({ moves: { t: { columns: { name: { orElse: sql`now()` } } } } })
    // @ts-expect-error a function is no constant
    defineMigration({ moves: { t: { columns: { name: { value: () => 1 } } } } })
    // @ts-expect-error an identity says what becomes of who is not matched
    defineMigration({ identities: { users: { from: 'u', key: 'k', to: 't', toKey: 'k', match: [] } } })
    // @ts-expect-error a misspelt key of an identity
    defineMigration({ identities: { users: { ...users, keptin: false } } })
    // @ts-expect-error a rule that does not exist
    defineMigration({ identities: { users: { ...users, match: [{ like: { a: 'b' } }] } } })
    // @ts-expect-error a third table gives the new key by one of its columns
    defineMigration({ identities: { users: { ...users, match: [{ through: 't', where: { a: 'b' } }] } } })
    // @ts-expect-error a misspelt key of a created column
    const create: CreateConfig['create'] = { name: { uniqe: 'name' } }
    defineMigration({ identities: { users: { ...users, unmatched: { create } } } })
    // @ts-expect-error both columns of a map are named
    defineMigration({ identities: { users: { ...users, keptIn: { table: 'm', oldKey: 'a' } } } })
    // @ts-expect-error a misspelt key of the backup
    defineMigration({ backup: { foldr: 'x' } })
    expect.assertions(0)
  })
})

test('system 2 is a config', () => {
  const config = defineMigration({
    zone: 'Asia/Shanghai',
    backup: true,
    identities: {
      users: {
        from: 'users',
        key: 'id',
        to: 'authentication_user',
        toKey: 'id',
        match: [{ equalIgnoringCase: { email: 'email' } }],
        matched: { take: ['status', 'role'] },
        unmatched: {
          create: {
            username: { unique: sql`coalesce(username, 'user_' || left(id::text, 8))` },
            first_name: 'name',
            date_joined: { from: 'created_at', orElse: sql.target`now()` },
            status: { from: 'status', orElse: 1 },
            id: false,
          },
          alsoCreate: {
            authentication_useraccount: {
              columns: {
                user_id: { identity: 'users' },
                type: { value: 'email' },
                provider_account_id: 'email',
              },
            },
          },
        },
      },
    },
    moves: {
      pagtive_project: {
        from: 'projects',
        columns: { user_id: { identity: 'users' }, style_tags: { orElse: [] } },
        ifParentMissing: 'set-aside',
      },
      pagtive_projectdetail: { key: ['project_id', 'page_id'], columns: { version_id: 'versionId' } },
    },
  })
  expect(Object.keys(config.identities ?? {})).toEqual(['users'])
})
