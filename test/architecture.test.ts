import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readSources, type SourceFacts } from './support/sources.ts'

/**
 * The rooms of src/, from left to right. A room may import itself and every room of an earlier
 * stage. A room is a folder, a file directly in src/, or both where they have the same name. This is the
 * only place that says so.
 */
const STAGES: readonly (readonly string[])[] = [
  ['errors', 'contract'],
  ['connection'],
  ['catalog', 'types', 'config', 'exporter'],
  ['profile'],
  ['plan', 'journal'],
  ['schema', 'copy', 'merge', 'identity', 'checks', 'changes', 'assets', 'backup'],
  ['compare'],
  ['migrate'],
  ['verify', 'boot', 'declared'],
  ['report'],
  ['index'],
  ['cli', 'console'],
]

/** Arrows within a stage: `from` may import `to`. */
const BESIDE: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'config', to: 'types' },
  { from: 'journal', to: 'plan' },
  { from: 'identity', to: 'merge' },
  { from: 'merge', to: 'schema' },
  { from: 'identity', to: 'schema' },
]

/**
 * Who may import what is not ours: the module, and the rooms that may name it. `job` stands for the
 * files that run on worker threads, `…-job.ts` and `…-worker.ts`.
 */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  pg: ['connection'],
  zod: ['config'],
  commander: ['cli'],
  'log-update': ['cli'],
  picocolors: ['cli', 'report'],
  'node:sqlite': ['connection', 'catalog', 'copy', 'compare', 'declared', 'job'],
  'node:worker_threads': ['connection', 'profile', 'copy', 'job'],
  'node:child_process': ['connection', 'cli'],
  'node:fs': ['connection', 'config', 'journal', 'backup', 'migrate', 'cli'],
  'node:fs/promises': ['connection', 'config', 'migrate', 'cli'],
  'node:module': ['connection', 'config', 'cli'],
  'node:http': ['connection', 'exporter'],
  'node:https': ['connection'],
  'node:net': ['connection', 'exporter'],
  'node:tls': ['connection'],
  'node:os': ['connection', 'config', 'profile', 'copy', 'migrate', 'cli'],
  'node:buffer': ['connection', 'copy', 'job'],
  'node:path': ['connection', 'config', 'profile', 'plan', 'copy', 'backup', 'compare', 'migrate', 'cli'],
  'node:url': ['connection', 'config', 'profile', 'copy', 'compare', 'cli'],
  'node:process': ['connection', 'cli'],
  'node:crypto': ['connection', 'exporter', 'plan', 'journal', 'copy', 'compare', 'migrate', 'job'],
  'node:events': ['connection', 'profile', 'copy', 'job'],
  'node:stream': ['connection', 'copy', 'job'],
  'node:stream/promises': ['connection', 'copy', 'job'],
  'node:timers/promises': [
    'connection',
    'exporter',
    'journal',
    'copy',
    'schema',
    'migrate',
    'verify',
    'boot',
    'declared',
    'cli',
  ],
  'node:perf_hooks': ['profile', 'copy', 'compare', 'migrate', 'verify', 'cli'],
  'node:readline/promises': ['cli'],
  'node:util': ['connection', 'cli'],
}

/** Tests may be longer, since they list cases. */
const maxLines = (path: string): number => (path.startsWith('test/') ? 600 : 400)
const root = fileURLToPath(new URL('..', import.meta.url))
const all = readSources(root)
const sources = all.filter((file) => file.path.startsWith('src/'))

const room = (path: string): string => path.split('/')[1]!.replace(/\.ts$/, '')
const stage = (name: string): number => STAGES.findIndex((rooms) => rooms.includes(name))

function mayImport(from: string, to: string): boolean {
  if (from === to || stage(to) < stage(from)) return true
  return BESIDE.some((arrow) => arrow.from === from && arrow.to === to)
}

function mayNameOutside(path: string, module: string): boolean {
  const rooms = OUTSIDE[module] ?? []
  return rooms.includes(room(path)) || (rooms.includes('job') && /-(job|worker)\.ts$/.test(path))
}

/** Something said about each import of each of our files, where there is something to say. */
function complaints(judge: (file: SourceFacts, specifier: string, target: string | null) => string | null) {
  return sources.flatMap((file) =>
    file.imports.flatMap(({ specifier, file: target }) => judge(file, specifier, target) ?? []),
  )
}

describe('the rooms of src/', () => {
  test('are all in the table, once', () => {
    expect(sources.length).toBeGreaterThan(0)
    expect([...new Set(sources.map((file) => room(file.path)))].filter((name) => stage(name) < 0)).toEqual([])
    expect(STAGES.flat().length).toBe(new Set(STAGES.flat()).size)
  })

  test('import only what stands to the left of them', () => {
    const wrong = complaints((file, specifier, target) => {
      if (!target?.startsWith('src/') || mayImport(room(file.path), room(target))) return null
      return `${file.path} imports ${specifier}: ${room(file.path)} may not use ${room(target)}`
    })
    expect(wrong).toEqual([])
  })

  test('stay within src/, but for the package’s own version', () => {
    const wrong = complaints((file, _, target) => {
      if (target === null || target.startsWith('src/') || target === 'package.json') return null
      return `${file.path}: ${target}`
    })
    expect(wrong).toEqual([])
  })

  test('name packages and modules of Node.js only where the table says', () => {
    const wrong = complaints((file, specifier) => {
      if (specifier.startsWith('.') || mayNameOutside(file.path, specifier)) return null
      return `${file.path} imports ${specifier}`
    })
    expect(wrong).toEqual([])
  })
})

describe('the files', () => {
  test('import only files that are there', () => {
    const missing = all.flatMap((file) =>
      file.imports
        .filter(({ specifier, file: target }) => specifier.startsWith('.') && target === null)
        .map(({ specifier }) => `${file.path} imports ${specifier}`),
    )
    expect(missing).toEqual([])
  })

  test('import each other in no circle', () => {
    expect(circles(sources)).toEqual([])
  })

  test('are not long', () => {
    const long = all.filter((file) => file.lines > maxLines(file.path))
    expect(long.map((file) => `${file.path}: ${file.lines}`)).toEqual([])
  })

  test('have names that say something', () => {
    const vague = /(^|[/.-])(utils?|helpers?|common|misc|shared)([/.-]|$)/
    expect(all.map((file) => file.path).filter((path) => vague.test(path))).toEqual([])
  })

  test('ask which engine it is only where engines are told apart', () => {
    const named = (path: string): boolean =>
      ['sqlite', 'postgres'].some((engine) => basename(path).includes(engine))
    const wrong = sources
      .filter((file) => room(file.path) !== 'connection' && !named(file.path))
      .flatMap((file) => file.engineTests.map((line) => `${file.path}:${line}`))
    expect(wrong).toEqual([])
  })

  test('end the process only in cli/', () => {
    const wrong = sources
      .filter((file) => room(file.path) !== 'cli')
      .flatMap((file) => file.exits.map((line) => `${file.path}:${line}`))
    expect(wrong).toEqual([])
  })
})

/** Each circle once, as the way round it. */
function circles(files: readonly SourceFacts[]): string[] {
  const next = new Map(files.map((file) => [file.path, file.imports.flatMap((i) => i.file ?? [])]))
  const done = new Set<string>()
  const found: string[] = []
  const walk = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' → '))
    if (done.has(path) || way.includes(path)) return
    for (const target of next.get(path) ?? []) walk(target, [...way, path])
    done.add(path)
  }
  for (const file of files) walk(file.path, [])
  return found
}
