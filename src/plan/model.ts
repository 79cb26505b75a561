import type { Carrier } from '../types/model.ts'
import type { Mapping } from './mapping.ts'
import type { TargetTable } from './target-model.ts'

export type { TargetColumn, TargetForeignKey, TargetIndex, TargetTable } from './target-model.ts'

/**
 * The compiled migration: every decision, explicit and printable. Everything downstream reads the
 * Plan, never the config. `planHash` covers the decisions and leaves out what is under `statistics`.
 */
export interface Plan {
  readonly version: 1
  /** The migration's name: with the target it identifies the run, its lock and its journal. */
  readonly migration: string
  readonly source: {
    readonly label: string
    readonly engine: 'sqlite' | 'postgres'
    readonly encoding: string
  }
  readonly target: { readonly label: string; readonly schema: string }
  readonly badRows: 'stop' | 'set-aside'
  readonly moves: readonly Move[]
  readonly leftOut: readonly LeftOut[]
  /** What has to be decided by a person before anything is written. Empty when the plan can run. */
  readonly blockers: readonly Blocker[]
  readonly notes: readonly string[]
  /**
   * What makes the target's tables and all that belongs to them: Landfall from the plan (absent), or what
   * `pg_dump` writes of a whole PostgreSQL source. `schemas`: those that it fills, and that were empty;
   * `digest`: SHA-256 of what it wrote, absent where the plan is blocked.
   */
  readonly schemaBy?: {
    readonly program: 'pg_dump'
    readonly schemas: readonly string[]
    readonly digest?: string
  }
  /** Source and target are one database: nothing travels, and all moves are one transaction. */
  readonly inPlace?: true
}

export interface LeftOut {
  readonly kind: string
  readonly name: string
  readonly why: string
}

export interface Blocker {
  readonly code: 'LF203' | 'LF204' | 'LF205' | 'LF207'
  readonly table: string | null
  readonly column: string | null
  readonly message: string
  /** e.g. `id = 2 ("toto")`; at most ten. */
  readonly examples: readonly string[]
  /** What can be chosen, a line each. */
  readonly choices: readonly string[]
}

/** One table's journey. */
export interface Move {
  /**
   * The source table's name as the source spells it; of PostgreSQL with the schema where that is not
   * `public`. Unique in the plan: a second move of a table has ` (2)` behind it.
   */
  readonly source: string
  /** PostgreSQL: what stands behind FROM, with the config's filter: a table or a SELECT in brackets. */
  readonly relation?: string
  /** How rows become rows of a table that is there; absent: they are loaded into it as they are. */
  readonly mapping?: Mapping
  readonly target: TargetTable
  /** The target table was there before (made by the application's own migrations) and is used as it is. */
  readonly existing: boolean
  /** What finds, orders and chunks the source's rows. Expressions are quoted for the source. */
  readonly key: MoveKey
  /**
   * Columns of the source's primary key, where rows come from a table that has one: what tells mapped rows
   * apart, whatever cuts them into chunks.
   */
  readonly sourceKey?: readonly string[]
  readonly columns: readonly MoveColumn[]
  readonly format: 'binary' | 'text'
  /** Some value is longer than 1 MB: rows are read one at a time, so that memory stays bounded. */
  readonly largeValues: boolean
  /** Rows per chunk; null: the whole table at once, because its rows refer to each other. */
  readonly chunkRows: number | null
  /** Source tables whose rows must be there first, since the target enforces its foreign keys already. */
  readonly after: readonly string[]
  /** Set when only the first rows were profiled; the others are tested while they are copied. */
  readonly profiledRows: number | null
  readonly notes: readonly string[]
  /** Left out of the hash. */
  readonly statistics: {
    readonly rows: number
    /** Nobody has counted them. */
    readonly estimated?: true
    /** Rows that will be set aside, by reason. */
    readonly misfits: readonly Misfit[]
  }
}

export interface Misfit {
  readonly column: string | null
  readonly reason: string
  readonly rows: number
  /** e.g. `id = 2 ("toto")`; at most ten. */
  readonly examples: readonly string[]
}

export interface MoveKey {
  /**
   * `rowid`: one integer; `columns`: the primary key of a WITHOUT ROWID table, or of a PostgreSQL table;
   * `ctid`: the place of a row, which means nothing in another snapshot; `none`: one chunk.
   */
  readonly kind: 'rowid' | 'columns' | 'ctid' | 'none'
  /** Quoted source expressions, e.g. `"rowid"` or `"a"`, `"b"`. */
  readonly expressions: readonly string[]
  /** What messages call them: the INTEGER PRIMARY KEY's name, `rowid`, or the key columns. */
  readonly names: readonly string[]
}

export interface MoveColumn {
  readonly source: string
  readonly target: string
  /** As declared in the source. */
  readonly declared: string
  /** The target's type, e.g. `varchar(20)`. */
  readonly type: string
  /** One clause: why this type. */
  readonly why: string
  /** One clause when values change their form, else null: `epoch milliseconds to timestamptz`. */
  readonly conversion: string | null
  readonly carrier: Carrier
  /** The id of the way in `types/` that was chosen. */
  readonly way: string
  /**
   * The source's SQL expressions that yield what the carrier takes: one, or two for a carrier that
   * travels in two halves.
   */
  readonly read: readonly string[]
  /** Source SQL, true for a value that does not fit; null when every value fits by construction. */
  readonly misfit: string | null
  /** What a misfit is, after `column x: value …`: `is text, not an integer`. */
  readonly misfitReason: string | null
}

/** Its rows go through stages into tables of the application; else they are copied as they are. */
export const isMappedPlan = ({ moves }: Plan): boolean => moves.some(({ mapping }) => mapping !== undefined)
