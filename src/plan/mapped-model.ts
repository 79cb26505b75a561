import type { Catalog, Table } from '../catalog/model.ts'
import type { Settings } from '../config/model.ts'
import { printPath } from '../config/path.ts'
import type { SelectedColumn } from '../connection/postgres.ts'
import type { Blocker, LeftOut, Move } from './model.ts'

/** A database that is asked what a SELECT would yield, in a session that finds the names that users write. */
export type ColumnsOf = (select: string) => Promise<readonly SelectedColumn[]>

export interface MapInput {
  readonly source: Catalog
  readonly target: Catalog
  readonly settings: Settings
  readonly columnsOf: ColumnsOf
  /** Of the target; without it what its SQL yields is not looked at, and domains are what they are called. */
  readonly columnsOfTarget?: ColumnsOf
  /** Source and target are one database: only what the config names is moved. */
  readonly inPlace?: boolean
}

export interface MappedMoves {
  /** In the order in which they are applied. */
  readonly moves: readonly Move[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
  readonly notes: readonly string[]
}

/** What is found out on the way from config to moves. */
export interface Mapping extends MapInput {
  readonly blockers: Blocker[]
  readonly leftOut: LeftOut[]
  readonly notes: string[]
  /** Null: it is named, but a person has to decide about it first. */
  readonly identities: Map<string, KnownIdentity | null>
}

/** The types of an identity's keys, of domains those beneath. */
export interface KnownIdentity {
  readonly oldType: string
  readonly newType: string
}

/** Where in the config something is said, e.g. `moves.orders.columns.qty`. */
export type Path = readonly PropertyKey[]

/** Something that a person has to decide; `path` names the place in the config where it can be. */
export function block(
  { blockers }: Pick<Mapping, 'blockers'>,
  table: Pick<Table, 'name'>,
  column: string | null,
  message: string,
  choices: readonly string[],
): void {
  blockers.push({ code: 'LF205', table: table.name, column, message, examples: [], choices })
}

/** `moves.orders.columns.qty: { type: 'text' }   what it does`. */
export function choice(path: Path, said: string, does = ''): string {
  return `${printPath(path)}: ${said}${does === '' ? '' : `   ${does}`}`
}

/** SQL of the config in brackets, which a comment at its end must not swallow. */
export function bracketed(sql: string): string {
  return sql.includes('--') ? `(${sql}\n)` : `(${sql})`
}
