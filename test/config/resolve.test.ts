import { describe, expect, test } from 'vitest'
import type { MigrationConfig } from '../../src/config/model.ts'
import { isMapped } from '../../src/config/resolve.ts'
import { makeSettings, type Options } from '../../src/config/settings.ts'
import { sql } from '../../src/config/sql.ts'
import { choicesOf } from '../../src/migrate/choices.ts'

const here = { cwd: '/work', environment: {} }
const postgres = (config: MigrationConfig, options: Options = {}) =>
  makeSettings(config, { from: 'postgres://h/a', to: 'postgres://h/b', ...options }, here)

const users = {
  from: 'users',
  key: 'id',
  to: 'people',
  toKey: 'id',
  match: [{ through: 'keys', where: { user: 'id' }, gives: 'person' }],
  unmatched: { create: { name: { unique: 'name' } } },
} as const

test('identities become plain values', () => {
  const [identity] = postgres({ identities: { users: { ...users, matched: { take: ['a'] } } } }).identities
  expect(identity).toMatchObject({
    name: 'users',
    from: 'users',
    select: null,
    match: [
      {
        through: { table: 'keys', gives: 'person' },
        ignoreCase: false,
        pairs: [{ column: 'user', source: 'id' }],
      },
    ],
    severalOld: 'fail',
    severalNew: 'fail',
    take: [{ name: 'a', from: null }],
    unmatched: { columns: [{ name: 'name', from: 'name', unique: true }], alsoCreate: [] },
    keptIn: { kind: 'landfall', drop: false },
  })
})

test('constants, expressions and their sides stay apart', () => {
  const { tables } = postgres({
    moves: {
      t: {
        columns: {
          a: { value: null },
          b: { orElse: null },
          c: { convert: sql.target`now()` },
          d: { orElse: sql.target`1` },
        },
      },
    },
  }).moves
  const nothing = { value: null, orElse: null, convert: null, convertInTarget: null }
  expect(
    tables[0]!.columns.map((column) =>
      Object.fromEntries(Object.keys(nothing).map((key) => [key, column[key as 'value']])),
    ),
  ).toEqual([
    { ...nothing, value: { constant: null } },
    { ...nothing, orElse: { constant: null } },
    { ...nothing, convertInTarget: 'now()' },
    { ...nothing, orElse: { inTarget: '1' } },
  ])
})

describe('the source schema', () => {
  test.each<[MigrationConfig, Options, string | null]>([
    [{}, {}, null],
    [{ targetSchema: 'app' }, {}, 'app'],
    [{}, { targetSchema: 'app' }, 'app'],
    [{ sourceSchema: 'old', targetSchema: 'app' }, {}, 'old'],
    [{ targetSchema: 'app', moves: { t: { from: 's' } } }, {}, 'public'],
  ])('%j %j', (config, options, schema) => {
    expect(postgres(config, options).sourceSchema).toBe(schema)
  })
})

test('a backup lies where the command runs, unless said otherwise', () => {
  const of = (backup: MigrationConfig['backup'], option?: Options['backup']) =>
    postgres(backup === undefined ? {} : { backup }, option === undefined ? {} : { backup: option }).backup
  expect(of(undefined)).toBeNull()
  expect(of(false)).toBeNull()
  expect(of(true, false)).toBeNull()
  expect(of(true)).toEqual({ folder: '/work/backups', source: false })
  expect(of(undefined, true)).toEqual({ folder: '/work/backups', source: false })
  expect(of({ folder: '/b', source: true })).toEqual({ folder: '/b', source: true })
  expect(of({ folder: '/b', source: true }, 'c')).toEqual({ folder: '/work/c', source: true })
})

describe('what only mapped moves can do', () => {
  test.each<[MigrationConfig, boolean]>([
    [{}, false],
    [{ moves: { '*': {}, a: false, b: {}, c: { from: 'c' } } }, false],
    [{ moves: { a: { from: 'b' } } }, true],
    [{ moves: { a: { from: sql`select 1` } } }, true],
    [{ moves: { a: { key: 'id' } } }, true],
    [{ moves: { a: { filter: sql`true` } } }, true],
    [{ moves: { a: { ifThere: 'keep' } } }, true],
    [{ moves: { a: { columns: { b: false } } } }, true],
    [{ moves: { a: [{}, {}] } }, true],
    [{ identities: { users } }, true],
  ])('%j', (config, mapped) => {
    expect(isMapped(postgres(config))).toBe(mapped)
  })
})

describe('a SQLite source refuses', () => {
  test.each<[MigrationConfig, string]>([
    [{ identities: { users } }, 'identities'],
    [{ zone: 'UTC' }, 'zone'],
    [{ sourceSchema: 'x' }, 'sourceSchema'],
    [{ moves: { t: { key: 'id' } } }, 'moves.t.key'],
    [{ moves: { t: { filter: sql`a > 0` } } }, 'moves.t.filter'],
    [{ moves: { t: { ifSourceMissing: 'skip' } } }, 'moves.t.ifSourceMissing'],
    [{ moves: { t: { ifThere: 'keep' } } }, 'moves.t.ifThere'],
    [{ moves: { t: { ifParentMissing: 'fail' } } }, 'moves.t.ifParentMissing'],
    [{ moves: { t: { setByTriggers: 'c' } } }, 'moves.t.setByTriggers'],
    [{ moves: { t: { from: sql`select 1` } } }, 'moves.t.from'],
    [{ moves: { t: [{}, {}] } }, 'moves.t[1]'],
    [{ moves: { 'a b': { columns: { c: { value: null } } } } }, 'moves["a b"].columns.c.value'],
    [{ moves: { t: { columns: { c: { orElse: 1 } } } } }, 'moves.t.columns.c.orElse'],
    [{ moves: { t: { columns: { c: { identity: 'u' } } } } }, 'moves.t.columns.c.identity'],
    [{ moves: { t: { columns: { c: { convert: sql.target`1` } } } } }, 'moves.t.columns.c.convert'],
  ])('%j', (config, path) => {
    expect(() => makeSettings(config, { from: 'sqlite:a.db' }, here)).toThrow(
      expect.objectContaining({ code: 'LF001', message: expect.stringContaining(`${path}: `) }),
    )
  })

  test('but not what it can do', () => {
    const config = {
      backup: true,
      moves: { t: { from: 's', columns: { c: { convert: sql`1`, zone: 'UTC' } } } },
    }
    expect(makeSettings(config, { from: 'sqlite:a.db' }, here).moves.tables).toHaveLength(1)
  })
})

test('another choice has another hash, down to a bigint', () => {
  const hashes = [
    {},
    { zone: 'UTC' },
    { sourceSchema: 'x' },
    { identities: { users } },
    ...[1, 1n, '1', '1n'].map((value) => ({ moves: { t: { columns: { c: { value } } } } })),
    ...[sql`1`, sql.target`1`].map((convert) => ({ moves: { t: { columns: { c: { convert } } } } })),
  ].map((config) => choicesOf(postgres(config)))
  expect(new Set(hashes).size).toBe(hashes.length)
})
