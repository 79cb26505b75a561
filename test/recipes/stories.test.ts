import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { needs } from '../support/needs.ts'

/** `npm run recipe -- NAME`, as it stands in the READMEs: every step of it is accepted or ends it. */
function story(name: string): Promise<{ status: number | null; said: string }> {
  const { SERVER_URL: _, FORCE_COLOR: __, ...env } = process.env
  const run = fileURLToPath(new URL('../../recipes/run.ts', import.meta.url))
  const child = spawn(process.execPath, [run, name], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      said += part
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, said }))
  })
}

needs('python3')('several instances fold the plugin in when they start, one of them killed', async () => {
  const { status, said } = await story('plugin-to-backend')
  expect({ status, said }).toMatchObject({
    status: 0,
    said: expect.stringContaining('Every step was accepted.'),
  })
  expect(said).toMatch(/Python, process \d+/)
  expect(said).toMatch(/Node\.js, process \d+/)
})
