import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findBinaries } from '../src/connection/embedded-binaries.ts'
import { findPostgresTools } from '../src/connection/postgres-tools.ts'
import { isInstalled } from '../test/support/installed.ts'
import { type Bench, sampleFile } from './bench.ts'
import { failed, psql, runCommand, succeed } from './command.ts'
import { type Figure, Figures } from './figures.ts'
import { median } from './measure.ts'
import { type Migrated, medians, runMigrate, showMigrated } from './migrated.ts'
import type { BenchServer } from './server.ts'

const SOURCE = 'bench_source'
const TARGET = 'bench'

/** Medians, times in seconds. Null where a program is not installed. */
export interface CloneResult {
  readonly shape: 'clone'
  readonly rows: number
  readonly landfall: Migrated
  /** Every row and the structure verified. */
  readonly proven: Migrated
  readonly pgcopydb: number | null
  /** The same, with tables that it may divide. */
  readonly pgcopydbDividing: number | null
  readonly dumpAndRestore: number
}

/**
 * The folder of a PostgreSQL server's programs that the installed `pg_dump` can read, which pgcopydb uses,
 * too; undefined: that is the embedded one.
 */
export function serverForDump(): string | undefined {
  const shown = execFileSync('pg_dump', ['--version'], { encoding: 'utf8' })
  const major = Number(/(\d+)/.exec(shown)?.[1])
  if (major >= findBinaries().major) return undefined
  const folder = dirname(findPostgresTools(major * 10_000).dump)
  if (!existsSync(join(folder, 'postgres')))
    throw new Error(`a server of PostgreSQL ${major}, which pg_dump can read, is not in ${folder}`)
  return folder
}

/** A whole database from one to another on the same server, by programs that do the same. */
export async function compareClones(server: BenchServer, bench: Bench): Promise<CloneResult> {
  const { runs, folder, say } = bench
  const rows = await makeSource(server, bench)
  const withPgcopydb = isInstalled('pgcopydb')
  if (!withPgcopydb) say('pgcopydb is not installed (Debian: apt-get install pgcopydb); left out')
  const landfall: Migrated[] = []
  const proven: Migrated[] = []
  const pgcopydb: number[] = []
  const pgcopydbDividing: number[] = []
  const dumpAndRestore: number[] = []
  const contestant = async (run: number, name: string, work: () => Promise<number>): Promise<void> => {
    await server.recreate(TARGET)
    const seconds = await work()
    say(`clone, run ${run}: ${name} ${seconds.toFixed(2)} s`)
    const there = await countRows(server, TARGET)
    if (there !== rows) throw new Error(`${name} has left ${there} rows instead of ${rows}`)
  }
  for (let run = 1; run <= runs; run++) {
    await contestant(run, 'landfall, not verified', async () => {
      landfall.push(await runLandfall(server, '--no-verify'))
      return landfall.at(-1)!.whole
    })
    if (withPgcopydb) {
      await contestant(run, 'pgcopydb', async () => {
        pgcopydb.push(await runPgcopydb(server, folder))
        return pgcopydb.at(-1)!
      })
      await contestant(run, 'pgcopydb, tables divided', async () => {
        pgcopydbDividing.push(await runPgcopydb(server, folder, '--split-tables-larger-than', '100MB'))
        return pgcopydbDividing.at(-1)!
      })
    }
    await contestant(run, 'landfall', async () => {
      proven.push(await runLandfall(server))
      return proven.at(-1)!.whole
    })
    await contestant(run, 'pg_dump and pg_restore', async () => {
      dumpAndRestore.push(await runDumpAndRestore(server, folder))
      return dumpAndRestore.at(-1)!
    })
  }
  for (const database of [SOURCE, TARGET]) await server.drop(database)
  return {
    shape: 'clone',
    rows,
    landfall: medians(landfall),
    proven: medians(proven),
    pgcopydb: withPgcopydb ? median(pgcopydb) : null,
    pgcopydbDividing: withPgcopydb ? median(pgcopydbDividing) : null,
    dumpAndRestore: median(dumpAndRestore),
  }
}

export function judgeClone(result: CloneResult): Figure[] {
  const { landfall, proven, pgcopydb, pgcopydbDividing, dumpAndRestore } = result
  const figures = new Figures('clone', true)
  showMigrated(figures, landfall, proven)
  figures.number('pg_dump and pg_restore', dumpAndRestore, 's')
  if (pgcopydb !== null && pgcopydbDividing !== null) {
    figures.number('pgcopydb', pgcopydb, 's')
    figures.number('pgcopydb, tables divided', pgcopydbDividing, 's')
    const best = Math.min(pgcopydb, pgcopydbDividing)
    figures.atLeast('faster than the better pgcopydb', best / landfall.whole, 1, 1.3)
    figures.number('the same, verified', best / proven.whole, 'times')
  }
  figures.atLeast('faster than pg_dump and pg_restore', dumpAndRestore / landfall.whole, 1)
  figures.number('the same, verified', dumpAndRestore / proven.whole, 'times')
  figures.atMost('peak memory', Math.max(landfall.peakMegabytes, proven.peakMegabytes), 'MB', 300)
  return figures.list
}

/** The `events` shape as a PostgreSQL database, at rest. Returns its rows. */
async function makeSource(server: BenchServer, bench: Bench): Promise<number> {
  const { file } = sampleFile(bench, 'events')
  bench.say('clone: making the source')
  await server.recreate(SOURCE)
  const made = await runCommand('migrate', `sqlite:${file}`, server.url(SOURCE), '--no-verify')
  if (made.status !== 0) throw failed('landfall', made)
  await psql(server.url(SOURCE), ['DROP SCHEMA landfall CASCADE', 'VACUUM (FREEZE, ANALYZE)'])
  return await countRows(server, SOURCE)
}

async function countRows(server: BenchServer, database: string): Promise<number> {
  const sql = 'SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM events) AS rows'
  return Number((await server.query(database, sql))[0]?.rows)
}

const runLandfall = (server: BenchServer, ...more: string[]): Promise<Migrated> =>
  runMigrate(server.url(SOURCE), server.url(TARGET), ...more)

async function runPgcopydb(server: BenchServer, folder: string, ...more: string[]): Promise<number> {
  const work = join(mkdtempSync(join(folder, 'pgcopydb-')), 'work')
  const jobs = ['--table-jobs', '2', '--index-jobs', '2']
  const ends = ['--source', server.url(SOURCE), '--target', server.url(TARGET)]
  return (await succeed('pgcopydb', ['clone', ...ends, '--dir', work, ...jobs, ...more])).seconds
}

async function runDumpAndRestore(server: BenchServer, folder: string): Promise<number> {
  const file = join(mkdtempSync(join(folder, 'dump-')), 'dump')
  const dump = await succeed('pg_dump', ['-j2', '-Fd', '-f', file, '-d', server.url(SOURCE)])
  const restore = await succeed('pg_restore', ['-j2', '-d', server.url(TARGET), file])
  return dump.seconds + restore.seconds
}
