import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeBackend, makePagtive } from '../../recipes/account-upgrade/sample.ts'
import { BACKEND, PAGTIVE, PROJECT } from '../../recipes/account-upgrade/trouble.ts'
import { connected, executeFile, uuid } from '../../recipes/database.ts'
import { testServer } from '../support/postgres.ts'
import { ask, askColumn, askNumber, execute, recipe, untouched } from './recipe.ts'

/** System 2, part (b): the second database merged into the backend. */
const SIZES = { users: 120, projects: 400, logs: true }
const story = recipe('account-upgrade')
const server = await testServer()
const backend = await server.database()
const pagtive = await server.database()
const env = { DATABASE_URL: backend, SOURCE_DATABASE_URL: pagtive }
const merge = (...args: string[]) => story.run(['migrate', '--no-backup', ...args], env)
const file = (name: string) => new URL(`../../recipes/account-upgrade/schema/${name}.sql`, import.meta.url)
const TABLES = [
  'authentication_user',
  'authentication_useraccount',
  'pagtive_user_identities',
  'pagtive_project',
  'pagtive_projectdetail',
  'pagtive_projectllmlog',
]

/** The backend's users before the merge, by id: e-mail, status, role, agreement, everything. */
let usersBefore: Map<string, User>
type User = Readonly<Record<string, string | null>>

async function users(url: string, table: string): Promise<Map<string, User>> {
  const rows = await askColumn(url, `SELECT row_to_json(t)::text FROM ${table} t ORDER BY id`)
  return new Map(
    rows.map((row) => {
      const user: Record<string, unknown> = JSON.parse(row!)
      const texts = Object.entries(user).map(([key, value]) => [key, value === null ? null : String(value)])
      return [String(user.id), Object.fromEntries(texts)]
    }),
  )
}

/** Old id to the backend's user, by the map that the config names. */
async function mapped(): Promise<Map<string, User>> {
  const now = await users(backend, 'authentication_user')
  const map = await ask(backend, 'SELECT pagtive_user_id, user_id FROM pagtive_user_identities')
  return new Map(map.map(([from, to]) => [from!, now.get(to!)!]))
}

beforeAll(async () => {
  await makeBackend(backend, SIZES)
  await makePagtive(pagtive, SIZES)
  await connected(backend, (client) => executeFile(client, file('upgrade')))
  usersBefore = await users(backend, 'authentication_user')
})
afterAll(async () => {
  story.remove()
  await server.stop()
})

test('it asks, naming both ends without a password', async () => {
  const { status, stdout, stderr } = await merge()
  expect({ status, code: stderr.match(/LF\d+/)?.[0] }).toEqual({ status: 5, code: 'LF206' })
  for (const url of [backend, pagtive]) expect(stderr).toContain(new URL(url).pathname.slice(1))
  expect(stdout + stderr).not.toContain(new URL(backend).password)
  expect(await users(backend, 'authentication_user')).toEqual(usersBefore)
})

test('it merges, and says that some rows have no place', async () => {
  const { status, stdout, stderr } = await merge('--yes')
  expect({ status, error: stderr.match(/error.*/)?.[0] }).toEqual({ status: 1, error: undefined })
  expect(stdout).toContain('pagtive_projectdetail')
  const stages = `SELECT relname FROM pg_class WHERE relname LIKE 'stage%' OR relname LIKE 'landfall%'`
  expect(await askColumn(backend, stages)).toEqual([])
})

test('every user of the source is somebody, found by e-mail in any case', async () => {
  const map = await mapped()
  const source = await users(pagtive, 'users')
  expect([...map.keys()].sort()).toEqual([...source.keys()].sort())
  const byEmail = new Map<string, string>()
  for (const [id, { email }] of usersBefore)
    if (email && !byEmail.has(email.toLowerCase())) byEmail.set(email.toLowerCase(), id)
  const known = [...source.values()].filter(({ email }) => email && byEmail.has(email.toLowerCase()))
  expect(known.length).toBeGreaterThan(40)
  for (const user of known) expect(map.get(user.id!)!.id).toBe(byEmail.get(user.email!.toLowerCase()))
  const strangers = [...source.values()].filter((user) => !known.includes(user))
  for (const user of strangers) expect(usersBefore.has(map.get(user.id!)!.id!)).toBe(false)
  // Nobody else was made: the twins, who share an e-mail, are one person.
  const created = new Set(strangers.map(({ id }) => map.get(id!)!.id))
  expect(created.size).toBe(strangers.length - 1)
  expect(await askNumber(backend, 'SELECT count(*) FROM authentication_user')).toBe(
    usersBefore.size + created.size,
  )
})

test('of two users with one e-mail the older one is meant', async () => {
  expect((await mapped()).get(PAGTIVE.twoInBackend)!.id).toBe(String(BACKEND.samTheOlder))
})

test('who was known takes status, role and agreement where the source has them, and nothing else', async () => {
  const map = await mapped()
  const source = await users(pagtive, 'users')
  const takers = new Set<string>()
  for (const [old, { status, role, agreed_agreement_version }] of source) {
    const now = map.get(old)!
    const before = usersBefore.get(now.id!)
    if (before === undefined) continue
    takers.add(now.id!)
    expect(now).toEqual({
      ...before,
      status: status ?? before.status,
      role: role ?? before.role,
      agreed_agreement_version: agreed_agreement_version ?? before.agreed_agreement_version,
    })
  }
  expect(map.get(PAGTIVE.meiLin)).toMatchObject({ id: String(BACKEND.meiLin), status: '2', role: 'admin' })
  expect(map.get(PAGTIVE.nothingToTake)).toMatchObject({
    status: '1',
    role: 'user',
    agreed_agreement_version: null,
  })
  const now = await users(backend, 'authentication_user')
  for (const [id, before] of usersBefore) if (!takers.has(id)) expect(now.get(id)).toEqual(before)
})

test('who was not known is made as the page says', async () => {
  const map = await mapped()
  const joined = new Map(
    (
      await ask(
        pagtive,
        `SELECT id, extract(epoch FROM created_at AT TIME ZONE 'Asia/Shanghai')::text FROM users`,
      )
    ).map(([id, at]) => [id!, at]),
  )
  const joinedNow = new Map(
    (await ask(backend, 'SELECT id, extract(epoch FROM date_joined)::text FROM authentication_user')).map(
      ([id, at]) => [id!, at],
    ),
  )
  let made = 0
  for (const [old, user] of await users(pagtive, 'users')) {
    const now = map.get(old)!
    if (usersBefore.has(now.id!) || old === PAGTIVE.twin || old === PAGTIVE.otherTwin) continue
    made += 1
    expect(now).toMatchObject({
      email: user.email ?? '',
      first_name: user.name ?? '',
      last_name: '',
      password: '!',
      is_active: 'true',
      is_staff: 'false',
      is_superuser: 'false',
      status: user.status ?? '1',
      role: user.role ?? 'user',
      agreed_agreement_version: user.agreed_agreement_version,
    })
    const name = user.username ?? (user.email ? user.email.split('@')[0] : `user_${old.slice(0, 8)}`)
    if (![PAGTIVE.usernameTaken, PAGTIVE.sameUsername, PAGTIVE.sameUsernameToo].includes(old))
      expect(now.username).toBe(name)
    if (old !== PAGTIVE.noTime) expect([old, joinedNow.get(now.id!)]).toEqual([old, joined.get(old)])
  }
  expect(made).toBeGreaterThan(40)
  // Where the source has no time: now.
  const minute = `SELECT now() - date_joined < '5 minutes' FROM authentication_user WHERE username = 'no.time'`
  expect(await askColumn(backend, minute)).toEqual(['t'])
})

test('usernames stay unique', async () => {
  const map = await mapped()
  const name = (id: string) => map.get(id)!.username
  expect(name(PAGTIVE.usernameTaken)).toBe('design_3')
  expect([name(PAGTIVE.sameUsername), name(PAGTIVE.sameUsernameToo)].sort()).toEqual(['li.wei', 'li.wei_2'])
  expect(name(PAGTIVE.noEmail)).toBe(`user_${PAGTIVE.noEmail.slice(0, 8)}`)
  expect(name(PAGTIVE.emptyEmail)).toBe('ghost')
  expect(name(PAGTIVE.noUsername)).toBe('only.mail')
})

test('who was made has one account by e-mail, if there is an e-mail', async () => {
  const due = [...(await users(backend, 'authentication_user')).values()]
    .filter(({ id, email }) => !usersBefore.has(id!) && email !== '')
    .map(({ id, email }) => [id, 'email', 'email', email, 't', 't'])
  const found = await ask(
    backend,
    `SELECT user_id, type, provider, provider_account_id, is_primary, is_verified
     FROM authentication_useraccount WHERE provider = 'email' ORDER BY user_id`,
  )
  expect(found).toEqual(due)
})

/** The source's rows as the target should have them, and the target's, both as texts in the order of their keys. */
const PROJECTS = {
  source: `SELECT id, user_id, project_name, project_description, project_style, global_style_code, pages,
      coalesce(is_public, false), coalesce(to_jsonb(style_tags), '[]'), batch_id, batch_index,
      coalesce(is_featured, false), coalesce(is_published, false),
      created_at AT TIME ZONE 'Asia/Shanghai', updated_at AT TIME ZONE 'Asia/Shanghai'
    FROM projects WHERE user_id IN (SELECT id FROM users) ORDER BY id`,
  target: `SELECT id, user_id, project_name, project_description, project_style, global_style_code, pages,
      is_public, style_tags, batch_id, batch_index, is_featured, is_published, created_at, updated_at
    FROM pagtive_project ORDER BY id`,
}
const KNOWN_PROJECTS = 'SELECT id FROM projects WHERE user_id IN (SELECT id FROM users)'
const DETAILS = {
  source: `SELECT project_id, page_id, script, styles, html, images, mermaid_content, "versionId",
      created_at AT TIME ZONE 'Asia/Shanghai', updated_at AT TIME ZONE 'Asia/Shanghai'
    FROM project_details WHERE project_id IN (${KNOWN_PROJECTS}) ORDER BY 1, page_id COLLATE "C"`,
  target: `SELECT project_id, page_id, script, styles, html, images, mermaid_content, version_id,
      created_at, updated_at
    FROM pagtive_projectdetail ORDER BY 1, page_id COLLATE "C"`,
}
const LOGS = {
  source: `SELECT id, user_id, project_id, page_id, model, prompt_tokens, completion_tokens,
      created_at AT TIME ZONE 'Asia/Shanghai'
    FROM project_llm_logs WHERE user_id IN (SELECT id FROM users) AND project_id IN (${KNOWN_PROJECTS}) ORDER BY id`,
  target: `SELECT id, user_id, project_id, page_id, model, prompt_tokens, completion_tokens, created_at
    FROM pagtive_projectllmlog ORDER BY id`,
}

async function sameRows({ source, target }: typeof PROJECTS, owner: number | null): Promise<number> {
  const map = await mapped()
  const due = (await ask(pagtive, source)).map((row) =>
    row.map((value, at) => (at === owner ? map.get(value!)!.id : value)),
  )
  expect(await ask(backend, target)).toEqual(due)
  return due.length
}

test('projects keep their key, belong to the new user, and have the defaults', async () => {
  expect(await sameRows(PROJECTS, 1)).toBe(SIZES.projects + 5)
  const map = await mapped()
  const owners = await askColumn(
    backend,
    `SELECT DISTINCT user_id FROM pagtive_project WHERE id IN ('${PROJECT.ofTwin}', '${PROJECT.ofOtherTwin}')`,
  )
  expect(owners).toEqual([map.get(PAGTIVE.twin)!.id])
})

test('times without a zone are instants in Shanghai', async () => {
  expect(
    await ask(
      backend,
      `SELECT created_at, updated_at FROM pagtive_project WHERE id = '${PROJECT.atNewYear}'`,
    ),
  ).toEqual([['2023-12-31 23:59:59.999999+00', '2024-03-09 18:30:00+00']])
})

test('details and logs are complete', async () => {
  expect(await sameRows(DETAILS, null)).toBeGreaterThan(SIZES.projects * 2)
  expect(await sameRows(LOGS, 1)).toBe(SIZES.projects + 1)
})

test('what has no parent is listed by id with its reason, and nothing else is', async () => {
  const rejects = await ask(backend, 'SELECT move, key, reason FROM landfall.rejects ORDER BY id')
  const due: [string, ...string[]][] = [
    ['projects', PROJECT.ofNobody],
    ['project_details', PROJECT.ofNobody, 'page-1'],
    ['project_details', PROJECT.ofNobody, 'page-2'],
    ['project_details', PROJECT.nowhere, 'page-1'],
    ['project_llm_logs', uuid('log of nobody')],
    ['project_llm_logs', uuid('log of nowhere')],
  ]
  expect(rejects.length).toBe(due.length)
  for (const [move, ...key] of due) {
    const found = rejects.find(([of, at]) => of === move && key.every((part) => at!.includes(part)))
    expect([move, key, found?.[2]]).toEqual([move, key, expect.stringMatching(/user|project/)])
  }
})

test('a second run creates nothing, changes nothing, and writes no row', async () => {
  const before = await untouched(backend, TABLES)
  expect(await merge('--yes')).toMatchObject({ status: 1 })
  expect(await untouched(backend, TABLES)).toEqual(before)
})

test('changed rows are updated, new ones are created, and all others are left alone', async () => {
  const xmins = (table: string) => ask(backend, `SELECT t.id, t.xmin FROM ${table} t ORDER BY t.id`)
  const before = { projects: await xmins('pagtive_project'), details: await xmins('pagtive_projectdetail') }
  await execute(
    pagtive,
    `UPDATE projects SET project_name = 'Renamed', is_public = NULL WHERE id = '${PROJECT.ofTwin}';
     UPDATE project_details SET html = NULL, "versionId" = 'v99' WHERE project_id = '${PROJECT.ofTwin}';
     UPDATE users SET status = 3 WHERE id = '${PAGTIVE.twoInBackend}';
     INSERT INTO users (id, email, username) VALUES ('${uuid('late')}', 'late@pagtive.example', 'late');
     INSERT INTO projects (id, user_id, project_name, pages, created_at, updated_at)
       VALUES ('${uuid('late project')}', '${uuid('late')}', 'Late', '[]', '2025-01-01', '2025-01-01');`,
  )
  expect(await merge('--yes')).toMatchObject({ status: 1 })
  await sameRows(PROJECTS, 1)
  await sameRows(DETAILS, null)
  expect((await mapped()).get(PAGTIVE.twoInBackend)!.status).toBe('3')
  expect((await mapped()).get(uuid('late'))).toMatchObject({ username: 'late', status: '1', role: 'user' })
  const differ = (was: (string | null)[][], is: (string | null)[][]) => {
    const old = new Map(was.map(([id, xmin]) => [id, xmin]))
    return is.filter(([id, xmin]) => old.get(id!) !== xmin).map(([id]) => id)
  }
  expect(differ(before.projects, await xmins('pagtive_project')).sort()).toEqual(
    [PROJECT.ofTwin, uuid('late project')].sort(),
  )
  expect(differ(before.details, await xmins('pagtive_projectdetail'))).toHaveLength(1)
})

test('no project is without owner, no detail without project', async () => {
  expect(
    await askNumber(
      backend,
      `SELECT (SELECT count(*) FROM pagtive_project p LEFT JOIN authentication_user u ON u.id = p.user_id WHERE u.id IS NULL)
        + (SELECT count(*) FROM pagtive_projectdetail d LEFT JOIN pagtive_project p ON p.id = d.project_id WHERE p.id IS NULL)`,
    ),
  ).toBe(0)
})

test('verify sees that all is there, and what somebody changed or deleted', async () => {
  const verify = () => story.run(['verify'], env)
  expect(await verify()).toMatchObject({ status: 0 })
  await execute(
    backend,
    `UPDATE pagtive_project SET updated_at = updated_at + interval '1 microsecond' WHERE id = '${PROJECT.atNewYear}';
     DELETE FROM pagtive_projectdetail WHERE project_id = '${PROJECT.ofTwin}'`,
  )
  const { status, stdout } = await verify()
  expect(status).toBe(1)
  expect(stdout).toContain(PROJECT.atNewYear)
  expect(stdout).toContain(PROJECT.ofTwin)
})

test('undo leaves the backend as it was', async () => {
  const columns = `SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, ordinal_position`
  await connected(backend, (client) => executeFile(client, file('undo')))
  const fresh = await server.database()
  await connected(fresh, (client) => executeFile(client, file('application')))
  expect(await ask(backend, columns)).toEqual(await ask(fresh, columns))
  const now = await users(backend, 'authentication_user')
  expect([...now.keys()]).toEqual([...usersBefore.keys()])
  for (const [id, user] of now) expect(usersBefore.get(id)).toMatchObject(user)
})

test('a source without a log of model calls is merged without one, and that is said', async () => {
  const [target, source] = [await server.database(), await server.database()]
  await makeBackend(target, SIZES)
  await connected(target, (client) => executeFile(client, file('upgrade')))
  await makePagtive(source, { users: 20, projects: 20, logs: false })
  const { status, stdout } = await story.run(['migrate', '--no-backup', '--yes'], {
    DATABASE_URL: target,
    SOURCE_DATABASE_URL: source,
  })
  expect(status).toBe(1)
  expect(stdout).toMatch(/project_llm_logs/)
  expect(await askNumber(target, 'SELECT count(*) FROM pagtive_project')).toBe(25)
  expect(await askNumber(target, 'SELECT count(*) FROM pagtive_projectllmlog')).toBe(0)
})
