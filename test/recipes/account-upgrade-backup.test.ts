import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBackend, makePagtive } from '../../recipes/account-upgrade/sample.ts'
import { connected, executeFile } from '../../recipes/database.ts'
import type { MigrateReport } from '../../src/contract/report.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { ask, askNumber, execute, recipe } from './recipe.ts'

/** System 2: both databases are backed up before anything is written, and the backup is a way back. */
describe.skipIf(!canDump)('backups of both databases', () => {
  const story = recipe('account-upgrade')
  let server: DumpableServer
  let env: { DATABASE_URL: string; SOURCE_DATABASE_URL: string }

  beforeAll(async () => {
    server = await dumpableServer()
    const made = await Promise.all(
      ['backend', 'pagtive_previews'].map(async (name) => {
        await execute(server.url, `CREATE DATABASE ${name}`)
        const url = new URL(server.url)
        url.pathname = `/${name}`
        return url.href
      }),
    )
    const [backend, pagtive] = made as [string, string]
    env = { DATABASE_URL: backend, SOURCE_DATABASE_URL: pagtive }
    const sizes = { users: 30, projects: 30, logs: true }
    await makeBackend(backend, sizes)
    await makePagtive(pagtive, sizes)
    const upgrade = new URL('../../recipes/account-upgrade/schema/upgrade.sql', import.meta.url)
    await connected(backend, (client) => executeFile(client, upgrade))
  }, 60_000)
  afterAll(async () => {
    story.remove()
    await server?.stop()
  })

  const users = () => ask(env.DATABASE_URL, 'SELECT * FROM authentication_user ORDER BY id')
  const report = async (config: string): Promise<MigrateReport> => {
    const { stdout, stderr } = await story.run(['migrate', '--yes', '--json'], env, config)
    expect(stdout + stderr).not.toContain(encodeURIComponent(server.password))
    return JSON.parse(stdout)
  }

  test('in place there is one database, and one backup of it', async () => {
    const { exitCode, backups } = await report('upgrade.config.ts')
    expect([exitCode, backups?.map((one) => one.of)]).toEqual([1, ['target']])
  })

  test('a merge has a backup of either end, and what it did is undone by the printed command', async () => {
    const before = await users()
    const { exitCode, backups } = await report('landfall.config.ts')
    expect([exitCode, backups?.map((one) => one.of)]).toEqual([1, ['target', 'source']])
    expect(await askNumber(env.DATABASE_URL, 'SELECT count(*) FROM pagtive_project')).toBe(35)
    expect(await users()).not.toEqual(before)
    execFileSync('sh', ['-c', backups![0]!.restore], {
      env: { ...process.env, PGPASSWORD: server.password },
      stdio: 'ignore',
    })
    expect(await users()).toEqual(before)
    expect(await askNumber(env.DATABASE_URL, 'SELECT count(*) FROM pagtive_project')).toBe(0)
  })

  test('after that, the same command merges once more', async () => {
    const { exitCode, verification } = await report('landfall.config.ts')
    expect([exitCode, verification?.differences]).toEqual([1, []])
    expect(await askNumber(env.DATABASE_URL, 'SELECT count(*) FROM pagtive_project')).toBe(35)
  })
})
