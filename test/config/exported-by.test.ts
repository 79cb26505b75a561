import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { env } from '../../src/config/env.ts'
import { validateConfig } from '../../src/config/validate.ts'
import { exportedBy, LandfallError, type MigrationConfig, makeSettings } from '../../src/index.ts'

const TOKEN = 'k4-token-of-32-characters-or-more'
const BASE = 'http://plugin-env:8045'

function mistakes(source: unknown): unknown {
  try {
    validateConfig({ name: 'n', source }, 'landfall.config.ts')
  } catch (error) {
    if (error instanceof LandfallError && error.code === 'LF002') return error.details?.mistakes
    throw error
  }
  return []
}

function settings(config: MigrationConfig, environment: Record<string, string> = {}, options = {}) {
  return makeSettings(config, options, { cwd: '/nowhere', environment })
}

function refusal(make: () => unknown): LandfallError {
  try {
    make()
  } catch (error) {
    if (error instanceof LandfallError) return error
    throw error
  }
  throw new Error('it was expected to fail, and did not')
}

describe('what a config may say', () => {
  test.each([
    [exportedBy(BASE, { token: TOKEN })],
    [exportedBy('https://plugin.example/legacy/', { token: env('A', 'B'), within: '90s' })],
    [exportedBy(env('URL'), { token: env('A', { or: 'B' }), within: '2m' })],
    [exportedBy('http://[::1]:8045', { token: env('A') })],
  ])('%o', (source) => {
    expect(mistakes(source)).toEqual([])
  })

  const said = { kind: 'exported-by', base: BASE, token: TOKEN }
  test.each<[unknown, string[]]>([
    [
      { ...said, base: 'plugin-env:8045' },
      ['source.base: must be an address such as http://plugin-env:8045'],
    ],
    [
      { ...said, base: 'ftp://plugin-env' },
      ['source.base: must be an address such as http://plugin-env:8045'],
    ],
    [
      { ...said, base: 'http:plugin-env' },
      ['source.base: must be an address such as http://plugin-env:8045'],
    ],
    [
      { ...said, base: `http://user:${TOKEN}@plugin-env:8045` },
      ['source.base: must not hold a user or password: the token is what lets in'],
    ],
    [{ ...said, base: `${BASE}?token=${TOKEN}` }, ['source.base: must end before any ? or #']],
    [{ ...said, base: 7 }, ['source.base: must be an address such as http://plugin-env:8045, or env(…)']],
    [{ ...said, base: '' }, ['source.base: must not be empty']],
    [{ ...said, base: undefined }, ['source.base: is missing']],
    [{ ...said, token: undefined }, ['source.token: is missing']],
    [{ ...said, token: '' }, ['source.token: must not be empty']],
    [
      { ...said, within: '10' },
      ['source.within: must be a time above 0 with its unit: 500ms, 30s, 10m or 2h'],
    ],
    [{ ...said, within: 10 }, ['source.within: must be a text']],
    [{ ...said, witin: '10s' }, ['source.witin: unknown key; did you mean within?']],
    [{ kind: 'exported' }, ['source.kind: must be a connection string, env(…) or exportedBy(…)']],
    [7, ['source: must be a connection string, env(…) or exportedBy(…)']],
  ])('a mistake in %j is told with its path, and without a secret', (source, lines) => {
    expect(mistakes(source)).toEqual(lines)
  })

  test('nothing but a source is exported', () => {
    const config = { target: exportedBy(BASE, { token: TOKEN }) }
    expect(() => validateConfig(config, 'f')).toThrow('f: target.kind: must be a connection string or env(…)')
  })
})

describe('settings', () => {
  const config = { name: 'n', source: exportedBy(env('URL'), { token: env('A', 'B'), within: '1500ms' }) }

  test('name the exporter, and ask nobody', () => {
    const { from } = settings(config, {
      URL: ' http://plugin-env:8045/ ',
      B: ` ${TOKEN}\n`,
      PGHOSTADDR: '::1',
    })
    expect({ ...from }).toEqual({
      engine: 'exported',
      base: BASE,
      token: TOKEN,
      within: 1500,
      environment: {},
      label: 'the database that http://plugin-env:8045 exports',
      notes: [],
    })
  })

  test('print no token', () => {
    const literal = { name: 'n', source: exportedBy(BASE, { token: TOKEN }) }
    for (const shown of [literal, settings(literal), settings(config, { URL: BASE, A: TOKEN })])
      for (const text of [JSON.stringify(shown), inspect(shown, { depth: 9 }), `${shown}`])
        expect(text).not.toContain(TOKEN)
  })

  test('need a name, for the source gives none', () => {
    const error = refusal(() => settings({ source: exportedBy(BASE, { token: TOKEN }) }))
    expect(error).toMatchObject({ code: 'LF002', message: expect.stringMatching(/^name: is missing/) })
    expect(settings({ source: exportedBy(BASE, { token: TOKEN }) }, {}, { name: 'x' }).name).toBe('x')
  })

  test('take --from before the config’s source, whose variables then need not be set', () => {
    const { from, name } = settings({ source: config.source }, {}, { from: 'postgres://u@h/old' })
    expect([from.label, name]).toEqual(['postgres://u@h:5432/old', 'old'])
  })

  test('may be mapped', () => {
    const mapped = { ...config, zone: 'UTC', moves: { a: { from: 'b', key: 'id' } } }
    expect(settings(mapped, { URL: BASE, A: TOKEN }).moves.tables).toHaveLength(1)
  })

  test.each<[string, Record<string, string>, string, RegExp]>([
    ['no address', { A: TOKEN }, 'LF004', /^source.base: the environment variable URL is not set/],
    ['no token', { URL: BASE }, 'LF004', /^source.token: none of the environment variables A, B is set/],
    [
      'a password in the address',
      { URL: `http://u:${TOKEN}@h`, A: TOKEN },
      'LF003',
      /exporter \(URL\) must not hold/,
    ],
    ['no address at all', { URL: TOKEN, A: TOKEN }, 'LF003', /exporter \(URL\) must be an address/],
    [
      'a token that no header carries',
      { URL: BASE, A: `${TOKEN} ß` },
      'LF003',
      /token \(A or B\) must be 1 to/,
    ],
    [
      'a token that would add a header',
      { URL: BASE, A: `${TOKEN}\r\nx: y` },
      'LF003',
      /token \(A or B\) must/,
    ],
  ])('%s', (_, environment, code, message) => {
    const error = refusal(() => settings(config, environment))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(`${error.message}${error.hint}${JSON.stringify(error.details)}`).not.toContain(TOKEN)
  })
})
