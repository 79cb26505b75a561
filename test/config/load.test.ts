import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { loadSettings, loadTargetSettings } from '../../src/config/settings.ts'

const root = mkdtempSync(join(tmpdir(), 'landfall-config-'))
afterAll(() => rmSync(root, { recursive: true }))

let folder = root
let made = 0
beforeEach(() => {
  folder = join(root, `f${made++}`)
  mkdirSync(folder)
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}
const here = (environment: Record<string, string> = {}) => ({ cwd: folder, environment })

describe('the file', () => {
  test('none is null; one that is named and missing is LF002', async () => {
    expect(await loadConfig(undefined, folder)).toBeNull()
    await expect(loadConfig('other.ts', folder)).rejects.toMatchObject({ code: 'LF002' })
  })

  test('JSON is read as it is; broken JSON is LF002', async () => {
    write('landfall.config.json', '{ "name": "j" }')
    expect((await loadConfig(undefined, folder))?.config).toEqual({ name: 'j' })
    write('broken.json', '{ "name": ')
    await expect(loadConfig('broken.json', folder)).rejects.toMatchObject({ code: 'LF002' })
  })

  test('two are refused, unless one is named', async () => {
    write('landfall.config.json', '{}')
    write('landfall.config.mjs', 'export default {}')
    await expect(loadConfig(undefined, folder)).rejects.toThrow(/several config files/)
    expect(await loadConfig('landfall.config.json', folder)).not.toBeNull()
  })
})

describe('settings', () => {
  test('without a config: the target is embedded, the name comes from the file, everything has its default', async () => {
    const settings = await loadSettings({ from: 'sqlite:my.app.db' }, here())
    expect(settings).toMatchObject({
      name: 'my.app',
      to: 'embedded',
      embeddedFolder: join(folder, '.landfall'),
      moves: { rest: true, tables: [] },
      names: 'keep',
      badRows: 'stop',
      targetSchema: 'public',
      profileRows: null,
      tables: null,
      exclude: [],
      checkpoint: null,
      restart: false,
      dryRun: false,
      keepRunning: false,
      record: true,
      snapshot: 'auto',
    })
    expect(settings.jobs).toBeGreaterThanOrEqual(1)
    expect(settings.from.label).toBe('sqlite:my.app.db')
  })

  test('options win over the config, and an unset variable does not matter then', async () => {
    write(
      'landfall.config.json',
      JSON.stringify({
        source: 'sqlite:config.db',
        target: { kind: 'env', names: ['NOT_SET'], default: null },
        badRows: 'stop',
        jobs: 3,
        batchSize: 10,
      }),
    )
    await expect(loadSettings({}, here())).rejects.toMatchObject({ code: 'LF004' })
    const options = { from: 'sqlite:flag.db', to: 'postgres://u@h/d', badRows: 'set-aside', jobs: 7 } as const
    const settings = await loadSettings(options, here())
    expect(settings).toMatchObject({ badRows: 'set-aside', jobs: 7, batchSize: 10, name: 'flag' })
    expect(settings.to).toMatchObject({ label: expect.stringContaining('postgres://u@h') })
  })

  test('no source is LF001; an engine that is no target too', async () => {
    await expect(loadSettings({}, here())).rejects.toMatchObject({ code: 'LF001' })
    await expect(loadSettings({ from: 'sqlite:a.db', to: 'sqlite:b.db' }, here())).rejects.toMatchObject({
      code: 'LF001',
    })
  })

  test('the target alone needs no source', async () => {
    expect(await loadTargetSettings({}, here())).toEqual({
      to: 'embedded',
      embeddedFolder: join(folder, '.landfall'),
    })
  })

  test('moves become choices with every key filled in', async () => {
    write(
      'landfall.config.json',
      JSON.stringify({
        source: 'sqlite:a.db',
        moves: { t: { from: 's', columns: { a: 'b', c: false, d: { epoch: 'ms' } } }, gone: false },
      }),
    )
    const nothing = {
      leaveOut: false,
      from: null,
      type: null,
      convert: null,
      convertInTarget: null,
      value: null,
      orElse: null,
      identity: null,
      unique: false,
      zone: null,
      epoch: null,
      nul: null,
      invalidUtf8: null,
      empty: null,
    }
    const plain = {
      leaveOut: false,
      from: null,
      select: null,
      key: null,
      filter: null,
      ifSourceMissing: null,
      ifThere: null,
      ifParentMissing: null,
      setByTriggers: null,
      columns: [],
    }
    expect((await loadSettings({}, here())).moves).toEqual({
      rest: false,
      tables: [
        {
          ...plain,
          name: 't',
          from: 's',
          columns: [
            { ...nothing, name: 'a', from: 'b' },
            { ...nothing, name: 'c', leaveOut: true },
            { ...nothing, name: 'd', epoch: 'ms' },
          ],
        },
        { ...plain, name: 'gone', leaveOut: true },
      ],
    })
  })
})
