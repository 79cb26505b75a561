import type { SchemaSqlSettings } from '../config/model.ts'
import { REPORT_VERSION } from '../contract/report.ts'
import type { SchemaDialect, SchemaSqlReport } from '../contract/schema.ts'
import { postgresSqlFile } from './sql-file-postgres.ts'
import { sqliteSqlFile } from './sql-file-sqlite.ts'

const DIALECTS: Readonly<Record<SchemaDialect, (settings: SchemaSqlSettings) => string>> = {
  postgres: ({ declaration }) => postgresSqlFile(declaration),
  sqlite: sqliteSqlFile,
}

/**
 * The declaration as one file of SQL, for those who may only run SQL. For PostgreSQL no database is reached;
 * for SQLite the file's catalog is read, and what is missing there is written.
 *
 * Errors: LF001 to LF004 usage; of SQLite also LF005 for a table that is not there, LF213 for what is there in
 * another form, and LF1xx.
 */
export async function schemaSql(settings: SchemaSqlSettings): Promise<SchemaSqlReport> {
  return {
    version: REPORT_VERSION,
    command: 'schema sql',
    declaration: settings.declaration.name,
    dialect: settings.dialect,
    exitCode: 0,
    sql: DIALECTS[settings.dialect](settings),
  }
}
