import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../database.ts'
import type { Running, Story } from '../story.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export async function story(on: Story): Promise<void> {
  on.heading('1. A backend, the plugin that it replaces, and beside it the exporter')
  await on.sample()
  const base = on.variable('PLUGIN_API_BASE_URL')
  const exporter = on.background('exporter', ['npx', 'landfall', 'export-env', '--port', new URL(base).port])
  await on.answer(`${base}/api/health`)

  on.heading('2. Three accounts belong to users whom the backend does not know: no instance starts')
  const refused = await start(on, 2, 0)
  for (const { process } of refused) expectStatus(await process.ended, 5)
  await on.accept('mappings', '0', 'SELECT count(*) FROM plugin_user_mappings')
  await on.landfall(['boot', '--check'], 1)

  on.heading('3. Somebody says who they are')
  await on.sql('mend.sql')

  on.heading('4. Five instances start, and the one that migrates is killed')
  on.say('The one in Node.js calls boot() itself, through the package as it is published:')
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
  const instances = await start(on, 4, 1)
  const killed = await killRunner(on, instances)
  for (const { name, port, process } of instances) {
    if (killed === process.pid) continue
    on.say(`${name}: ${await on.answer(`http://127.0.0.1:${port}`)}`)
  }
  await on.accept('the migration', 'done', 'SELECT status FROM plugin_db_migration_states')
  await on.accept('accounts of the plugin', '2007', 'SELECT count(*) FROM accounts', 'PLUGIN_DATABASE_URL')
  await on.accept('accounts in the backend', '2007', 'SELECT count(*) FROM antigravity_accounts')
  for (const { process } of instances) process.stop()
  for (const { process } of instances) expectStatus(await process.ended, null)

  on.heading('5. From now on a start looks it up; without the variable it does not even do that')
  exporter.stop()
  expectStatus(await exporter.ended, 130)
  await on.landfall(['boot', '--check'], 0)
  const [again] = await start(on, 1, 0)
  const [without] = await start(on, 1, 0, { PLUGIN_API_BASE_URL: '' })
  for (const { name, port, process } of [again!, without!]) {
    on.say(`${name}: ${await on.answer(`http://127.0.0.1:${port}`)}`)
    process.stop()
    await process.ended
  }

  on.heading('6. Proof')
  await on.landfall(['verify', '--config', 'direct.config.ts'], 0)
  await on.sql('look.sql')
}

interface Instance {
  readonly name: string
  readonly port: number
  readonly process: Running
}

/** So many instances in Python, started through the command line, and in Node.js. */
async function start(
  on: Story,
  python: number,
  node: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Instance[]> {
  const instances: Instance[] = []
  for (let i = 1; i <= python + node; i++) {
    const port = await freePort(0)
    const words =
      i <= python ? ['npx', 'landfall', 'boot', '--', 'python3', 'app.py'] : ['npx', 'node', 'app.mjs']
    const name = `${i <= python ? 'Python' : 'Node.js'} ${i}`
    instances.push({ name, port, process: on.background(name, words, { PORT: String(port), ...env }) })
  }
  return instances
}

/** The journal says which process has the lock. Returns its number; null: it was done before it was found. */
async function killRunner(on: Story, instances: readonly Instance[]): Promise<number | null> {
  for (let looks = 0; looks < 1000; looks++) {
    const [pid] = await on.ask(`SELECT m.process FROM landfall.migrations m
      JOIN plugin_db_migration_states s ON s.key = m.name AND s.status = 'running'`)
    const runner = instances.find(({ process }) => String(process.pid) === pid)
    if (runner !== undefined) {
      runner.process.stop('SIGKILL')
      on.say(`${runner.name}, process ${pid}, was killed while it migrated`)
      return runner.process.pid
    }
    const [status] = await on.ask('SELECT status FROM plugin_db_migration_states')
    if (status === 'done') return null
    await sleep(5)
  }
  throw new Error('no instance began to migrate')
}

function expectStatus(found: number | null, expected: number | null): void {
  if (found !== expected) throw new Error(`an instance ended with status ${found}, not ${expected}`)
}
