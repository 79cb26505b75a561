/**
 * What long work tells while it runs. The library emits these; the CLI draws them.
 * A listener must be quick and must not throw.
 */
export type ProgressEvent =
  | { readonly kind: 'phase'; readonly phase: string; readonly detail?: string }
  | {
      /** Work on one table moved on; `done` and `total` are rows of this phase. */
      readonly kind: 'table'
      readonly phase: 'profile' | 'copy' | 'verify'
      readonly table: string
      readonly done: number
      readonly total: number
    }
  | {
      /** Statements after loading: indexes, keys, sequences. */
      readonly kind: 'step'
      readonly name: string
      readonly done: number
      readonly total: number
    }
  | { readonly kind: 'note'; readonly text: string }

export type ProgressListener = (event: ProgressEvent) => void
