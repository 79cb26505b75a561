/** Bounds are SQL literals of the source, one for each key expression; null is open. */
export interface ChunkBounds {
  /** Exclusive. */
  readonly after: readonly string[] | null
  /** Inclusive; the last chunk of a move is open. */
  readonly upTo: readonly string[] | null
}
