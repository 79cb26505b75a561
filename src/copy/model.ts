import type { Carrier } from '../types/model.ts'

/** One row as `node:sqlite` yields it with `setReturnArrays(true)`. */
export type Row = readonly (null | number | bigint | string | Uint8Array)[]

/**
 * Turns rows into the bytes of one COPY. Finished bytes wait in order inside the encoder until they
 * are taken, so encoding never waits for the network and the caller decides about back-pressure.
 */
export interface RowEncoder {
  /** What a stream starts and ends with; empty for the text format. */
  readonly header: Uint8Array
  readonly trailer: Uint8Array
  /** Bytes encoded and not yet taken. */
  readonly size: number
  /**
   * Appends rows. Throws MisfitError for a value that its carrier cannot take; what was encoded until
   * then may end within a row, so the stream must be given up.
   */
  encode(rows: readonly Row[]): void
  /**
   * Hands over everything encoded so far, to be given back by `release` or kept. Large values are pieces
   * of their own, not copied: with the release of the last one a value is gone for everybody.
   */
  take(): Uint8Array[]
  /** The caller is done with a piece that it took; what stood in it may be overwritten. */
  release(piece: Uint8Array): void
  /** Ends encoding: memory of pieces that were released serves the next encoder. */
  close(): void
}

/** A value that cannot travel in its column's carrier. Positions count from 0. */
export class MisfitError extends Error {
  override readonly name = 'MisfitError'
  /** Index in the list of carriers. */
  readonly column: number
  /** After `column x: value …`, e.g. `is no integer`. */
  readonly reason: string
  /** Index in the rows that were given to `encode`; -1 until `encode` has filled it in. */
  row = -1

  constructor(column: number, reason: string) {
    super(`column ${column}: value ${reason}`)
    this.column = column
    this.reason = reason
  }
}

export type Carriers = readonly Carrier[]
