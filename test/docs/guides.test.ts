import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { configsOf, guides } from './blocks.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'landfall-guides-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('every config in the guides is one by the compiler, and by Landfall', async () => {
  const files = new Map<string, string>()
  for (const [file, { text, place }] of guides().flatMap((guide) => [...configsOf(guide)])) {
    writeFileSync(join(folder, file), text)
    files.set(file, place)
  }
  expect(files.size).toBeGreaterThan(10)
  const compiled = await compile()
  for (const [file, place] of files) expect(compiled.replaceAll(file, place)).not.toContain(place)
  expect(compiled).toBe('')
  for (const [file, place] of files) await expect(loadConfig(file, folder), place).resolves.toBeTruthy()
})

async function compile(): Promise<string> {
  const config = {
    extends: join(repository, 'tsconfig.json'),
    compilerOptions: { typeRoots: [join(repository, 'node_modules/@types')] },
    include: ['*.config.ts'],
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(repository, 'node_modules/typescript/bin/tsc')
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', folder])
    return ''
  } catch (error) {
    return (error as { readonly stdout: string }).stdout
  }
}
