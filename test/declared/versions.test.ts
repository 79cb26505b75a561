import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeSchemaSettings, schemaApply, schemaUndo, schemaVerify } from '../../src/index.ts'
import { canDump, type DumpableServer, dumpableServer } from '../support/dumpable.ts'
import { query, state, TOKENS, USERS } from './declaring.ts'

/** The release that the machine has installed, which is an older one than the tests' own. */
describe.skipIf(!canDump)('on the installed release', () => {
  let server: DumpableServer
  beforeAll(async () => {
    server = await dumpableServer()
  })
  afterAll(() => server.stop())

  test('it is made, made again, verified and undone', async () => {
    const url = await server.database()
    await query(url, USERS)
    const before = await state(url)
    const settings = makeSchemaSettings(TOKENS, { to: url }, { cwd: '/', environment: {} })
    expect((await schemaApply(settings)).exitCode).toBe(0)
    expect((await schemaApply(settings)).outcome).toBe('nothing-to-do')
    expect((await schemaVerify(settings)).outcome).toBe('as-declared')
    expect((await schemaUndo(settings, { ask: async () => true })).outcome).toBe('done')
    expect(await state(url)).toEqual({ ...before, record: [] })
  })
})
