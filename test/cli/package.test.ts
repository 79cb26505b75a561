import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer } from '../support/postgres.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'landfall-package-'))
const build = join(folder, 'build')
const app = join(folder, 'app')
const installed = join(app, 'node_modules', 'landfall')
afterAll(() => rmSync(folder, { recursive: true }))

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

/** Packs a copy of the repository, and lays the package into an empty application as npm would. */
beforeAll(() => {
  mkdirSync(build)
  for (const name of [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'bin',
    'src',
    'LICENSE',
    'README.md',
  ]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(build, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(build, 'node_modules'))
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: build, stdio: 'pipe' })
  mkdirSync(installed, { recursive: true })
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  execFileSync('tar', [
    '-xzf',
    join(folder, `landfall-${version}.tgz`),
    '--strip-components=1',
    '-C',
    installed,
  ])
  const manifest: Manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name))
  }
})

function run(...args: string[]) {
  return spawnSync(process.execPath, [join(installed, 'bin', 'landfall.js'), ...args], {
    cwd: app,
    encoding: 'utf8',
  })
}

test('the package holds what is needed and nothing else', () => {
  const files = execFileSync('find', ['.', '-type', 'f'], { cwd: installed, encoding: 'utf8' })
    .trim()
    .split('\n')
  const wrong = files.filter(
    (file) => !/^\.\/(bin|dist)\/|^\.\/(package\.json|README\.md|LICENSE)$/.test(file),
  )
  expect(wrong).toEqual([])
  expect(files).toContain('./dist/index.d.ts')
  expect(files).toContain('./dist/cli/main.js')
})

test('its command runs, and reads a TypeScript config that imports it', () => {
  expect(run('--version')).toMatchObject({ status: 0, stderr: '' })
  writeFileSync(
    join(app, 'landfall.config.ts'),
    `import { defineMigration, env } from 'landfall'\nexport default defineMigration({ source: env('LANDFALL_TEST_UNSET') })`,
  )
  expect(run('plan').stderr).toContain('error LF004  source: the environment variable LANDFALL_TEST_UNSET')
})

test('it is a library with types', () => {
  writeFileSync(
    join(app, 'use.ts'),
    `import { boot, type BootReport, LandfallError as BootError } from 'landfall/boot'
import { LandfallError, loadSettings, migrate, type MigrateReport, plan, status } from 'landfall'
export async function all(): Promise<MigrateReport> {
  try {
    return await migrate(await loadSettings({ from: 'sqlite:app.db' }))
  } catch (error) {
    if (error instanceof LandfallError) console.log(error.code)
    throw error
  }
}
export async function start(): Promise<BootReport> {
  try {
    return await boot('landfall.config.ts', { progress: (event) => console.log(event.kind) })
  } catch (error) {
    if (error instanceof BootError) console.log(error.code)
    throw error
  }
}
console.log(typeof plan, typeof status, typeof all, typeof start)
`,
  )
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'esnext',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ['use.ts'],
    }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const checked = spawnSync(process.execPath, [tsc, '-p', app], { encoding: 'utf8' })
  expect(checked.stdout + checked.stderr).toBe('')
  const used = spawnSync(process.execPath, [join(app, 'use.ts')], { encoding: 'utf8' })
  expect(used.stdout).toBe('function function function function\n')
})

test('an application in Node.js migrates at its start, with landfall/boot', async () => {
  const server = await testServer()
  try {
    const database = new DatabaseSync(join(app, 'shop.db'))
    database.exec(
      "create table users(id integer primary key, name text); insert into users values (1, 'Ada')",
    )
    database.close()
    writeFileSync(
      join(app, 'server.mjs'),
      `import { boot, bootStatus, LandfallError } from 'landfall/boot'
import { defineMigration, LandfallError as TheSame } from 'landfall'
const config = defineMigration({ name: 'shop', source: 'sqlite:shop.db', target: process.env.DATABASE_URL })
const before = await bootStatus(config)
const first = await boot(config)
const next = await boot(config)
const off = await boot({ ...config, boot: { onlyIf: '' } })
const failure = await boot({ ...config, name: 'other', source: 'sqlite:missing.db' }).catch((error) => error)
console.log(JSON.stringify({
  before: before.status,
  outcomes: [first, next, off].map(({ outcome }) => outcome),
  counts: next.state.counts,
  failure: [failure instanceof LandfallError, LandfallError === TheSame, failure.code, failure.exitCode],
}))
`,
    )
    const started = spawnSync(process.execPath, [join(app, 'server.mjs')], {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, DATABASE_URL: await server.database() },
    })
    expect(JSON.parse(started.stdout)).toEqual({
      before: 'absent',
      outcomes: ['migrated', 'done-before', 'not-asked'],
      counts: [{ table: 'public.users', read: 1, loaded: 1, setAside: 0 }],
      failure: [true, true, 'LF101', 3],
    })
    expect(started.status).toBe(0)
  } finally {
    await server.stop()
  }
})

const old = (process.env.PATH ?? '')
  .split(delimiter)
  .map((part) => join(part, 'node'))
  .filter((file) => existsSync(file))
  .find(
    (file) =>
      Number(execFileSync(file, ['-p', 'parseInt(process.versions.node)'], { encoding: 'utf8' })) < 24,
  )

test.skipIf(old === undefined)('an old Node.js is told so in a plain sentence', () => {
  const bin = join(installed, 'bin', 'landfall.js')
  const plain = spawnSync(old!, [bin, 'plan'], { encoding: 'utf8' })
  expect(plain).toMatchObject({ status: 2, stdout: '' })
  expect(plain.stderr).toMatch(/^error LF006 {2}Landfall needs Node\.js 24 or later; this is .*\n$/)
  const json = spawnSync(old!, [bin, 'plan', '--json'], { encoding: 'utf8' })
  expect(JSON.parse(json.stdout)).toMatchObject({ command: 'plan', error: { code: 'LF006' } })
})
