import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestServer, testServer } from '../support/postgres.ts'
import { MUTATIONS } from './mutations/plant.ts'
import { schemas } from './mutations/schema.ts'
import { World } from './mutations/world.ts'

/** More of them for a long search: LANDFALL_RUNS=50; `npm run soak:verify` goes on until 100,000 were found. */
const RUNS = Number(process.env.LANDFALL_RUNS ?? 2)
/** Rounds of mutations in one pair of databases. */
const BATCHES = 2

const folder = mkdtempSync(join(tmpdir(), 'landfall-mutations-'))
let server: TestServer
const planted = new Map<string, number>()

beforeAll(async () => {
  server = await testServer()
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true })
})

test('whatever changes in the target is reported and repaired, and nothing else is', {
  timeout: 600_000,
}, async () => {
  let files = 0
  await fc.assert(
    fc.asyncProperty(schemas(24), fc.nat(), fc.boolean(), async (tables, seed, replan) => {
      const world = await World.make(
        tables,
        join(folder, `${++files}.db`),
        await server.database(),
        seed,
        replan,
      )
      try {
        for (let batch = 0; batch < BATCHES; batch += 1) {
          const { planted: mutations } = await world.mutate(0.5)
          for (const { kind } of mutations) planted.set(kind, (planted.get(kind) ?? 0) + 1)
        }
        await world.clean()
      } finally {
        await world.close()
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
})

test('mutations of every kind were planted', () => {
  expect(MUTATIONS.filter((kind) => !planted.has(kind))).toEqual([])
  expect([...planted.values()].reduce((sum, times) => sum + times, 0)).toBeGreaterThan(300)
})
