import type { ForeignKey, Table } from '../catalog/model.ts'
import { madeName } from '../connection/postgres-names.ts'
import { typeClass } from '../types/expression-value.ts'
import type { TargetColumn, TargetForeignKey } from './model.ts'
import type { Building, MovedTable } from './target-building.ts'

/** The foreign keys that PostgreSQL can keep; the others are left out with their reasons. */
export function targetForeignKeys(
  building: Building,
  all: readonly MovedTable[],
  columns: readonly TargetColumn[],
): TargetForeignKey[] {
  const { moved, leftOut } = building
  return moved.table.foreignKeys.flatMap((key) => {
    const result = targetForeignKey(building, key, all, columns)
    if (typeof result !== 'string') return [result]
    leftOut.push({
      kind: 'foreign key',
      name: `${moved.table.name} (${key.columns.join(', ')}) to ${key.refTable}`,
      why: result,
    })
    return []
  })
}

/** The key, or why it cannot be kept. */
function targetForeignKey(
  building: Building,
  key: ForeignKey,
  all: readonly MovedTable[],
  columns: readonly TargetColumn[],
): TargetForeignKey | string {
  const { moved } = building
  const parent = all.find((one) => equal(one.table.name, key.refTable))
  if (parent === undefined) return `${key.refTable} is missing, or is not moved`
  if (key.refColumns.length === 0 || key.refColumns.length !== key.columns.length)
    return `${key.refTable} has no key of ${key.columns.length} columns`
  const from = key.columns.map((name) => moved.columns.find((column) => equal(column.source, name)))
  const to = key.refColumns.map((name) => parent.columns.find((column) => equal(column.source, name)))
  const missing = [
    ...key.columns.filter((_, at) => from[at] === undefined),
    ...key.refColumns.filter((_, at) => to[at] === undefined),
  ]
  if (missing.length > 0) return `the column ${missing[0]} is missing, or is not carried`
  const refColumns = to.map((column) => column!.target)
  const keys = parent.existing === null ? sourceKeys(parent) : existingKeys(parent.existing)
  const found = keys.filter((one) => sameNames(one.columns, refColumns))
  if (found.length === 0)
    return `(${key.refColumns.join(', ')}) of ${key.refTable} is not unique in the target`
  if (found.every((one) => one.collation !== null))
    return `${key.refTable} finds its keys by the collation ${found[0]!.collation}, and PostgreSQL would compare all characters`
  for (const [at, column] of from.entries()) {
    const [child, target] = [column!.type, to[at]!.type]
    if (!isComparable(child, target))
      return `${key.columns[at]} is ${child} and ${key.refTable}.${key.refColumns[at]} is ${target}`
  }
  const writes =
    [key.onUpdate, key.onDelete].some((action) => action.startsWith('set ')) || key.onUpdate === 'cascade'
  const generated = columns.find(
    (column) => column.generated !== null && from.some((one) => one!.target === column.name),
  )
  if (writes && generated !== undefined) return `it would write to ${generated.name}, which is generated`
  return {
    name: building.constraintName(
      key.name ??
        madeName(
          moved.name,
          from.map((column) => column!.target),
          'fkey',
        ),
    ),
    columns: from.map((column) => column!.target),
    refSchema: parent.schema,
    refTable: parent.name,
    refColumns,
    onUpdate: key.onUpdate,
    onDelete: key.onDelete,
    deferrable: key.deferrable,
  }
}

interface Key {
  /** Target names. */
  readonly columns: readonly string[]
  /** Set when the source compares the key's texts by something else than their bytes. */
  readonly collation: string | null
}

/** What will be unique in the target, from the source's keys. */
function sourceKeys({ table, columns }: MovedTable): Key[] {
  const toKey = (parts: readonly { column: string | null; collation: string | null }[]): Key[] => {
    const carried = parts.map((part) =>
      columns.find((column) => part.column !== null && equal(column.source, part.column)),
    )
    if (carried.some((column) => column === undefined || column.type.toLowerCase() === 'json')) return []
    const folded = parts.find(
      (part, at) =>
        typeClass(carried[at]!.type) === 'text' && (part.collation ?? 'BINARY').toUpperCase() !== 'BINARY',
    )
    return [{ columns: carried.map((column) => column!.target), collation: folded?.collation ?? null }]
  }
  const primary = table.primaryKey
  return [
    ...(primary === null
      ? []
      : toKey(primary.columns.map((column, at) => ({ column, collation: primary.collations[at] ?? null })))),
    ...table.indexes
      .filter((index) => index.unique && index.where === null)
      .flatMap((index) => toKey(index.parts)),
  ]
}

function existingKeys(table: Table): Key[] {
  const unique = table.indexes.filter(
    (index) =>
      index.unique &&
      index.valid &&
      index.where === null &&
      index.parts.every((part) => part.column !== null),
  )
  return [
    ...(table.primaryKey === null ? [] : [table.primaryKey.columns]),
    ...unique.map((index) => index.parts.map((part) => part.column!)),
  ].map((columns) => ({ columns, collation: null }))
}

/** PostgreSQL can compare the two with `=` through an index. */
function isComparable(child: string, parent: string): boolean {
  const [from, to] = [typeClass(child), typeClass(parent)]
  if (from === 'other' || to === 'other') return child.toLowerCase() === parent.toLowerCase()
  return from === to
    ? from !== 'json' || child.toLowerCase() === parent.toLowerCase()
    : from === 'int' && to === 'numeric'
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && new Set(b).size === b.length && a.every((name) => b.includes(name))
}

function equal(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
