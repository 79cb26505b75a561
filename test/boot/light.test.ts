import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testServer } from '../support/postgres.ts'
import { Applications, start } from './applications.ts'

let applications: Applications
beforeAll(async () => {
  applications = new Applications(await testServer())
})
afterAll(() => applications.remove())

test('a start that finds it done loads nothing of what migrates', async () => {
  const place = await applications.place()
  const list = join(place.cwd, 'loaded.mjs')
  writeFileSync(
    list,
    `import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'
registerHooks({
  load(url, context, next) {
    writeSync(2, 'loads ' + url + '\\n')
    return next(url, context)
  },
})`,
  )
  const rooms = async (): Promise<string[]> => {
    const { status, stderr } = await start(place, [], { node: ['--import', list] })
    expect(status).toBe(0)
    const loaded = [...stderr.matchAll(/^loads \S+\/(src|node_modules)\/([^/\s]+)/gm)]
    return [...new Set(loaded.map(([, , room]) => room!))]
  }
  const migrating = ['plan', 'profile', 'catalog', 'schema', 'merge', 'identity', 'checks']
  expect(await rooms()).toEqual(expect.arrayContaining(migrating.slice(0, 4)))
  const next = await rooms()
  expect(next).toContain('boot')
  expect(next.filter((room) => [...migrating, 'log-update'].includes(room))).toEqual([])
})
