import { isInstalled } from '../test/support/installed.ts'
import { type Bench, sampleFile } from './bench.ts'
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
import type { ShapeResult } from './figures.ts'
import type { Shape } from './generate.ts'
import { median } from './measure.ts'
import type { BenchServer } from './server.ts'

/** A SQLite file into an empty database: Landfall, pgloader, and what PostgreSQL itself can take. */
export async function compareLoads(
  server: BenchServer,
  shape: Shape,
  bench: Bench,
  pgloaderAsked: boolean,
): Promise<ShapeResult> {
  const { runs, folder, say } = bench
  const { file, rows } = sampleFile(bench, shape)
  const withPgloader = pgloaderAsked && isInstalled('pgloader')
  if (pgloaderAsked && !withPgloader)
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
  for (let run = 1; run <= runs; run++) {
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
