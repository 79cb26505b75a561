import { ident } from '../connection/quote.ts'
import type {
  DeclaredCheck,
  DeclaredColumn,
  DeclaredForeignKey,
  DeclaredIndex,
  DeclaredKey,
  DeclaredTable,
  TableName,
} from '../contract/declaration.ts'
import type { LockMode, SchemaObject, SchemaObjectKind, SchemaStatement } from '../contract/schema.ts'
import { rowName } from './definition.ts'
import {
  checkSql,
  columnSql,
  commentSql,
  defaultSql,
  foreignKeySql,
  indexSql,
  insertSql,
  keySql,
  label,
  relation,
} from './postgres-sql.ts'
import type { ResolvedType } from './resolved-type.ts'

/** What a statement is where nothing else is said: its change is one of the catalog alone. */
const PLAIN = { transaction: true, locks: [], rewrites: false, scans: false, makes: [], drops: [] } as const

export const objectOf = (kind: SchemaObjectKind, { schema, table }: TableName, name = ''): SchemaObject => ({
  kind,
  schema,
  table,
  name,
})

const lock = (table: TableName, mode: LockMode) => ({ schema: table.schema, table: table.table, mode })

/** One statement that alters a table and makes, or drops, something of it. */
export function alter(
  table: TableName,
  does: string,
  actions: readonly string[],
  more: Partial<SchemaStatement> = {},
): SchemaStatement {
  return {
    ...PLAIN,
    does,
    sql: [`ALTER TABLE ${relation(table)} ${actions.join(', ')}`],
    locks: [lock(table, 'ACCESS EXCLUSIVE')],
    ...more,
  }
}

export function createSchema(schema: string): SchemaStatement {
  return {
    ...PLAIN,
    does: `make the schema ${schema}`,
    sql: [`CREATE SCHEMA ${ident(schema)}`],
    makes: [{ kind: 'schema', schema, table: '', name: '' }],
  }
}

/** A new table with all it has but foreign keys, which lock other tables. */
export function createTable(
  at: TableName,
  table: DeclaredTable,
  types: ReadonlyMap<string, ResolvedType>,
): SchemaStatement {
  const lines = [
    ...table.columns.map((column) => columnSql(column, types.get(column.name)!)),
    ...(table.primaryKey === null ? [] : [keySql('PRIMARY KEY', table.primaryKey)]),
    ...table.uniques.map((key) => keySql('UNIQUE', key)),
    ...table.checks.map(checkSql),
  ]
  const comments = commentsOf(at, table)
  return {
    ...PLAIN,
    does: `make the table ${label(at)}`,
    sql: [
      `CREATE TABLE ${relation(at)} (\n  ${lines.join(',\n  ')}\n)`,
      ...table.indexes.map((index) => indexSql(index, at, '')),
      ...comments.map(({ sql }) => sql),
      ...table.grants.map(
        ({ role, rights }) => `GRANT ${rights.join(', ').toUpperCase()} ON ${relation(at)} TO ${ident(role)}`,
      ),
      // Behind the rest, which only the owner may do.
      ...(table.owner === null ? [] : [`ALTER TABLE ${relation(at)} OWNER TO ${ident(table.owner)}`]),
    ],
    makes: [
      objectOf('table', at),
      ...table.columns.map(({ name }) => objectOf('column', at, name)),
      ...(table.primaryKey === null ? [] : [objectOf('primary key', at, table.primaryKey.name)]),
      ...table.uniques.map(({ name }) => objectOf('unique', at, name)),
      ...table.checks.map(({ name }) => objectOf('check', at, name)),
      ...table.indexes.map(({ name }) => objectOf('index', at, name)),
      ...comments.map(({ object }) => object),
    ],
  }
}

/** Of the columns, and of the table itself. */
export function commentsOf(
  at: TableName,
  table: Pick<DeclaredTable, 'comment' | 'columns'>,
): readonly { readonly object: SchemaObject; readonly sql: string; readonly text: string }[] {
  const said = [{ name: '', comment: table.comment }, ...table.columns]
  return said.flatMap(({ name, comment }) =>
    comment === null
      ? []
      : [{ object: objectOf('comment', at, name), sql: commentSql(at, name, comment), text: comment }],
  )
}

/**
 * Columns that an existing table has not got, under one lock. A default that is an expression is set behind
 * its column where rows are there: they keep NULL, for to fill them would be to write the table anew.
 */
export function addColumns(
  at: TableName,
  columns: readonly DeclaredColumn[],
  types: ReadonlyMap<string, ResolvedType>,
  hasRows: boolean,
): SchemaStatement {
  const later = columns.filter((column) => hasRows && column.default?.kind === 'expression')
  const comments = commentsOf(at, { comment: null, columns })
  const adding = columns.map(
    (column) => `ADD COLUMN ${columnSql(column, types.get(column.name)!, later.includes(column))}`,
  )
  const unfilled = later.map(({ name }) => `; rows that are there get no ${name}`).join('')
  return alter(at, `add ${columns.map(({ name }) => name).join(', ')} to ${label(at)}${unfilled}`, adding, {
    sql: [
      `ALTER TABLE ${relation(at)}\n  ${adding.join(',\n  ')}`,
      ...later.map(
        (column) =>
          `ALTER TABLE ${relation(at)} ALTER COLUMN ${ident(column.name)} SET DEFAULT ${defaultSql(column)}`,
      ),
      ...comments.map(({ sql }) => sql),
    ],
    makes: [
      ...columns.map(({ name }) => objectOf('column', at, name)),
      ...comments.map(({ object }) => object),
    ],
  })
}

export function setComment(at: TableName, column: string, text: string): SchemaStatement {
  return {
    ...PLAIN,
    does: `comment on ${label(at)}${column === '' ? '' : `.${column}`}`,
    sql: [commentSql(at, column, text)],
    locks: [lock(at, 'SHARE UPDATE EXCLUSIVE')],
    makes: [objectOf('comment', at, column)],
  }
}

export function createIndex(at: TableName, index: DeclaredIndex): SchemaStatement {
  return {
    ...PLAIN,
    does: `build the index ${index.name} on ${label(at)} while it is in use`,
    sql: [indexSql(index, at, 'CONCURRENTLY ')],
    transaction: false,
    locks: [lock(at, 'SHARE UPDATE EXCLUSIVE')],
    scans: true,
    makes: [objectOf('index', at, index.name)],
  }
}

export function dropIndex(at: TableName, name: string, why: string): SchemaStatement {
  return {
    ...PLAIN,
    does: `drop the index ${name} of ${label(at)}${why}`,
    sql: [`DROP INDEX CONCURRENTLY ${relation({ schema: at.schema, table: name })}`],
    transaction: false,
    locks: [lock(at, 'SHARE UPDATE EXCLUSIVE')],
    drops: [objectOf('index', at, name)],
  }
}

/** The index that a key of an existing table is made of. */
export function keyIndex(key: DeclaredKey): DeclaredIndex {
  const parts = key.columns.map((column) => ({ column, descending: false }))
  return { name: key.name, parts, unique: true, where: null, method: 'btree' }
}

/** Makes a key of the index of its name, which is there and valid. */
export function keyOfIndex(
  at: TableName,
  kind: 'primary key' | 'unique',
  { name }: DeclaredKey,
): SchemaStatement {
  const sql = `ADD CONSTRAINT ${ident(name)} ${kind.toUpperCase()} USING INDEX ${ident(name)}`
  return alter(at, `make the index ${name} the ${kind === 'unique' ? 'unique constraint' : kind}`, [sql], {
    makes: [objectOf(kind, at, name)],
    drops: [objectOf('index', at, name)],
  })
}

export function addCheck(at: TableName, check: DeclaredCheck): SchemaStatement {
  return alter(
    at,
    `add the check ${check.name} to ${label(at)}, for new rows`,
    [`ADD ${checkSql(check)} NOT VALID`],
    { makes: [objectOf('check', at, check.name)] },
  )
}

/** The referred table is asked for first: more others use it, most often. */
export function addForeignKey(at: TableName, key: DeclaredForeignKey): SchemaStatement {
  const self = key.refers.schema === at.schema && key.refers.table === at.table
  return alter(
    at,
    `let ${label(at)} (${key.columns.join(', ')}) refer to ${label(key.refers)}, for new rows`,
    [`ADD ${foreignKeySql(key)} NOT VALID`],
    {
      locks: [...(self ? [] : [key.refers]), at].map((table) => lock(table, 'SHARE ROW EXCLUSIVE')),
      makes: [objectOf('foreign key', at, key.name)],
    },
  )
}

/** Looks at the rows that were there before; others read and write meanwhile. */
export function validate(at: TableName, name: string, refers: TableName | null): SchemaStatement {
  return alter(
    at,
    `look whether the rows of ${label(at)} keep ${name}`,
    [`VALIDATE CONSTRAINT ${ident(name)}`],
    {
      locks: [lock(at, 'SHARE UPDATE EXCLUSIVE'), ...(refers === null ? [] : [lock(refers, 'ROW SHARE')])],
      scans: true,
    },
  )
}

export function insertRows(
  at: TableName,
  key: readonly string[],
  rows: readonly { readonly [column: string]: string }[],
): SchemaStatement {
  return {
    ...PLAIN,
    does: `insert ${rows.length} ${rows.length === 1 ? 'row' : 'rows'} into ${label(at)}`,
    sql: rows.map((row) => insertSql(at, row)),
    locks: [lock(at, 'ROW EXCLUSIVE')],
    makes: rows.map((row) => objectOf('row', at, nameOfRow(key, row))),
  }
}

export function nameOfRow(key: readonly string[], row: { readonly [column: string]: string }): string {
  return rowName({
    key: Object.fromEntries(key.map((column) => [column, row[column]!])),
    columns: Object.keys(row).filter((column) => !key.includes(column)),
  })
}

/** NULL is refused from now on, without a long lock: what was validated need not be looked at again. */
export function setNotNull(at: TableName, column: string): SchemaStatement[] {
  const name = 'landfall_not_null'
  const check = { name, named: true, sql: `${ident(column)} IS NOT NULL` }
  return [
    { ...addCheck(at, check), makes: [] },
    validate(at, name, null),
    alter(at, `forbid NULL in ${label(at)}.${column}`, [`ALTER COLUMN ${ident(column)} SET NOT NULL`]),
    alter(at, `drop the check ${name}`, [`DROP CONSTRAINT ${ident(name)}`]),
  ]
}
