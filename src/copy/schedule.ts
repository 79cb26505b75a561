import { LandfallError, stopReason } from '../errors.ts'
import type { ChunkRecord, ChunkResult } from '../journal/model.ts'
import type { Move } from '../plan/model.ts'

export interface Schedule {
  readonly moves: readonly Move[]
  readonly chunks: readonly ChunkRecord[]
  /** Chunks that are loaded at the same time. */
  readonly jobs: number
  /** Stops before the next chunk when aborted; its reason is thrown where no chunk has failed. */
  readonly signals: readonly AbortSignal[]
  readonly load: (move: Move, chunk: ChunkRecord) => Promise<ChunkResult>
  readonly loaded: (move: Move, chunk: ChunkRecord, result: ChunkResult) => void
}

/**
 * Loads all pending chunks: as many at once as there are jobs, over all tables that may be loaded.
 * Chunks in flight are always waited for, so that nothing is written after this has returned or thrown.
 */
export async function loadChunks(schedule: Schedule): Promise<void> {
  const pending = new Map(
    schedule.moves.map((move) => [
      move.source,
      schedule.chunks.filter((chunk) => chunk.move === move.source && chunk.state === 'pending'),
    ]),
  )
  const running = new Map<string, number>()
  let failure: { readonly error: unknown } | null = null

  const finished = (source: string) =>
    (pending.get(source)?.length ?? 0) === 0 && (running.get(source) ?? 0) === 0
  const next = (): { move: Move; chunk: ChunkRecord } | null => {
    for (const move of schedule.moves) {
      const waiting = pending.get(move.source)!
      if (waiting.length > 0 && move.after.every(finished)) return { move, chunk: waiting.shift()! }
    }
    return null
  }

  const inFlight = new Set<Promise<void>>()
  const start = ({ move, chunk }: { move: Move; chunk: ChunkRecord }) => {
    running.set(move.source, (running.get(move.source) ?? 0) + 1)
    const task = schedule
      .load(move, chunk)
      .then((result) => schedule.loaded(move, chunk, result))
      .catch((error: unknown) => {
        if (failure === null || isInterruption(failure.error)) failure = { error }
      })
      .finally(() => {
        running.set(move.source, running.get(move.source)! - 1)
        inFlight.delete(task)
      })
    inFlight.add(task)
  }

  for (;;) {
    const stopped = schedule.signals.find((signal) => signal.aborted)
    const job = failure === null && stopped === undefined && inFlight.size < schedule.jobs ? next() : null
    if (job !== null) start(job)
    else if (inFlight.size > 0) await Promise.race(inFlight)
    else break
  }
  const failed = failure as { readonly error: unknown } | null
  const stopped = schedule.signals.find((signal) => signal.aborted)
  // Who is told only of the interruption would run the same command into the same failure.
  if (failed !== null && !(stopped !== undefined && isInterruption(failed.error))) throw failed.error
  if (stopped !== undefined) throw stopReason(stopped)
}

function isInterruption(error: unknown): boolean {
  return error instanceof LandfallError && error.code === 'LF403'
}
