import { describe, expect, test } from 'vitest'
import { callerOf } from '../../src/exporter/address.ts'
import { type ExportOptions, exportEnv } from '../../src/index.ts'
import { failure } from '../migrate/migrating.ts'
import { DATABASE, ENVIRONMENT, exporters, formsOf, TOKEN } from './calling.ts'

const run = exporters()
const starting = (options: ExportOptions) =>
  failure(exportEnv({ port: 0, environment: ENVIRONMENT, ...options }))

describe('what is missing or wrong is named, and never shown', () => {
  const secret = 'never-Shown§0815'
  test.each<[string, Record<string, string>, ExportOptions, string, RegExp]>([
    ['nothing is set', {}, {}, 'LF004', /DB_HOST, DB_NAME, DB_USER, DB_PASSWORD are not set/],
    ['no host', { ...ENVIRONMENT, DB_HOST: '' }, {}, 'LF004', /^DB_HOST is not set/],
    ['an empty password', { ...ENVIRONMENT, DB_PASSWORD: '' }, {}, 'LF004', /^DB_PASSWORD is not set/],
    ['no token', DATABASE, {}, 'LF004', /neither PLUGIN_ENV_EXPORT_TOKEN nor PLUGIN_ADMIN_API_KEY is set/],
    [
      'a token of spaces',
      { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: '  ' },
      {},
      'LF004',
      /neither PLUGIN_ENV_EXPORT_TOKEN/,
    ],
    [
      'a token that no header carries',
      { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: secret },
      {},
      'LF002',
      /visible ASCII/,
    ],
    [
      'a token anybody guesses',
      { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: 'admin' },
      {},
      'LF002',
      /8 characters/,
    ],
    ['a port that is none', { ...ENVIRONMENT, DB_PORT: secret }, {}, 'LF002', /^DB_PORT must be a port/],
    ['port 0', { ...ENVIRONMENT, DB_PORT: '0' }, {}, 'LF002', /^DB_PORT must be a port/],
    ['several hosts', { ...ENVIRONMENT, DB_HOST: `a,${secret}` }, {}, 'LF002', /^DB_HOST must be one host/],
    ['a socket', { ...ENVIRONMENT, DB_HOST: '/run/postgresql' }, {}, 'LF002', /^DB_HOST must be one host/],
    ['a name with a line end', { ...ENVIRONMENT, DB_NAME: `a\n${secret}` }, {}, 'LF002', /^DB_NAME must be/],
    ['a token in place of a name', ENVIRONMENT, { tokenNames: [secret] }, 'LF001', /are to be named/],
    [
      'a token like a name',
      ENVIRONMENT,
      { tokenNames: ['k4_secret_like_a_name'] },
      'LF004',
      /none of the variables/,
    ],
    ['no token for everybody', ENVIRONMENT, { noToken: true, host: '0.0.0.0' }, 'LF001', /to everybody/],
    ['no token for a network', ENVIRONMENT, { noToken: true, host: '::' }, 'LF001', /to everybody/],
    ['an address of others', ENVIRONMENT, { host: '203.0.113.7' }, 'LF008', /no address of this machine/],
    ['a name that is not known', ENVIRONMENT, { host: 'no-such-host.invalid' }, 'LF008', /port 0 of/],
  ])('%s', async (_, environment, options, code, message) => {
    const error = await starting({ environment, ...options })
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    const said = `${error.message}\n${error.hint}\n${error.stack}\n${JSON.stringify(error.details)}`
    for (const hidden of [secret, 'k4_secret_like_a_name', TOKEN, DATABASE.DB_PASSWORD])
      expect(formsOf(hidden).filter((form) => said.includes(form))).toEqual([])
  })

  test('a port that another program has', async () => {
    const { exporter } = await run()
    const port = Number(new URL(exporter.address).port)
    expect(await starting({ port })).toMatchObject({
      code: 'LF008',
      message: expect.stringMatching(/has it$/),
    })
  })
})

test('the first variable that is set holds the token, also of others that are named', async () => {
  const both = { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: '', PLUGIN_ADMIN_API_KEY: TOKEN }
  expect((await run({ environment: both })).exporter.tokenFrom).toBe('PLUGIN_ADMIN_API_KEY')
  const named = { environment: { ...ENVIRONMENT, OTHER: TOKEN }, tokenNames: ['MISSING', 'OTHER'] }
  expect((await run(named)).exporter.tokenFrom).toBe('OTHER')
})

test('what may be a mistake is noted', async () => {
  const environment = {
    ...DATABASE,
    DB_HOST: 'localhost',
    DB_PASSWORD: '',
    DB_PORT: '',
    PLUGIN_ENV_EXPORT_TOKEN: 'short-one',
  }
  const { exporter } = await run({ environment, noPassword: true })
  expect(exporter.database).toBe('postgres://antigravity@localhost:5432/plugin')
  expect(exporter.notes).toEqual([
    expect.stringContaining('on its own machine'),
    expect.stringContaining('is short'),
  ])
})

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:aaaa::5', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:bbbb:1:2:3', '2001:db8:1:2::/64'],
  ['2001:db8::5', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
])('the caller at %s is %s', (address, caller) => {
  expect(callerOf(address)).toBe(caller)
})
