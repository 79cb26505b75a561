import type { Catalog, Table } from '../catalog/model.ts'
import { nameParts } from '../connection/quote.ts'
import type { LeftOut, TargetTable } from './model.ts'
import { relationNames } from './names.ts'
import type { PlanInput, Studied } from './study.ts'
import { type BuiltTable, buildTargetTable, type MovedTable } from './target-table.ts'

/** The target's tables: built from the source's, or, where they are there, as they are. */
export function targetTables(
  input: PlanInput,
  studied: readonly Studied[],
): { readonly tables: ReadonlyMap<string, BuiltTable>; readonly leftOut: readonly LeftOut[] } {
  const schema = input.settings.targetSchema
  const all = studied.map(
    ({ draft, profile }): MovedTable => ({
      table: draft.source,
      schema,
      name: draft.target,
      columns: draft.columns.map((column) => ({
        source: column.source.name,
        target: column.target,
        type: column.existing?.declared ?? profile.ways.get(column.source.name)!.type,
      })),
      existing: draft.existing,
    }),
  )
  const relationName = relationNames([...takenNames(input.target, schema), ...all.map((moved) => moved.name)])
  const tables = new Map<string, BuiltTable>()
  const leftOut: LeftOut[] = []
  for (const moved of all) {
    const built = moved.existing
      ? {
          table: asItIs(moved, moved.existing),
          notes: untestedRules(moved.existing, all),
          indexes: [],
          checks: [],
          leftOut: [],
        }
      : buildTargetTable(moved, all, relationName)
    tables.set(moved.table.name, built)
    leftOut.push(...built.leftOut)
  }
  return { tables, leftOut }
}

/** Tables, indexes, sequences and views share one namespace in a schema. */
export function takenNames(target: Catalog, schema: string): string[] {
  const tables = target.tables.filter((table) => table.schema === schema)
  return [
    ...tables.flatMap((table) => [
      table.name,
      ...table.indexes.map((index) => index.name),
      ...(table.primaryKey?.name ? [table.primaryKey.name] : []),
      ...table.columns.flatMap((column) => nameParts(column.sequence ?? '')[1] ?? []),
    ]),
    ...target.others
      .filter((other) => other.kind !== 'trigger' && other.kind !== 'function')
      .flatMap((other) => nameParts(other.name)[1] ?? []),
  ]
}

/** An existing table keeps its keys and rules; only its columns matter to what comes after. */
function asItIs(moved: MovedTable, existing: Table): TargetTable {
  const id = moved.table.columns.find((column) => column.identity !== null)?.name
  const numbered = moved.columns.find((column) => column.source === id)?.target
  return {
    schema: existing.schema,
    name: existing.name,
    columns: existing.columns.map((column) => ({
      name: column.name,
      type: column.declared,
      notNull: column.notNull,
      default: column.default,
      identity: column.identity !== null,
      generated: column.generated?.expression ?? null,
      sequenceFloor: column.name === numbered ? (moved.table.autoincrement?.last ?? null) : null,
    })),
    primaryKey: null,
    indexes: [],
    foreignKeys: [],
    checks: [],
  }
}

/** Rules whose keeping is not known before the target has seen the rows. */
function untestedRules(existing: Table, all: readonly MovedTable[]): string[] {
  const names = [
    ...existing.checks.map((check) => check.name ?? check.expression),
    ...existing.indexes
      .filter((index) => {
        const plain = index.where === null && index.parts.every((part) => part.column !== null)
        return index.unique ? !plain : index.constraint
      })
      .map((index) => index.name),
    ...existing.foreignKeys
      .filter((key) => !all.some(({ name, schema }) => name === key.refTable && schema === key.refSchema))
      .map((key) => key.name ?? `the foreign key to ${key.refTable}`),
  ]
  return names.length === 0
    ? []
    : [`only the target itself can test, while rows are loaded: ${names.join(', ')}`]
}
