import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { embeddedStatus } from '../../src/connection/embedded.ts'
import { endEmbedded, useEmbedded } from '../../src/connection/embedded-use.ts'
import { landfall } from '../cli/run.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'landfall-use-'))
})
afterEach(async () => {
  await endEmbedded(folder)
  rmSync(folder, { recursive: true, force: true })
})
const state = () => embeddedStatus({ folder }).state

test('the last process that works with the server stops it', async () => {
  const first = await useEmbedded(folder)
  const second = await useEmbedded(folder)
  await first.leave(false)
  expect(state()).toBe('running')
  await second.leave(false)
  expect(state()).toBe('stopped')
})

test('a server that a person wants to keep is stopped only by name', async () => {
  await (await useEmbedded(folder)).leave(true)
  await (await useEmbedded(folder)).leave(false)
  expect(state()).toBe('running')
  expect(await endEmbedded(folder)).toBe(true)
  expect(state()).toBe('stopped')
})

test('who asks for the URL of a server does not keep it running', async () => {
  const path = join(folder, '.landfall')
  const use = await useEmbedded(path)
  const { status, stdout } = await landfall(['embedded', 'url'], { cwd: folder })
  expect({ status, stdout }).toEqual({ status: 0, stdout: `${use.server.url}\n` })
  await use.leave(false)
  expect(embeddedStatus({ folder: path }).state).toBe('stopped')
})

test('a server that a killed process left behind is stopped by the next one', async () => {
  const module = new URL('../../src/connection/embedded-use.ts', import.meta.url).href
  const code = `import { useEmbedded } from ${JSON.stringify(module)}
    await useEmbedded(process.argv[1]); console.log('here'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  const mine = await useEmbedded(folder)
  await mine.leave(false)
  expect(state()).toBe('running')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(state()).toBe('running')
  await (await useEmbedded(folder)).leave(false)
  expect(state()).toBe('stopped')
})

describe('a folder that cannot be used is named, with what to do', () => {
  const refusal = (path: string, text: RegExp) =>
    expect(useEmbedded(path)).rejects.toMatchObject({
      code: 'LF307',
      message: expect.stringMatching(text),
      hint: expect.stringMatching(/a folder that this user may write/),
    })

  test('a file of its name', async () => {
    const path = join(folder, '.landfall')
    writeFileSync(path, '')
    await refusal(path, /\.landfall.*EEXIST/)
    await expect(endEmbedded(path)).rejects.toMatchObject({ code: 'LF307' })
  })

  test('a file that SQLite cannot open', async () => {
    mkdirSync(join(folder, 'embedded.users'))
    await refusal(folder, /unable to open database file/)
  })

  test.runIf(process.getuid?.() === 0)('a folder that may not be written', async () => {
    chmodSync(folder, 0o755)
    try {
      process.seteuid!(65534)
      await refusal(join(folder, '.landfall'), /EACCES/)
      await refusal(folder, /unable to open database file/)
    } finally {
      process.seteuid!(0)
    }
  })
})

test('a new folder is not committed to the project that it lies in', async () => {
  const path = join(folder, 'app', '.landfall')
  const use = await useEmbedded(path)
  expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('*\n')
  await use.leave(false)
})
