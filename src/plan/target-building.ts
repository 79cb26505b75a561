import type { CheckConstraint, Index, Table } from '../catalog/model.ts'
import type { ExpressionColumn } from '../types/expression.ts'
import type { LeftOut, TargetIndex, TargetTable } from './model.ts'

/** A table that is moved: where it goes, and which columns with which types. */
export interface MovedTable {
  readonly table: Table
  readonly schema: string
  readonly name: string
  /** The carried columns only, in order. */
  readonly columns: readonly { readonly source: string; readonly target: string; readonly type: string }[]
  /** The target's own table, where it was there before: then its keys are the ones that count. */
  readonly existing: Table | null
}

export interface BuiltTable {
  readonly table: TargetTable
  /** What is as in the source only nearly. */
  readonly notes: readonly string[]
  /** The indexes of the table with the source's definition of each. */
  readonly indexes: readonly BuiltIndex[]
  /** The checks of the source that the target will have. */
  readonly checks: readonly CheckConstraint[]
  /** Rules and indexes of the source that the target will not have, each with its reason. */
  readonly leftOut: readonly LeftOut[]
}

export interface BuiltIndex {
  readonly index: TargetIndex
  readonly source: Index
}

/** What the parts of a table are built with. */
export interface Building {
  readonly moved: MovedTable
  /** By source name in lower case. */
  readonly expressions: ReadonlyMap<string, ExpressionColumn>
  readonly relationName: (wanted: string) => string
  /** Takes a constraint's name, which is unique within the table. */
  readonly constraintName: (wanted: string) => string
  readonly notes: string[]
  readonly leftOut: LeftOut[]
}
