import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { isInstalled } from '../test/support/installed.ts'
import {
  type PairVerified,
  type Run,
  runFullScan,
  runLandfall,
  runPair,
  runPgloader,
  runPhysicalLimit,
  runVerify,
  type Verified,
} from './contestants.ts'
import { type Figure, judge, type ShapeResult, table } from './figures.ts'
import { generate, SHAPES, type Shape } from './generate.ts'
import { median } from './measure.ts'
import { type BenchServer, startServer } from './server.ts'

const USAGE = `usage: npm run bench -- [--rows N] [--runs N] [--shapes ${Object.keys(SHAPES).join(',')}]
                     [--no-pgloader] [--keep FOLDER]

  --rows N        rows of the shape's largest table (default: ${Object.entries(SHAPES)
    .map(([name, shape]) => `${name} ${shape.rows}`)
    .join(', ')})
  --runs N        runs of each contestant, in turn; medians are printed (default 3)
  --shapes LIST   which databases, with commas between them (default events)
  --no-pgloader   leave pgloader out
  --keep FOLDER   keep the generated databases there, and use them again
`

interface Options {
  readonly rows: number | undefined
  readonly runs: number
  readonly shapes: readonly Shape[]
  readonly pgloader: boolean
  readonly keep: string | undefined
}

async function main(options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-bench-'))
  const files = options.keep === undefined ? folder : resolve(options.keep)
  mkdirSync(files, { recursive: true })
  let server: BenchServer | undefined
  try {
    server = await startServer()
    say(`PostgreSQL ${server.version}, Node.js ${process.version}, medians of ${options.runs}`)
    const results: ShapeResult[] = []
    const figures: Figure[] = []
    for (const shape of options.shapes) {
      const result = await compare(server, shape, options, files, folder)
      results.push(result)
      figures.push(...judge(result))
    }
    process.stderr.write(table(figures))
    process.stdout.write(`${JSON.stringify({ version: 1, runs: options.runs, results, figures }, null, 2)}\n`)
    if (figures.some((figure) => figure.met === false)) process.exitCode = 1
  } finally {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compare(
  server: BenchServer,
  shape: Shape,
  options: Options,
  files: string,
  folder: string,
): Promise<ShapeResult> {
  const rows = options.rows ?? SHAPES[shape].rows
  const file = join(files, `${shape}-${rows}.db`)
  if (!existsSync(file)) {
    say(`${shape}: making ${rows} rows`)
    generate(shape, file, rows)
  }
  const withPgloader = options.pgloader && isInstalled('pgloader')
  if (options.pgloader && !withPgloader)
    say('pgloader is not installed (Debian: apt-get install pgloader); left out')
  const withPsql = isInstalled('psql')
  if (!withPsql)
    say('psql is not installed (Debian: apt-get install postgresql-client); the limit is left out')

  const landfall: Run[] = []
  const proven: Run[] = []
  const verified: Verified[] = []
  const pairs: PairVerified[] = []
  const scans: number[] = []
  const pgloader: Run[] = []
  const limit: number[] = []
  for (let run = 1; run <= options.runs; run++) {
    landfall.push(await runLandfall(server, file, '--no-verify'))
    say(`${shape}, run ${run}: landfall, not verified ${spell(landfall.at(-1)!)}`)
    proven.push(await runLandfall(server, file))
    say(`${shape}, run ${run}: landfall ${spell(proven.at(-1)!)}`)
    if (withPsql) {
      scans.push(await runFullScan(server, file))
      say(`${shape}, run ${run}: full scan ${scans.at(-1)!.toFixed(2)} s`)
      limit.push(await runPhysicalLimit(server, folder))
      say(`${shape}, run ${run}: psql, ready-made binary files ${limit.at(-1)!.toFixed(2)} s`)
    }
    pairs.push(await runPair(server))
    say(`${shape}, run ${run}: two PostgreSQL databases ${pairs.at(-1)!.seconds.toFixed(2)} s`)
    verified.push(await runVerify(server, file))
    say(`${shape}, run ${run}: landfall verify ${verified.at(-1)!.seconds.toFixed(2)} s`)
    if (withPgloader) {
      pgloader.push(await runPgloader(server, file, folder))
      say(`${shape}, run ${run}: pgloader ${spell(pgloader.at(-1)!)}`)
    }
  }
  await server.drop('bench')
  return {
    shape,
    rows,
    landfall: medians(landfall),
    proven: medians(proven),
    verified: {
      seconds: median(verified.map((one) => one.seconds)),
      secondsToName: median(verified.map((one) => one.secondsToName)),
      peakMegabytes: Math.max(...verified.map((one) => one.peakMegabytes)),
    },
    pair: {
      seconds: median(pairs.map((one) => one.seconds)),
      counting: median(pairs.map((one) => one.counting)),
    },
    fullScan: scans.length > 0 ? median(scans) : null,
    pgloader: pgloader.length > 0 ? medians(pgloader) : null,
    physicalLimit: limit.length > 0 ? median(limit) : null,
  }
}

function medians(runs: readonly Run[]): Run {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick))
  return {
    whole: of((run) => run.whole),
    copy: of((run) => run.copy),
    profile: of((run) => run.profile),
    peakMegabytes: Math.max(...runs.map((run) => run.peakMegabytes)),
    rows: of((run) => run.rows),
  }
}

function spell(run: Run): string {
  const parts = [`${run.whole.toFixed(2)} s`, `COPY ${run.copy.toFixed(2)} s`]
  if (run.profile > 0) parts.push(`profile ${run.profile.toFixed(2)} s`)
  return `${parts.join(', ')}, ${run.rows} rows, ${run.peakMegabytes.toFixed(0)} MB`
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
  const shapes = values.shapes.split(',').filter((name): name is Shape => Object.hasOwn(SHAPES, name))
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
