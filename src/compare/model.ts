import type { PostgresSettings } from '../connection/settings.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { RowDifference } from '../contract/verify.ts'
import type { ChunkRead } from '../copy/select.ts'
import type { ChunkBounds } from '../journal/model.ts'
import type { Canonical } from '../types/canonical.ts'

/**
 * One table as it is compared: plain data, for the threads that read. Both sides yield rows in COPY's
 * binary form, field by field the same bytes where the values are the same.
 */
export interface Comparison {
  /** The source table's name, for messages. */
  readonly table: string
  /** The target table, qualified and quoted. */
  readonly target: string
  readonly columns: readonly ComparedColumn[]
  /** Positions in `columns` of the target's key, none of it NULL; empty where it has none. */
  readonly key: readonly number[]
  /** Reading of the source's rows without those set aside; of each range with its own `bounds`. */
  readonly read: Omit<ChunkRead, 'bounds'>
  /** The form in which rows are compared is the one in which they were given to COPY. */
  readonly asLoaded: boolean
}

/** A range of the source's rows. */
export interface ComparedRange extends ChunkBounds {
  /**
   * What was read of it from the source and given to COPY, none of it set aside, where that was just now
   * and of this very source: then only the target need be read.
   */
  readonly loaded?: { readonly rows: number; readonly digest: string } | null
}

export interface ComparedColumn {
  /** Names. */
  readonly source: string
  readonly target: string
  readonly carrier: Canonical['carrier']
  /** Target SQL that yields the field. */
  readonly select: string
  /** See `Canonical`. */
  readonly judged: string | null
}

/** The target as a reader thread reaches it. */
export interface TargetAccess {
  readonly postgres: PostgresSettings
  readonly label: string
}

/** Rows that are all the same. */
export const allSame = (rows: number): Outcome => ({
  sourceRows: rows,
  targetRows: rows,
  missing: 0,
  extra: 0,
  changed: 0,
  exact: true,
  differences: [],
})

/** How many rows are not the same. */
export const differing = ({
  missing,
  extra,
  changed,
}: Pick<Outcome, 'missing' | 'extra' | 'changed'>): number => missing + extra + changed

/** What comparing some rows came to. */
export interface Outcome {
  readonly sourceRows: number
  readonly targetRows: number
  readonly missing: number
  readonly extra: number
  readonly changed: number
  /** False: at least so many. */
  readonly exact: boolean
  /** The first ones, as many as were asked for. */
  readonly differences: readonly RowDifference[]
}

/** How differences are listed. */
export interface Listing {
  readonly most: number
  readonly showValues: boolean
}

/** One table, to be compared. */
export interface CompareInput {
  readonly source: SqliteSource
  readonly access: TargetAccess
  readonly comparison: Comparison
  /** Ranges that cover the source's rows; the first and the last are open. */
  readonly ranges: readonly ComparedRange[]
  /** Share of the rows, chosen by their keys; null: all. */
  readonly sample: number | null
  readonly listing: Listing
  /** Connections at once. */
  readonly jobs: number
  /** True when time is up: no other range is begun, and the outcome says so. */
  readonly isOver: () => boolean
  /** Told of rows of the source that have been compared. */
  readonly progress: (rows: number) => void
  /** What an interrupted verification has found to be the same; null: nothing is kept. */
  readonly memory: RangeMemory | null
}

/** Ranges of one table that were compared and are the same. */
export interface RangeMemory {
  /**
   * How many rows the range has; null when it was not compared, or the target's rows are not those of
   * then. `rows`: where they are, the table as `t`.
   */
  recall(
    bounds: ChunkBounds,
    rows: { readonly table: string; readonly where: string },
  ): Promise<number | null>
  remember(bounds: ChunkBounds, rows: number): void
}

export interface TableOutcome extends Outcome {
  /** Why the table was not compared to its end; null when it was. */
  readonly incomplete: string | null
}
