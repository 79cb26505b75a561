import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
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
  expect(await refused([...files.keys()])).toBe('')
})

/** What Landfall says against the configs, in a process whose modules are loaded by Node.js alone. */
async function refused(files: readonly string[]): Promise<string> {
  const load = pathToFileURL(join(repository, 'src/config/load.ts')).href
  const program = `import { loadConfig } from ${JSON.stringify(load)}
    for (const file of ${JSON.stringify(files)})
      await loadConfig(file, process.cwd()).catch((error) => console.log(file, error.message, error.hint))`
  const args = ['--input-type=module', '--eval', program]
  return (await promisify(execFile)(process.execPath, args, { cwd: folder })).stdout
}

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
