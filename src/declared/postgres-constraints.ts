import { ident } from '../connection/quote.ts'
import type { DeclaredForeignKey } from '../contract/declaration.ts'
import type { SchemaStatement } from '../contract/schema.ts'
import { tableKey } from './known-tables.ts'
import type { Looking } from './looking.ts'
import type { ConstraintFacts } from './postgres-facts.ts'
import { allSame } from './postgres-indexes.ts'
import { checkSql, foreignKeySql, label, relation } from './postgres-sql.ts'
import { addCheck, addForeignKey, alter, objectOf, validate } from './postgres-statements.ts'

const OTHER = 'A constraint of this name has another definition. Landfall does not change what is there.'
const PARTITIONED =
  'The table is partitioned, and a foreign key of it cannot be added for new rows only: every row is looked at under the lock.'
const NOT_VALIDATED = 'there, but not validated: rows of before may break it'

/** CHECK constraints of a table that is there, by what they say. */
export async function examineChecks(looking: Looking): Promise<void> {
  const { at, table, facts, findings } = looking
  for (const check of table.checks) {
    const object = objectOf('check', at, check.name)
    const expected = checkSql(check)
    const look = validate(at, check.name, null)
    const add = [addCheck(at, check), look]
    const named = facts.constraints.find(({ name }) => name === check.name)
    const same = await sameCheck(looking, check.sql, check.named, named)
    if (same?.validated) findings.right(object, expected, `${same.name} ${same.sql}`)
    else if (same !== undefined)
      findings.lacking(object, expected, 'checks', [validate(at, same.name, null)], NOT_VALIDATED)
    else if (named !== undefined)
      findings.different(object, expected, named.sql, OTHER, [drop(looking, named), ...add])
    else findings.lacking(object, expected, 'checks', add)
  }
}

async function sameCheck(
  looking: Looking,
  sql: string,
  isNamed: boolean,
  named: ConstraintFacts | undefined,
): Promise<ConstraintFacts | undefined> {
  const checks = looking.facts.constraints.filter((one) => one.type === 'c' && !one.special)
  for (const one of isNamed ? checks.filter((check) => check === named) : checks)
    if (await allSame(looking, [[sql, one.expression!]])) return one
  return undefined
}

/** Foreign keys of a table that is there. */
export function examineForeignKeys(looking: Looking): void {
  const { at, table, facts, findings } = looking
  for (const key of table.foreignKeys) {
    const object = objectOf('foreign key', at, key.name)
    const expected = foreignKeySql(key)
    const add = [addForeignKey(at, key), validate(at, key.name, key.refers)]
    const named = facts.constraints.find(({ name }) => name === key.name)
    const same = facts.constraints.find(
      (one) => isSameForeignKey(looking, key, one) && (!key.named || one.name === key.name),
    )
    if (same?.validated) findings.right(object, expected, `${same.name} ${same.sql}`)
    else if (same !== undefined)
      findings.lacking(object, expected, 'foreign keys', [validate(at, same.name, key.refers)], NOT_VALIDATED)
    else if (named !== undefined)
      findings.different(object, expected, named.sql, OTHER, [drop(looking, named), ...add])
    else if (facts.kind === 'p')
      findings.different(object, expected, 'missing', PARTITIONED, [atOnce(looking, key)])
    else findings.lacking(object, expected, 'foreign keys', add)
  }
}

function isSameForeignKey(
  { known, declaration }: Looking,
  key: DeclaredForeignKey,
  there: ConstraintFacts,
): boolean {
  if (there.type !== 'f' || there.deferrable || there.special) return false
  if (there.refSchema !== key.refers.schema || there.refTable !== key.refers.table) return false
  if (there.onDelete !== key.onDelete || there.onUpdate !== key.onUpdate) return false
  const parent = known.get(tableKey(key.refers.schema, key.refers.table))
  const refColumns =
    key.refColumns ??
    parent?.constraints.find(({ type }) => type === 'p')?.columns ??
    declaration.tables.find(({ name }) => name === key.refers.table)?.primaryKey?.columns ??
    []
  // Pairs of columns: in which order they are written says nothing.
  const pairs = (columns: readonly string[], to: readonly string[]): string =>
    JSON.stringify(columns.map((column, n) => [column, to[n]]).sort())
  return pairs(there.columns, there.refColumns) === pairs(key.columns, refColumns)
}

function atOnce({ at }: Looking, key: DeclaredForeignKey): SchemaStatement {
  return {
    ...addForeignKey(at, key),
    sql: [`ALTER TABLE ${relation(at)} ADD ${foreignKeySql(key)}`],
    scans: true,
  }
}

function drop({ at }: Looking, { name }: ConstraintFacts): SchemaStatement {
  return alter(at, `drop ${name} of ${label(at)}`, [`DROP CONSTRAINT ${ident(name)}`])
}
