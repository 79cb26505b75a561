import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backUpPostgres } from '../../src/backup/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'

const MODULE = fileURLToPath(new URL('../../src/backup/postgres.ts', import.meta.url))
const PARSE = fileURLToPath(new URL('../../src/connection/url.ts', import.meta.url))
const PROGRAM = `
  import { backUpPostgres } from ${JSON.stringify(MODULE)}
  import { parseConnection } from ${JSON.stringify(PARSE)}
  const { settings } = parseConnection(process.env.TEST_URL)
  await backUpPostgres(settings, { folder: process.env.TEST_FOLDER, migration: 'm', end: 'target', label: 'l', tools: {} })`

describe.skipIf(!canDump || process.platform !== 'linux')('a backup', { timeout: 60_000 }, () => {
  let server: DumpableServer
  let folder: string
  let client: Client

  beforeAll(async () => {
    server = await dumpableServer()
    folder = mkdtempSync(join(tmpdir(), 'landfall-backup-'))
    client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query(
      `create table noise as select gen_random_uuid()::text || gen_random_uuid() as v from generate_series(1, 20000)`,
    )
  }, 60_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const settings = () => {
    const connection = parseConnection(server.url, {})
    if (connection.engine !== 'postgres') throw new TypeError()
    return connection.settings
  }
  const dumping = async () => {
    const { rows } = await client.query(
      `select pid from pg_stat_activity where application_name = 'landfall backup' and wait_event_type = 'Lock'`,
    )
    return rows.length
  }

  test('whose process is killed takes pg_dump with it, and what it left goes with the next one', async () => {
    const locker = new Client({ connectionString: server.url })
    await locker.connect()
    await locker.query('begin; lock table noise in access exclusive mode')
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', PROGRAM], {
      env: { ...process.env, TEST_URL: server.url, TEST_FOLDER: folder },
      stdio: 'ignore',
    })
    await expect.poll(dumping, { timeout: 20_000 }).toBe(1)
    const ours = commandLines().filter((line) => line.includes(`--snapshot=`))
    expect(ours.length).toBeGreaterThan(0)
    expect(commandLines().filter((line) => line.includes(server.password))).toEqual([])
    child.kill('SIGKILL')
    const alive = () => commandLines().filter((line) => ours.includes(line))
    await expect.poll(alive, { timeout: 10_000 }).toEqual([])
    await locker.query('rollback')
    await locker.end()
    expect(readdirSync(folder).filter((name) => name.startsWith('landfall-'))).toHaveLength(1)
    const place = { folder, migration: 'm', end: 'target', label: 'l', tools: {} } as const
    await backUpPostgres(settings(), place)
    const left = readdirSync(folder).filter((name) => name !== '.gitignore')
    expect(left).toEqual([expect.stringMatching(/^m-target-postgres-.*\.dump$/)])
  })

  test('that fills the disk says so, and leaves it as it was', async (context) => {
    const small = mkdtempSync(join(tmpdir(), 'landfall-small-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { stdio: 'ignore' })
    } catch {
      context.skip('this user may not make a small disk')
    }
    try {
      const place = { folder: small, migration: 'm', end: 'target', label: 'l', tools: {} } as const
      const error = await backUpPostgres(settings(), place).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'LF311', message: `there is no room for the backup in ${small}` })
      expect(readdirSync(small)).toEqual([])
    } finally {
      execFileSync('umount', [small])
      rmSync(small, { recursive: true })
    }
  })
})

/** Of all processes, where the system shows them. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')]
      } catch {
        return []
      }
    })
}
