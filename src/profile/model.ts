import type { KeyRange } from '../connection/sqlite-key.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import type { Way } from '../types/model.ts'

/** A piece of a table that one statement scans; about ten thousand rows. */
export interface ScanRange extends KeyRange {
  readonly rows: number
}

/** A rule about a whole row besides its columns' types: a missing parent, NULL in a key … */
export interface Rule {
  readonly kind: 'null' | 'parent' | 'index' | 'check'
  readonly column: string | null
  /** Source SQL over the table named `t`, true for a row that breaks the rule. */
  readonly broken: string
  readonly reason: string
}

export interface ColumnQuestion {
  readonly name: string
  /** The quoted source column. */
  readonly expression: string
  /** In order of preference; the last one is the base. */
  readonly ways: readonly Way[]
}

export interface TableQuestion {
  readonly source: SqliteSource
  /** For messages. */
  readonly name: string
  /** Quoted and qualified. */
  readonly table: string
  readonly key: { readonly expressions: readonly string[]; readonly names: readonly string[] }
  readonly ranges: readonly ScanRange[]
  readonly columns: readonly ColumnQuestion[]
  readonly rules: readonly Rule[]
  /** UTF-8 is tested in bulk; other encodings value by value. */
  readonly encoding: string
  readonly progress: (rows: number) => void
}

export interface Finding {
  readonly column: string | null
  readonly reason: string
  readonly rows: number
  /** e.g. `id = 2 ("toto")`; at most ten. */
  readonly examples: readonly string[]
}

export interface TableProfile {
  readonly rows: number
  /** For each column of the question: the way that was taken. */
  readonly ways: ReadonlyMap<string, Way>
  /** Why a preferred way was not taken, where that changed the type: `3 values such as "x" are no …`. */
  readonly vetoes: ReadonlyMap<string, string>
  /** Rows that do not fit the way that was taken, or that break a rule. */
  readonly findings: readonly Finding[]
  /** The ranges in which those rows lie. */
  readonly failing: readonly ScanRange[]
}
