import { isIP } from 'node:net'
import {
  EXPORTED_KEYS,
  type ExportedKey,
  type ExportedSettings,
  MUST_BE,
  settingOf,
  tokenProblem,
} from '../connection/exported-answer.ts'
import { LandfallError } from '../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the token is looked for, in this order. */
export const TOKEN_NAMES = ['PLUGIN_ENV_EXPORT_TOKEN', 'PLUGIN_ADMIN_API_KEY'] as const

/** Shorter ones are found by trying, in spite of all delays. */
const LEAST_TOKEN = 8
const GOOD_TOKEN = 16

/**
 * The settings to hand over: DB_HOST, DB_PORT (default 5432), DB_NAME, DB_USER, DB_PASSWORD.
 * @param noPassword the server asks for none; otherwise an empty one is a variable that was forgotten
 * @throws LandfallError LF004 naming what is not set, LF002 naming what cannot be right; never a value
 */
export function readDatabase(
  environment: Environment,
  noPassword: boolean,
): { readonly settings: ExportedSettings; readonly notes: readonly string[] } {
  const defaults: Environment = { DB_PORT: '5432', ...(noPassword ? { DB_PASSWORD: '' } : {}) }
  const given = (key: ExportedKey): string | undefined => environment[key] || defaults[key]
  const missing = EXPORTED_KEYS.filter((key) => given(key) === undefined)
  if (missing.length > 0)
    throw new LandfallError('LF004', `${names(missing)} not set: nothing can be handed over`, {
      hint: [
        'They are those of the service whose database is to be read, in the environment of this process.',
        ...(missing.includes('DB_PASSWORD') ? ['--no-password   the server asks for none'] : []),
      ].join('\n'),
      details: { variables: missing },
    })
  const wrong = EXPORTED_KEYS.filter((key) => settingOf(key, given(key)) === null)
  if (wrong.length > 0)
    throw new LandfallError('LF002', wrong.map((key) => `${key} ${MUST_BE[key]}`).join('; '), {
      hint: 'correct it in the environment of this process',
      details: { variables: wrong },
    })
  // All of them were looked at above.
  const read = Object.fromEntries(EXPORTED_KEYS.map((key) => [key, settingOf(key, given(key))]))
  const settings = read as unknown as ExportedSettings
  const notes = isLoopback(settings.DB_HOST)
    ? [`DB_HOST is ${settings.DB_HOST}: each caller will look for the database on its own machine`]
    : []
  return { settings, notes }
}

/**
 * The token that callers must have: of the variables the first that is set.
 * @throws LandfallError LF004 where none is, LF002 for one that no caller could send or anybody could guess
 */
export function readToken(
  environment: Environment,
  variables: readonly string[],
): { readonly token: string; readonly from: string; readonly notes: readonly string[] } {
  if (variables.length === 0 || variables.some((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
    // The text is not repeated: it may be the token itself.
    throw new LandfallError('LF001', 'the token is taken from environment variables, which are to be named', {
      hint: '--token-env NAME   a token on the command line would be seen by everybody on the machine',
    })
  const from = variables.find((name) => environment[name]?.trim())
  if (from === undefined)
    throw new LandfallError('LF004', `no token: ${noneOf(variables)}`, {
      hint: [
        `export ${TOKEN_NAMES[0]}="$(openssl rand -hex 32)"   and the same for the migration`,
        '--no-token   none is asked for; only for --host 127.0.0.1 or ::1',
      ].join('\n'),
    })
  const token = environment[from]!.trim()
  const problem =
    tokenProblem(token) ??
    (token.length < LEAST_TOKEN ? `must have ${LEAST_TOKEN} characters at least` : null)
  if (problem !== null)
    throw new LandfallError('LF002', `the token in ${from} ${problem}`, {
      hint: 'openssl rand -hex 32   makes a good one',
    })
  const notes =
    token.length < GOOD_TOKEN
      ? [`the token in ${from} is short; openssl rand -hex 32 makes one that nobody guesses`]
      : []
  return { token, from, notes }
}

/** `localhost` is what the hosts file says; whether it is so is seen when the address is bound. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (plain === 'localhost') return true
  const address = plain.replace(/^::ffff:/, '')
  return isIP(address) === 4 ? address.startsWith('127.') : address === '::1'
}

function names(missing: readonly string[]): string {
  return `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'}`
}

/** Other names are not repeated: one that was typed may be the token itself. */
function noneOf(variables: readonly string[]): string {
  return variables === TOKEN_NAMES
    ? `neither ${TOKEN_NAMES.join(' nor ')} is set`
    : 'none of the variables that were named for it is set'
}
