import { extname } from 'node:path'
import type { SqliteSource } from '../connection/sqlite-source.ts'

export type Row = readonly (string | number | bigint | Uint8Array | null)[]

const JOB = new URL(`./query-job${extname(import.meta.url)}`, import.meta.url).href

/** Runs statements one after the other on one of the source's readers. */
export function run(
  question: { readonly source: SqliteSource },
  statements: readonly string[],
): Promise<Row[][]> {
  return question.source.run<Row[][]>({ module: JOB, export: 'query', args: statements })
}

export function batches<T>(items: readonly T[], size: number): T[][] {
  const groups: T[][] = []
  for (let i = 0; i < items.length; i += size) groups.push(items.slice(i, i + size))
  return groups
}
