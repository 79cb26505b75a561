import { describe, expect, test } from 'vitest'
import { env } from '../../src/config/env.ts'
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

test('everything that can be said is valid', () => {
  const everything = {
    name: 'n',
    source: 'sqlite:a.db',
    target: env('DATABASE_URL', 'OTHER', { default: 'embedded' }),
    targetSchema: 'app',
    names: 'snake',
    badRows: 'set-aside',
    jobs: 4,
    batchSize: 1000,
    owner: 'app',
    grants: [{ role: 'r', rights: ['select', 'insert'] }],
    moves: {
      '*': {},
      gone: false,
      weird: {
        from: 'we"ird',
        columns: {
          a: false,
          b: 'c',
          d: {
            from: 'e',
            type: 'text',
            convert: sql`1`,
            zone: 'UTC',
            epoch: 'ms',
            nul: 'strip',
            invalidUtf8: 'replace',
            empty: 'null',
          },
        },
      },
    },
  }
  expect(validateConfig(everything, 'f')).toBe(everything)
  expect(mistakes({})).toEqual([])
})

describe('a mistake is told with its exact path', () => {
  test.each<[unknown, string]>([
    [{ tagret: 'x' }, 'tagret: unknown key; did you mean target?'],
    [{ moves: { orders: { colums: {} } } }, 'moves.orders.colums: unknown key; did you mean columns?'],
    [
      { moves: { orders: { columns: { qty: { tpye: 'text' } } } } },
      'moves.orders.columns.qty.tpye: unknown key; did you mean type?',
    ],
    [
      { moves: { 'my table': { columns: { 'a.b': { epoch: 'h' } } } } },
      'moves["my table"].columns["a.b"].epoch: must be "s" or "ms" or "us"',
    ],
    [{ moves: { '*': { from: 'x' } } }, 'moves["*"].from: unknown key'],
    [
      { moves: { orders: true } },
      'moves.orders: must be false, { from, key, filter, ifSourceMissing, ifThere, ifParentMissing, setByTriggers, columns }, or a list of such',
    ],
    [{ source: 5 }, 'source: must be a connection string, env(…) or exportedBy(…)'],
    [{ source: '' }, 'source: must not be empty'],
    [{ jobs: 0 }, 'jobs: must be at least 1'],
    [{ jobs: 1.5 }, 'jobs: must be a whole number'],
    [{ jobs: 1000 }, 'jobs: must be at most 64'],
    [{ badRows: 'skip' }, 'badRows: must be "stop" or "set-aside"'],
    [{ grants: [{ role: 'r', rights: [] }] }, 'grants[0].rights: must not be empty'],
    [
      { grants: [{ role: 'r', rihgts: ['select'], rights: ['select'] }] },
      'grants[0].rihgts: unknown key; did you mean rights?',
    ],
    [
      { moves: { t: { filter: sql.target`true` } } },
      'moves.t.filter: must be an expression of the source: sql`…`',
    ],
    [
      { moves: { t: { columns: { c: { convert: 'lower(c)' } } } } },
      'moves.t.columns.c.convert: must be an expression: sql`…` or sql.target`…`',
    ],
    [
      { moves: { t: { columns: { c: 7 } } } },
      "moves.t.columns.c: must be false, the source column's name, or { from, type, convert, value, orElse, identity, zone, epoch, nul, invalidUtf8, empty }",
    ],
    ['text', 'must be an object'],
    [undefined, 'must be an object'],
    [{ moves: { a: false } }, "moves: names no table to move; add '*': {} to move the others"],
  ])('%j', (config, told) => {
    expect(mistakes(config)).toEqual([told])
  })

  test('a list of moves without a table', () => {
    expect(mistakes({ moves: {} })).toHaveLength(1)
    expect(mistakes({ moves: { a: undefined, '*': {} } })).toEqual([])
  })

  test('all mistakes are told at once', () => {
    expect(mistakes({ naem: 1, jobs: 'x', moves: { t: { form: 'a' } } })).toHaveLength(3)
  })

  test('and a connection string is never repeated', () => {
    const config = { source: { url: 'postgres://app:secret@host/db' }, target: 1 }
    expect(() => validateConfig(config, 'f')).not.toThrow(/secret/)
    expect(JSON.stringify(mistakes(config))).not.toContain('secret')
  })
})
