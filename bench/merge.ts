import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'
import { psql, succeed } from './command.ts'
import { type Figure, Figures } from './figures.ts'
import { median } from './measure.ts'
import { makeMerge, ROWS } from './merge-data.ts'
import { type Migrated, medians, runMigrate, showMigrated, spell } from './migrated.ts'
import type { BenchServer } from './server.ts'

const SOURCE = 'bench_source'
/** The target as it is before anything is merged. */
const BEFORE = 'bench_before'
const TARGET = 'bench'
const config = fileURLToPath(new URL('./merge.config.ts', import.meta.url))
const script = fileURLToPath(new URL('./row-by-row.ts', import.meta.url))
/** The script takes a part of the rows; the time of all of them is that of so many more. */
const PART = 20_000

/** Medians, times in seconds. */
export interface MergeResult {
  readonly shape: 'merge'
  readonly rows: number
  readonly landfall: Migrated
  /** Every row compared afterwards, as by default. */
  readonly proven: Migrated
  /** Once more, when nothing is left to do. */
  readonly again: Migrated
  /** psql loads the merged rows from a ready-made binary file and builds the primary key. */
  readonly copyAndIndex: number
  /** Rows of a second of the script that goes row by row. */
  readonly rowByRow: number
}

/** Rows merged into a table that holds half of them, with the keys of their owners looked up. */
export async function compareMerges(server: BenchServer, bench: Bench): Promise<MergeResult> {
  const { runs, folder, say } = bench
  const rows = bench.rows ?? ROWS
  say(`merge: making ${rows} rows`)
  for (const database of [SOURCE, BEFORE]) await server.recreate(database)
  await makeMerge(server, SOURCE, BEFORE, rows)
  const landfall: Migrated[] = []
  const again: Migrated[] = []
  const proven: Migrated[] = []
  const copies: number[] = []
  const byRow: number[] = []
  for (let run = 1; run <= runs; run++) {
    await begin(server)
    landfall.push(await runLandfall(server, '--no-verify'))
    say(`merge, run ${run}: landfall, not verified ${spell(landfall.at(-1)!)}`)
    again.push(await runLandfall(server, '--no-verify'))
    say(`merge, run ${run}: the same once more ${spell(again.at(-1)!)}`)
    copies.push(await copyAndIndex(server, join(folder, 'ready.bin')))
    say(`merge, run ${run}: COPY and index ${copies.at(-1)!.toFixed(2)} s`)
    await begin(server)
    proven.push(await runLandfall(server))
    say(`merge, run ${run}: landfall ${spell(proven.at(-1)!)}`)
    await begin(server)
    const part = String(Math.min(PART, rows))
    const ran = await succeed(process.execPath, [script, server.url(SOURCE), server.url(TARGET), part])
    byRow.push(Number(ran.stdout))
    say(`merge, run ${run}: row by row ${byRow.at(-1)!.toFixed(0)} rows/s`)
  }
  for (const database of [SOURCE, BEFORE, TARGET]) await server.drop(database)
  return {
    shape: 'merge',
    rows,
    landfall: medians(landfall),
    proven: medians(proven),
    again: medians(again),
    copyAndIndex: median(copies),
    rowByRow: median(byRow),
  }
}

export function judgeMerge(result: MergeResult): Figure[] {
  const { rows, landfall, proven, again, copyAndIndex, rowByRow } = result
  const figures = new Figures('merge', true)
  showMigrated(figures, landfall, proven)
  figures.number('once more, nothing to do', again.whole, 's')
  figures.number('psql COPY, binary, and primary key', copyAndIndex, 's')
  figures.atMost('merge to COPY and index', landfall.whole / copyAndIndex, 'times', 4, 2.5)
  figures.number('the same, verified', proven.whole / copyAndIndex, 'times')
  figures.number('row by row', rowByRow, 'rows/s')
  figures.number('row by row, all rows at this rate', rows / rowByRow, 's')
  figures.atLeast('faster than row by row', rows / rowByRow / landfall.whole, 30)
  figures.number('the same, verified', rows / rowByRow / proven.whole, 'times')
  figures.atMost('peak memory', Math.max(landfall.peakMegabytes, proven.peakMegabytes), 'MB', 300)
  return figures.list
}

async function begin(server: BenchServer): Promise<void> {
  await server.drop(TARGET)
  await server.query('postgres', `CREATE DATABASE ${TARGET} TEMPLATE ${BEFORE}`)
  await server.query('postgres', 'CHECKPOINT')
}

const runLandfall = (server: BenchServer, ...more: string[]): Promise<Migrated> =>
  runMigrate(server.url(SOURCE), server.url(TARGET), '--config', config, '--yes', ...more)

/** The merged rows into an empty table without keys, and then its primary key. */
async function copyAndIndex(server: BenchServer, file: string): Promise<number> {
  const url = server.url(TARGET)
  await psql(url, [`\\copy projects to '${file}' (format binary)`])
  await psql(url, ['CREATE TABLE ready AS SELECT * FROM projects WITH NO DATA', 'CHECKPOINT'])
  const load = [`\\copy ready from '${file}' (format binary)`, 'ALTER TABLE ready ADD PRIMARY KEY (id)']
  const { seconds } = await psql(url, load)
  rmSync(file)
  return seconds
}
