import type { ChunkReads } from '../copy/chunk-job.ts'
import { chunkSelect, rejectSelect } from '../copy/select.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { MoveWork } from '../plan/make.ts'
import type { Move } from '../plan/model.ts'

/** SQL of what the plan loads and sets aside of a chunk. */
export function readsOf(move: Move, work: MoveWork, bounds: ChunkBounds): ChunkReads {
  const { marking } = work
  const excluded = marking?.excluded ?? '0'
  return {
    read: chunkSelect(move, bounds, excluded),
    setAside: marking && {
      reasons: marking.reasons,
      read: rejectSelect(move, bounds, { excluded, reason: marking.reason }),
    },
  }
}
