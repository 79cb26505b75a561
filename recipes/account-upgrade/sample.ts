import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { connected, executeFile, freshDatabases, insert, type Row, uuid } from '../database.ts'
import { backendTrouble, pagtiveTrouble } from './trouble.ts'

export interface Sizes {
  /** Users of the backend, and of the second database; half of the latter are in both. */
  readonly users: number
  readonly projects: number
  /** Without: a source that has no log of model calls. */
  readonly logs: boolean
}

export const DEFAULT_SIZES: Sizes = { users: 300, projects: 2000, logs: true }

const schema = (name: string): URL => new URL(`schema/${name}.sql`, import.meta.url)

/**
 * The backend before the upgrade, with what an earlier try left half-done. The same sizes always give
 * the same rows. The database must be empty.
 */
export async function makeBackend(url: string, { users }: Sizes = DEFAULT_SIZES): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await executeFile(client, schema('application'))
    await executeFile(client, schema('half-done'))
    await insert(client, 'authentication_user', times(users, backendUser))
    // Two of three sign in by Feishu.
    const byFeishu = times(users, (i) => i).filter((i) => i % 3 !== 0)
    await insert(client, 'authentication_feishuauth', byFeishu.map(feishu))
    const trouble = backendTrouble()
    for (const [table, rows] of Object.entries(trouble)) await insert(client, table, rows)
    for (const table of ['authentication_user', 'authentication_feishuauth', 'authentication_useraccount'])
      await sequenceBehind(client, table)
    await client.query('COMMIT')
  })
}

/** The second database, `pagtive_previews`. The database must be empty. */
export async function makePagtive(url: string, sizes: Sizes = DEFAULT_SIZES): Promise<void> {
  const { users, projects, logs } = sizes
  await connected(url, async (client) => {
    await client.query('BEGIN')
    await executeFile(client, schema('pagtive-previews'))
    await insert(client, 'users', times(users, pagtiveUser))
    await insert(
      client,
      'projects',
      times(projects, (i) => project(i, users)),
    )
    await insert(client, 'project_details', times(projects, details).flat())
    if (logs) {
      await executeFile(client, schema('pagtive-previews-log'))
      await insert(
        client,
        'project_llm_logs',
        times(projects, (i) => log(i, users)),
      )
    }
    for (const [table, rows] of Object.entries(pagtiveTrouble()))
      if (logs || table !== 'project_llm_logs') await insert(client, table, rows)
    await client.query('COMMIT')
  })
}

const FAMILIES = ['li', 'wang', 'zhang', 'chen', 'müller', 'o’hara', 'sato', 'kim']
const GIVEN = ['wei', 'mei', 'jun', 'anna', 'zoë', 'haruki', 'ines']
const name = (i: number): string => `${GIVEN[i % GIVEN.length]} ${FAMILIES[i % FAMILIES.length]}`

function backendUser(i: number): Row {
  return {
    id: i,
    password: `pbkdf2_sha256$600000$${i}`,
    last_login: i % 4 === 0 ? null : time(i * 977 + 400_000, '+08:00'),
    is_superuser: i === 1,
    username: `member${i}`,
    first_name: name(i),
    last_name: '',
    email: i % 10 === 9 ? '' : `member${i}@example.com`,
    is_staff: i <= 3,
    is_active: i % 17 !== 0,
    date_joined: time(i * 977, '+00:00'),
    // The earlier try got so far.
    status: i % 5 === 0 ? 2 : null,
  }
}

function feishu(i: number): Row {
  return {
    user_id: i,
    open_id: `ou_${uuid(`open ${i}`).slice(0, 13)}`,
    union_id: i % 6 === 1 ? null : `on_${uuid(`union ${i}`).slice(0, 13)}`,
    access_token: `u-access-${i}`,
    refresh_token: i % 5 === 1 ? null : `ur-refresh-${i}`,
    token_expires_at: i % 5 === 1 ? null : time(i * 977 + 500_000, '+08:00'),
  }
}

/** Users with an even number are in the backend too, under the e-mail of that number. */
export const pagtiveUserId = (i: number): string => uuid(`pagtive user ${i}`)

function pagtiveUser(i: number): Row {
  const known = i % 2 === 0 && i % 10 !== 9
  return {
    id: pagtiveUserId(i),
    email: known ? `member${i}@example.com` : `maker${i}@pagtive.example`,
    name: i % 7 === 0 ? null : name(i + 3),
    username: i % 3 === 0 ? null : `maker${i}`,
    status: i % 4 === 0 ? null : 1 + (i % 3),
    role: i % 5 === 0 ? null : i % 25 === 1 ? 'admin' : 'user',
    agreed_agreement_version: i % 6 === 0 ? null : `2024-0${1 + (i % 9)}`,
    created_at: time(i * 1301),
    updated_at: time(i * 1301 + 77),
  }
}

export const projectId = (i: number): string => uuid(`project ${i}`)

function project(i: number, users: number): Row {
  return {
    id: projectId(i),
    user_id: pagtiveUserId(1 + ((i * 7) % users)),
    project_name: `Project "${i}" – ${name(i)}`,
    project_description: i % 3 === 0 ? null : `It's no. ${i}\twith a tab, a back\\slash and 日本語`,
    project_style: ['minimal', 'editorial', null][i % 3],
    global_style_code: i % 4 === 0 ? `:root { --accent: #${String(100000 + i)} }` : null,
    pages: times(1 + (i % 4), (page) => ({ id: `page-${page}`, title: `Page ${page}` })),
    is_public: [true, false, null][i % 3],
    style_tags: i % 5 === 0 ? null : i % 5 === 1 ? [] : ['dark', `tag, "${i % 9}"`],
    batch_id: i % 8 === 0 ? `batch-${i % 40}` : null,
    batch_index: i % 8 === 0 ? i % 5 : null,
    is_featured: i % 50 === 0 ? true : null,
    is_published: i % 2 === 0,
    created_at: time(i * 613),
    updated_at: time(i * 613 + 3600.25),
  }
}

/** As many pages as the project has. */
function details(i: number): Row[] {
  return times(1 + (i % 4), (page) => ({
    project_id: projectId(i),
    page_id: `page-${page}`,
    script: page === 1 ? `export const n = ${i} // "quoted"` : null,
    styles: page % 2 === 0 ? '.a { content: "\\201C" }' : '',
    html: `<main id="p${i}">${'<p>…</p>'.repeat(i % 20)}</main>`,
    images: i % 6 === 0 ? null : [{ src: `/img/${i}.png`, width: i }],
    mermaid_content: i % 9 === 0 ? 'graph LR; a-->b' : null,
    versionId: i % 7 === 0 ? null : `v${1 + (i % 12)}`,
    created_at: time(i * 613 + page),
    updated_at: time(i * 613 + page + 60),
  }))
}

function log(i: number, users: number): Row {
  return {
    id: uuid(`log ${i}`),
    user_id: pagtiveUserId(1 + ((i * 7) % users)),
    project_id: projectId(i),
    page_id: 'page-1',
    model: i % 2 === 0 ? 'gpt-4o' : 'claude-3.5',
    prompt_tokens: 100 + i,
    completion_tokens: (i * 37) % 4000,
    created_at: time(i * 613 + 5.125),
  }
}

/** So many minutes after the new year of 2023; without a zone unless one is given. */
function time(minutes: number, zone = ''): string {
  const at = new Date(Date.UTC(2023, 0, 1) + minutes * 60_000).toISOString()
  return at.slice(0, 23).replace('T', ' ') + zone
}

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i + 1))

/** Rows came with numbers of their own; the next one must be free. */
async function sequenceBehind(client: pg.Client, table: string): Promise<void> {
  await client.query(
    `SELECT setval(pg_get_serial_sequence($1, 'id'), (SELECT max(id) FROM ${client.escapeIdentifier(table)}))`,
    [table],
  )
}

/** `npx node sample.ts`: both databases on the embedded server of this folder, or on `SERVER_URL`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: String(DEFAULT_SIZES.users) },
      projects: { type: 'string', default: String(DEFAULT_SIZES.projects) },
      'no-logs': { type: 'boolean', default: false },
    },
  })
  const sizes = { users: Number(values.users), projects: Number(values.projects), logs: !values['no-logs'] }
  const urls = await freshDatabases(['backend', 'pagtive_previews'])
  await makeBackend(urls.backend, sizes)
  await makePagtive(urls.pagtive_previews, sizes)
  process.stderr.write(
    `Made the databases backend and pagtive_previews: ${sizes.users} users each, ${sizes.projects} projects, and trouble.\n`,
  )
  process.stdout.write(
    `export DATABASE_URL='${urls.backend}'\nexport SOURCE_DATABASE_URL='${urls.pagtive_previews}'\n`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
