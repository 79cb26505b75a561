import type { Index, IndexPart } from '../catalog/model.ts'
import { madeName } from '../connection/postgres-names.ts'
import { ident } from '../connection/quote.ts'
import { translate } from '../types/expression.ts'
import { typeClass } from '../types/expression-value.ts'
import type { TargetIndex, TargetTable } from './model.ts'
import type { Building, BuiltIndex } from './target-building.ts'

/** Types without an order, so that no btree can hold them. */
const NO_ORDER = new Set([
  'json',
  'xml',
  'point',
  'line',
  'lseg',
  'box',
  'path',
  'polygon',
  'circle',
  'aclitem',
  'xid',
  'cid',
])
/** PostgreSQL's INDEX_MAX_KEYS. */
const MOST_PARTS = 32

/** The primary key, if the target can have it; else it is left out with a reason. */
export function targetPrimaryKey(building: Building): TargetTable['primaryKey'] {
  const { moved, leftOut } = building
  const key = moved.table.primaryKey
  if (key === null) return null
  const carried = key.columns.map((name) => findColumn(building, name))
  const why =
    key.columns.map((name) => unusable(building, name)).find((reason) => reason !== null) ??
    (key.columns.length > MOST_PARTS ? `PostgreSQL's keys have at most ${MOST_PARTS} columns` : null)
  if (why !== null) {
    leftOut.push({ kind: 'primary key', name: moved.table.name, why })
    return null
  }
  const name = building.constraintName(building.relationName(key.name ?? madeName(moved.name, [], 'pkey')))
  return { name, columns: carried.map((column) => column!.target) }
}

/** Unique constraints and indexes, and what a primary key with a collation needs beside itself. */
export function targetIndexes(building: Building, primaryKey: TargetTable['primaryKey']): BuiltIndex[] {
  const { moved } = building
  const key = moved.table.primaryKey
  const indexes = moved.table.indexes.flatMap((index) => targetIndex(building, index) ?? [])
  const folded = key?.columns.some((name, at) => isFolded(building, name, key.collations[at] ?? null))
  if (!key || !folded || primaryKey === null) return indexes
  const extra = targetIndex(building, {
    name: madeName(moved.name, primaryKey.columns, 'key'),
    unique: true,
    constraint: true,
    parts: key.columns.map((column, at) => ({
      column,
      expression: null,
      descending: false,
      collation: key.collations[at] ?? null,
    })),
    where: null,
    nullsNotDistinct: false,
    valid: true,
    sql: null,
  })
  return extra === null ? indexes : [extra, ...indexes]
}

function targetIndex(building: Building, index: Index): BuiltIndex | null {
  const { moved, expressions, leftOut } = building
  const kind = index.constraint ? 'unique constraint' : index.unique ? 'unique index' : 'index'
  const shown = index.name.startsWith('sqlite_autoindex_') || index.constraint ? partsText(index) : index.name
  const skip = (why: string): null => {
    leftOut.push({ kind, name: `${moved.table.name}: ${shown}`, why })
    return null
  }
  if (index.parts.length > MOST_PARTS) return skip(`PostgreSQL's indexes have at most ${MOST_PARTS} columns`)
  const parts: string[] = []
  const columns: (string | null)[] = []
  for (const part of index.parts) {
    const result = targetPart(building, part, index.unique)
    if ('why' in result) return skip(result.why)
    parts.push(part.descending ? `${result.sql} desc` : result.sql)
    columns.push(result.column)
  }
  const where =
    index.where === null ? null : translate(index.where, { columns: expressions, purpose: 'predicate' })
  if (where !== null && 'untranslatable' in where)
    return skip(`WHERE ${index.where}: ${where.untranslatable}`)
  const plain = columns.every((column) => column !== null)
  const constraint =
    index.constraint && plain && where === null && !index.parts.some((part) => part.descending)
  const wanted = index.name.startsWith('sqlite_autoindex_')
    ? madeName(
        moved.name,
        index.parts.map((part) => findColumn(building, part.column ?? '')?.target ?? 'expr'),
        'key',
      )
    : index.name
  const name = building.relationName(wanted)
  const target: TargetIndex = {
    name: constraint ? building.constraintName(name) : name,
    unique: index.unique,
    constraint,
    parts,
    columns: plain ? columns.map((column) => column!) : null,
    where: where === null || where.sql === 'true' ? null : where.sql,
  }
  return { index: target, source: index }
}

type Part = { readonly sql: string; readonly column: string | null } | { readonly why: string }

function targetPart(building: Building, part: IndexPart, unique: boolean): Part {
  const collation = part.collation ?? 'BINARY'
  const { expressions } = building
  if (part.column !== null) {
    const why = unusable(building, part.column)
    if (why !== null) return { why }
    const column = findColumn(building, part.column)!
    if (!isFolded(building, part.column, collation))
      return { sql: ident(column.target), column: column.target }
  }
  const source = part.column === null ? `(${part.expression})` : ident(part.column)
  // An expression brings the collation of its own column, unless the index names another.
  const text =
    part.column === null && part.collation === null ? source : `${source} collate ${ident(collation)}`
  const result = translate(text, { columns: expressions, purpose: 'index', unique })
  return 'sql' in result
    ? { sql: `(${result.sql})`, column: null }
    : { why: `${part.column ?? part.expression}: ${result.untranslatable}` }
}

/** The source compares the column's texts by something else than their bytes. */
function isFolded(building: Building, source: string, collation: string | null): boolean {
  const column = findColumn(building, source)
  return (
    column !== undefined &&
    typeClass(column.type) === 'text' &&
    (collation ?? 'BINARY').toUpperCase() !== 'BINARY'
  )
}

function findColumn({ moved }: Building, source: string): Building['moved']['columns'][number] | undefined {
  return moved.columns.find((column) => column.source.toLowerCase() === source.toLowerCase())
}

function unusable(building: Building, source: string): string | null {
  const column = findColumn(building, source)
  if (column === undefined) return `its column ${source} is not carried`
  return NO_ORDER.has(column.type.toLowerCase())
    ? `${source} is ${column.type} in the target, which has no order`
    : null
}

function partsText(index: Index): string {
  return `(${index.parts.map((part) => part.column ?? part.expression).join(', ')})`
}
