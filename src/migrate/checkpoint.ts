import { compareCheckpoint } from '../journal/checkpoint.ts'
import { readChunks } from '../journal/journal.ts'
import type { RunRecord } from '../journal/model.ts'
import type { Under } from './start.ts'

/** Before anything else is decided: LF405 where the file of `--checkpoint` speaks of another progress than the journal. */
export async function refuseOtherCheckpoint(
  { session, settings }: Pick<Under, 'session' | 'settings'>,
  run: RunRecord | null,
): Promise<void> {
  const { checkpoint, restart } = settings
  if (!checkpoint) return
  compareCheckpoint(checkpoint, run, run ? await readChunks(session, run.id) : [], restart)
}
