import type { Catalog, Column, ForeignKey, Table } from '../catalog/model.ts'
import { foldName, nameOf, tokenize } from '../catalog/sqlite-tokens.ts'
import { ident } from '../connection/quote.ts'
import type {
  Declaration,
  DeclaredColumn,
  DeclaredForeignKey,
  DeclaredIndex,
  DeclaredTable,
} from '../contract/declaration.ts'
import { LandfallError } from '../errors.ts'
import {
  checkSql,
  columnSql,
  createTable,
  defaultSql,
  indexSql,
  insertRow,
  referencesSql,
} from './sqlite-statements.ts'
import { affinityOf, type SqliteType, sqliteType } from './sqlite-types.ts'

export interface SqliteDifference {
  /** In the order in which they are to be run. */
  readonly statements: readonly string[]
  /** What is there in another form, or cannot be added to a table that is there. */
  readonly conflicts: readonly string[]
  readonly there: readonly string[]
}

/** `hasRows`, `isMissing`: what only the rows tell, of tables that are there. */
export interface Rows {
  hasRows(table: string): boolean
  /** Null: the row is there as declared; else what is different about it, or that it is missing. */
  look(
    table: string,
    row: { readonly [column: string]: string },
    key: readonly string[],
  ): 'right' | 'missing' | 'different'
}

/**
 * What is declared beside what a SQLite database has. SQLite cannot add a constraint to a table that is
 * there, except with a new column; what it cannot do is a conflict, not left out.
 *
 * Errors: LF005 for a table or column that is neither declared nor there.
 */
export function sqliteDifference(catalog: Catalog, declaration: Declaration, rows: Rows): SqliteDifference {
  const found = {
    tables: [] as string[],
    columns: [] as string[],
    indexes: [] as string[],
    rows: [] as string[],
    conflicts: [] as string[],
    there: [] as string[],
  }
  const tableOf = (name: string): Table | undefined => catalog.tables.find((table) => same(table.name, name))
  for (const table of declaration.tables) {
    const types = new Map(
      table.columns.map((column) => [column.name, typeOf(declaration, catalog, table, column)]),
    )
    const there = tableOf(table.name)
    if (there === undefined) {
      found.tables.push(createTable(table, types))
      found.indexes.push(...table.indexes.map((index) => indexSql(table.name, index)))
    } else {
      found.there.push(`table ${table.name}`)
      examine(table, there, types, rows, found)
    }
    for (const row of table.rows?.rows ?? []) {
      const { key } = table.rows!
      const isNew = there === undefined || key.some((column) => columnOf(there, column) === undefined)
      const state = isNew ? 'missing' : rows.look(table.name, row, key)
      const name = `row ${key.map((column) => `${column} = ${row[column]}`).join(', ')} of ${table.name}`
      if (state === 'missing') found.rows.push(insertRow(table.name, row, key))
      else if (state === 'right') found.there.push(name)
      else found.conflicts.push(`${name}: it has other values`)
    }
  }
  const { tables, columns, indexes, conflicts, there } = found
  return { statements: [...tables, ...columns, ...indexes, ...found.rows], conflicts, there }
}

type Found = { columns: string[]; indexes: string[]; conflicts: string[]; there: string[] }

function examine(
  table: DeclaredTable,
  there: Table,
  types: ReadonlyMap<string, SqliteType>,
  rows: Rows,
  found: Found,
): void {
  const added: DeclaredColumn[] = []
  for (const column of table.columns) {
    const its = columnOf(there, column.name)
    const name = `column ${table.name}.${column.name}`
    if (its === undefined) {
      const why = cannotBeAdded(column, rows.hasRows(table.name))
      if (why === null) added.push(column)
      else found.conflicts.push(`${name}: ${why}`)
      continue
    }
    const problems = differences(column, types.get(column.name)!, its, there)
    if (problems.length === 0) found.there.push(name)
    else found.conflicts.push(`${name}: ${problems.join('; ')}`)
  }
  addColumns(table, there, added, types, found)
  examineKeys(table, there, found)
  for (const index of table.indexes) {
    const its = there.indexes.find((one) => same(one.name, index.name))
    if (its === undefined) found.indexes.push(indexSql(table.name, index))
    else if (isSameIndex(index, its)) found.there.push(`index ${index.name}`)
    else
      found.conflicts.push(
        `index ${index.name} of ${table.name}: it has another definition: ${its.sql ?? 'that of a constraint'}`,
      )
  }
}

function cannotBeAdded(column: DeclaredColumn, hasRows: boolean): string | null {
  if (column.identity) return 'SQLite numbers only a column that its table was made with'
  if (column.notNull && column.default === null)
    return 'it forbids NULL and has no default, and SQLite adds no such column'
  if (hasRows && column.default !== null && column.default.kind !== 'constant')
    return 'rows are there, and SQLite then adds no column whose default is not a constant'
  return null
}

/** Checks and foreign keys of columns that are added come with them. */
function addColumns(
  table: DeclaredTable,
  there: Table,
  added: readonly DeclaredColumn[],
  types: ReadonlyMap<string, SqliteType>,
  found: Found,
): void {
  const checks = table.checks.filter(
    (check) =>
      !there.checks.some(
        (one) => sameSql(one.expression, check.sql) && (!check.named || one.name === check.name),
      ),
  )
  const keys = table.foreignKeys.filter((key) => !there.foreignKeys.some((one) => isSameKey(key, one)))
  const last = added.at(-1)
  for (const column of added) {
    const own = keys.filter(({ columns }) => columns.length === 1 && same(columns[0]!, column.name))
    const parts = [
      columnSql(column, types.get(column.name)!, table),
      ...own.map((key) => `CONSTRAINT ${ident(key.name)} ${referencesSql(key)}`),
      ...(column === last ? checks.map(checkSql) : []),
    ]
    found.columns.push(`ALTER TABLE ${ident(table.name)} ADD COLUMN ${parts.join(' ')}`)
  }
  if (last === undefined)
    for (const check of checks) found.conflicts.push(`check ${check.name} of ${table.name}: ${LATE}`)
  for (const key of keys)
    if (key.columns.length > 1 || !added.some(({ name }) => same(name, key.columns[0]!)))
      found.conflicts.push(`foreign key ${key.name} of ${table.name}: ${LATE}`)
}

const LATE = 'SQLite adds it only to a new table, or with a new column'

function examineKeys(table: DeclaredTable, there: Table, found: Found): void {
  const columns = (names: readonly string[]): string => names.map(foldName).join('\0')
  if (table.primaryKey !== null) {
    if (columns(there.primaryKey?.columns ?? []) === columns(table.primaryKey.columns))
      found.there.push(`primary key of ${table.name}`)
    else
      found.conflicts.push(
        `primary key of ${table.name}: ${there.primaryKey === null ? LATE : `it is (${there.primaryKey.columns.join(', ')})`}`,
      )
  }
  for (const key of table.uniques) {
    const its = there.indexes.find(
      (one) =>
        one.unique &&
        one.where === null &&
        columns(one.parts.map(({ column }) => column ?? '')) === columns(key.columns),
    )
    if (its !== undefined) found.there.push(`unique ${key.name} of ${table.name}`)
    else if (there.indexes.some(({ name }) => same(name, key.name)))
      found.conflicts.push(`unique ${key.name} of ${table.name}: an index of its name has another definition`)
    else {
      const parts = key.columns.map((column) => ({ column, descending: false }))
      found.indexes.push(indexSql(table.name, { name: key.name, parts, unique: true, where: null }))
    }
  }
}

function differences(column: DeclaredColumn, type: SqliteType, its: Column, table: Table): string[] {
  const problems: string[] = []
  if (its.generated !== null) return ['it is generated from other columns']
  if (column.identity)
    return its.identity !== null || isRowid(its, table) ? [] : ['SQLite does not number it']
  const affinity = affinityOf(its.declared)
  if (!type.kept.includes(affinity))
    problems.push(`its type ${its.declared || '(none)'} keeps other values than ${type.sql}`)
  const wanted = defaultSql(column)
  if ((wanted === null) !== (its.default === null) || (wanted !== null && !sameSql(wanted, its.default!)))
    problems.push(`its default is ${its.default ?? 'none'} and not ${wanted ?? 'none'}`)
  if (column.notNull && !its.notNull && !isRowid(its, table)) problems.push('it allows NULL')
  if (!column.notNull && its.notNull) problems.push('it forbids NULL')
  return problems
}

const isRowid = (column: Column, table: Table): boolean =>
  column.declared.toUpperCase() === 'INTEGER' &&
  table.primaryKey?.columns.length === 1 &&
  same(table.primaryKey.columns[0]!, column.name)

function isSameKey(key: DeclaredForeignKey, one: ForeignKey): boolean {
  const names = (all: readonly string[]): string => all.map(foldName).join('\0')
  return (
    same(one.refTable, key.refers.table) &&
    names(one.columns) === names(key.columns) &&
    (key.refColumns === null || names(one.refColumns) === names(key.refColumns)) &&
    one.onDelete === key.onDelete &&
    one.onUpdate === key.onUpdate
  )
}

function isSameIndex(index: DeclaredIndex, its: Table['indexes'][number]): boolean {
  return (
    its.unique === index.unique &&
    its.parts.length === index.parts.length &&
    (its.where === null ? index.where === null : index.where !== null && sameSql(its.where, index.where)) &&
    index.parts.every((part, n) => {
      const one = its.parts[n]!
      if (one.descending !== part.descending) return false
      return 'column' in part
        ? one.column !== null && same(one.column, part.column)
        : one.expression !== null && sameSql(one.expression, part.sql)
    })
  )
}

/** The type of a column of its own, or of the key that it refers to. */
function typeOf(
  declaration: Declaration,
  catalog: Catalog,
  table: DeclaredTable,
  column: DeclaredColumn,
): SqliteType {
  const { type } = column
  if (type.kind === 'named') return sqliteType(type)
  const there = catalog.tables.find(({ name }) => same(name, type.table.table))
  const parent = declaration.tables.find(({ name }) => same(name, type.table.table))
  const key = type.column ?? there?.primaryKey?.columns[0] ?? parent?.primaryKey?.columns[0]
  const its = there === undefined || key === undefined ? undefined : columnOf(there, key)
  if (its !== undefined) return { sql: its.declared, kept: [affinityOf(its.declared)] }
  const declared = parent?.columns.find(({ name }) => name === key)
  if (declared !== undefined && declared !== column && parent !== undefined)
    return typeOf(declaration, catalog, parent, declared)
  throw new LandfallError(
    'LF005',
    `schema.${table.name}.columns.${column.name}: ${type.table.table} is not there, so its type is not known`,
    {
      hint: `bigint().references('${type.table.table}')   says the type by itself`,
    },
  )
}

const columnOf = (table: Table, name: string): Column | undefined =>
  table.columns.find((column) => same(column.name, name))

const same = (left: string, right: string): boolean => foldName(left) === foldName(right)

/** Two expressions with the same words: quotes around names, case of names and brackets around the whole do not count. */
function sameSql(left: string, right: string): boolean {
  return words(left) === words(right)
}

function words(sql: string): string {
  let all = tokenize(sql).map((token) =>
    token.kind === 'word' || token.kind === 'quoted' ? foldName(nameOf(token)) : token.text,
  )
  while (all[0] === '(' && all.at(-1) === ')' && closes(all)) all = all.slice(1, -1)
  return all.join(' ')
}

/** Whether the first bracket is closed by the last one. */
function closes(all: readonly string[]): boolean {
  let depth = 0
  return all.every((one, at) => {
    depth += one === '(' ? 1 : one === ')' ? -1 : 0
    return depth > 0 || at === all.length - 1
  })
}
