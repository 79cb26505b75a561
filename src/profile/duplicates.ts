import { keyPreview } from '../connection/sqlite-key.ts'
import type { Finding, TableQuestion } from './model.ts'
import { run } from './run.ts'

/** What must be unique. */
export interface UniqueValues {
  /** Source SQL of the converted values. */
  readonly values: readonly string[]
  /** NULL equals NULL. */
  readonly nulls: boolean
  /** Source SQL over `t`, true for the rows that count; null for all. */
  readonly where: string | null
}

/**
 * Rows whose converted values occur before, in the order of the key: the first of each set is no
 * duplicate. One sort of the key's values, in SQLite.
 */
export async function findDuplicates(
  question: TableQuestion,
  unique: UniqueValues & { readonly columns: readonly string[]; readonly name: string },
): Promise<Finding | null> {
  const keys = question.key.expressions
  const values = unique.values.map((value) => `(${value}) COLLATE BINARY`).join(', ')
  const present = counted(unique)
  const numbered = `SELECT ${keyPreview(question.key.names, keys)} AS shown, row_number() OVER (PARTITION BY ${values} ORDER BY ${keys.join(', ')}) AS nth FROM ${question.table} AS t WHERE ${present}`
  const [sum] = await run(question, [
    `SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM ${question.table} AS t WHERE ${present} GROUP BY ${values} HAVING count(*) > 1)`,
  ])
  const rows = Number(sum![0]![0])
  if (rows === 0) return null
  const [shown] = await run(question, [`SELECT shown FROM (${numbered}) WHERE nth > 1 LIMIT 10`])
  return {
    column: unique.columns.length === 1 ? unique.columns[0]! : null,
    reason: duplicateReason(unique.columns, unique.name),
    rows,
    examples: shown!.map((row) => String(row[0])),
  }
}

/** SQL, true for a row that can be a duplicate: NULL differs from NULL, unless the key says otherwise. */
export function counted({ values, nulls, where }: UniqueValues): string {
  const present = nulls ? [] : values.map((value) => `(${value}) IS NOT NULL`)
  return [...present, ...(where === null ? [] : [`(${where})`])].join(' AND ') || '1'
}

export function duplicateReason(columns: readonly string[], name: string): string {
  return `has the same ${columns.join(', ')} as an earlier row, and ${name} is unique`
}
