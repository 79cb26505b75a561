import type { ChunkBounds } from '../plan/bounds.ts'

export type { ChunkBounds } from '../plan/bounds.ts'

/**
 * The durable record, in the target's schema `landfall`. A chunk's row changes in the same
 * transaction as the chunk's rows. Nothing here ever holds a secret.
 */
export interface RunRecord {
  /** bigint as decimal text. */
  readonly id: string
  readonly migration: string
  /** Rises by one each time a process takes the lock; a chunk's transaction checks it. */
  readonly epoch: string
  /** 1 for the process that began the run, one more for each that resumed it. */
  readonly attempt: number
  readonly state: 'running' | 'failed' | 'done'
  readonly phase: string
  readonly sourceLabel: string
  readonly planHash: string
  /** Hash of what the user chose. */
  readonly choices: string
  /** Cheap identity of the source's content when the run began; equal means unchanged. */
  readonly fingerprint: string
  readonly startedAt: Date
  readonly finishedAt: Date | null
  /** `LF204: message`. */
  readonly error: string | null
  /** Begun at the start of an application: when it fails, what it has made is taken back. */
  readonly sealed: boolean
}

/** The process that works on a run; it informs people, and proves nothing. */
export interface Holder {
  readonly host: string
  readonly pid: number
}

/**
 * SQL as data, so that a worker thread can run it in the transaction of its chunk. Where the text has
 * placeholders beyond `values`, the executor appends their values, as the maker's comment says.
 */
export interface Statement {
  readonly sql: string
  readonly values: readonly (string | number | null)[]
}

/** A chunk as it is planned. Within a move `seq` is unique, and counts in the order of the keys. */
export interface PlannedChunk extends ChunkBounds {
  /** The source table's name, as in `Move.source`. */
  readonly move: string
  readonly seq: number
}

export interface ChunkRecord extends PlannedChunk {
  readonly state: 'pending' | 'done'
  readonly result: ChunkResult | null
}

/** What loading one chunk came to: `read = loaded + setAside`. */
export interface ChunkResult {
  readonly read: number
  readonly loaded: number
  readonly setAside: number
  readonly bytes: number
  /** SHA-256 of the bytes given to COPY and of the rejects, hex: whether the source would give the same again. */
  readonly digest: string
}

export interface Reject {
  readonly table: string
  /** Printable, e.g. `id = 2`. */
  readonly key: string
  readonly column: string | null
  readonly reason: string
  /** All of the row: column name to a tagged value, see `TaggedValue`. */
  readonly content: Readonly<Record<string, TaggedValue>>
}

/** A source value without loss in JSON: integers and reals as text, bytes as hex. */
export type TaggedValue =
  | null
  | { readonly integer: string }
  | { readonly real: string }
  | { readonly text: string }
  | { readonly blob: string }
  /** Text that is no valid UTF-8, as hex. */
  | { readonly textBytes: string }
