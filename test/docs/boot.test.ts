import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { landfall } from '../cli/run.ts'
import { type TestServer, testServer } from '../support/postgres.ts'
import { blocksOf, configsOf } from './blocks.ts'

const folder = mkdtempSync(join(tmpdir(), 'landfall-guide-boot-'))
let server: TestServer

beforeAll(async () => {
  server = await testServer()
  const [[, config] = []] = [...configsOf('boot.md')]
  writeFileSync(join(folder, 'landfall.config.ts'), config!.text)
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function run(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** The URL of the same database for another user. */
function as(user: string, url: string): string {
  const other = new URL(url)
  other.username = user
  other.password = 'of the test'
  return other.href
}

test('the whole config of the guide is carried out by roles with the rights of the guide, and not without them', async () => {
  const sqlOf = (guide: string): string[] =>
    blocksOf(guide).flatMap(({ language, text }) => (language === 'sql' ? [text] : []))
  const [oldShop, newShop] = sqlOf('mapped-moves.md')
  const source = await server.database()
  const target = await server.database()
  const [app, shop] = [target, source].map((url) => new URL(url).pathname.slice(1))
  const [migrator, reader] = [`migrator_${app}`, `reader_${app}`]
  const rights = sqlOf('boot.md')[0]!
    .replaceAll('DATABASE app', `DATABASE "${app}"`)
    .replaceAll('DATABASE shop', `DATABASE "${shop}"`)
    .replaceAll(/\b(TO|AUTHORIZATION) migrator/g, `$1 "${migrator}"`)
    .replaceAll(/\bTO reader/g, `TO "${reader}"`)
  const [ofTarget, ofSource] = rights.split('-- In the source\n')
  const nothing = (database: string): string =>
    `REVOKE ALL ON DATABASE "${database}" FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;`
  await run(
    target,
    `CREATE ROLE "${migrator}" LOGIN PASSWORD 'of the test'; CREATE ROLE "${reader}" LOGIN PASSWORD 'of the test'`,
  )
  await run(source, `${oldShop}; ${nothing(shop!)} ${ofSource}`)
  await run(target, `${newShop}; ${nothing(app!)} ${ofTarget}; REVOKE UPDATE ON sale FROM "${migrator}"`)
  // A server that stays must not keep the roles.
  onTestFinished(async () => {
    await run(target, `DROP OWNED BY "${migrator}"; DROP ROLE "${migrator}"`)
    await run(source, `DROP OWNED BY "${reader}"; DROP ROLE "${reader}"`)
  })
  const env = { OLD_DATABASE_URL: as(reader!, source), DATABASE_URL: as(migrator!, target) }

  const refused = await landfall(['boot'], { cwd: folder, env })
  expect(refused.stderr).toContain('error LF304')
  expect(refused.status).toBe(4)

  await run(target, `GRANT UPDATE ON sale TO "${migrator}"`)
  const done = await landfall(['boot'], { cwd: folder, env })
  expect(done.stderr).toContain('shop_to_backend_v2 is done: 8 rows')
  expect(done.status).toBe(0)
})
