import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connected, executeFile } from '../../recipes/database.ts'
import { makeBackend, makePlugin } from '../../recipes/plugin-to-backend/sample.ts'
import { freePort } from '../../src/connection/embedded-process.ts'
import { ident, literal } from '../../src/connection/quote.ts'
import { BIN, type Ended, landfall } from '../cli/run.ts'
import { formsOf } from '../exporter/calling.ts'
import { testServer } from '../support/postgres.ts'
import { ask, askNumber, execute } from './recipe.ts'

/** System 1 with the plugin's settings handed over: exporter and migration as processes of their own. */
const RECIPE = new URL('../../recipes/plugin-to-backend/', import.meta.url)
const SIZES = { users: 30, accounts: 100, kiro: true, strangers: true }
const PASSWORD = 'Geheim/7 @:?#[]%41"\\\'ß$x'
const TOKEN = 'k4+token/of=32.characters~or"more'
const USER = `plugin_reader_${process.pid}`

const server = await testServer()
const backend = await server.database()
const plugin = await server.database()
const cwd = mkdtempSync(join(tmpdir(), 'landfall-exported-'))
const running: ChildProcess[] = []

beforeAll(async () => {
  await makeBackend(backend, SIZES)
  await makePlugin(plugin, SIZES)
  await connected(backend, (client) => executeFile(client, new URL('mend.sql', RECIPE)))
  await execute(
    plugin,
    `CREATE ROLE ${ident(USER)} LOGIN PASSWORD ${literal(PASSWORD)}; GRANT pg_read_all_data TO ${ident(USER)}`,
  )
  const recipe = JSON.stringify(fileURLToPath(new URL('landfall.config.ts', RECIPE)))
  writeFileSync(
    join(cwd, 'landfall.config.ts'),
    `import { defineMigration, env, exportedBy } from 'landfall'
     import recipe from ${recipe}
     export default defineMigration({
       ...recipe,
       source: exportedBy(env('PLUGIN_API_BASE_URL'), {
         token: env('PLUGIN_ENV_EXPORT_TOKEN', 'PLUGIN_ADMIN_API_KEY'),
         within: '10s',
       }),
     })\n`,
  )
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await execute(plugin, `DROP OWNED BY ${ident(USER)}; DROP ROLE ${ident(USER)}`)
  rmSync(cwd, { recursive: true })
  await server.stop()
})

const { hostname, port: postgresPort, pathname } = new URL(plugin)
const DATABASE = {
  DB_HOST: hostname,
  DB_PORT: postgresPort,
  DB_NAME: pathname.slice(1),
  DB_USER: USER,
  DB_PASSWORD: PASSWORD,
}
const leaks = (said: string): string[] =>
  [PASSWORD, TOKEN].flatMap(formsOf).filter((form) => said.includes(form))

interface Exporter {
  readonly base: string
  readonly ended: Promise<Ended>
  readonly pid: number
}

/** `landfall export-env` once it listens. */
async function exporter(
  args: readonly string[] = ['--once'],
  env: Record<string, string> = {},
): Promise<Exporter> {
  const port = await freePort(0)
  let listening: () => void
  const ready = new Promise<void>((resolve) => {
    listening = resolve
  })
  let pid = 0
  const ended = landfall(['export-env', '--port', String(port), ...args], {
    cwd,
    env: { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: TOKEN, ...env },
    onStart(child) {
      running.push(child)
      pid = child.pid!
      child.stderr!.on('data', (part) => String(part).includes('listening on') && listening())
    },
  })
  await Promise.race([ready, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))])
  return { base: `http://127.0.0.1:${port}`, ended, pid }
}

const verb = (
  args: readonly string[],
  base: string,
  env: Record<string, string> = {},
  onStart?: (child: ChildProcess) => void,
): Promise<Ended> =>
  landfall(args, {
    cwd,
    env: { DATABASE_URL: backend, PLUGIN_API_BASE_URL: base, PLUGIN_ENV_EXPORT_TOKEN: TOKEN, ...env },
    ...(onStart === undefined ? {} : { onStart }),
  })

/** The command lines of all processes that can be seen. */
const commandLines = (): string =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      } catch {
        return ''
      }
    })
    .join('\n')

async function journal(): Promise<string> {
  const tables = await ask(
    backend,
    `SELECT relname::text FROM pg_class WHERE relnamespace = 'landfall'::regnamespace AND relkind = 'r'`,
  )
  const rows = await Promise.all(
    tables.map(([name]) => ask(backend, `SELECT row_to_json(t)::text FROM landfall.${ident(name!)} t`)),
  )
  return rows.flat(2).join('\n')
}

test('plan, migrate and verify ask the exporter, which ends after one hand-over; no secret is seen anywhere', async () => {
  const seen: string[] = []
  for (const args of [['plan'], ['migrate', '--yes', '--json'], ['verify'], ['migrate', '--yes']]) {
    const { base, ended } = await exporter()
    const done = await verb(args, base, {}, (child) => {
      const looking = setInterval(() => seen.push(commandLines()), 50)
      child.once('close', () => clearInterval(looking))
    })
    expect(done.status, done.stderr).toBe(0)
    const end = await ended
    expect(end.status).toBe(0)
    expect(end.stderr).toMatch(/Z handed over to 127\.0\.0\.1\n$/)
    expect(leaks(Object.values(done).join() + Object.values(end).join())).toEqual([])
    expect(done.stdout).toContain(`postgres://${USER}@${hostname}:${postgresPort}${pathname}`)
  }
  const accounts = SIZES.accounts + 7
  expect(await askNumber(backend, 'SELECT count(*) FROM antigravity_accounts')).toBe(accounts)
  expect(seen.join('\n')).toContain('export-env')
  expect(leaks(seen.join('\n'))).toEqual([])
  expect(leaks(await journal())).toEqual([])
})

describe('at start-up', () => {
  test('of instances that start together one asks the exporter; what is done needs none', async () => {
    const fresh = await server.database()
    await makeBackend(fresh, SIZES)
    await connected(fresh, (client) => executeFile(client, new URL('mend.sql', RECIPE)))
    const { base, ended } = await exporter()
    const boot = () => verb(['boot', '--json'], base, { DATABASE_URL: fresh })
    const started = await Promise.all([boot(), boot(), boot()])
    expect(started.map(({ status }) => status)).toEqual([0, 0, 0])
    const outcomes = started.map(({ stdout }) => (JSON.parse(stdout) as { outcome: string }).outcome)
    expect(outcomes.filter((one) => one === 'migrated')).toHaveLength(1)
    expect((await ended).stdout).toBe('Ended: 1 hand-over, 0 refusals.\n')
    const accounts = 'SELECT count(*) FROM antigravity_accounts'
    expect(await askNumber(fresh, accounts)).toBe(SIZES.accounts + 7)
    // The exporter is gone by now.
    const again = await boot()
    expect([again.status, JSON.parse(again.stdout).outcome]).toEqual([0, 'done-before'])
    expect(leaks([...started, again].map(({ stdout, stderr }) => stdout + stderr).join())).toEqual([])
  })

  test('without exporter it fails, leaves the backend as it was, and says why to whoever looks', async () => {
    const fresh = await server.database()
    await makeBackend(fresh, SIZES)
    const env = { DATABASE_URL: fresh, PLUGIN_ENV_EXPORT_TOKEN: 'k4-another-token' }
    const { base } = await exporter([])
    const failed = await verb(['boot'], base, env)
    expect([failed.status, failed.stderr]).toEqual([3, expect.stringContaining('LF107')])
    expect(await ask(fresh, 'SELECT status, error_code FROM plugin_db_migration_states')).toEqual([
      ['failed', 'LF107'],
    ])
    expect(await askNumber(fresh, 'SELECT count(*) FROM plugin_user_mappings')).toBe(0)
  })
})

describe('what stops it, stops it before anything is written', () => {
  test.each<[string, string[], Record<string, string>, number, RegExp]>([
    ['another token', [], { PLUGIN_ENV_EXPORT_TOKEN: 'k4-another-token' }, 3, /LF107.*refused the token/],
    ['no token', [], { PLUGIN_ENV_EXPORT_TOKEN: '' }, 2, /LF004.*source\.token/],
    ['no exporter', [], { PLUGIN_API_BASE_URL: '' }, 2, /LF004.*source\.base/],
    [
      'a password in the address',
      [],
      { PLUGIN_API_BASE_URL: `http://a:${encodeURIComponent(PASSWORD)}@h` },
      2,
      /LF003/,
    ],
  ])('%s', async (_, args, env, status, message) => {
    const { base } = await exporter([])
    for (const json of [[], ['--json']]) {
      const done = await verb(['migrate', '--yes', ...args, ...json], base, env)
      expect(done.status, done.stderr).toBe(status)
      expect((done.stdout + done.stderr).replaceAll('\n', ' ')).toMatch(json.length > 0 ? /"LF/ : message)
      expect(leaks(done.stdout + done.stderr)).toEqual([])
    }
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['the database is gone', { DB_NAME: 'no_such_database' }, /LF101/],
    ['its server is gone', { DB_PORT: '1' }, /LF101.*nothing listens there/],
    ['its password is another', { DB_PASSWORD: `${PASSWORD}x` }, /LF101/],
  ])('%s', async (_, env, message) => {
    const { base } = await exporter(['--once'], env)
    const done = await verb(['migrate', '--yes'], base)
    expect(done.status, done.stderr).toBe(3)
    expect(done.stderr.replaceAll('\n', ' ')).toMatch(message)
    expect(leaks(done.stdout + done.stderr)).toEqual([])
  })

  test('--from is read instead, and nobody is asked', async () => {
    const done = await verb(['plan', '--from', plugin], 'http://127.0.0.1:1')
    expect(done.status, done.stderr).toBe(0)
  })

  test('init writes no file of what is exported', async () => {
    const done = await verb(['init', '--force'], 'http://127.0.0.1:1')
    expect([done.status, done.stderr]).toEqual([2, expect.stringContaining('--from postgres://')])
  })

  test('Ctrl-C while nobody answers', async () => {
    const done = await verb(['migrate', '--yes'], 'http://127.0.0.1:1', {}, (child) => {
      child.stderr!.on('data', (part) => String(part).includes('asking again') && child.kill('SIGINT'))
    })
    expect(done.status, done.stderr).toBe(130)
  })
})

test('a proxy that the environment names does not get the token', async () => {
  let asked = 0
  const proxy = createServer((_, response) => {
    asked += 1
    response.end()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as { readonly port: number }
  const { base } = await exporter()
  const env = { HTTP_PROXY: `http://127.0.0.1:${port}`, NODE_USE_ENV_PROXY: '1' }
  const done = await verb(['plan'], base, env)
  proxy.close()
  expect([done.status, asked]).toEqual([0, 0])
})

describe('the exporter', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it cleanly', async (signal) => {
    const { base, ended, pid } = await exporter([])
    await fetch(base)
    process.kill(pid, signal)
    const { status, stdout, stderr } = await ended
    expect([status, stdout]).toEqual([130, 'Ended: 0 hand-overs, 1 refusal.\n'])
    expect(stderr).toMatch(/Z refused 127\.0\.0\.1: no token, 1 in a row\n/)
    expect(stderr).not.toMatch(/error|\n +at /)
  })

  test('does not start where its port is taken, and prints no stack', async () => {
    const { base } = await exporter([])
    const { port } = new URL(base)
    const done = await landfall(['export-env', '--port', port], {
      cwd,
      env: { ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: TOKEN },
    })
    expect(done.status).toBe(2)
    expect(done.stderr).toMatch(
      /error LF008 {2}cannot listen on port \d+ of 127\.0\.0\.1: another program has it/,
    )
    expect(done.stderr).not.toMatch(/\n +at /)
  })

  test.each([
    [['--token', TOKEN]],
    [[`--token=${TOKEN}`]],
    [[TOKEN]],
    [['--token-env', TOKEN]],
    [['--once', TOKEN, '--json']],
  ])('does not take a token that is typed, nor repeat it: %j', async (args) => {
    const done = await landfall(['export-env', ...args], { cwd, env: DATABASE })
    expect(done.status).toBe(2)
    expect(leaks(done.stdout + done.stderr)).toEqual([])
    expect(done.stdout + done.stderr).not.toContain('mean --no-token')
  })

  test('reports as JSON', async () => {
    const { base, ended } = await exporter(['--once', '--json'])
    expect(await verb(['plan'], base)).toMatchObject({ status: 0 })
    expect(JSON.parse((await ended).stdout)).toMatchObject({
      version: 1,
      command: 'export-env',
      ended: 'once',
      address: base,
      handedOver: 1,
      refused: 0,
    })
  })
})

/** The overlay says its command in JSON, as a list; its variables stand a line each. */
describe('the overlay for compose', () => {
  const overlay = readFileSync(new URL('compose.exporter.yml', RECIPE), 'utf8')
  const command: string[] = JSON.parse(/^ {4}command: (\[.*\])$/m.exec(overlay)![1]!)

  test('names this very version, and publishes nothing', () => {
    const { version }: { version: string } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    )
    expect(command.slice(0, 4)).toEqual(['npx', '--yes', `landfall@${version}`, 'export-env'])
    expect(overlay).not.toMatch(/^ *(ports|expose|network_mode):/m)
  })

  test('has a command that starts with its variables alone, and hands over as often as it is asked', async () => {
    const variables = [...overlay.matchAll(/^ {6}(\w+): \$\{(\w+)/gm)]
    expect(variables.map(([, name, from]) => [name, from])).toEqual(
      [...Object.keys(DATABASE), 'PLUGIN_ENV_EXPORT_TOKEN', 'PLUGIN_ADMIN_API_KEY'].map((name) => [
        name,
        name,
      ]),
    )
    // On one address and a free port, since other tests run on this machine.
    const port = String(await freePort(0))
    const args = command.slice(3).map((word) => (word === '8045' ? port : word))
    expect(args).toContain(port)
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: '/tmp',
      env: { PATH: process.env.PATH, ...DATABASE, PLUGIN_ENV_EXPORT_TOKEN: '', PLUGIN_ADMIN_API_KEY: TOKEN },
      stdio: 'ignore',
    })
    running.push(child)
    const ended = new Promise((resolve) => child.once('close', resolve))
    for (let times = 0; times < 2; times++)
      expect(await verb(['plan'], `http://127.0.0.1:${port}`)).toMatchObject({ status: 0 })
    child.kill('SIGTERM')
    expect(await ended).toBe(130)
  })
})
