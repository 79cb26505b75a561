import type { Table } from '../catalog/model.ts'
import { isSign, nameOf, type Token, tokenize } from '../catalog/sqlite-tokens.ts'
import { literal, qualified } from '../connection/quote.ts'
import type { SqliteSource } from '../connection/sqlite-source.ts'
import { LandfallError } from '../errors.ts'
import { run } from '../profile/run.ts'

/** An expression of a table's definition, as it can stand in a SELECT. */
export interface SourceSql {
  /** Over the table named `t`. */
  readonly sql: string
  /** The table's columns that it names. */
  readonly columns: readonly string[]
}

/**
 * Takes an expression out of a table's definition: names that go by the table's own name go by `t`, and
 * a text in double quotes is written as the text that SQLite takes it for there.
 */
export function overTable(expression: string, table: Table): SourceSql {
  const tokens = tokenize(expression)
  const named = new Set<string>()
  let sql = ''
  let from = 0
  const replace = (token: Token, text: string) => {
    sql += expression.slice(from, token.start) + text
    from = token.end
  }
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'string' || token.kind === 'sign') continue
    const name = nameOf(token)
    const column = table.columns.find((one) => one.name.toLowerCase() === name.toLowerCase())
    const isPrefix = !/^\d/.test(token.text) && isSign(tokens[i + 1], '.')
    if (isPrefix) replace(token, 't')
    else if (column !== undefined) named.add(column.name)
    else if (token.text.startsWith('"')) replace(token, literal(name))
  }
  return { sql: sql + expression.slice(from), columns: [...named] }
}

/** Whether SQLite understands a condition over a table named `t`: not all that it does in a definition. */
export async function isCondition(source: SqliteSource, table: Table, condition: string): Promise<boolean> {
  try {
    await run({ source }, [`SELECT 1 FROM ${qualified('main', table.name)} AS t WHERE 0 AND (${condition})`])
    return true
  } catch (error) {
    if (error instanceof LandfallError) return false
    throw error
  }
}
