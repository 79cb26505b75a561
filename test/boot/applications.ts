import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BIN } from '../cli/run.ts'
import type { TestServer } from '../support/postgres.ts'

/** A folder with a database of two users, a config that moves it, and a target. */
export interface Place {
  readonly cwd: string
  readonly url: string
}

export interface Ended {
  readonly pid: number
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Uint8Array
  /** Of Node.js itself, before Landfall. */
  readonly node?: readonly string[]
  readonly onStart?: (child: ChildProcess) => void
}

const CONFIG = `import { defineMigration, env } from 'landfall'
export default defineMigration({ name: 'shop', source: 'sqlite:shop.db', target: env('DATABASE_URL') })
`

/** Where an application starts, again and again. */
export class Applications {
  readonly folder = mkdtempSync(join(tmpdir(), 'landfall-boot-'))
  readonly #server: TestServer
  #made = 0

  constructor(server: TestServer) {
    this.#server = server
  }

  async place(config = CONFIG): Promise<Place> {
    const cwd = join(this.folder, `p${this.#made++}`)
    mkdirSync(cwd)
    const db = new DatabaseSync(join(cwd, 'shop.db'))
    db.exec(`create table users(id integer primary key, name text not null);
      insert into users(name) values ('Ada'), ('Grace')`)
    db.close()
    writeFileSync(join(cwd, 'landfall.config.ts'), config)
    return { cwd, url: await this.#server.database() }
  }

  async remove(): Promise<void> {
    await this.#server.stop()
    rmSync(this.folder, { recursive: true })
  }
}

/** `landfall boot` with these words, as the very process that is started. */
export function start(
  { cwd, url }: Place,
  words: readonly string[],
  { env = {}, input, node = [], onStart }: Surroundings = {},
): Promise<Ended> {
  return run(process.execPath, [...node, BIN, 'boot', ...words], {
    cwd,
    env: { DATABASE_URL: url, ...env },
    ...(input === undefined ? {} : { input }),
    ...(onStart === undefined ? {} : { onStart }),
  })
}

export function run(
  file: string,
  args: readonly string[],
  { cwd, env = {}, input, onStart }: Surroundings & { readonly cwd: string },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { FORCE_COLOR: _, ...inherited } = process.env
    const child = spawn(file, args, { cwd, env: { ...inherited, ...env }, stdio: 'pipe' })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (part: string) => {
        texts[name] += part
      })
    // Who does not read all of it closes the pipe.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ pid: child.pid!, status, signal, ...texts }))
    onStart?.(child)
  })
}

/** Calls when the child has said this on standard output. */
export function whenSaid(child: ChildProcess, text: string, then: () => void): void {
  let said = ''
  const listen = (part: string): void => {
    said += part
    if (!said.includes(text)) return
    child.stdout!.off('data', listen)
    then()
  }
  child.stdout!.on('data', listen)
}
