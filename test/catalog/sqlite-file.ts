import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll } from 'vitest'
import type { Catalog, Table } from '../../src/catalog/model.ts'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'

/** A folder that goes when the file's tests are over. */
export const folder = mkdtempSync(join(tmpdir(), 'landfall-catalog-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0

/** The catalog of a new file with this content; `prepare` may do what plain SQL cannot. */
export function catalogOf(sql: string, prepare?: (database: DatabaseSync) => void): Catalog {
  const database = new DatabaseSync(join(folder, `${++files}.db`))
  try {
    database.exec(sql)
    prepare?.(database)
    return readSqliteCatalog(database)
  } finally {
    database.close()
  }
}

export function tableOf(sql: string): Table {
  return catalogOf(sql).tables[0]!
}
