import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import pc from 'picocolors'
import { compare } from './compare.ts'
import { makeShop } from './shop.ts'

/**
 * `npm run demo`: the real command line against a database with trouble in it, killed half-way and
 * started again. Everything is in a folder of its own, which is gone afterwards.
 */
const landfall = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))
const MIGRATE = ['migrate', '--from', 'sqlite:shop.db', '--bad-rows', 'set-aside']
/** Small chunks, so that there is a middle to be killed in. */
const CHUNKS = ['--batch-size', '1000']

const running = new Set<ChildProcess>()

async function main(): Promise<void> {
  const begin = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'landfall-demo-'))
  // As root the server runs as another user, who has to get through to its files.
  chmodSync(folder, 0o711)
  const stopOnSignal = (): void => {
    for (const child of running) child.kill('SIGKILL')
    void cleanUp(folder).finally(() => process.exit(130))
  }
  process.once('SIGINT', stopOnSignal).once('SIGTERM', stopOnSignal)
  try {
    await demo(folder)
  } finally {
    await cleanUp(folder)
    say(`\nStopped the embedded PostgreSQL and removed ${folder}: nothing is left running.`)
  }
  say(`${((performance.now() - begin) / 1000).toFixed(0)} seconds in all.\n`)
  say(pc.bold('What to type next'))
  say('  npx landfall plan --from sqlite:PATH/TO/YOUR.db       every decision; writes nothing')
  say('  npx landfall migrate --from sqlite:PATH/TO/YOUR.db    into an embedded PostgreSQL under .landfall/')
  say('  npx landfall migrate --help                           everything else')
}

async function demo(folder: string): Promise<void> {
  heading('1. A shop’s database, made by years of ordinary use')
  const shop = makeShop(join(folder, 'shop.db'))
  const rows = sum(shop.rows)
  say(
    `shop.db: ${Object.keys(shop.rows).length} tables, ${rows.toLocaleString('en')} rows, a view, a trigger, a search table;`,
  )
  say(`${sum(shop.unfit)} rows in it cannot be stored in PostgreSQL as they are.`)

  heading('2. The plan: what will happen, and what cannot')
  const plan = await run(folder, ['plan', '--from', 'sqlite:shop.db'])
  expectStatus('plan', plan, [0, 5])

  heading('3. Migrate, setting those rows aside, and kill it half-way')
  expectStatus('embedded start', await run(folder, ['embedded', 'start'], 'quiet'), [0])
  const url = await output(folder, ['embedded', 'url'])
  const killed = await runAndKill(folder, [...MIGRATE, ...CHUNKS, '--keep-running'], url)
  say(pc.yellow(`kill -9 after ${killed.done} of ${killed.all} chunks.`))

  heading('4. The same command again: it goes on')
  expectStatus('migrate', await run(folder, [...MIGRATE, ...CHUNKS, '--keep-running']), [1])
  say('Status 1: all is there, with rows set aside.')

  heading('5. Is everything there? Asked in SQL, on both sides')
  const differences = await compare(join(folder, 'shop.db'), url, shop, say)
  if (differences > 0) throw new Error(`${differences} differences: this is a bug in Landfall`)
  say(pc.green('Every row is in its table or in landfall.rejects, once.'))
}

/** Runs the command line in the folder and returns its exit status. */
async function run(
  folder: string,
  args: readonly string[],
  how: 'shown' | 'quiet' = 'shown',
): Promise<number | null> {
  if (how === 'shown') say(pc.dim(`$ landfall ${args.join(' ')}`))
  const child = start(folder, args, how === 'shown' ? 'inherit' : 'ignore')
  return ended(child)
}

async function output(folder: string, args: readonly string[]): Promise<string> {
  const child = start(folder, args, 'pipe')
  const parts: Buffer[] = []
  child.stdout?.on('data', (part: Buffer) => parts.push(part))
  child.stderr?.resume()
  expectStatus(args.join(' '), await ended(child), [0])
  return Buffer.concat(parts).toString().trim()
}

/** Starts the migration, and kills it without warning when a good part of its chunks is written. */
async function runAndKill(folder: string, args: readonly string[], url: string): Promise<Chunks> {
  say(pc.dim(`$ landfall ${args.join(' ')}`))
  const child = start(folder, args, 'inherit')
  const end = ended(child)
  let isOver = false
  void end.then(() => {
    isOver = true
  })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    while (!isOver) {
      const { done, all } = await chunks(client)
      if (all > 0 && done >= all / 3) break
      await sleep(5)
    }
    const wasRunning = child.kill('SIGKILL')
    await end
    // Its last commits may still be on their way.
    await sleep(200)
    const at = await chunks(client)
    if (!wasRunning || at.done === at.all) throw new Error('the run was over before it could be killed')
    if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n')
    return at
  } finally {
    await client.end()
  }
}

interface Chunks {
  readonly done: number
  readonly all: number
}

async function chunks(client: pg.Client): Promise<Chunks> {
  const { rows: found } = await client.query("SELECT to_regclass('landfall.chunks') IS NOT NULL AS there")
  if (!found[0].there) return { done: 0, all: 0 }
  const { rows } = await client.query(
    "SELECT count(*) FILTER (WHERE state = 'done')::int AS done, count(*)::int AS all FROM landfall.chunks",
  )
  return rows[0]
}

function start(folder: string, args: readonly string[], stdio: 'inherit' | 'ignore' | 'pipe'): ChildProcess {
  const child = spawn(process.execPath, [landfall, ...args], { cwd: folder, stdio: ['ignore', stdio, stdio] })
  running.add(child)
  return child
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => {
      running.delete(child)
      resolve(status)
    })
  })
}

function expectStatus(command: string, status: number | null, expected: readonly number[]): void {
  if (status === null || !expected.includes(status))
    throw new Error(`landfall ${command} ended with status ${status}, not ${expected.join(' or ')}`)
}

async function cleanUp(folder: string): Promise<void> {
  await run(folder, ['embedded', 'stop'], 'quiet')
  rmSync(folder, { recursive: true, force: true })
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((a, b) => a + b, 0)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const heading = (text: string): void => say(`\n${pc.bold(pc.cyan(text))}`)

try {
  await main()
} catch (error) {
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
