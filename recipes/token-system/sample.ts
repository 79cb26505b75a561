import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connected, executeFile, freshDatabases, insert, type Row } from '../database.ts'

export interface Sizes {
  readonly users: number
  /** Calls of models that an older release logged, before assistants had names; 0: it had no such table. */
  readonly logs: number
}

export const DEFAULT_SIZES: Sizes = { users: 300, logs: 1000 }

const schema = (name: string): URL => new URL(`schema/${name}.sql`, import.meta.url)

/** The application before it knew of tokens. The same sizes give the same rows. The database must be empty. */
export async function makeApplication(url: string, { users, logs }: Sizes = DEFAULT_SIZES): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await executeFile(client, schema('application'))
    await insert(client, 'users', times(users, user))
    if (logs > 0) {
      await executeFile(client, schema('token-logs'))
      await insert(
        client,
        'token_logs',
        times(logs, (i) => log(i, users)),
      )
    }
    await client.query('COMMIT')
  })
}

const user = (i: number): Row => ({
  username: `member${i}`,
  email: i % 10 === 9 ? null : `member${i}@example.com`,
  created_at: time(i * 977),
})

const log = (i: number, users: number): Row => ({
  user_id: 1 + ((i * 7) % users),
  total_tokens: 150 + i + ((i * 37) % 4000),
  prompt_tokens: 150 + i,
  completion_tokens: (i * 37) % 4000,
  model_name: i % 2 === 0 ? 'gpt-4o' : 'claude-3.5',
  created_at: time(i * 613),
})

/** So many minutes after the new year of 2023. */
const time = (minutes: number): string =>
  new Date(Date.UTC(2023, 0, 1) + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ')
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i + 1))

/** `npx node sample.ts`: the database on the embedded server of this folder, or on `SERVER_URL`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: String(DEFAULT_SIZES.users) },
      logs: { type: 'string', default: String(DEFAULT_SIZES.logs) },
    },
  })
  const sizes: Sizes = { users: Number(values.users), logs: Number(values.logs) }
  const urls = await freshDatabases(['application'])
  await makeApplication(urls.application, sizes)
  const logs = sizes.logs === 0 ? 'no token_logs' : `${sizes.logs} rows of an older token_logs`
  process.stderr.write(`Made the database application: ${sizes.users} users, ${logs}.\n`)
  process.stdout.write(`export DATABASE_URL='${urls.application}'\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
