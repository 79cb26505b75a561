import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ident } from '../src/connection/quote.ts'
import type { MigrateReport } from '../src/contract/report.ts'
import type { VerifyReport } from '../src/contract/verify.ts'
import { failed, psql, runCommand } from './command.ts'
import { type Measured, measure } from './measure.ts'
import type { BenchServer } from './server.ts'

const DATABASE = 'bench'
const scanProgram = fileURLToPath(new URL('./scan.ts', import.meta.url))

/** One whole command, and what it says of its parts; all in seconds. */
export interface Run {
  readonly whole: number
  readonly copy: number
  readonly profile: number
  readonly peakMegabytes: number
  readonly rows: number
}

const landfall = (server: BenchServer, file: string, verb: string, ...more: string[]): Promise<Measured> =>
  runCommand(verb, `sqlite:${file}`, server.url(DATABASE), ...more)

/** `landfall migrate` into an empty database; with `--no-verify` it proves no more than its peers do. */
export async function runLandfall(server: BenchServer, file: string, ...more: string[]): Promise<Run> {
  await server.recreate(DATABASE)
  const measured = await landfall(server, file, 'migrate', ...more)
  if (measured.status !== 0) throw failed('landfall', measured)
  const report = JSON.parse(measured.stdout) as MigrateReport
  const phase = (name: string): number => report.phases.find((each) => each.name === name)?.seconds ?? 0
  return {
    whole: measured.seconds,
    copy: phase('copy'),
    profile: phase('profile'),
    peakMegabytes: measured.peakMegabytes,
    rows: report.tables.reduce((sum, table) => sum + table.loaded, 0),
  }
}

export interface Verified {
  /** All rows and columns of both sides, the opening of the source included. */
  readonly seconds: number
  /** The same with one row changed in the target, until it was named. */
  readonly secondsToName: number
  readonly peakMegabytes: number
}

/** `landfall verify` of what `runLandfall` has left in the database. */
export async function runVerify(server: BenchServer, file: string): Promise<Verified> {
  const same = await landfall(server, file, 'verify')
  if (same.status !== 0) throw failed('landfall', same)
  const [table] = await server.query(
    DATABASE,
    `SELECT c.oid::regclass::text AS name, a.attname AS key FROM pg_class c
      JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
      WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY pg_relation_size(c.oid) DESC LIMIT 1`,
  )
  const key = ident(String(table?.key))
  // The last row: whoever looks for it has seen all others.
  await server.query(
    DATABASE,
    `UPDATE ${table?.name} SET ${key} = ${key} + 1 WHERE ${key} = (SELECT max(${key}) FROM ${table?.name})`,
  )
  const different = await landfall(server, file, 'verify')
  const report = JSON.parse(different.stdout) as VerifyReport
  if (different.status !== 1 || report.differences.length !== 2) throw failed('landfall', different)
  return {
    seconds: (JSON.parse(same.stdout) as VerifyReport).seconds,
    secondsToName: report.seconds,
    peakMegabytes: Math.max(same.peakMegabytes, different.peakMegabytes),
  }
}

export interface PairVerified {
  /** `landfall verify` of two PostgreSQL databases. */
  readonly seconds: number
  /** `count(*)` of all their tables, on both at once. */
  readonly counting: number
}

/** The database that `runLandfall` has left, and a copy of it on the same server. */
export async function runPair(server: BenchServer): Promise<PairVerified> {
  const copy = `${DATABASE}_copy`
  await server.drop(copy)
  await server.query('postgres', `CREATE DATABASE ${copy} TEMPLATE ${DATABASE}`)
  const measured = await runCommand('verify', server.url(DATABASE), server.url(copy))
  if (measured.status !== 0) throw failed('landfall', measured)
  const count = `SELECT ${(await tablesOf(server)).map((name) => `(SELECT count(*) FROM ${name})`).join(' + ')}`
  const began = performance.now()
  await Promise.all([server.query(DATABASE, count), server.query(copy, count)])
  const counting = (performance.now() - began) / 1000
  await server.drop(copy)
  return { seconds: (JSON.parse(measured.stdout) as VerifyReport).seconds, counting }
}

async function tablesOf(server: BenchServer): Promise<string[]> {
  const tables = await server.query(
    DATABASE,
    `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`,
  )
  return tables.map(({ name }) => String(name))
}

/** All columns of all rows read out, by one connection to each side; the slower of the two. */
export async function runFullScan(server: BenchServer, file: string): Promise<number> {
  const source = await measure(process.execPath, [scanProgram, file])
  if (source.status !== 0) throw failed('the scan', source)
  const copies = (await tablesOf(server)).map((name) => `\\copy ${name} to '/dev/null' (format binary)`)
  return Math.max(source.seconds, (await psql(server.url(DATABASE), copies)).seconds)
}

/** pgloader with everything that it can do for a whole SQLite file: tables, indexes, keys, sequences. */
export async function runPgloader(server: BenchServer, file: string, folder: string): Promise<Run> {
  await server.recreate(DATABASE)
  const load = join(folder, 'bench.load')
  const target = server.url(DATABASE).replace('postgres:', 'postgresql:')
  writeFileSync(
    load,
    `load database from sqlite://${file} into ${target}
     with include drop, create tables, create indexes, reset sequences;\n`,
  )
  const measured = await measure('pgloader', [load])
  if (measured.status !== 0) throw failed('pgloader', measured)
  const total = /Total import time\s+\S+\s+(\d+)/.exec(measured.stdout)
  if (total === null) throw failed('pgloader', measured)
  return {
    whole: measured.seconds,
    copy: seconds(/COPY Threads Completion\s+\d+\s+\d+\s+(\S+)/.exec(measured.stdout)?.[1]),
    profile: 0,
    peakMegabytes: measured.peakMegabytes,
    rows: Number(total[1]),
  }
}

/** pgloader writes `7.210s`, `1m2.210s` and `1h1m2.210s`. */
export function seconds(text: string | undefined): number {
  const parts = /^(?:(\d+)h)?(?:(\d+)m)?([\d.]+)s$/.exec(text ?? '')
  if (parts === null) throw new Error(`pgloader's time cannot be read: ${text}`)
  return Number(parts[1] ?? 0) * 3600 + Number(parts[2] ?? 0) * 60 + Number(parts[3])
}

/**
 * The physical limit: psql loads the same rows from ready-made binary files into tables without
 * indexes. To be asked after `runLandfall`, whose tables it takes.
 */
export async function runPhysicalLimit(server: BenchServer, folder: string): Promise<number> {
  const tables = await server.query(
    DATABASE,
    `SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`,
  )
  let sum = 0
  for (const [index, table] of tables.entries()) {
    const file = join(folder, `ready-${index}.bin`)
    const from = `public.${ident(String(table.name))}`
    await psql(server.url(DATABASE), [`\\copy ${from} to '${file}' (format binary)`])
    await psql(server.url(DATABASE), [
      `CREATE TABLE public.ready AS SELECT * FROM ${from} WITH NO DATA`,
      'CHECKPOINT',
    ])
    sum += (await psql(server.url(DATABASE), [`\\copy public.ready from '${file}' (format binary)`])).seconds
    await psql(server.url(DATABASE), ['DROP TABLE public.ready'])
  }
  return sum
}
