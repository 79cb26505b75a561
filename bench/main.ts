import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'
import { type BootResult, compareBoots, judgeBoot } from './boot.ts'
import { type CloneResult, compareClones, judgeClone, serverForDump } from './clone.ts'
import { type Figure, judge, type ShapeResult, table } from './figures.ts'
import { SHAPES as FILES, type Shape } from './generate.ts'
import { compareLoads } from './load.ts'
import { compareMerges, judgeMerge, type MergeResult } from './merge.ts'
import { ROWS } from './merge-data.ts'
import { compareSchemas, judgeSchema, type SchemaResult, USERS } from './schema.ts'
import { type BenchServer, startServer } from './server.ts'

/** Rows of each comparison's largest table. */
const SHAPES: Readonly<Record<Shape | 'clone' | 'merge' | 'boot' | 'schema', number>> = {
  events: FILES.events.rows,
  wide: FILES.wide.rows,
  'huge-row': FILES['huge-row'].rows,
  narrow: FILES.narrow.rows,
  clone: FILES.events.rows,
  merge: ROWS,
  boot: 0,
  schema: USERS,
}

const USAGE = `usage: npm run bench -- [--rows N] [--runs N] [--shapes ${Object.keys(SHAPES).join(',')}]
                     [--no-pgloader] [--keep FOLDER]

  --rows N        rows of the shape's largest table (default: ${Object.entries(SHAPES)
    .filter(([, rows]) => rows > 0)
    .map((entry) => entry.join(' '))
    .join(', ')})
  --runs N        runs of each contestant, in turn; medians are printed (default 3)
  --shapes LIST   which databases, with commas between them (default events): SQLite files of several
                  shapes, clone: one PostgreSQL database into another, merge: rows into a table with rows,
                  boot: starts of an application whose migration is done,
                  schema: a declared change of a table that others write to
  --no-pgloader   leave pgloader out
  --keep FOLDER   keep the generated SQLite databases there, and use them again
`

interface Options {
  readonly rows: number | undefined
  readonly runs: number
  readonly shapes: readonly (keyof typeof SHAPES)[]
  readonly pgloader: boolean
  readonly keep: string | undefined
}

async function main(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-bench-'))
  const files = options.keep === undefined ? folder : resolve(options.keep)
  mkdirSync(files, { recursive: true })
  const bench: Bench = { ...options, files, folder, say }
  try {
    const results: Compared['result'][] = []
    const figures: Figure[] = []
    for (const shape of options.shapes) {
      const compared = await compare(shape, bench, options.pgloader)
      results.push(compared.result)
      figures.push(...compared.figures)
    }
    process.stderr.write(table(figures))
    process.stdout.write(`${JSON.stringify({ version: 1, runs: options.runs, results, figures }, null, 2)}\n`)
    if (figures.some((figure) => figure.met === false)) process.exitCode = 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Compared {
  readonly result: ShapeResult | CloneResult | MergeResult | BootResult | SchemaResult
  readonly figures: readonly Figure[]
}

/** Each shape on a server of its own. */
async function compare(shape: keyof typeof SHAPES, bench: Bench, pgloader: boolean): Promise<Compared> {
  const server: BenchServer = await startServer(shape === 'clone' ? serverForDump() : undefined)
  try {
    say(`PostgreSQL ${server.version}, Node.js ${process.version}, medians of ${bench.runs}`)
    if (shape === 'clone') {
      const result = await compareClones(server, bench)
      return { result, figures: judgeClone(result) }
    }
    if (shape === 'merge') {
      const result = await compareMerges(server, bench)
      return { result, figures: judgeMerge(result) }
    }
    if (shape === 'boot') {
      const result = await compareBoots(server, bench)
      return { result, figures: judgeBoot(result) }
    }
    if (shape === 'schema') {
      const result = await compareSchemas(server, bench)
      return { result, figures: judgeSchema(result) }
    }
    const result = await compareLoads(server, shape, bench, pgloader)
    return { result, figures: judge(result) }
  } finally {
    await server.stop()
  }
}

/** Standard output is for the JSON alone. */
function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string' },
      runs: { type: 'string', default: '3' },
      shapes: { type: 'string', default: 'events' },
      'no-pgloader': { type: 'boolean', default: false },
      keep: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const rows = values.rows === undefined ? undefined : Number(values.rows)
  const runs = Number(values.runs)
  const shapes = values.shapes
    .split(',')
    .filter((name): name is keyof typeof SHAPES => Object.hasOwn(SHAPES, name))
  const countsAreRight = [rows ?? 1, runs].every((count) => Number.isSafeInteger(count) && count > 0)
  if (values.help || !countsAreRight || shapes.length !== values.shapes.split(',').length) return null
  return { rows, runs, shapes, pgloader: !values['no-pgloader'], keep: values.keep }
}

const options = readOptions()
if (options === null) {
  process.stderr.write(USAGE)
  process.exitCode = 2
} else {
  await main(options)
}
