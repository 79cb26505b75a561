import { extname } from 'node:path'
import { ident, qualified } from '../connection/quote.ts'
import type { CopyChunkArgs } from '../copy/chunk-job.ts'
import { loadChunks } from '../copy/schedule.ts'
import { LandfallError } from '../errors.ts'
import { makeCheckpoint, writeCheckpoint } from '../journal/checkpoint.ts'
import type { ChunkRecord, ChunkResult, RunRecord } from '../journal/model.ts'
import { chunkDone, epochCheck, insertRejects } from '../journal/statements.ts'
import type { MoveWork, Planned } from '../plan/make.ts'
import type { Move } from '../plan/model.ts'
import { run as runStatements } from '../profile/run.ts'
import { examples } from '../profile/statements.ts'
import { readsOf } from './chunk-reads.ts'
import type { Start } from './start.ts'

const JOB = new URL(`../copy/chunk-job${extname(import.meta.url)}`, import.meta.url).href

/** How often the readable copy of the progress is written, in milliseconds. */
const CHECKPOINT_EVERY = 1_000

export interface Loading extends Start {
  readonly run: RunRecord
  readonly planned: Planned
  readonly chunks: readonly ChunkRecord[]
  readonly signals: readonly AbortSignal[]
}

/** When a table's chunks were loaded in this attempt, in milliseconds of `performance.now()`. */
export interface Span {
  from: number
  to: number
  rows: number
}

/** Loads every pending chunk; returns all chunks as they are now, and the tables' times. */
export async function load(
  loading: Loading,
): Promise<{ chunks: readonly ChunkRecord[]; spans: ReadonlyMap<string, Span> }> {
  const { planned, settings, tools, target, run, signals } = loading
  const results = new Map<ChunkRecord, ChunkResult>()
  const spans = new Map<string, Span>()
  const done = new Map<string, number>()
  for (const chunk of loading.chunks)
    done.set(chunk.move, (done.get(chunk.move) ?? 0) + (chunk.result?.read ?? 0))
  const now = (): ChunkRecord[] =>
    loading.chunks.map((chunk) => {
      const result = results.get(chunk)
      return result ? { ...chunk, state: 'done', result } : chunk
    })
  const tell = (move: Move): void =>
    tools.progress?.({
      kind: 'table',
      phase: 'copy',
      table: move.source,
      done: done.get(move.source) ?? 0,
      total: move.statistics.rows,
    })
  let written = 0
  const checkpoint = (): void => {
    if (settings.checkpoint === null) return
    writeCheckpoint(settings.checkpoint, makeCheckpoint(run, target.label, now()))
    written = performance.now()
  }
  // Large tables first: what is left at the end is then short.
  const moves = [...planned.plan.moves].sort((a, b) => b.statistics.rows - a.statistics.rows)
  for (const move of moves) tell(move)
  await withCheckpoint(checkpoint, () =>
    loadChunks({
      moves,
      chunks: loading.chunks,
      jobs: settings.jobs,
      signals,
      load: async (move, chunk) => {
        const began = performance.now()
        const result = await loadChunk(loading, move, chunk)
        const span = spans.get(move.source) ?? { from: began, to: began, rows: 0 }
        span.from = Math.min(span.from, began)
        span.to = performance.now()
        span.rows += result.read
        spans.set(move.source, span)
        return result
      },
      loaded: (move, chunk, result) => {
        results.set(chunk, result)
        done.set(move.source, (done.get(move.source) ?? 0) + result.read)
        tell(move)
        if (performance.now() - written > CHECKPOINT_EVERY) checkpoint()
      },
    }),
  )
  return { chunks: now(), spans }
}

/** The file is written also after a failure, which is told before one of the file. */
async function withCheckpoint(checkpoint: () => void, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    try {
      checkpoint()
    } catch {
      // The journal decides; a stale file is no harm.
    }
    throw error
  }
  checkpoint()
}

async function loadChunk(loading: Loading, move: Move, chunk: ChunkRecord): Promise<ChunkResult> {
  const { from, target, run, lock, planned } = loading
  const work = planned.work.get(move.source)!
  if (move.profiledRows !== null) await testChunk(loading, move, work, chunk)
  const { read, setAside } = readsOf(move, work, chunk)
  const columns = move.columns.map((column) => ident(column.target)).join(', ')
  const table = qualified(move.target.schema, move.target.name)
  const args: CopyChunkArgs = {
    postgres: target.settings,
    label: target.label,
    applicationName: 'landfall copy',
    read,
    copySql: `COPY ${table} (${columns}) FROM STDIN WITH (FORMAT ${move.format})`,
    before: [epochCheck(lock)],
    after: chunkDone(run.id, move.source, chunk.seq),
    setAside: setAside && { ...setAside, insert: insertRejects(run.id, move.source, chunk.seq) },
  }
  return await from.source.run<ChunkResult>({ module: JOB, export: 'copyChunk', args })
}

/** A chunk that the profile has not looked at is tested right before it is loaded. */
async function testChunk(loading: Loading, move: Move, work: MoveWork, chunk: ChunkRecord): Promise<void> {
  const same = work.chunks.find(
    (one) => `${one.upTo}` === `${chunk.upTo}` && `${one.after}` === `${chunk.after}`,
  )
  if (same?.unprofiled.length === 0) return
  if (work.marking) {
    await work.marking.markMore([{ ...chunk, rows: 0 }])
    return
  }
  const { question, tests } = work.tested
  for (const test of tests) {
    const column = question.columns.find((one) => one.name === test.column) ?? null
    const [rows] = await runStatements({ source: loading.from.source }, [
      examples(question, test.sql, column, chunk, 10),
    ])
    const shown = rows!.map((row) => String(row[0]))
    if (shown.length === 0) continue
    throw new LandfallError('LF204', `${move.source}${test.column ? `.${test.column}` : ''} ${test.text}`, {
      place: { table: move.source, key: shown.join(', '), ...(test.column ? { column: test.column } : {}) },
      hint: '--bad-rows set-aside   copy the others, keep these in landfall.rejects\nlandfall plan without --profile-rows finds all of them first',
    })
  }
}
