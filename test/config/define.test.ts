import { describe, expect, test } from 'vitest'
import { defineMigration } from '../../src/config/define.ts'
import { env } from '../../src/config/env.ts'
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
})
