import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stopEmbedded } from '../../src/connection/embedded.ts'
import { closing, reachTarget } from '../../src/connection/target.ts'

test('a server that cannot be left is an error, but never hides the one before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-target-'))
  try {
    const [one, two] = [await reachTarget('embedded', folder), await reachTarget('embedded', folder)]
    // Where the wish to keep the server would be noted down, there is a folder.
    mkdirSync(join(folder, 'embedded.keep'))
    const work = async () => {
      throw new Error('the first')
    }
    await expect(closing(one, true, work)).rejects.toThrow('the first')
    await expect(closing(two, true, async () => 'done')).rejects.toMatchObject({ code: 'LF307' })
  } finally {
    await stopEmbedded({ folder })
    rmSync(folder, { recursive: true })
  }
})
