import { describe, expect, test } from 'vitest'
import { sql } from '../../src/config/sql.ts'
import { validateConfig } from '../../src/config/validate.ts'
import { LandfallError } from '../../src/errors.ts'

function mistakes(config: unknown): unknown {
  try {
    validateConfig(config, 'landfall.config.ts')
  } catch (error) {
    if (error instanceof LandfallError && error.code === 'LF002') return error.details?.mistakes
    throw error
  }
  return []
}

const users = {
  from: 'users',
  key: 'id',
  to: 'people',
  toKey: 'id',
  match: [{ equal: { email: 'email' } }],
  unmatched: 'fail',
}
const identity = (more: object) => ({ identities: { users: { ...users, ...more } } })
const column = (said: unknown) => ({ moves: { t: { columns: { c: said } } } })
const create = (said: object) => identity({ unmatched: { create: said } })

test('everything that can be said of mapped moves is valid', () => {
  const everything = {
    sourceSchema: 'old',
    zone: 'Asia/Shanghai',
    backup: { folder: 'backups', source: true },
    identities: {
      users: {
        ...users,
        from: sql`select * from users`,
        match: [
          { equal: { email: 'e mail' } },
          { equalIgnoringCase: { email: 'email' } },
          { through: 'keys', where: { user: 'id' }, gives: 'person', ignoringCase: true },
        ],
        severalOld: 'join',
        severalNew: 'set-aside',
        matched: { take: { status: {}, role: 'role', age: { convert: sql`age::int` }, not: false } },
        unmatched: {
          create: {
            username: { unique: sql.target`coalesce(name, 'x')`, orElse: 'user' },
            nick: { unique: 'name' },
            status: { orElse: 1n },
            gone: undefined,
          },
          alsoCreate: {
            accounts: {
              where: sql.target`email <> ''`,
              columns: { user_id: { identity: 'users' }, type: { value: 'email' } },
            },
          },
        },
        keptIn: { table: 'map', oldKey: 'a', newKey: 'b' },
      },
      groups: { ...users, match: [], matched: { take: ['a'] }, unmatched: { create: {} }, keptIn: false },
    },
    moves: {
      t: [
        {
          from: sql`select 1`,
          key: ['a', 'b'],
          filter: sql`a > 0`,
          ifThere: 'keep',
          ifParentMissing: 'set-aside',
          setByTriggers: ['c'],
          columns: {
            a: { value: null },
            b: { value: [1, { x: [true, null, 2n] }] },
            c: { orElse: sql.target`now()` },
            d: { identity: 'users', orElse: 0 },
            e: { convert: sql.target`lower(e)` },
          },
        },
        { key: 'a', ifSourceMissing: 'skip' },
      ],
    },
  }
  expect(mistakes(everything)).toEqual([])
})

describe('a mistake is told with its exact path', () => {
  test.each<[unknown, string | string[]]>([
    [{ moves: { t: [{}, { colums: {} }] } }, 'moves.t[1].colums: unknown key; did you mean columns?'],
    [{ moves: { t: [] } }, 'moves.t: must not be empty'],
    [{ moves: { t: { key: [] } } }, 'moves.t.key: must not be empty'],
    [{ moves: { t: { key: 5 } } }, 'moves.t.key: must be a column, or a list of columns'],
    [{ moves: { t: { key: ['a', 'b', 'a'] } } }, 'moves.t.key: names a twice'],
    [
      { moves: { t: { from: sql.target`x` } } },
      'moves.t.from: must be a table of the source, or a SELECT: sql`…`',
    ],
    [{ moves: { t: { filter: 'a > 0' } } }, 'moves.t.filter: must be an expression of the source: sql`…`'],
    [{ moves: { t: { ifThere: 'replace' } } }, 'moves.t.ifThere: must be "update" or "keep" or "fail"'],
    [
      { moves: { t: { from: sql`select 1`, ifSourceMissing: 'skip' } } },
      'moves.t.ifSourceMissing: a SELECT names no single table that could be missing',
    ],
    [{ zone: 'Mars/Olympus' }, 'zone: must be a time zone such as UTC or Asia/Shanghai'],
    [{ backup: 'yes' }, 'backup: must be true, false or { folder, source }'],
    [{ backup: { foldr: 'x' } }, 'backup.foldr: unknown key; did you mean folder?'],
    [column({ identity: 'usres' }), 'moves.t.columns.c.identity: there is no identity usres'],
    [
      { ...identity({}), ...column({ identity: 'usres' }) },
      'moves.t.columns.c.identity: there is no identity usres; did you mean users?',
    ],
    [
      column({ value: 1, from: 'a', convert: sql`1` }),
      [
        'moves.t.columns.c: value is the same for every row, so from says nothing beside it',
        'moves.t.columns.c: value is the same for every row, so convert says nothing beside it',
      ],
    ],
    [
      { ...identity({}), ...column({ identity: 'users', zone: 'UTC' }) },
      'moves.t.columns.c: identity takes an old key, which is no time: zone says nothing',
    ],
    [
      column({ unique: 'name' }),
      'moves.t.columns.c.unique: unknown key; only what an identity creates can be made unique',
    ],
    [
      column({ value: sql`1` }),
      'moves.t.columns.c.value: must be a text, number, true, false, null, a list or an object; an expression goes to convert',
    ],
    [
      column({ value: Number.NaN }),
      'moves.t.columns.c.value: must be a text, number, true, false, null, a list or an object; an expression goes to convert',
    ],
    [
      column({ orElse: sql`1` }),
      'moves.t.columns.c.orElse: must be a constant, or an expression of the target: sql.target`…`',
    ],
    [identity({ kye: 'id' }), 'identities.users.kye: unknown key; did you mean key?'],
    [identity({ key: undefined }), 'identities.users.key: is missing'],
    [identity({ unmatched: undefined }), 'identities.users.unmatched: is missing'],
    [
      identity({ unmatched: 'create' }),
      'identities.users.unmatched: must be "fail", "skip" or { create, alsoCreate }',
    ],
    [identity({ match: [] }), 'identities.users.match: without a rule nothing is matched'],
    [
      identity({ match: [{ equals: { a: 'b' } }] }),
      'identities.users.match[0].equals: unknown key; did you mean equal?',
    ],
    [identity({ match: [{}] }), 'identities.users.match[0]: must have equal, equalIgnoringCase or through'],
    [
      identity({ match: [{ equal: { a: 'b' }, equalIgnoringCase: { a: 'b' } }] }),
      'identities.users.match[0]: is one rule: equal or equalIgnoringCase, or two entries of the list',
    ],
    [
      identity({ match: [{ equal: { a: 'b' }, gives: 'c' }] }),
      'identities.users.match[0].gives: goes with through',
    ],
    [
      identity({ match: [{ through: 'keys', where: { a: 'b' } }] }),
      'identities.users.match[0].gives: is missing',
    ],
    [
      identity({ match: [{ equal: {} }] }),
      'identities.users.match[0].equal: must name a column: { target: source }',
    ],
    [identity({ matched: { take: ['id'] } }), 'identities.users.matched.take: id is the key itself'],
    [
      identity({ matched: { take: { a: { orElse: 1 } } } }),
      'identities.users.matched.take.a.orElse: a matched row keeps its value where the source has none',
    ],
    [
      identity({ keptIn: { table: 'map', oldkey: 'a', newKey: 'b' } }),
      [
        'identities.users.keptIn.oldKey: is missing',
        'identities.users.keptIn.oldkey: unknown key; did you mean oldKey?',
      ],
    ],
    [
      { identities: { users: { ...users, keptIn: 'map' }, others: { ...users, keptIn: 'map' } } },
      'identities.others.keptIn: map has the keys of the identity users already',
    ],
    [
      create({ name: { unique: 'name', from: 'name' } }),
      'identities.users.unmatched.create.name: unique is the text itself, so from says nothing beside it',
    ],
    [
      create({ name: { uniqe: 'name' } }),
      'identities.users.unmatched.create.name.uniqe: unknown key; did you mean unique?',
    ],
    [
      create({ parent: { identity: 'users' } }),
      'identities.users.unmatched.create.parent.identity: the new key is only known when the row is there',
    ],
    [
      identity({ unmatched: { create: {}, alsoCreate: { a: { colums: {}, columns: {} } } } }),
      'identities.users.unmatched.alsoCreate.a.colums: unknown key; did you mean columns?',
    ],
    [
      identity({ unmatched: { create: {}, alsoCreate: { a: { columns: { u: { identity: 'user' } } } } } }),
      'identities.users.unmatched.alsoCreate.a.columns.u.identity: there is no identity user; did you mean users?',
    ],
  ])('%j', (config, told) => {
    expect(mistakes(config)).toEqual([told].flat())
  })

  test('and no value is repeated', () => {
    const secret = 'postgres://app:secret@host/db'
    for (const config of [
      { backup: secret },
      { zone: secret },
      column({ value: () => secret }),
      identity({ unmatched: secret }),
    ]) {
      expect(mistakes(config)).toHaveLength(1)
      expect(JSON.stringify(mistakes(config))).not.toContain('secret')
    }
  })
})
