import { setTimeout as sleep } from 'node:timers/promises'
import type { JobContext } from '../../src/connection/sqlite-source.ts'
import { LandfallError } from '../../src/errors.ts'

/** Jobs that the tests run on reader threads. */
export function count(context: JobContext, table: string): number {
  return Number(context.database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
}

export async function slowCount(context: JobContext, table: string): Promise<number> {
  context.send('started')
  await sleep(50)
  return count(context, table)
}

export function write(context: JobContext): void {
  context.database.exec('INSERT INTO t VALUES (1)')
}

export function refuse(): never {
  throw new LandfallError('LF204', 'it does not fit', {
    hint: 'make it fit',
    place: { table: 't', key: 'id = 1' },
    details: { n: 1 },
  })
}

export function broken(context: JobContext): void {
  context.database.exec('SELECT * FROM nowhere')
}

export function die(): void {
  process.exit(3)
}

export async function untilAborted(context: JobContext): Promise<string> {
  context.send('running')
  while (!context.signal.aborted) await sleep(5)
  return 'stopped'
}

let calls = 0
export function remember(context: JobContext): number {
  context.database.exec('CREATE TEMP TABLE IF NOT EXISTS mine (a)')
  context.database.exec('INSERT INTO mine VALUES (1)')
  calls += 1
  return calls
}

export function textOk(context: JobContext, sql: string): unknown {
  return context.database.prepare(sql).get()?.ok
}
