import type { Session } from '../connection/postgres.ts'
import type { Declaration, DeclaredTable, TableName } from '../contract/declaration.ts'
import type { Findings } from './difference.ts'
import type { KnownTables } from './known-tables.ts'
import type { TableFacts } from './postgres-facts.ts'
import type { ResolvedType } from './resolved-type.ts'

/** One table that is there, looked at beside what is declared of it. */
export interface Looking {
  readonly session: Session
  readonly declaration: Declaration
  readonly known: KnownTables
  readonly at: TableName
  readonly table: DeclaredTable
  readonly facts: TableFacts
  readonly types: ReadonlyMap<string, ResolvedType>
  readonly findings: Findings
  /** Names of the schema that are given away, with what has them, for people. */
  readonly taken: ReadonlyMap<string, string>
}
