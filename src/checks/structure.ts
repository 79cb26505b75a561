import type { Catalog } from '../catalog/model.ts'
import type { Session } from '../connection/postgres.ts'
import { qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import type { Plan } from '../plan/model.ts'
import { checkConstraints } from './check-constraints.ts'
import { sourcePromises } from './declared.ts'
import { readFlaws } from './flaws.ts'
import { checkForeignKeys } from './foreign-keys.ts'
import { checkIndexes } from './indexes.ts'
import { checkSequences } from './sequences.ts'
import type { Subject } from './subject.ts'
import { checkColumns, checkCoverage, missingTable } from './tables.ts'
import { checkUniqueValues } from './unique-values.ts'

export interface StructureInput {
  /**
   * Not inside a transaction: a statement that the server refuses makes one check incomplete, and would
   * end the transaction.
   */
  readonly session: Session
  /** The whole plan, also where only some tables are looked at: parents are found in it. */
  readonly plan: Plan
  /** The target's tables as they are now, all of the plan's schema. */
  readonly catalog: Catalog
  readonly source: Catalog
  /**
   * Source tables that the user limits the checks to; all when absent or null. With a list, tables that
   * the plan does not know are not looked for.
   */
  readonly tables?: readonly string[] | null
}

/**
 * Everything that the target promises besides its rows: that no table was overlooked, and for each its
 * columns, keys and indexes, unique values, foreign keys, checks and sequences. Where the target's own
 * catalog vouches for it no row is read. Nothing is written, and no sequence gives away a number.
 *
 * @returns one result for each table and kind that either side has something of.
 * Errors: LF305 when the connection is lost. What the server refuses to tell is an `incomplete` result.
 */
export async function structureChecks(input: StructureInput): Promise<CheckResult[]> {
  const { session, plan, catalog, source } = input
  const promises = sourcePromises(plan, source)
  const isInScope = (table: string) => !input.tables || input.tables.includes(table)
  const flaws = await readFlaws(session, [...new Set(plan.moves.map((move) => move.target.schema))])
  const checks: CheckResult[] = [checkCoverage(plan, source, catalog, isInScope)]
  for (const move of plan.moves.filter((one) => isInScope(one.source))) {
    const { schema, name } = move.target
    const found = catalog.tables.find((table) => table.schema === schema && table.name === name)
    if (found === undefined) {
      checks.push(missingTable(move))
      continue
    }
    const subject: Subject = { move, found, table: qualified(schema, name) }
    const results = [
      await checkColumns(session, subject, flaws),
      await checkIndexes(session, subject, flaws),
      await checkUniqueValues(session, subject, promises, flaws),
      await checkForeignKeys(session, subject, promises, flaws),
      await checkConstraints(session, subject, flaws),
      await checkSequences(session, subject, source),
    ]
    checks.push(...results.filter((result) => result !== null))
  }
  return checks
}
