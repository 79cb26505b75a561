import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import { connected } from './database.ts'

/** What a recipe's story is told with: each command as a person types it, and what must come of it. */
export interface Story {
  heading(text: string): void
  say(text: string): void
  /** Makes the recipe's sample data; from then on the commands know where it is. */
  sample(...options: string[]): Promise<void>
  /** Runs `landfall` and shows what it says. Anything but the expected status ends the story. */
  landfall(args: readonly string[], expected: number): Promise<void>
  /** Runs a file of the recipe, one that a command has written, or a statement, in the database of the variable (default: `DATABASE_URL`). */
  sql(what: string, variable?: string): Promise<void>
  /** Starts a command that stays, as a person types it; each line that it says is shown with the name before it. */
  background(name: string, words: readonly string[], env?: Readonly<Record<string, string>>): Running
  /** Asks until there is an answer, within half a minute. */
  answer(url: string): Promise<string>
  /** What a statement yields in a database, as text; what cannot be asked yet yields nothing. */
  ask(question: string, variable?: string): Promise<string[]>
  variable(name: string): string
  /** Asks one value; anything but the expected one ends the story. */
  accept(about: string, expected: string, question: string, variable?: string): Promise<void>
}

export interface Running {
  readonly pid: number
  /** The exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>
  stop(signal?: NodeJS.Signals): void
}

const bin = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))
const running = new Set<ChildProcess>()

/** Tells the story of a recipe's folder on an embedded server of its own, which is gone afterwards. */
export async function tell(recipe: string, story: (on: Story) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `landfall-${recipe}-`))
  // As root the server runs as another user, who has to get through to its files.
  chmodSync(folder, 0o711)
  const cleanUp = (): void => {
    for (const child of running) child.kill('SIGKILL')
    execFileSync(process.execPath, [bin, 'embedded', 'stop'], { cwd: folder, stdio: 'ignore' })
    rmSync(folder, { recursive: true, force: true })
  }
  const stopOnSignal = (): void => {
    cleanUp()
    process.exit(130)
  }
  process.once('SIGINT', stopOnSignal).once('SIGTERM', stopOnSignal)
  try {
    await story(teller(recipe, folder))
  } finally {
    cleanUp()
    process.off('SIGINT', stopOnSignal).off('SIGTERM', stopOnSignal)
  }
}

function teller(recipe: string, folder: string): Story {
  const own = (name: string): string => fileURLToPath(new URL(`${recipe}/${name}`, import.meta.url))
  const databases: Record<string, string> = {}

  const run = async (shown: string, args: readonly string[], expected: number): Promise<void> => {
    say(pc.dim(`$ ${shown}`))
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...databases },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    running.add(child)
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    }).finally(() => running.delete(child))
    if (status !== expected) throw new Error(`${shown} ended with status ${status}, not ${expected}`)
  }

  return {
    heading: (text) => say(`\n${pc.bold(pc.cyan(text))}`),
    say,
    async sample(...options) {
      say(pc.dim(`$ eval "$(npx node sample.ts${options.map((option) => ` ${option}`).join('')})"`))
      const output = execFileSync(process.execPath, [own('sample.ts'), ...options], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
        encoding: 'utf8',
      })
      for (const [, name, url] of output.matchAll(/^export (\w+)='(.*)'$/gm)) databases[name!] = url!
    },
    landfall(args, expected) {
      const config = args.indexOf('--config')
      const file = config < 0 ? 'landfall.config.ts' : args[config + 1]!
      const others = config < 0 ? args : args.toSpliced(config, 2)
      return run(`npx landfall ${args.join(' ')}`, [bin, ...others, '--config', own(file)], expected)
    },
    sql(what, variable = 'DATABASE_URL') {
      const where = variable === 'DATABASE_URL' ? '' : ` --in ${variable}`
      const isFile = what.endsWith('.sql')
      const script = fileURLToPath(new URL('sql.ts', import.meta.url))
      return run(
        `npx node ../sql.ts${where} ${isFile ? what : `"${what}"`}`,
        [script, '--in', variable, isFile && existsSync(own(what)) ? own(what) : what],
        0,
      )
    },
    background(name, words, env = {}) {
      const settings = Object.entries(env).map(([key, value]) => `${key}=${value} `)
      say(pc.dim(`$ ${settings.join('')}${words.join(' ')} &`))
      const [program, ...args] = commandOf(words, own)
      const child = spawn(program!, args, {
        cwd: folder,
        env: { ...process.env, ...databases, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      running.add(child)
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => say(`${pc.cyan(`[${name}]`)} ${line}`))
      const ended = new Promise<number | null>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', resolve)
      }).finally(() => running.delete(child))
      return { pid: child.pid!, ended, stop: (signal = 'SIGTERM') => void child.kill(signal) }
    },
    async answer(url) {
      for (let times = 0; times < 300; times++) {
        const found = await fetch(url).then(
          (response) => response.text(),
          () => null,
        )
        if (found !== null) return found.trim()
        await sleep(100)
      }
      throw new Error(`${url} does not answer`)
    },
    ask: (question, variable = 'DATABASE_URL') => firstColumn(databases[variable]!, question).catch(() => []),
    variable: (name) => databases[name]!,
    async accept(about, expected, question, variable = 'DATABASE_URL') {
      const found = (await firstColumn(databases[variable]!, question)).join(', ')
      if (found !== expected) throw new Error(`${about}: expected ${expected}, found ${found}`)
      say(`${pc.green('accepted')}  ${about}: ${found}`)
    },
  }
}

async function firstColumn(url: string, question: string): Promise<string[]> {
  return await connected(url, async (client) => {
    const { rows } = await client.query<unknown[]>({ text: question, rowMode: 'array' })
    return rows.map(([value]) => String(value))
  })
}

/** The programs of this checkout, wherever the story is told. */
function commandOf(words: readonly string[], own: (name: string) => string): string[] {
  const files = words.map((word) => (/^app\.\w+$/.test(word) ? own(word) : word))
  const [npx, program, verb, ...rest] = files
  if (npx !== 'npx') return files
  if (program === 'node') return [process.execPath, ...files.slice(2)]
  const config = verb === 'boot' ? ['--config', own('landfall.config.ts')] : []
  return [process.execPath, bin, verb!, ...config, ...rest]
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
