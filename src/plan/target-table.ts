import type { CheckConstraint, Column } from '../catalog/model.ts'
import { madeName } from '../connection/postgres-names.ts'
import { type ExpressionColumn, translate } from '../types/expression.ts'
import { typeClass } from '../types/expression-value.ts'
import type { TargetColumn, TargetTable } from './model.ts'
import { relationNames } from './names.ts'
import type { Building, BuiltTable, MovedTable } from './target-building.ts'
import { targetForeignKeys } from './target-foreign-keys.ts'
import { targetIndexes, targetPrimaryKey } from './target-indexes.ts'

export type { BuiltTable, MovedTable } from './target-building.ts'

/**
 * The target's form of a source table: everything that means the same in PostgreSQL, and the reasons
 * for everything else.
 *
 * - NOCASE and RTRIM keys become unique indexes over `lower(x collate "C")` or `rtrim(x)`, which keep
 *   exactly the source's rule; a primary key stays a primary key as well.
 * - A generated column whose expression cannot be translated becomes a plain one with its values.
 *
 * @param all every table that is moved, `moved` among them: the parents of foreign keys.
 * @param relationName gives names that are free in the target's schema (`relationNames`, which must
 *   know the names of all tables first).
 */
export function buildTargetTable(
  moved: MovedTable,
  all: readonly MovedTable[],
  relationName: (wanted: string) => string,
): BuiltTable {
  const { table } = moved
  const building: Building = {
    moved,
    expressions: expressionColumns(moved),
    relationName,
    constraintName: relationNames([]),
    notes: [],
    leftOut: [],
  }
  const primaryKey = targetPrimaryKey(building)
  const columns = moved.columns.map(({ source, target, type }) => {
    const column = table.columns.find((one) => one.name === source)
    if (column === undefined) throw new TypeError(`${table.name} has no column ${source}`)
    return targetColumn(building, column, target, type, primaryKey?.columns.includes(target) ?? false)
  })
  const indexes = targetIndexes(building, primaryKey)
  const foreignKeys = targetForeignKeys(building, all, columns)
  const checks = targetChecks(building)
  return {
    table: {
      schema: moved.schema,
      name: moved.name,
      columns,
      primaryKey,
      indexes: indexes.map(({ index }) => index),
      foreignKeys,
      checks: checks.map(({ name, expression }) => ({ name, expression })),
    },
    notes: building.notes,
    indexes,
    checks: checks.map(({ check }) => check),
    leftOut: building.leftOut,
  }
}

/** The columns of a table as expressions of the source name them, by name in lower case. */
export function expressionColumns({
  table,
  columns,
}: Pick<MovedTable, 'table' | 'columns'>): Map<string, ExpressionColumn> {
  return new Map(
    table.columns.map((column) => {
      const carried = columns.find((one) => one.source === column.name)
      return [
        column.name.toLowerCase(),
        {
          target: carried?.target ?? column.name,
          type: carried?.type ?? 'text',
          declared: column.declared,
          collation: column.collation,
          // A primary key's columns are NOT NULL in the target, whatever they are in the source.
          notNull: column.notNull || (table.primaryKey?.columns.includes(column.name) ?? false),
          ...(carried === undefined ? { unusable: 'is not carried' } : {}),
        },
      ]
    }),
  )
}

function targetColumn(
  building: Building,
  column: Column,
  name: string,
  type: string,
  inKey: boolean,
): TargetColumn {
  const { moved, notes } = building
  const generated = column.generated === null ? null : targetGenerated(building, column, type)
  const identity = column.identity !== null && generated === null && typeClass(type) === 'int'
  if (column.identity !== null && !identity)
    notes.push(`${column.name} numbers itself in the source; as ${type} it cannot`)
  if (column.collation !== null && column.collation.toUpperCase() !== 'BINARY' && typeClass(type) === 'text')
    notes.push(
      `${column.name} compares by the collation ${column.collation} in the source; the target compares all characters`,
    )
  return {
    name,
    type,
    notNull: column.notNull || inKey,
    default: generated !== null || identity ? null : targetDefault(building, column, type),
    identity,
    generated,
    sequenceFloor: identity ? (moved.table.autoincrement?.last ?? null) : null,
    ...(identity ? { sequenceName: building.relationName(madeName(moved.name, [name], 'seq')) } : {}),
  }
}

function targetDefault(
  { expressions, moved, leftOut }: Building,
  column: Column,
  type: string,
): string | null {
  if (column.default === null) return null
  const result = translate(column.default, {
    columns: expressions,
    purpose: 'default',
    type,
    declared: column.declared,
  })
  if ('sql' in result) return result.sql === 'null' ? null : result.sql
  leftOut.push({
    kind: 'default',
    name: `${moved.table.name}.${column.name}`,
    why: `DEFAULT ${column.default}: ${result.untranslatable}`,
  })
  return null
}

function targetGenerated(
  { expressions, moved, notes }: Building,
  column: Column,
  type: string,
): string | null {
  const generated = new Set(
    moved.table.columns.filter((one) => one.generated !== null).map((one) => one.name.toLowerCase()),
  )
  const columns = new Map(
    [...expressions].map(([name, one]) => [
      name,
      generated.has(name) ? { ...one, unusable: 'is generated itself' } : one,
    ]),
  )
  const result = translate(column.generated!.expression, { columns, purpose: 'generated', type })
  if ('sql' in result) return result.sql
  notes.push(
    `${column.name} is generated in the source and a plain column with its values in the target: ${result.untranslatable}`,
  )
  return null
}

function targetChecks({
  expressions,
  moved,
  constraintName,
  notes,
  leftOut,
}: Building): (TargetTable['checks'][number] & { readonly check: CheckConstraint })[] {
  return moved.table.checks.flatMap((check) => {
    const result = translate(check.expression, { columns: expressions, purpose: 'check' })
    if ('untranslatable' in result) {
      leftOut.push({
        kind: 'check',
        name: `${moved.table.name}${check.name === null ? '' : `.${check.name}`}`,
        why: `CHECK (${check.expression}): ${result.untranslatable}`,
      })
      return []
    }
    if (result.sql === 'true') {
      notes.push(`CHECK (${check.expression}) is kept by the types`)
      return []
    }
    const name = constraintName(check.name ?? madeName(moved.name, [], 'check'))
    return [{ check, name, expression: result.sql }]
  })
}
