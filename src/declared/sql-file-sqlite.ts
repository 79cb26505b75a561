import { DatabaseSync } from 'node:sqlite'
import type { Catalog } from '../catalog/model.ts'
import { readSqliteCatalog } from '../catalog/sqlite.ts'
import { foldName } from '../catalog/sqlite-tokens.ts'
import type { SchemaSqlSettings } from '../config/model.ts'
import { ident, literal } from '../connection/quote.ts'
import { readingSource } from '../connection/sqlite-error.ts'
import { checkFile, openReadOnly } from '../connection/sqlite-open.ts'
import type { Declaration, Invariant } from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import { type Rows, type SqliteDifference, sqliteDifference } from './sqlite-difference.ts'
import { checksOf, rowIsThere, type SqliteCheck } from './sqlite-statements.ts'

/**
 * What a SQLite database lacks of the declaration, as one file of SQL. SQLite has no IF NOT EXISTS for columns
 * and no blocks, so the file is written for the database as it is; it is tried beforehand, on an empty
 * one in memory that is made like it.
 *
 * Errors: LF002 for what SQLite cannot say; LF005 for a table that is not there; LF101 to LF104; LF213 for what
 * is there in another form.
 */
export function sqliteSqlFile({ declaration, sqlite }: SchemaSqlSettings): string {
  const path = sqlite!
  checkFile(path)
  const database = openReadOnly(path)
  try {
    return readingSource(path, () => {
      const catalog = readSqliteCatalog(database, path)
      const difference = sqliteDifference(catalog, declaration, rowsOf(database))
      refuseConflicts(difference, path)
      const { invariants, left } = tried(catalog, declaration, difference)
      return fileOf(declaration, path, difference, invariants, left)
    })
  } finally {
    database.close()
  }
}

function rowsOf(database: DatabaseSync): Rows {
  const is = (sql: string): boolean => Number(database.prepare(`SELECT ${sql} AS answer`).get()!.answer) === 1
  return {
    hasRows: (table) => is(`EXISTS (SELECT 1 FROM ${ident(table)})`),
    look(table, row, key) {
      if (!is(rowIsThere(table, row, key))) return 'missing'
      // A column that is only now added is not there to be asked.
      const there = database
        .prepare(`PRAGMA table_xinfo(${ident(table)})`)
        .all()
        .map(({ name }) => foldName(String(name)))
      const columns = Object.keys(row).filter((column) => there.includes(foldName(column)))
      return is(rowIsThere(table, row, columns)) ? 'right' : 'different'
    },
  }
}

function refuseConflicts({ conflicts }: SqliteDifference, path: string): void {
  if (conflicts.length === 0) return
  const more = conflicts.length === 1 ? '' : `, and ${conflicts.length - 1} more`
  throw new LandfallError('LF213', `${conflicts[0]}${more}`, {
    hint: [
      ...conflicts,
      `Nothing was written. Change ${path} as you want it, e.g. by making the table anew (https://sqlite.org/lang_altertable.html), or the declaration.`,
    ].join('\n'),
    details: { conflicts },
  })
}

/** Runs everything on an empty database that is made like the real one. Errors: LF002 with SQLite's words. */
function tried(
  catalog: Catalog,
  declaration: Declaration,
  difference: SqliteDifference,
): { invariants: readonly SqliteCheck[]; left: readonly Invariant[] } {
  const database = new DatabaseSync(':memory:')
  try {
    for (const table of catalog.tables) {
      // What an extension's functions or collations are needed for is no matter here.
      for (const sql of [table.sql, ...table.indexes.map((index) => index.sql)])
        try {
          if (sql !== null) database.exec(sql)
        } catch {}
    }
    for (const sql of difference.statements) run(database, sql)
    for (const { name, sql } of checksOf(declaration))
      if (Number(database.prepare(`SELECT ${sql} AS answer`).get()!.answer) !== 1 && !name.startsWith('row '))
        throw new LandfallError('LF002', `${name}: SQLite does not keep it as it is declared`)
    const invariants: SqliteCheck[] = []
    const left: Invariant[] = []
    for (const invariant of declaration.invariants) {
      const sql = `NOT EXISTS (${invariant.sql.trim().replace(/;$/, '')}\n)`
      try {
        database.prepare(`SELECT ${sql}`)
        invariants.push({ name: invariant.name, sql })
      } catch {
        left.push(invariant)
      }
    }
    return { invariants, left }
  } finally {
    database.close()
  }
}

function run(database: DatabaseSync, sql: string): void {
  try {
    database.exec(sql)
  } catch (error) {
    throw new LandfallError(
      'LF002',
      `SQLite does not understand what is declared: ${error instanceof Error ? error.message : error}`,
      {
        hint: `${sql}\nExpressions must be such that both PostgreSQL and SQLite read them.`,
        details: { sql },
      },
    )
  }
}

function fileOf(
  declaration: Declaration,
  path: string,
  { statements, there }: SqliteDifference,
  invariants: readonly SqliteCheck[],
  left: readonly Invariant[],
): string {
  const checks = checksOf(declaration)
  const name = path.split('/').at(-1)!
  const lines = [
    `The schema that is declared under the name ${declaration.name}, for SQLite 3.33 or later.`,
    `Written by landfall schema sql from the configuration, for ${name} as it was then: ${statements.length === 0 ? 'nothing is missing there' : `${statements.length} statements are missing there`}.`,
    '',
    `Before:  sqlite3 ${name} ".backup before.db"`,
    `Run:     sqlite3 -bail ${name} < FILE        or with any client that takes several statements.`,
    '         Either all of it is done and verified, or nothing. It waits up to 5 s for other writers.',
    'Again:   landfall schema sql writes what is missing then. SQLite cannot add a column only where it is missing:',
    '         this very file, run again, stops where it adds one, at "duplicate column name", and changes nothing.',
    'Undo:    the backup. SQLite has no record of what was made.',
    'Left out: comments, which SQLite has not.',
    ...left.map(
      (invariant) => `Left out: the invariant "${invariant.name}", which SQLite does not understand.`,
    ),
    ...there.map((one) => `There already: ${one}`),
  ]
  const header = lines.map((line) => `-- ${line}`.replaceAll(/[\r\n]+/g, ' ').trimEnd()).join('\n')
  const kept =
    invariants.length === 0
      ? ''
      : `\n${verification(invariants, 'landfall_invariants', 'does not hold', 'INSERT', 'holds')}`
  return `${header}
PRAGMA busy_timeout = 5000;
BEGIN IMMEDIATE;

${statements.map((sql) => `${sql};\n`).join('\n')}
-- All that is declared is so, or nothing of the above is kept.
${verification(checks, 'landfall_verified', 'is not as declared', 'INSERT OR ROLLBACK', 'verified')}
COMMIT;
${kept}`
}

/** A result of SQLite has at most 2,000 columns. */
const MOST_CHECKS = 1_000

/** A condition that is not met breaks a constraint, whose name says which one it was. */
function verification(
  all: readonly SqliteCheck[],
  name: string,
  otherwise: string,
  insert: string,
  so: string,
): string {
  const parts = Array.from({ length: Math.ceil(all.length / MOST_CHECKS) }, (_, n) =>
    all.slice(n * MOST_CHECKS, (n + 1) * MOST_CHECKS),
  )
  const statements = parts.map((checks, n) => {
    const table = `${name}${n === 0 ? '' : n + 1}`
    const columns = checks.map(
      (check, at) => `c${at} INTEGER CONSTRAINT ${ident(`${check.name} ${otherwise}`)} CHECK (c${at})`,
    )
    return `CREATE TEMP TABLE ${table} (
  ${columns.join(',\n  ')}
);
${insert} INTO temp.${table} SELECT
  ${checks.map(({ sql }) => sql).join(',\n  ')};
SELECT ${literal(`${so}: ${checks.length === 1 ? '1 thing' : `${checks.length} things`}`)} FROM temp.${table};
DROP TABLE temp.${table};`
  })
  return statements.join('\n')
}
