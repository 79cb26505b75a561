import type { Catalog, Column, FkAction, ForeignKey, Index, OtherObject, PrimaryKey, Table } from './model.ts'
import {
  CONSTRAINTS,
  type ColumnRow,
  type ConstraintRow,
  type IndexRow,
  indexes,
  OTHERS,
  TABLES,
  type TableRow,
} from './postgres-queries.ts'

/** What the reader needs of a connection. Errors of `query` pass through as they are. */
export interface CatalogSession {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * Reads the tables and other objects of a PostgreSQL 12 to 18, in a handful of queries whatever the
 * number of tables. Rows are never looked at, nothing is written. Landfall's own schema and the
 * system's are not listed. SQL texts and types are qualified, whatever the session's `search_path`;
 * it is emptied meanwhile and restored, so the session must not be shared while this runs.
 *
 * For one consistent picture call it inside a REPEATABLE READ transaction.
 *
 * @param options.schemas only these; all when absent. Schemas that do not exist have no tables.
 */
export async function readPostgresCatalog(
  session: CatalogSession,
  options: { readonly schemas?: readonly string[] } = {},
): Promise<Catalog> {
  const [server] = (
    await session.query(`SELECT current_setting('server_version') AS version,
      current_setting('server_version_num') AS number, current_setting('server_encoding') AS encoding,
      current_setting('search_path') AS path`)
  ).rows as readonly { version: string; number: string; encoding: string; path: string }[]
  if (server === undefined) throw new TypeError('the session returned no row')
  const wanted = options.schemas === undefined ? null : JSON.stringify(options.schemas)
  const read = async <Row>(text: string): Promise<Row[]> => {
    const { rows } = await session.query(text, [wanted])
    return (rows as readonly { json: string }[]).map((row) => JSON.parse(row.json) as Row)
  }
  const setPath = (path: string): Promise<unknown> =>
    session.query(`SELECT set_config('search_path', $1, false)`, [path])

  await setPath('')
  try {
    const tables = await read<TableRow>(TABLES)
    const indexRows = Map.groupBy(await read<IndexRow>(indexes(Number(server.number))), (row) => row.table)
    const constraintRows = Map.groupBy(await read<ConstraintRow>(CONSTRAINTS), (row) => row.table)
    const others = await read<OtherObject>(OTHERS)
    return {
      engine: 'postgres',
      // Debian and others write more behind the number.
      version: server.version.split(' ')[0] ?? server.version,
      encoding: server.encoding,
      tables: tables.map((row) =>
        toTable(row, indexRows.get(row.oid) ?? [], constraintRows.get(row.oid) ?? []),
      ),
      others,
    }
  } finally {
    // After a failure the connection or its transaction may be gone: then so is the setting.
    await setPath(server.path).catch(() => undefined)
  }
}

function toTable(
  row: TableRow,
  indexRows: readonly IndexRow[],
  constraints: readonly ConstraintRow[],
): Table {
  const primary = indexRows.find((index) => index.primary)
  return {
    schema: row.schema,
    name: row.name,
    columns: row.columns.map(toColumn),
    primaryKey: primary ? toPrimaryKey(primary) : null,
    indexes: indexRows.filter((index) => !index.primary).map(toIndex),
    foreignKeys: constraints.filter((constraint) => constraint.type === 'f').map(toForeignKey),
    checks: constraints
      .filter((constraint) => constraint.type === 'c')
      .map(({ name, expression }) => ({ name, expression: unwrapped(expression ?? '') })),
    rowid: null,
    strict: true,
    autoincrement: null,
    sql: null,
    ...(row.heirs && { heirs: true as const }),
    ...(row.partitionOf !== null && { partitionOf: row.partitionOf }),
  }
}

function toColumn(row: ColumnRow): Column {
  const text = row.default === null ? null : unwrapped(row.default)
  const generated = row.generated !== '' && text !== null
  const serial = !generated && row.sequence !== null && /^nextval\(/.test(text ?? '')
  return {
    name: row.name,
    declared: row.type,
    notNull: row.notNull,
    default: generated ? null : text,
    generated: generated ? { expression: text, stored: row.generated === 's' } : null,
    collation: row.collation,
    identity: row.identity === 'a' ? 'always' : row.identity === 'd' || serial ? 'by default' : null,
    sequence: row.sequence,
    hidden: false,
  }
}

function toPrimaryKey(row: IndexRow): PrimaryKey {
  return {
    columns: row.parts.map((part) => part.column ?? ''),
    name: row.name,
    collations: row.parts.map((part) => part.collation),
  }
}

function toIndex(row: IndexRow): Index {
  return {
    name: row.name,
    unique: row.unique,
    constraint: row.constraint,
    parts: row.parts.map((part) => ({
      ...part,
      expression: part.expression === null ? null : unwrapped(part.expression),
    })),
    where: row.where === null ? null : unwrapped(row.where),
    nullsNotDistinct: row.nullsNotDistinct,
    valid: row.valid,
    sql: row.sql,
  }
}

const ACTIONS: Readonly<Record<string, FkAction>> = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
}

function toForeignKey(row: ConstraintRow): ForeignKey {
  return {
    name: row.name,
    columns: row.columns,
    refTable: row.refTable ?? '',
    refSchema: row.refSchema ?? '',
    refColumns: row.refColumns,
    onUpdate: ACTIONS[row.onUpdate] ?? 'no action',
    onDelete: ACTIONS[row.onDelete] ?? 'no action',
    deferrable: row.deferrable,
  }
}

/**
 * An expression that the server printed, without parentheses around the whole. The server doubles
 * quotes inside quotes and writes no comments and no dollar quotes.
 */
function unwrapped(expression: string): string {
  if (!expression.startsWith('(') || !expression.endsWith(')')) return expression
  let depth = 0
  for (const { 0: text, index } of expression.matchAll(/'[^']*'|"[^"]*"|[()]/g)) {
    if (text === '(') depth++
    else if (text === ')' && --depth === 0) {
      return index === expression.length - 1 ? unwrapped(expression.slice(1, -1)) : expression
    }
  }
  return expression
}
