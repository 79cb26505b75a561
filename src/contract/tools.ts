import type { ProgressListener } from './progress.ts'

/** What a verb may be given besides its settings. */
export interface Tools {
  readonly progress?: ProgressListener
  /** Aborting it stops at the next chunk boundary; the same settings go on later. */
  readonly signal?: AbortSignal
  /** Asked before something that cannot be taken back; absent: such things are refused (LF206). */
  readonly ask?: (question: string) => Promise<boolean>
}
