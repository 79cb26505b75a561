import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { LandfallError } from '../errors.ts'
import type { ChunkRecord, RunRecord } from './model.ts'

/** The shape of `--checkpoint FILE`: a readable copy of the journal's progress, never its source. */
export interface Checkpoint {
  readonly version: 1
  readonly migration: string
  readonly run: string
  readonly source: string
  readonly target: string
  readonly updatedAt: string
  readonly tables: Readonly<Record<string, TableCheckpoint>>
}

export interface TableCheckpoint {
  readonly chunks: number
  readonly done: number
  readonly rows: number
  /** The key up to which every row is loaded, as SQL literals; null before the first chunk is done. */
  readonly lastKey: readonly string[] | null
}

export function makeCheckpoint(run: RunRecord, target: string, chunks: readonly ChunkRecord[]): Checkpoint {
  const tables: Record<string, TableCheckpoint> = {}
  for (const move of new Set(chunks.map((chunk) => chunk.move))) {
    const mine = chunks.filter((chunk) => chunk.move === move)
    const pending = mine.findIndex((chunk) => chunk.state === 'pending')
    const unbroken = pending === -1 ? mine : mine.slice(0, pending)
    tables[move] = {
      chunks: mine.length,
      done: mine.filter((chunk) => chunk.state === 'done').length,
      rows: mine.reduce((sum, chunk) => sum + (chunk.result?.loaded ?? 0), 0),
      lastKey: unbroken.findLast((chunk) => chunk.upTo !== null)?.upTo ?? null,
    }
  }
  return {
    version: 1,
    migration: run.migration,
    run: run.id,
    source: run.sourceLabel,
    target,
    updatedAt: new Date().toISOString(),
    tables,
  }
}

/** Written beside, synced and renamed, so that a reader never sees half of it. */
export function writeCheckpoint(file: string, checkpoint: Checkpoint): void {
  writing(file, () => {
    const descriptor = openSync(beside(file), 'w', 0o600)
    try {
      writeSync(descriptor, `${JSON.stringify(checkpoint, null, 2)}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(beside(file), file)
  })
}

const beside = (file: string) => `${file}.${process.pid}.tmp`

function writing(file: string, work: () => void): void {
  try {
    work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new LandfallError(
      code === 'ENOSPC' || code === 'EDQUOT' ? 'LF207' : 'LF001',
      `the checkpoint file ${file} cannot be written (${code})`,
      { hint: 'Name a file with --checkpoint in a folder that is there and may be written.', cause },
    )
  }
}

/**
 * Compares a file of an earlier run with the journal, which decides. LF405 when the file speaks of
 * another run or claims more than the journal knows. That the file cannot be written is found out here,
 * and not when the first rows are loaded. With `restart` the run is about to be taken back, and a file
 * of whatever run will be written anew.
 */
export function compareCheckpoint(
  file: string,
  run: RunRecord | null,
  chunks: readonly ChunkRecord[],
  restart = false,
): void {
  writing(file, () => {
    closeSync(openSync(beside(file), 'w', 0o600))
    rmSync(beside(file))
  })
  const why = existsSync(file) ? disagreement(readFileSync(file, 'utf8'), run, chunks, restart) : null
  if (why === null) return
  throw new LandfallError('LF405', `the checkpoint file ${file} does not agree with the journal: ${why}`, {
    hint: 'The journal in the target decides how far the run is.\nMove the file away, or name another one with --checkpoint.',
  })
}

function disagreement(
  text: string,
  run: RunRecord | null,
  chunks: readonly ChunkRecord[],
  restart: boolean,
): string | null {
  const found = parse(text)
  if (found === null) return 'it was not written by Landfall'
  if (restart) return null
  if (run === null) return `it speaks of run ${found.run}, and the target knows of none`
  if (found.run !== run.id || found.migration !== run.migration)
    return `it speaks of run ${found.run} of ${found.migration}, the target of run ${run.id} of ${run.migration}`
  const now = makeCheckpoint(run, found.target, chunks)
  for (const [table, was] of Object.entries(found.tables)) {
    const is = now.tables[table]
    if (!(is !== undefined && is.done >= was?.done && is.rows >= was.rows))
      return `it claims ${was?.rows} rows of ${table}, the journal ${is?.rows ?? 0}`
  }
  return null
}

function parse(text: string): Checkpoint | null {
  try {
    const found = JSON.parse(text) as Checkpoint | null
    return found?.version === 1 && typeof found.tables === 'object' && found.tables !== null ? found : null
  } catch {
    return null
  }
}
