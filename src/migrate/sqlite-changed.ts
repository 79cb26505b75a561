import { extname } from 'node:path'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import { LandfallError } from '../errors.ts'
import type { ChunkRecord, ChunkResult } from '../journal/model.ts'
import type { Planned } from '../plan/make.ts'
import type { Plan } from '../plan/model.ts'
import { readsOf } from './sqlite-chunk-reads.ts'

const JOB = new URL(`../copy/chunk-job${extname(import.meta.url)}`, import.meta.url).href

/**
 * Reads every chunk that is done once more, without writing it, and compares the digests. No difference
 * means that going on is exactly as if the run had begun with today's source. A chunk may also have been
 * loaded as `formerly` says, a plan that differs only in how values travel.
 */
export async function changedTables(
  source: SqliteSource,
  planned: Planned,
  chunks: readonly ChunkRecord[],
  formerly: Plan | null,
): Promise<string[]> {
  const moves = new Map(planned.plan.moves.map((move) => [move.source, move]))
  const former = new Map((formerly?.moves ?? []).map((move) => [move.source, move]))
  const changed = new Set<string>()
  await Promise.all(
    chunks.map(async (chunk) => {
      const move = moves.get(chunk.move)
      if (chunk.result === null || move === undefined) return
      const work = planned.work.get(chunk.move)!
      if (move.profiledRows !== null) await work.marking?.markMore([{ ...chunk, rows: 0 }])
      for (const one of [move, ...(former.has(chunk.move) ? [former.get(chunk.move)!] : [])]) {
        const args = readsOf(one, work, chunk)
        const now = await source
          .run<Pick<ChunkResult, 'loaded' | 'digest'>>({ module: JOB, export: 'digestChunk', args })
          .catch(misfit)
        if (now?.digest === chunk.result.digest && now.loaded === chunk.result.loaded) return
      }
      changed.add(chunk.move)
    }),
  )
  return [...moves.keys()].filter((name) => changed.has(name))
}

/** A row that cannot be stored was not there when its chunk was loaded. */
function misfit(error: unknown): null {
  if (error instanceof LandfallError && error.code === 'LF204') return null
  throw error
}
