import { describe, expect, test } from 'vitest'
import { env, resolveEnv } from '../../src/config/env.ts'
import { type Sql, sql } from '../../src/config/sql.ts'

describe('env', () => {
  test('takes the first variable that is set; the empty text counts as not set', () => {
    const value = env('A', 'B', { or: ['C', 'D'], default: 'last' })
    expect(resolveEnv(value, 'target', { A: 'a', B: 'b' })).toBe('a')
    expect(resolveEnv(value, 'target', { A: '', B: 'b' })).toBe('b')
    expect(resolveEnv(value, 'target', { D: 'd' })).toBe('d')
    expect(resolveEnv(value, 'target', {})).toBe('last')
    expect(resolveEnv(env('A', { or: 'B' }), 'target', { B: 'b' })).toBe('b')
  })

  test('an unset one is LF004, and the message names it and its place', () => {
    expect(() => resolveEnv(env('DATABASE_URL'), 'target', {})).toThrow(
      expect.objectContaining({
        code: 'LF004',
        message: expect.stringMatching(/^target: .*DATABASE_URL is not set/),
      }),
    )
    expect(() => resolveEnv(env('A', 'B'), 'source', {})).toThrow(/none of the environment variables A, B/)
  })

  test('a value where a name belongs is refused without repeating it', () => {
    const wrong = () => env('DATABASE_URL', 'postgres://app:secret@host/db')
    expect(wrong).toThrow(
      expect.objectContaining({ code: 'LF002', hint: expect.stringContaining('default:') }),
    )
    expect(wrong).not.toThrow(/secret/)
    expect(() => env('postgres://app:secret@host/db')).not.toThrow(/secret/)
  })
})

describe('sql', () => {
  test('values become literals, never text of the statement', () => {
    const name = "x'; drop table t; --"
    expect(sql`name = ${name} and n > ${5} and big = ${2n ** 62n} and gone is ${null}`.text).toBe(
      "name = 'x''; drop table t; --' and n > 5 and big = 4611686018427387904 and gone is NULL",
    )
  })

  test('pieces nest, but only those of the same side', () => {
    const inner = sql`lower(email)`
    expect(sql`trim(${inner})`).toEqual({ kind: 'sql', side: 'source', text: 'trim(lower(email))' })
    expect(sql.target`now()`.side).toBe('target')
    const target: Sql = sql.target`now()`
    expect(() => sql`coalesce(a, ${target as Sql<'source'>})`).toThrow(
      /target stands inside one of the source/,
    )
  })

  test('numbers that SQL cannot write are refused', () => {
    expect(() => sql`${Number.NaN}`).toThrow(/NaN/)
    expect(() => sql`${Number.POSITIVE_INFINITY}`).toThrow(/Infinity/)
  })

  test('backslashes stay as written', () => {
    expect(sql`replace(a, '\d', 'x')`.text).toBe("replace(a, '\\d', 'x')")
  })
})
