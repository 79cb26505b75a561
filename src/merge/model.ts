import type { Session } from '../connection/postgres.ts'
import type { RowDifference } from '../contract/verify.ts'
import type { Applied } from '../plan/mapping.ts'
import type { Move } from '../plan/model.ts'

/**
 * The stage's own number of a row, in no particular order. It and the next ones stand beside columns of the
 * source or the target, which may have any name: theirs end in what nobody chooses.
 */
export const STAGE_ROW = 'landfall_row_6c1f0b9e'

/** Of shaped rows: the number of the reason for which the target would refuse the row; NULL for none. */
export const WRONG = 'landfall_wrong_6c1f0b9e'

/** Of shaped rows that were compared with the target: whether their key is there. */
export const THERE = 'landfall_there_6c1f0b9e'

/** Of the same: whether a row that is there has other values. */
export const CHANGED = 'landfall_changed_6c1f0b9e'

/** SQL over shaped rows: those that are to be written. */
export const WRITES = `${WRONG} IS NULL AND (NOT ${THERE} OR ${CHANGED})`

/** An identity map that is there, with all names quoted. */
export interface KnownMap {
  readonly relation: string
  readonly oldKey: string
  readonly newKey: string
  /** Old keys are of a type to which case means nothing, though their texts may be kept. */
  readonly ignoresCase?: boolean
  /** A row that refers to an old key without new one is a failure, whatever its move says. */
  readonly unknownFails?: boolean
  /** What can be done about an old key that is unknown, a line each. */
  readonly remedies?: readonly string[]
}

/** Staged rows of a move, ready to be applied or compared, in a transaction of `session`. */
export interface Staged {
  readonly session: Session
  readonly move: Move
  /** Quoted name of the stage: the columns of the move, and `STAGE_ROW`. */
  readonly stage: string
  /** The maps of the plan's identities that are resolved by now, by name. */
  readonly maps: ReadonlyMap<string, KnownMap>
  /** `stop`: rows that the target would refuse are a failure; else they are set aside. */
  readonly badRows?: 'stop' | 'set-aside'
}

/** Where rows that are set aside are written down, in the same transaction. */
export interface RejectsOf {
  readonly run: string
  /** Moves of the run that were applied before; what they have set aside is written down. */
  readonly before?: readonly Move[]
}

/** Which parent a row lacks: what an identity should know, or a foreign key's row. */
export type Parent =
  | { readonly identity: string; readonly value: string }
  | {
      readonly schema: string
      readonly table: string
      readonly columns: readonly string[]
      readonly refColumns: readonly string[]
    }

/** Why the target would refuse a row. */
export interface Reason {
  readonly column: string | null
  readonly text: string
  /** Its parent is unknown, by an identity or by a foreign key. */
  readonly parent: boolean
  /** The parent, of rows that are merged. */
  readonly lacks?: Parent
  /** Such a row is a failure and cannot be set aside. */
  readonly fails: boolean
}

/**
 * Staged rows in the target's own columns and types: a temporary table that goes with the transaction.
 * It has the target's columns that are mapped, `STAGE_ROW` and `WRONG`; compared with the target also
 * `THERE` and `CHANGED`.
 */
export interface Shaped {
  /** Quoted. */
  readonly relation: string
  readonly rows: number
  /** `WRONG` is an index into it. More may be pushed as more is found. */
  readonly reasons: Reason[]
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
  /** What was not compared, because the config says that it may differ. */
  readonly note?: string
  /** Why not all could be compared that should have been. */
  readonly incomplete?: string
}
