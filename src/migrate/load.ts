import { loadChunks } from '../copy/schedule.ts'
import { makeCheckpoint, writeCheckpoint } from '../journal/checkpoint.ts'
import type { ChunkRecord, ChunkResult, RunRecord } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'
import type { Under } from './start.ts'

/** How often the readable copy of the progress is written, in milliseconds. */
const CHECKPOINT_EVERY = 1_000

export interface Loading extends Pick<Under, 'settings' | 'tools' | 'target'> {
  readonly run: RunRecord
  readonly moves: readonly Move[]
  readonly chunks: readonly ChunkRecord[]
  readonly signals: readonly AbortSignal[]
  readonly loadChunk: (move: Move, chunk: ChunkRecord) => Promise<ChunkResult>
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
  const { settings, tools, target, run, signals } = loading
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
  const moves = [...loading.moves].sort((a, b) => b.statistics.rows - a.statistics.rows)
  for (const move of moves) tell(move)
  await withCheckpoint(checkpoint, () =>
    loadChunks({
      moves,
      chunks: loading.chunks,
      jobs: settings.jobs,
      signals,
      load: async (move, chunk) => {
        const began = performance.now()
        const result = await loading.loadChunk(move, chunk)
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
  // How many rows there are was an estimate until now.
  for (const { source } of moves) {
    const rows = done.get(source) ?? 0
    tools.progress?.({ kind: 'table', phase: 'copy', table: source, done: rows, total: rows })
  }
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
