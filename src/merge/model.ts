import type { Session } from '../connection/postgres.ts'
import type { RowDifference } from '../contract/verify.ts'
import type { Applied } from '../plan/mapping.ts'
import type { Move } from '../plan/model.ts'

/** The stage's own number of a row, in no particular order; a column that no source can have. */
export const STAGE_ROW = 'landfall_row'

/** An identity map that is there, with all names quoted. */
export interface KnownMap {
  readonly relation: string
  readonly oldKey: string
  readonly newKey: string
}

/** Staged rows of a move, ready to be applied or compared, in a transaction of `session`. */
export interface Staged {
  readonly session: Session
  readonly move: Move
  /** Quoted name of the stage: the columns of the move, and `STAGE_ROW`. */
  readonly stage: string
  /** The maps of the plan's identities that are resolved by now, by name. */
  readonly maps: ReadonlyMap<string, KnownMap>
}

/** Where rows that are set aside are written down, in the same transaction. */
export interface RejectsOf {
  readonly run: string
}

export interface AppliedMove {
  readonly applied: Applied
  /** What was decided by a stated rule, a line each: `2 users share the e-mail of another: joined`. */
  readonly notes: readonly string[]
}

/** What a comparison of staged rows with the target came to. */
export interface ComparedMove {
  /** Rows of the stage that should be in the target. */
  readonly expected: number
  readonly setAside: number
  readonly missing: number
  readonly changed: number
  /** At most as many as were asked for. */
  readonly differences: readonly RowDifference[]
}
