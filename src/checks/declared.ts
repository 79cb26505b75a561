import type { Catalog, ForeignKey, Index, Table } from '../catalog/model.ts'
import { ident } from '../connection/quote.ts'
import type { Move, Plan, TargetForeignKey, TargetIndex } from '../plan/model.ts'
import { relationNames } from '../plan/names.ts'
import { buildTargetTable, type MovedTable } from '../plan/target-table.ts'

/** What the source promises about a table's rows, in the target's words. */
export interface Declared<T> {
  readonly kept: readonly T[]
  readonly untold: readonly Untold[]
}

/** A promise that has no words in the target. */
export interface Untold {
  /** `(a, b) to parent`. */
  readonly what: string
  readonly why: string
  /** The parent of a foreign key is not moved: that is how far the migration goes. */
  readonly beyond: boolean
}

/** What the source promises, by move. */
export interface Promises {
  foreignKeys(move: Move): Declared<TargetForeignKey>
  /** The primary key and unique indexes. */
  keys(move: Move): Declared<TargetIndex>
}

/**
 * The source's keys as the target would have them if all its tables were made for them: tables that are
 * there already say nothing of what the source promises.
 */
export function sourcePromises(plan: Plan, source: Catalog): Promises {
  const all = plan.moves.flatMap((move) => {
    const table = sourceTable(source, move)
    return table === undefined ? [] : [movedTable(move, table)]
  })
  return {
    foreignKeys(move) {
      const table = sourceTable(source, move)
      return table === undefined ? NONE : declaredForeignKeys(move, table, all)
    },
    keys(move) {
      const table = sourceTable(source, move)
      return table === undefined ? NONE : declaredKeys(move, table, all)
    },
  }
}

const NONE = { kept: [], untold: [] }

function declaredForeignKeys(
  move: Move,
  table: Table,
  all: readonly MovedTable[],
): Declared<TargetForeignKey> {
  const kept: TargetForeignKey[] = []
  const untold: Untold[] = []
  for (const key of table.foreignKeys) {
    const built = buildPart(move, table, all, { foreignKeys: [key] })
    if (built.table.foreignKeys[0]) kept.push(built.table.foreignKeys[0])
    else
      untold.push({
        what: `(${key.columns.join(', ')}) to ${key.refTable}`,
        why: reason(built, 'foreign key'),
        beyond: !all.some((one) => one.table.name.toLowerCase() === key.refTable.toLowerCase()),
      })
  }
  return { kept, untold }
}

function declaredKeys(move: Move, table: Table, all: readonly MovedTable[]): Declared<TargetIndex> {
  const kept: TargetIndex[] = []
  const untold: Untold[] = []
  const { primaryKey } = table
  if (primaryKey) {
    const built = buildPart(move, table, all, { primaryKey })
    if (built.table.primaryKey) kept.push(primaryAsIndex(built.table.primaryKey), ...built.table.indexes)
    else
      untold.push({
        what: `(${primaryKey.columns.join(', ')})`,
        why: reason(built, 'primary key'),
        beyond: false,
      })
  }
  for (const index of table.indexes.filter((one) => one.unique)) {
    const built = buildPart(move, table, all, { indexes: [index] })
    if (built.table.indexes[0]) kept.push(built.table.indexes[0])
    else untold.push({ what: partsOf(index), why: reason(built, 'unique'), beyond: false })
  }
  return { kept, untold }
}

/** A primary key as the unique index that is behind it. */
export function primaryAsIndex(key: {
  readonly name: string
  readonly columns: readonly string[]
}): TargetIndex {
  return {
    name: key.name,
    unique: true,
    constraint: true,
    parts: key.columns.map(ident),
    columns: key.columns,
    where: null,
  }
}

export function sourceTable(source: Catalog, move: Move): Table | undefined {
  return source.tables.find((table) => table.name === move.source)
}

type Built = ReturnType<typeof buildTargetTable>

function buildPart(
  move: Move,
  table: Table,
  all: readonly MovedTable[],
  part: {
    readonly primaryKey?: Table['primaryKey']
    readonly indexes?: readonly Index[]
    readonly foreignKeys?: readonly ForeignKey[]
  },
): Built {
  const bare = { ...table, primaryKey: null, indexes: [], foreignKeys: [], checks: [], ...part }
  return buildTargetTable(movedTable(move, bare), all, relationNames([]))
}

function reason(built: Built, kind: string): string {
  return built.leftOut.find((one) => one.kind.startsWith(kind))?.why ?? 'the target has nothing like it'
}

function partsOf(index: Index): string {
  const where = index.where === null ? '' : ` where ${index.where}`
  return `(${index.parts.map((part) => part.column ?? part.expression).join(', ')})${where}`
}

function movedTable(move: Move, table: Table): MovedTable {
  const typeOf = (target: string, otherwise: string) =>
    move.target.columns.find((column) => column.name === target)?.type ?? otherwise
  return {
    table,
    schema: move.target.schema,
    name: move.target.name,
    columns: [
      ...move.columns.map(({ source, target, type }) => ({ source, target, type: typeOf(target, type) })),
      ...computedColumns(move, table),
    ],
    existing: null,
  }
}

/** Columns that both sides compute are not moved, and their names are in the same order. */
function computedColumns(move: Move, table: Table): MovedTable['columns'] {
  const sources = table.columns.filter(
    (column) => column.generated && !move.columns.some((one) => one.source === column.name),
  )
  const targets = move.target.columns.filter((column) => column.generated !== null)
  return sources.flatMap((column, at) => {
    const target =
      sources.length === targets.length ? targets[at] : targets.find((one) => one.name === column.name)
    return target === undefined ? [] : [{ source: column.name, target: target.name, type: target.type }]
  })
}
