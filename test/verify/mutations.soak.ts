/**
 * Plants mutations until 100,000 were found and 100,000 clean comparisons raised no alarm, or the first
 * one that goes wrong. A clean comparison is one table whose rows were all compared after its rows were
 * rewritten, moved, or deleted and inserted again, without a change of any value.
 *
 *     npm run soak:verify [-- --mutations 100000 --clean 100000 --minutes 60 --seed 1]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { Client } from 'pg'
import { startServer } from '../support/global-setup.ts'
import { schemas } from './mutations/schema.ts'
import { type Clean, World } from './mutations/world.ts'

const { values: asked } = parseArgs({
  options: {
    mutations: { type: 'string', default: '100000' },
    clean: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const wanted = { mutations: Number(asked.mutations), clean: Number(asked.clean) }
const began = Date.now()
const until = began + Number(asked.minutes) * 60_000

/** What was done so far. */
const sum = { mutations: 0, differences: 0, clean: 0, ordered: 0, cleanRows: 0, batches: 0, worlds: 0 }
const kinds = new Map<string, number>()

const isDone = (): boolean => sum.mutations >= wanted.mutations && sum.clean >= wanted.clean
const number = (n: number): string => n.toLocaleString('en')
const progress = (): string =>
  [
    `${Math.round((Date.now() - began) / 1000)} s: ${number(sum.mutations)} mutations planted, found and repaired`,
    `(${number(sum.differences)} differences in ${number(sum.batches)} batches),`,
    `${number(sum.clean)} clean comparisons of a table (${number(sum.ordered)} of them in order, ${number(sum.cleanRows)} rows) without an alarm,`,
    `${number(sum.worlds)} pairs of databases`,
  ].join(' ')

/** When progress was last printed. */
let told = began

function tell(): void {
  if (Date.now() - told < 15_000) return
  told = Date.now()
  console.log(progress())
}

function add(clean: Clean): void {
  sum.ordered += clean.ordered
  sum.clean += clean.tables
  sum.cleanRows += clean.rows
}

/** In turn: many rows in a few tables, to be mutated; many tables of a few rows, to be found clean. */
const SHAPES = [
  { rows: 600, more: 0, share: 0.8, rounds: 5, replan: false },
  { rows: 10, more: 70, share: 0.5, rounds: 1, replan: false },
  { rows: 600, more: 0, share: 0.8, rounds: 5, replan: true },
  { rows: 10, more: 70, share: 0.5, rounds: 1, replan: false },
] as const
/** Comparisons after each change of no value, in databases of many tables. */
const CLEAN = 100

/** One pair of databases. */
async function soak(url: string, folder: string, seed: number): Promise<void> {
  const shape = SHAPES[seed % SHAPES.length]!
  const [specs] = fc.sample(schemas(shape.rows, shape.more), { numRuns: 1, seed })
  const name = `soak_${seed}`
  await statement(url, `CREATE DATABASE ${name}`)
  const to = new URL(url)
  to.pathname = `/${name}`
  const file = join(folder, `${name}.db`)
  const world = await World.make(specs!, file, to.href, seed, shape.replan)
  try {
    sum.worlds += 1
    for (
      let round = 0;
      round < shape.rounds && sum.mutations < wanted.mutations && Date.now() < until;
      round += 1
    ) {
      const { planted, clean } = await world.mutate(shape.share)
      sum.batches += 1
      sum.mutations += planted.length
      for (const { kind, differences } of planted) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
        sum.differences += differences
      }
      add(clean)
      tell()
    }
    const most = shape.more > 0 ? CLEAN : 1
    for (let round = 0; round < most && sum.clean < wanted.clean && Date.now() < until; round += 1) {
      add(await world.clean())
      tell()
    }
  } finally {
    await world.close()
    await statement(url, `DROP DATABASE ${name} WITH (FORCE)`)
    rmSync(file)
  }
}

async function statement(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

const folder = mkdtempSync(join(tmpdir(), 'landfall-soak-'))
const server = await startServer()
let seed = Number(asked.seed)
try {
  for (; !isDone() && Date.now() < until; seed += 1) await soak(server.url, folder, seed)
  for (const [kind, times] of [...kinds].sort(([, a], [, b]) => b - a))
    console.log(`${number(times).padStart(8)}  ${kind}`)
  console.log(`${isDone() ? 'Done' : 'Out of time'}, seeds ${asked.seed} to ${seed - 1}. ${progress()}`)
} catch (error) {
  console.error(`seed ${seed}: ${progress()}`)
  throw error
} finally {
  await server.stop()
  rmSync(folder, { recursive: true })
}
process.exitCode = isDone() ? 0 : 1
