import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { readingInterrupted } from '../connection/sqlite-error.ts'

/** Runs statements on a reader's thread, inside the source's snapshot; returns each one's rows. LF403 when aborted. */
export function query(
  context: { readonly database: DatabaseSync; readonly signal: { readonly aborted: boolean } },
  statements: readonly string[],
): SQLOutputValue[][][] {
  return statements.map((sql) => {
    if (context.signal.aborted) throw readingInterrupted()
    const statement = context.database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.all() as unknown as SQLOutputValue[][]
  })
}
