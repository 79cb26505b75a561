import type { DatabaseSync } from 'node:sqlite'
import { inRange, type KeyRange, literalOf } from './sqlite-key.ts'

/**
 * Cuts a table into ranges of `step` rows by walking its key. The first range is open below and the
 * last one above, so that together they cover whatever the table holds. An empty table has none.
 */
export function ranges(
  context: { readonly database: DatabaseSync },
  ask: { readonly table: string; readonly keys: readonly string[]; readonly step: number },
): (KeyRange & { rows: number })[] {
  const found: (KeyRange & { rows: number })[] = []
  const order = ask.keys.join(', ')
  let after: readonly string[] | null = null
  for (;;) {
    const where = inRange(ask.keys, { after, upTo: null })
    const next = rows(
      context.database,
      `SELECT ${ask.keys.map(literalOf).join(', ')} FROM ${ask.table} WHERE ${where} ORDER BY ${order} LIMIT 1 OFFSET ${ask.step - 1}`,
    )[0]
    if (next === undefined) {
      const rest = Number(rows(context.database, `SELECT count(*) FROM ${ask.table} WHERE ${where}`)[0]![0])
      if (rest > 0) found.push({ after, upTo: null, rows: rest })
      else if (found.length > 0) found.push({ ...found.pop()!, upTo: null })
      return found
    }
    const upTo = next.map(String)
    found.push({ after, upTo, rows: ask.step })
    after = upTo
  }
}

function rows(database: DatabaseSync, sql: string): unknown[][] {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  return statement.all() as unknown as unknown[][]
}
