import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connected, executeFile, freePort, freshDatabases, insert, type Row, uuid } from '../database.ts'

export interface Sizes {
  /** Users of the plugin. */
  readonly users: number
  readonly accounts: number
  /** Without: an older plugin, which has no tables of Kiro. */
  readonly kiro: boolean
  /** With: two accounts belong to users whom the backend does not know. */
  readonly strangers: boolean
}

export const DEFAULT_SIZES: Sizes = { users: 300, accounts: 2000, kiro: true, strangers: true }

/** People of the plugin about whom something is not as it should be. */
export const PEOPLE = {
  /** The backend has neither their id nor their API key, and they have accounts. */
  strangers: [uuid('stranger'), uuid('other stranger')],
  /** As unknown as they are, but nothing of them moves. */
  withoutAccounts: uuid('without accounts'),
  /** Their id says one user of the backend, their API key another: the id counts. */
  torn: uuid('torn'),
  /** Two users of the plugin are one in the backend. */
  twoOfOne: [uuid('two of one'), uuid('the other of one')],
  /** Two API keys of the backend name this one, both for the same user. */
  twoKeys: uuid('two keys'),
} as const

/** Users of the backend to whom those people belong. Their ids come before those of the others, however many there are. */
export const BACKEND = { torn: 1, notTorn: 2, one: 3, twoKeys: 4 } as const

/** Accounts of the strangers. */
export const STRANGE_COOKIES = ['cookie-stranger-1', 'cookie-stranger-2', 'cookie-stranger-3'] as const

/** Two of three users of the plugin are known by their id, the third by the API key. */
export const pluginUserId = (i: number): string => uuid(`plugin user ${i}`)
export const backendUserId = (i: number): number => 100 + i
const apiKey = (i: number): string => `sk-${uuid(`api key ${i}`).replaceAll('-', '')}`

const schema = (name: string): URL => new URL(`schema/${name}.sql`, import.meta.url)

/** The backend before the plugin is folded in. Some accounts are there already, with old values. The database must be empty. */
export async function makeBackend(url: string, sizes: Sizes = DEFAULT_SIZES): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await executeFile(client, schema('backend'))
    const users = times(sizes.users, (i) => backendUser(backendUserId(i), `member${i}`))
    await insert(client, 'users', [
      ...users,
      ...Object.entries(BACKEND).map(([name, id]) => backendUser(id, name)),
    ])
    await insert(client, 'plugin_api_keys', [...times(sizes.users, knownBy), ...troubledKeys()])
    const there = times(Math.floor(sizes.accounts / 10), (i) => i * 10)
    await insert(
      client,
      'antigravity_accounts',
      there.map((i) => {
        const { user_id: _, expires_at, ...same } = account(i, sizes.users)
        const stale = i % 20 === 0 ? { access_token: 'stale' } : {}
        return {
          ...same,
          user_id: backendUserId(ownerOf(i, sizes.users)),
          token_expires_at: expires_at,
          ...stale,
        }
      }),
    )
    await client.query('COMMIT')
  })
}

/** The plugin. The database must be empty. */
export async function makePlugin(url: string, sizes: Sizes = DEFAULT_SIZES): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await executeFile(client, schema('plugin'))
    await insert(client, 'users', [...times(sizes.users, pluginUser), ...troubledUsers()])
    await insert(client, 'accounts', [
      ...times(sizes.accounts, (i) => account(i, sizes.users)),
      ...troubledAccounts(sizes.strangers),
    ])
    await insert(client, 'model_quotas', times(sizes.accounts, quotas).flat())
    if (sizes.kiro) {
      await executeFile(client, schema('plugin-kiro'))
      await insert(
        client,
        'kiro_accounts',
        times(Math.floor(sizes.accounts / 5), (i) => kiroAccount(i, sizes.users)),
      )
      await insert(client, 'kiro_subscription_models', ['FREE', 'PRO', 'PRO+'].flatMap(kiroModels))
    }
    await client.query('COMMIT')
  })
}

const backendUser = (id: number, username: string): Row => ({
  id,
  username,
  email: `${username}@example.com`,
  created_at: time(id),
})

function knownBy(i: number): Row {
  const byId = i % 3 !== 0
  return {
    user_id: backendUserId(i),
    api_key: byId ? `sk-renewed-${i}` : apiKey(i),
    plugin_user_id: byId ? pluginUserId(i) : null,
    is_active: i % 11 !== 0,
    created_at: time(i * 31),
  }
}

function troubledKeys(): Row[] {
  const key = (user_id: number, api_key: string, plugin_user_id: string | null): Row => ({
    user_id,
    api_key,
    plugin_user_id,
    is_active: true,
    created_at: time(1),
  })
  const [two, other] = PEOPLE.twoOfOne
  return [
    key(BACKEND.torn, 'sk-torn-renewed', PEOPLE.torn),
    key(BACKEND.notTorn, 'sk-torn', null),
    key(BACKEND.one, 'sk-one', two),
    key(BACKEND.one, 'sk-other-of-one', other),
    key(BACKEND.twoKeys, 'sk-two-keys-a', PEOPLE.twoKeys),
    key(BACKEND.twoKeys, 'sk-two-keys-b', PEOPLE.twoKeys),
  ]
}

const pluginUser = (i: number): Row => ({
  user_id: pluginUserId(i),
  api_key: apiKey(i),
  name: i % 6 === 0 ? null : `Member ${i}`,
  prefer_shared: i % 2,
  status: 1,
  created_at: time(i * 29),
})

function troubledUsers(): Row[] {
  const user = (user_id: string, api_key: string): Row => ({
    user_id,
    api_key,
    name: null,
    prefer_shared: 0,
    status: 1,
    created_at: time(2),
  })
  const [stranger, other] = PEOPLE.strangers
  const [two, otherOfTwo] = PEOPLE.twoOfOne
  return [
    user(stranger, 'sk-stranger'),
    user(other, 'sk-other-stranger'),
    user(PEOPLE.withoutAccounts, 'sk-without-accounts'),
    user(PEOPLE.torn, 'sk-torn'),
    user(two, 'sk-plugin-two'),
    user(otherOfTwo, 'sk-plugin-other'),
    user(PEOPLE.twoKeys, 'sk-plugin-two-keys'),
  ]
}

/** The number of the plugin's user who has this account. */
export const ownerOf = (i: number, users: number): number => 1 + ((i * 7) % users)

function account(i: number, users: number): Row {
  return {
    cookie_id: `cookie-${uuid(`cookie ${i}`).slice(0, 18)}`,
    user_id: pluginUserId(ownerOf(i, users)),
    account_name: i % 4 === 0 ? null : `Konto "${i}" – ö'ä\\`,
    email: i % 5 === 0 ? null : `account${i}@gmail.example`,
    is_shared: i % 2,
    access_token: `ya29.${uuid(`access ${i}`)}`,
    refresh_token: i % 9 === 0 ? null : `1//${uuid(`refresh ${i}`)}`,
    // Milliseconds since 1970.
    expires_at: i % 13 === 0 ? null : 1_735_689_600_000 + i * 61_003,
    status: i % 20 === 3 ? 0 : 1,
    need_refresh: i % 8 === 0,
    project_id_0: i % 3 === 0 ? '' : `project-${i}`,
    is_restricted: i % 15 === 0,
    paid_tier: [true, false, null][i % 3],
    created_at: time(i * 17),
    updated_at: time(i * 17 + 0.000_5),
  }
}

function troubledAccounts(strangers: boolean): Row[] {
  const of = (user_id: string, cookie_id: string): Row => ({ ...account(1, 1), cookie_id, user_id })
  const [stranger, other] = PEOPLE.strangers
  const [first, second, third] = STRANGE_COOKIES
  const [two, otherOfTwo] = PEOPLE.twoOfOne
  return [
    of(PEOPLE.torn, 'cookie-torn'),
    of(two, 'cookie-two'),
    of(otherOfTwo, 'cookie-other-of-two'),
    of(PEOPLE.twoKeys, 'cookie-two-keys'),
    ...(strangers ? [of(stranger, first), of(stranger, second), of(other, third)] : []),
  ]
}

function quotas(i: number): Row[] {
  const { cookie_id } = account(i, 1)
  return ['gemini-2.5-pro', 'claude-sonnet-4-5', 'gpt-oss-120b'].slice(0, i % 4).map((model_name, at) => ({
    cookie_id,
    model_name,
    quota: ((i * 37 + at * 1111) % 10_000) / 10_000,
    reset_time: at === 2 ? null : time(i * 17 + 300),
    status: 1,
    last_fetched_at: time(i * 17 + 60),
    created_at: time(i * 17),
  }))
}

const kiroAccount = (i: number, users: number): Row => ({
  account_id: uuid(`kiro ${i}`),
  // Shared ones belong to nobody.
  user_id: i % 10 === 0 ? null : pluginUserId(ownerOf(i, users)),
  account_name: `Kiro ${i}`,
  auth_method: i % 2 === 0 ? 'Social' : 'IdC',
  refresh_token: `aor-${uuid(`kiro refresh ${i}`)}`,
  access_token: null,
  expires_at: 1_735_689_600_000 + i,
  subscription: ['FREE', 'PRO', 'PRO+'][i % 3],
  usage_limit: 500,
  current_usage: (i * 13) / 100,
  status: 1,
  created_at: time(i * 19),
  updated_at: time(i * 19 + 1),
})

const kiroModels = (subscription: string, at: number): Row[] =>
  ['claude-sonnet-4', 'claude-sonnet-4.5', 'claude-opus-4.5'].map((model_id, model) => ({
    subscription,
    model_id,
    allow: model <= at,
    created_at: time(model),
  }))

/** So many minutes after the new year of 2024 in Greenwich. */
const time = (minutes: number): string => new Date(Date.UTC(2024, 0, 1) + minutes * 60_000).toISOString()
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i + 1))

/** `npx node sample.ts`: both databases on the embedded server of this folder, or on `SERVER_URL`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: String(DEFAULT_SIZES.users) },
      accounts: { type: 'string', default: String(DEFAULT_SIZES.accounts) },
      'no-kiro': { type: 'boolean', default: false },
      'no-strangers': { type: 'boolean', default: false },
    },
  })
  const sizes: Sizes = {
    users: Number(values.users),
    accounts: Number(values.accounts),
    kiro: !values['no-kiro'],
    strangers: !values['no-strangers'],
  }
  const urls = await freshDatabases(['backend', 'plugin'])
  await makeBackend(urls.backend, sizes)
  await makePlugin(urls.plugin, sizes)
  process.stderr.write(
    `Made the databases backend and plugin: ${sizes.users} users, ${sizes.accounts} accounts, and trouble.\n`,
  )
  const variables = {
    DATABASE_URL: urls.backend,
    PLUGIN_DATABASE_URL: urls.plugin,
    ...(await exporterVariables(urls.plugin)),
  }
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}='${value}'\n`)
}

/** What the exporter needs, and what those need who ask it. */
async function exporterVariables(plugin: string): Promise<Record<string, string>> {
  const { hostname, port, pathname, username, password } = new URL(plugin)
  return {
    DB_HOST: hostname,
    DB_PORT: port || '5432',
    DB_NAME: pathname.slice(1),
    DB_USER: decodeURIComponent(username),
    DB_PASSWORD: decodeURIComponent(password),
    PLUGIN_ENV_EXPORT_TOKEN: randomBytes(32).toString('hex'),
    PLUGIN_API_BASE_URL: `http://127.0.0.1:${await freePort(8045)}`,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
