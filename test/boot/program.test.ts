import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN } from '../cli/run.ts'
import { ask } from '../faults/state.ts'
import { installedAt } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { testServer } from '../support/postgres.ts'
import { Applications, type Place, run, start } from './applications.ts'

const checkout = dirname(dirname(BIN))
const npx = needs('npx')
let applications: Applications
let done: Place
beforeAll(async () => {
  applications = new Applications(await testServer())
  done = await applications.place()
  expect(await start(done, [])).toMatchObject({ status: 0, stdout: '' })
})
afterAll(() => applications.remove())

/** A folder with a script. */
function folderWith(name: string, script: string, mode = 0o755): string {
  const folder = join(applications.folder, `bin${made++}`)
  mkdirSync(folder)
  writeFileSync(join(folder, name), script)
  chmodSync(join(folder, name), mode)
  return folder
}
let made = 0

describe('the program is found', () => {
  test('as a shell finds it: files that may be run, in the order of PATH', async () => {
    const asFolder = folderWith('other', '')
    mkdirSync(join(asFolder, 'app'))
    const unrunnable = folderWith('app', '#!/bin/sh\necho unrunnable\n', 0o644)
    const right = folderWith('app', '#!/bin/sh\necho right "$0" "$@"\n')
    const later = folderWith('app', '#!/bin/sh\necho later\n')
    const path = [asFolder, unrunnable, '/no/such/folder', right, later, process.env.PATH].join(delimiter)
    expect((await start(done, ['--', 'app', 'a'], { env: { PATH: path } })).stdout).toBe(
      `right ${join(right, 'app')} a\n`,
    )
  })

  test('by a path or an entry of PATH that counts from the working folder', async () => {
    mkdirSync(join(done.cwd, 'own'))
    writeFileSync(join(done.cwd, 'own/app'), '#!/bin/sh\necho own\n', { mode: 0o755 })
    writeFileSync(join(done.cwd, 'here'), '#!/bin/sh\necho here\n', { mode: 0o755 })
    for (const [command, path, said] of [
      ['./own/app', process.env.PATH, 'own'],
      ['own/app', process.env.PATH, 'own'],
      ['app', `own${delimiter}${process.env.PATH}`, 'own'],
      ['here', `${delimiter}${process.env.PATH}`, 'here'],
    ] as const)
      expect((await start(done, ['--', command], { env: { PATH: path! } })).stdout).toBe(`${said}\n`)
  })

  test('without a PATH where the system has its own', async () => {
    const { stdout } = await run(
      'env',
      ['-u', 'PATH', process.execPath, BIN, 'boot', '--', 'echo', 'found'],
      {
        cwd: done.cwd,
        env: { DATABASE_URL: done.url },
      },
    )
    expect(stdout).toBe('found\n')
  })

  test('and run by the shell where its first line does not say what runs it', async () => {
    writeFileSync(join(done.cwd, 'plain'), 'echo plain "$1"\n', { mode: 0o755 })
    expect((await start(done, ['--', './plain', 'a b'])).stdout).toBe('plain a b\n')
  })

  test('or not: status 127, and the migration is done', async () => {
    const place = await applications.place()
    const missing = await start(place, ['--', 'no-such-program', '--port', '1'])
    expect(missing).toMatchObject({ status: 127, stdout: '' })
    expect(missing.stderr).toContain('error LF007  "no-such-program" cannot be started (ENOENT)')
    expect(await ask(place.url, 'SELECT status FROM landfall.boot_states')).toEqual([{ status: 'done' }])
    for (const [command, code] of [
      ['./landfall.config.ts', 'EACCES'],
      [place.cwd, 'EISDIR'],
      ['./nothing', 'ENOENT'],
      ['', 'ENOENT'],
    ] as const) {
      const { status, stderr } = await start(place, ['--', command])
      expect({ command, status }).toEqual({ command, status: 127 })
      expect(stderr).toContain(`${JSON.stringify(command)} cannot be started (${code})`)
    }
  })

  npx('among the caller’s own, though npx in a checkout puts others before them', async () => {
    const callers = folderWith('node', '#!/bin/sh\necho "the node of the caller"\n')
    const config = join(done.cwd, 'landfall.config.ts')
    const words = ['landfall', 'boot', '--config', config, '--from', `sqlite:${join(done.cwd, 'shop.db')}`]
    const script = realpathSync(installedAt('npx')!)
    const { stdout, status } = await run(process.execPath, [script, ...words, '--', 'node', '-p', '1'], {
      cwd: checkout,
      env: { DATABASE_URL: done.url, PATH: `${callers}${delimiter}${process.env.PATH}` },
    })
    expect({ stdout, status }).toEqual({ stdout: 'the node of the caller\n', status: 0 })
  })
})

describe('what is told', () => {
  test('with --json is one object: on standard output without an application, else beside it', async () => {
    const alone = await start(done, ['--json'])
    expect(alone).toMatchObject({ status: 0, stderr: '' })
    const report = { command: 'boot', outcome: 'done-before', migration: 'shop', state: { status: 'done' } }
    expect(JSON.parse(alone.stdout)).toMatchObject(report)
    const beside = await start(done, ['--json', '--', 'echo', 'application'])
    expect(beside).toMatchObject({ status: 0, stdout: 'application\n' })
    expect(JSON.parse(beside.stderr)).toMatchObject(report)
    const place = await applications.place()
    const first = await start(place, ['--json'])
    expect(JSON.parse(first.stdout)).toMatchObject({
      outcome: 'migrated',
      state: { counts: [{ table: 'public.users', read: 2, loaded: 2, setAside: 0 }] },
      migrate: { exitCode: 0 },
    })
  })

  test('of a failure never goes where the application would have written', async () => {
    const place = await applications.place()
    const broken = { ...place, url: 'postgres://nobody@127.0.0.1:1/none' }
    const told = await start(broken, ['--json', '--', 'echo', 'application'])
    expect(told).toMatchObject({ status: 4, stdout: '' })
    expect(JSON.parse(told.stderr)).toMatchObject({ command: 'boot', error: { code: 'LF301' } })
    // The application's --json is none of Landfall's.
    const plain = await start(broken, ['--', 'echo', '--json'])
    expect(plain).toMatchObject({ status: 4, stdout: '' })
    expect(plain.stderr).toContain('error LF301')
    const alone = await start(broken, ['--json'])
    expect(alone.status).toBe(4)
    expect(JSON.parse(alone.stdout)).toMatchObject({ command: 'boot', error: { code: 'LF301' } })
  })
})
