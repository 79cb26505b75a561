import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'
import { psql, succeed } from './command.ts'
import { type Figure, Figures } from './figures.ts'
import { median } from './measure.ts'
import type { BenchServer } from './server.ts'

/** Rows of `users`. */
export const USERS = 5_000_000
const BEFORE = 'bench_before'
const TARGET = 'bench'
const landfall = fileURLToPath(new URL('../bin/landfall.js', import.meta.url))
const config = fileURLToPath(new URL('../recipes/token-system/landfall.config.ts', import.meta.url))

/** What pgbench does: so many writers, who begin so many transactions in a second, whoever is still waiting. */
const CLIENTS = 8
const RATE = 300
/** First the cache is cold, and each page is logged whole; these writes are not counted. */
const WARM_UP_SECONDS = 15
const BASELINE_SECONDS = 30

/** One change under writes; times of writes in milliseconds, from when they were due. */
export interface Change {
  readonly seconds: number
  readonly writes: number
  readonly p99Before: number
  readonly p99During: number
  /** The one to the other; of several runs the median of these. */
  readonly ratio: number
  readonly longestWrite: number
}

/** Medians; of waits the longest of all runs. */
export interface SchemaResult {
  readonly shape: 'schema'
  readonly rows: number
  readonly apply: Change
  /** The longest that a statement of `schema apply` waited for a lock, in milliseconds. */
  readonly longestWait: number
  /** Tables that were written anew. */
  readonly rewritten: number
  /** The same change by the SQL file, which builds indexes plainly. */
  readonly file: Change
}

/** System 5 applied to a table of users that others write to. */
export async function compareSchemas(server: BenchServer, bench: Bench): Promise<SchemaResult> {
  const { runs, folder, say } = bench
  const rows = bench.rows ?? USERS
  say(`schema: making ${rows} users; ${CLIENTS} writers, ${RATE} writes/s`)
  await server.recreate(BEFORE)
  await server.query(BEFORE, makeUsers(rows))
  await server.query(BEFORE, 'VACUUM ANALYZE users')
  const file = join(folder, 'schema.sql')
  await succeed(process.execPath, [landfall, 'schema', 'sql', '--config', config, '--out', file])
  const applied: Change[] = []
  const byFile: Change[] = []
  let longestWait = 0
  let rewritten = 0
  for (let run = 1; run <= runs; run++) {
    const url = await begin(server)
    const nodes = await fileNodes(server)
    const one = await underWrites(server, bench, rows, async () => {
      const { stdout } = await succeed(process.execPath, [
        landfall,
        'schema',
        'apply',
        '--config',
        config,
        '--to',
        url,
        '--json',
      ])
      const { statements }: { statements: readonly { longestWaitMs: number }[] } = JSON.parse(stdout)
      longestWait = Math.max(longestWait, ...statements.map(({ longestWaitMs }) => longestWaitMs))
    })
    rewritten += (await fileNodes(server)) === nodes ? 0 : 1
    applied.push(one)
    say(`schema, run ${run}: apply ${spell(one)}`)
    await begin(server)
    byFile.push(await underWrites(server, bench, rows, async () => void (await psql(url, [`\\i ${file}`]))))
    say(`schema, run ${run}: the SQL file ${spell(byFile.at(-1)!)}`)
  }
  for (const database of [BEFORE, TARGET]) await server.drop(database)
  return { shape: 'schema', rows, apply: medians(applied), longestWait, rewritten, file: medians(byFile) }
}

export function judgeSchema({ apply, longestWait, rewritten, file }: SchemaResult): Figure[] {
  const figures = new Figures('schema', true)
  figures.number('schema apply, whole', apply.seconds, 's')
  figures.number('writes meanwhile', apply.writes, 'writes')
  figures.number('p99 of writes before', apply.p99Before, 'ms')
  figures.number('p99 of writes meanwhile', apply.p99During, 'ms')
  figures.atMost('p99 meanwhile to before', apply.ratio, 'times', 2)
  figures.number('longest write meanwhile', apply.longestWrite, 'ms')
  figures.atMost('longest wait for a lock', longestWait, 'ms', 250)
  figures.atMost('tables written anew', rewritten, 'tables', 0)
  figures.number('the SQL file, whole', file.seconds, 's')
  figures.number('the file: p99 of writes meanwhile', file.p99During, 'ms')
  figures.number('the file: longest write meanwhile', file.longestWrite, 'ms')
  return figures.list
}

const makeUsers = (rows: number): string => `
  CREATE TABLE users (id serial PRIMARY KEY, username varchar(64) NOT NULL UNIQUE, email varchar(254),
    seen integer NOT NULL DEFAULT 0, created_at timestamp NOT NULL DEFAULT now());
  INSERT INTO users (username, email) SELECT 'member' || i, 'member' || i || '@example.com' FROM generate_series(1, ${rows}) AS i;`

async function begin(server: BenchServer): Promise<string> {
  await server.drop(TARGET)
  await server.query('postgres', `CREATE DATABASE ${TARGET} TEMPLATE ${BEFORE}`)
  await server.query('postgres', 'CHECKPOINT')
  return server.url(TARGET)
}

/** A table that is written anew gets another file. */
async function fileNodes(server: BenchServer): Promise<string> {
  const [row] = await server.query(TARGET, `SELECT pg_relation_filenode('users') AS node`)
  return String(row?.node)
}

/** Writes begin; after a while the change is made; a while later they end. */
async function underWrites(
  server: BenchServer,
  { folder }: Bench,
  rows: number,
  change: () => Promise<void>,
): Promise<Change> {
  const script = join(folder, 'write.sql')
  writeFileSync(script, `\\set id random(1, ${rows})\nUPDATE users SET seen = seen + 1 WHERE id = :id;\n`)
  const log = join(folder, 'writes')
  const args = ['-n', '-f', script, '-c', String(CLIENTS), '-j', '1', '-R', String(RATE), '-T', '3600', '-l']
  const writers = spawn('pgbench', [...args, `--log-prefix=${log}`, server.url(TARGET)], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve, reject) => {
    writers.once('error', () =>
      reject(new Error('pgbench is missing (Debian: apt-get install postgresql-contrib)')),
    )
    writers.once('close', () => resolve())
  })
  try {
    await Promise.race([sleep((WARM_UP_SECONDS + BASELINE_SECONDS) * 1000), ended])
    if (writers.exitCode !== null) throw new Error(`pgbench ended with status ${writers.exitCode}`)
    const from = Date.now()
    await change()
    const to = Date.now()
    // The last lines of its log are still in its memory when it is ended.
    await sleep(3_000)
    writers.kill()
    await ended
    const files = readdirSync(folder).filter((name) => name.startsWith('writes.'))
    const writes = files.flatMap((name) => logged(readFileSync(join(folder, name), 'utf8')))
    for (const name of files) rmSync(join(folder, name))
    return judged(writes, from, to)
  } finally {
    writers.kill()
  }
}

/** A line of pgbench's log: client, number, microseconds, script, and when it ended. */
function logged(text: string): { readonly ms: number; readonly ended: number }[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([, , micros, , seconds, more]) => ({
      ms: Number(micros) / 1000,
      ended: Number(seconds) * 1000 + Number(more) / 1000,
    }))
}

/** A write counts as one meanwhile from when it was due. */
export function judged(
  writes: readonly { readonly ms: number; readonly ended: number }[],
  from: number,
  to: number,
): Change {
  const first = Math.min(...writes.slice(0, 1000).map(({ ended }) => ended))
  const before = writes
    .filter(({ ended }) => ended >= first + WARM_UP_SECONDS * 1000 && ended < from)
    .map(({ ms }) => ms)
  const during = writes.filter(({ ended, ms }) => ended >= from && ended - ms <= to).map(({ ms }) => ms)
  const [p99Before, p99During] = [percentile(before, 0.99), percentile(during, 0.99)]
  return {
    seconds: (to - from) / 1000,
    writes: during.length,
    p99Before,
    p99During,
    ratio: p99During / p99Before,
    longestWrite: during.reduce((longest, ms) => Math.max(longest, ms), 0),
  }
}

/** The least value that so large a share is not above. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

function medians(all: readonly Change[]): Change {
  const of = (pick: (one: Change) => number): number => median(all.map(pick))
  return {
    seconds: of(({ seconds }) => seconds),
    writes: of(({ writes }) => writes),
    p99Before: of(({ p99Before }) => p99Before),
    p99During: of(({ p99During }) => p99During),
    ratio: of(({ ratio }) => ratio),
    longestWrite: Math.max(...all.map(({ longestWrite }) => longestWrite)),
  }
}

const spell = ({ seconds, p99Before, p99During, longestWrite }: Change): string =>
  `${seconds.toFixed(2)} s; p99 of writes ${p99Before.toFixed(1)} ms before, ${p99During.toFixed(1)} ms meanwhile, longest ${longestWrite.toFixed(0)} ms`
