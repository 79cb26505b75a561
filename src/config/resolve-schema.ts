import { madeName } from '../connection/postgres-names.ts'
import { literal } from '../connection/quote.ts'
import type {
  Declaration,
  DeclaredColumn,
  DeclaredDefault,
  DeclaredForeignKey,
  DeclaredIndex,
  DeclaredKey,
  DeclaredRows,
  DeclaredTable,
  IndexPartDeclared,
} from '../contract/declaration.ts'
import type { Constant } from './column.ts'
import type { MigrationConfig } from './model.ts'
import type { ForeignKeyConfig, IndexPart, RowsConfig, TableConfig } from './schema.ts'
import type { Column, ColumnSaid } from './schema-column.ts'
import { isSql, type Sql } from './sql.ts'

/** What the config says of the schema, with every key and name filled in. The config is a valid one. */
export function resolveSchema(config: MigrationConfig, name: string, schema: string): Declaration {
  return {
    name,
    schema,
    tables: said(config.schema).map(([table, its]) => ({
      ...tableOf(schema, table, its),
      owner: config.owner ?? null,
      grants: config.grants ?? [],
    })),
    invariants: said(config.invariants).map(([invariant, sql]) => ({ name: invariant, sql: textOf(sql) })),
  }
}

/** An entry that is undefined is one that a condition in the config left unsaid. */
function said<T>(entries: { readonly [name: string]: T | undefined } | undefined): [string, T][] {
  return Object.entries(entries ?? {}).flatMap(([name, one]) =>
    one === undefined ? [] : [[name, one] as [string, T]],
  )
}

const list = <T>(one: T | readonly T[]): readonly T[] => [one].flat() as readonly T[]

function tableOf(schema: string, name: string, its: TableConfig): Omit<DeclaredTable, 'owner' | 'grants'> {
  const columns = said(its.columns).map(([column, one]): [string, ColumnSaid] => [column, saidOf(one)])
  const made = (names: readonly string[], kind: string) => ({
    name: madeName(name, names, kind),
    named: false,
  })
  const identities = columns.flatMap(([column, one]) => (one.identity ? [column] : []))
  const keyed = its.primaryKey ?? (identities.length === 1 ? identities : null)
  const primaryKey: DeclaredKey | null = keyed === null ? null : { ...made([], 'pkey'), columns: list(keyed) }
  return {
    name,
    comment: its.comment ?? null,
    columns: columns.map(([column, one]) => columnOf(schema, column, one, primaryKey)),
    primaryKey,
    uniques: [
      ...columns.flatMap(([column, one]) =>
        one.unique ? [{ ...made([column], 'key'), columns: [column] }] : [],
      ),
      ...said(its.unique).map(([key, on]) => ({ name: key, named: true, columns: list(on) })),
    ],
    indexes: said(its.indexes).map(([index, on]) => indexOf(index, on)),
    foreignKeys: [
      ...columns.flatMap(([column, { references }]): DeclaredForeignKey[] =>
        references === null
          ? []
          : [
              {
                ...made([column], 'fkey'),
                columns: [column],
                refers: { schema: references.schema ?? schema, table: references.table },
                refColumns: references.column === null ? null : [references.column],
                onDelete: references.onDelete,
                onUpdate: references.onUpdate,
              },
            ],
      ),
      ...said(its.foreignKeys).map(([key, one]) => foreignKeyOf(schema, key, one)),
    ],
    checks: [
      ...columns.flatMap(([column, { check }]) =>
        check === null ? [] : [{ ...made([column], 'check'), sql: textOf(check) }],
      ),
      ...said(its.checks).map(([check, sql]) => ({ name: check, named: true, sql: textOf(sql) })),
    ],
    rows: its.ensureRows === undefined ? null : rowsOf(its.ensureRows, primaryKey),
  }
}

function saidOf(column: Column<unknown, boolean>): ColumnSaid {
  return column.said
}

function columnOf(
  schema: string,
  name: string,
  one: ColumnSaid,
  primaryKey: DeclaredKey | null,
): DeclaredColumn {
  const { references } = one
  return {
    name,
    type:
      one.type === null && references !== null
        ? {
            kind: 'as referenced',
            table: { schema: references.schema ?? schema, table: references.table },
            column: references.column,
          }
        : { kind: 'named', sql: one.type! },
    // A key forbids NULL by itself.
    notNull: one.notNull || (primaryKey?.columns.includes(name) ?? false),
    default: one.default === null ? null : defaultOf(one.default),
    identity: one.identity,
    comment: one.comment,
  }
}

function defaultOf(value: NonNullable<ColumnSaid['default']>): DeclaredDefault {
  if ('now' in value) return { kind: 'now' }
  if (isSql(value)) return { kind: 'expression', sql: textOf(value) }
  return { kind: 'constant', sql: constantSql(value.constant) }
}

/** A comment at its end must not swallow what follows. */
function textOf({ text }: Sql): string {
  return text.includes('--') ? `${text}\n` : text
}

/** Lists and objects are JSON. */
function constantSql(value: Constant): string {
  return literal(typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string))
}

function indexOf(name: string, said: NonNullable<TableConfig['indexes']>[string] & {}): DeclaredIndex {
  const config = typeof said === 'object' && 'on' in said ? said : { on: said }
  return {
    name,
    parts: list(config.on as IndexPart | readonly IndexPart[]).map(partOf),
    unique: config.unique ?? false,
    where: config.where === undefined ? null : textOf(config.where),
    method: config.using ?? 'btree',
  }
}

function partOf(part: IndexPart): IndexPartDeclared {
  const descending = typeof part === 'object' && 'desc' in part
  const on: string | Sql<'target'> = descending ? part.desc : part
  return typeof on === 'string' ? { column: on, descending } : { sql: textOf(on), descending }
}

function foreignKeyOf(schema: string, name: string, said: ForeignKeyConfig): DeclaredForeignKey {
  return {
    name,
    named: true,
    columns: list(said.columns),
    refers: { schema: said.schema ?? schema, table: said.references },
    refColumns: said.to === undefined ? null : list(said.to),
    onDelete: said.onDelete ?? 'no action',
    onUpdate: said.onUpdate ?? 'no action',
  }
}

function rowsOf({ key, rows }: RowsConfig, primaryKey: DeclaredKey | null): DeclaredRows {
  return {
    key: key === undefined ? (primaryKey?.columns ?? []) : list(key),
    rows: rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          isSql(value) ? textOf(value) : constantSql(value),
        ]),
      ),
    ),
  }
}
