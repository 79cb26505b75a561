import { ident } from '../../../src/connection/quote.ts'
import type { Random } from './random.ts'
import type { TargetTable } from './target.ts'

/** A statement that leaves every value as it is, but moves rows, or writes them anew, or changes what is around them. */
export function churn(table: TargetTable, random: Random): string {
  const { name, columns } = table
  const list = columns.map(({ target }) => ident(target)).join(', ')
  const column = ident(random.of(columns).target)
  const half = random.below(2) === 0 ? '' : ' WHERE random() < 0.5'
  switch (random.below(8)) {
    case 0:
    case 1:
      return `UPDATE ${name} SET ${column} = ${column}${half}`
    case 2:
      return `WITH gone AS (DELETE FROM ${name}${half} RETURNING ${list}) INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM gone ORDER BY random()`
    case 3:
      return `UPDATE ${name} SET (${list}) = ROW(${list})${half}`
    case 4:
      return `ALTER TABLE ${name} ADD COLUMN for_a_moment text DEFAULT 'x'; ALTER TABLE ${name} DROP COLUMN for_a_moment`
    case 5:
      return `VACUUM FULL ${name}`
    case 6:
      return `VACUUM ${name}`
    default:
      return `ANALYZE ${name}`
  }
}
