import { LandfallError } from '../errors.ts'
import type { Column, Index, IndexPart, PrimaryKey, Table } from './model.ts'
import { parseCreateIndex, parseCreateTable, type TableDefinition, unwrapExpression } from './sqlite-ddl.ts'
import type {
  PragmaColumn,
  PragmaIndex,
  PragmaIndexPart,
  PragmaReader,
  PragmaTable,
  SchemaRow,
} from './sqlite-pragmas.ts'
import { foldName } from './sqlite-tokens.ts'

/**
 * One ordinary table; its foreign keys are still empty, for they need the other tables.
 *
 * @param indexSql the statements of created indexes, by name
 * @throws LandfallError LF104
 */
export function readTable(
  pragmas: PragmaReader,
  row: SchemaRow,
  kind: PragmaTable | undefined,
  indexSql: ReadonlyMap<string, string>,
): Table {
  const definition = parseCreateTable(row.sql ?? '')
  const columns = pragmas.columns(row.name)
  const broken = columns.find((c) => c.name.includes('\uFFFD') && !pragmas.hasColumn(row.name, c.name))
  if (broken) {
    throw new LandfallError(
      'LF104',
      `table ${row.name}: the name of column ${broken.name} is no valid text`,
      {
        hint: 'rename the column in the source, or leave its table out by moving the others to a new file',
        place: { table: row.name, column: broken.name },
      },
    )
  }
  const indexes = pragmas.indexes(row.name)
  const keyIndex = indexes.find((index) => index.origin === 'pk')
  const withoutRowid = kind?.wr === 1
  const keyed = columns.filter((column) => column.pk > 0)
  // INTEGER PRIMARY KEY is the rowid itself: the one primary key that needs no index.
  const alias = !withoutRowid && !keyIndex ? keyed[0]?.name : undefined
  return {
    schema: 'main',
    name: row.name,
    columns: columns.map((column) => readColumn(row.name, column, definition, column.name === alias)),
    primaryKey: readPrimaryKey(pragmas, keyed, keyIndex, definition),
    indexes: indexes
      .filter((index) => index.origin !== 'pk')
      .map((index) => readIndex(pragmas, row.name, index, definition, indexSql.get(index.name) ?? null)),
    foreignKeys: [],
    checks: definition.checks,
    rowid: withoutRowid ? null : rowidName(columns, alias),
    strict: kind?.strict === 1,
    autoincrement: definition.autoincrement ? { last: pragmas.lastAutoincrement(row.name) } : null,
    sql: row.sql,
  }
}

function readColumn(
  table: string,
  column: PragmaColumn,
  definition: TableDefinition,
  alias: boolean,
): Column {
  const written = definition.columns.get(foldName(column.name))
  const isGenerated = column.hidden === 2 || column.hidden === 3
  const expression = written?.generated
  if (isGenerated && !expression) throw unreadable(`table ${table}, column ${column.name}`, table)
  const collation = written?.collation ?? null
  return {
    name: column.name,
    declared: column.type,
    // A rowid is never NULL, and the pragma does not say so.
    notNull: column.notnull === 1 || alias,
    default: column.dflt_value === null ? null : unwrapExpression(column.dflt_value),
    generated: isGenerated && expression ? { expression, stored: column.hidden === 3 } : null,
    collation: collation === null ? null : namedCollation(collation),
    identity: alias ? 'by default' : null,
    sequence: null,
    hidden: column.hidden === 1,
  }
}

function readPrimaryKey(
  pragmas: PragmaReader,
  keyed: readonly PragmaColumn[],
  index: PragmaIndex | undefined,
  definition: TableDefinition,
): PrimaryKey | null {
  if (keyed.length === 0) return null
  const parts = index ? pragmas.indexParts(index.name) : []
  const columns = keyed.toSorted((a, b) => a.pk - b.pk).map((column) => column.name)
  return {
    columns,
    name: definition.primaryKeyName,
    collations: columns.map((name) => namedCollation(parts.find((p) => p.name === name)?.coll ?? 'BINARY')),
  }
}

function readIndex(
  pragmas: PragmaReader,
  table: string,
  index: PragmaIndex,
  definition: TableDefinition,
  sql: string | null,
): Index {
  const written = sql === null ? null : parseCreateIndex(sql)
  const constraint = index.origin === 'u'
  const parts = pragmas
    .indexParts(index.name)
    .map((part, i) => readPart(index.name, table, part, written?.parts[i]))
  return {
    name: (constraint && constraintName(parts, definition)) || index.name,
    unique: index.unique === 1,
    constraint,
    parts,
    where: written?.where ?? null,
    nullsNotDistinct: false,
    valid: true,
    sql,
  }
}

function readPart(
  index: string,
  table: string,
  part: PragmaIndexPart,
  written: string | undefined,
): IndexPart {
  if (part.name === null && !written) throw unreadable(`index ${index} on table ${table}`, table)
  return {
    column: part.name,
    expression: part.name === null ? (written ?? null) : null,
    descending: part.desc === 1,
    collation: namedCollation(part.coll),
  }
}

/** SQLite names the index of a UNIQUE constraint by itself and forgets the constraint's own name. */
function constraintName(parts: readonly IndexPart[], definition: TableDefinition): string | null {
  const columns = parts.map((part) => foldName(part.column ?? ''))
  const match = definition.uniques.find(
    (unique) =>
      unique.name !== null &&
      unique.columns.length === columns.length &&
      unique.columns.every((name, i) => name === columns[i]),
  )
  return match?.name ?? null
}

/** A name for the rowid that no column takes; null where there is none. */
function rowidName(columns: readonly PragmaColumn[], alias: string | undefined): string | null {
  const taken = new Set(columns.map((column) => foldName(column.name)))
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? alias ?? null
}

function namedCollation(name: string): string | null {
  return foldName(name) === 'binary' ? null : name
}

function unreadable(what: string, table: string): LandfallError {
  return new LandfallError('LF104', `${what}: its definition cannot be read`, {
    hint: 'run PRAGMA integrity_check; the text in sqlite_schema does not agree with the table',
    place: { table },
  })
}
