import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'

/** Runs statements on a reader's thread, inside the source's snapshot; returns each one's rows. */
export function query(
  context: { readonly database: DatabaseSync; readonly signal: { readonly aborted: boolean } },
  statements: readonly string[],
): SQLOutputValue[][][] {
  return statements.map((sql) => {
    if (context.signal.aborted) return []
    const statement = context.database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all() as unknown as SQLOutputValue[][]
  })
}
