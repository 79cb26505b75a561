import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Catalog, Table } from '../../src/catalog/model.ts'
import { readSqliteCatalog } from '../../src/catalog/sqlite.ts'
import { openPostgres, type Session } from '../../src/connection/postgres.ts'
import { parsePostgres } from '../../src/connection/postgres-url.ts'
import type { Move, TargetTable } from '../../src/plan/model.ts'
import { relationNames } from '../../src/plan/names.ts'
import { type BuiltTable, buildTargetTable, type MovedTable } from '../../src/plan/target-table.ts'

export const NO_CATALOG: Catalog = {
  engine: 'postgres',
  version: '18',
  encoding: 'UTF8',
  tables: [],
  others: [],
}

/** The catalog of a new SQLite file. */
export function catalogOf(sql: string): Catalog {
  const folder = mkdtempSync(join(tmpdir(), 'landfall-schema-'))
  const database = new DatabaseSync(join(folder, 'source.db'))
  try {
    database.exec(sql)
    return readSqliteCatalog(database)
  } finally {
    database.close()
    rmSync(folder, { recursive: true })
  }
}

/** Types by declaration, enough for tables whose content does not matter. */
function typeOf(declared: string): string {
  const type = declared.toUpperCase()
  if (/^BOOL/.test(type)) return 'boolean'
  if (/INT/.test(type)) return 'bigint'
  if (/CHAR|TEXT/.test(type)) return /\(/.test(type) ? type.toLowerCase() : 'text'
  if (/^(DATETIME|TIMESTAMP)/.test(type)) return 'timestamptz'
  if (/REAL|DOUB/.test(type)) return 'double precision'
  if (/^(JSONB?|UUID|DATE)$/.test(type)) return type.toLowerCase()
  return /BLOB/.test(type) ? 'bytea' : 'numeric'
}

export function moved(table: Table, more: Partial<MovedTable> = {}): MovedTable {
  return {
    table,
    schema: 'public',
    name: table.name,
    columns: table.columns.map((column) => ({
      source: column.name,
      target: column.name,
      type: typeOf(column.declared),
    })),
    existing: null,
    ...more,
  }
}

/** Builds all tables of a SQLite schema. */
export function build(sql: string): Map<string, BuiltTable> {
  const all = catalogOf(sql).tables.map((table) => moved(table))
  const name = relationNames(all.map((one) => one.name))
  return new Map(all.map((one) => [one.name, buildTargetTable(one, all, name)]))
}

export function moveOf(target: TargetTable, more: { existing?: boolean; rows?: number } = {}): Move {
  return {
    source: target.name,
    target,
    existing: more.existing ?? false,
    key: { kind: 'rowid', expressions: ['"rowid"'], names: ['rowid'] },
    columns: [],
    format: 'binary',
    largeValues: false,
    chunkRows: 1000,
    after: [],
    profiledRows: null,
    notes: [],
    statistics: { rows: more.rows ?? 0, misfits: [] },
  }
}

export async function open(url: string): Promise<Session> {
  return openPostgres(parsePostgres(url, {}).settings, { applicationName: 'landfall test' })
}
