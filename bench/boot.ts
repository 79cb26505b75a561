import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'
import { succeed } from './command.ts'
import { type Figure, Figures } from './figures.ts'
import { median } from './measure.ts'
import type { BenchServer } from './server.ts'

const TARGET = 'bench'
const NAME = 'bench_boot'
/** Starts are short: of fewer than these a median says nothing. */
const STARTS = 15

const landfall = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))
const lookUp = fileURLToPath(new URL('./boot-look-up.ts', import.meta.url))

/** Medians of whole processes, in seconds. */
export interface BootResult {
  readonly shape: 'boot'
  readonly starts: number
  /** `landfall boot -- true`, when the migration is done. */
  readonly start: number
  /** The same with an empty `boot.onlyIf`. */
  readonly notAsked: number
  /** Of that start: from connecting to the closed connection, the one query between. */
  readonly lookUp: number
  readonly node: number
  readonly program: number
}

/** Starts of an application whose migration is done long since. */
export async function compareBoots(server: BenchServer, { folder, runs, say }: Bench): Promise<BootResult> {
  await server.recreate(TARGET)
  const url = server.url(TARGET)
  const done = writeConfig(folder, url, true)
  const notAsked = writeConfig(folder, url, false)
  const boot = (config: string): string[] => [landfall, 'boot', '--config', config, '--', 'true']
  await succeed(process.execPath, boot(done))
  const contestants = {
    start: [process.execPath, boot(done)],
    notAsked: [process.execPath, boot(notAsked)],
    lookUp: [process.execPath, [lookUp, url, NAME]],
    node: [process.execPath, ['-e', '1']],
    program: ['true', []],
  } as const satisfies Record<string, readonly [string, readonly string[]]>
  const times = new Map<string, number[]>()
  const starts = Math.max(STARTS, runs)
  // The first round fills the caches.
  for (let round = 0; round <= starts; round++)
    for (const [name, [command, args]] of Object.entries(contestants)) {
      const { seconds, stdout } = await succeed(command, args)
      const counted = name === 'lookUp' ? Number(stdout) / 1000 : seconds
      if (round > 0) times.set(name, [...(times.get(name) ?? []), counted])
    }
  const of = (name: keyof typeof contestants): number => median(times.get(name)!)
  const result: BootResult = {
    shape: 'boot',
    starts,
    start: of('start'),
    notAsked: of('notAsked'),
    lookUp: of('lookUp'),
    node: of('node'),
    program: of('program'),
  }
  const ms = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`
  say(`boot, medians of ${starts}: a start that finds it done ${ms(result.start)}`)
  say(`boot: one that is not asked ${ms(result.notAsked)}, connection and query ${ms(result.lookUp)}`)
  say(`boot: node -e 1 ${ms(result.node)}, true ${ms(result.program)}`)
  return result
}

export function judgeBoot({ start, notAsked, lookUp, node }: BootResult): readonly Figure[] {
  const figures = new Figures('boot', true)
  figures.number('start of a process, done before', start, 's')
  figures.number('the same, not asked for', notAsked, 's')
  figures.number('node -e 1', node, 's')
  figures.atMost('connection and the one query', lookUp, 's', 0.05)
  return figures.list
}

function writeConfig(folder: string, url: string, isAsked: boolean): string {
  const source = join(folder, 'boot.db')
  const database = new DatabaseSync(source)
  database.exec('create table if not exists users(id integer primary key)')
  database.close()
  const config = {
    name: NAME,
    source: `sqlite:${source}`,
    target: url,
    boot: { onlyIf: isAsked },
  }
  const file = join(folder, `boot-${isAsked}.config.ts`)
  writeFileSync(
    file,
    `import { defineMigration } from 'landfall'\nexport default defineMigration(${JSON.stringify(config)})\n`,
  )
  return file
}
