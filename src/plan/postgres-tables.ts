import type { Catalog, Column, OtherObject, Table } from '../catalog/model.ts'
import type { Surroundings } from '../catalog/postgres-surroundings.ts'
import { ident, nameParts, qualified } from '../connection/quote.ts'
import type { Blocker, LeftOut, TargetColumn, TargetTable } from './model.ts'
import { tableLabel } from './table-label.ts'

/**
 * The target's form of a PostgreSQL table: the same, in the same schema. Indexes that are no B-trees and
 * what a `TargetTable` has no words for are left to the statements that the source's server prints.
 */
export function postgresTable(table: Table): TargetTable {
  return {
    schema: table.schema,
    name: table.name,
    columns: table.columns.map((column) => targetColumn(table, column)),
    primaryKey:
      table.primaryKey === null || table.primaryKey.name === null
        ? null
        : { name: table.primaryKey.name, columns: table.primaryKey.columns },
    indexes: table.indexes
      .filter((index) => index.valid && index.sql !== null && / USING btree \(/.test(index.sql))
      .map(({ name, unique, constraint, parts, where }) => ({
        name,
        unique,
        constraint,
        parts: parts.map(({ column, expression, collation, descending }) =>
          [
            column === null ? `(${expression})` : ident(column),
            ...(collation === null ? [] : [`collate ${collation}`]),
            ...(descending ? ['desc'] : []),
          ].join(' '),
        ),
        columns: parts.every((part) => part.column !== null) ? parts.map((part) => part.column!) : null,
        where,
      })),
    foreignKeys: table.foreignKeys.map((key) => ({ ...key, name: key.name! })),
    checks: table.checks.map((check) => ({ ...check, name: check.name! })),
  }
}

function targetColumn(table: Table, column: Column): TargetColumn {
  const [schema, sequence] = column.sequence === null ? [] : nameParts(column.sequence)
  const identity = column.identity !== null && schema === table.schema
  return {
    name: column.name,
    type: column.declared,
    notNull: column.notNull,
    default: identity ? null : column.default,
    identity,
    ...(column.identity === 'always' ? { always: true } : {}),
    ...(identity && sequence !== undefined ? { sequenceName: sequence } : {}),
    ...(column.collation === null ? {} : { collation: column.collation }),
    generated: column.generated?.expression ?? null,
    sequenceFloor: null,
  }
}

/** What a column's type is made of, as `format_type` prints it: `public.mood[]` is `public.mood`. */
const bareType = (declared: string): string => declared.replace(/(\([^()]*\))?(\[\])*$/, '')

/**
 * Why tables cannot be made without `pg_dump`, one blocker for each: what they are made of besides columns
 * of built-in types has to be there already, and Landfall makes none of it.
 *
 * @param tables those to be made, their partitions among them.
 * @param types names of types that the target has, as `format_type` prints them with an empty search path.
 * @param choice what would bring everything.
 */
export function withoutDumpBlockers(
  source: Catalog,
  around: Surroundings,
  tables: readonly Table[],
  types: ReadonlySet<string>,
  choice: string,
): Blocker[] {
  const taken = Map.groupBy(
    source.tables.flatMap((table) => table.columns.map((column) => ({ table, column }))),
    ({ column }) => column.sequence,
  )
  // Of partitions their parent says it.
  const wholes = tables.filter(({ partitionOf }) => partitionOf === undefined)
  return wholes.flatMap((table): Blocker[] => {
    const isPartitioned = source.tables.some(
      (one) => one.partitionOf !== undefined && isParent(one.partitionOf, table),
    )
    const columns = table.columns.flatMap((column) => {
      const why = whyNot(table, column, types, (taken.get(column.sequence) ?? []).length > 1)
      return why === null ? [] : [{ column: column.name, why: `${column.name}: ${why}` }]
    })
    const checks = table.checks.filter(({ expression }) => namesObject(expression))
    const reasons = [
      ...(isPartitioned ? ['it is partitioned'] : []),
      ...parentsOf(table, around).map((parent) => `it inherits from ${parent}`),
      ...columns.map(({ why }) => why),
      ...checks.map(({ name, expression }) => `the check ${name} uses something of its own: ${expression}`),
    ]
    if (reasons.length === 0) return []
    const name = tableLabel(table)
    return [
      {
        code: 'LF205',
        table: name,
        column: reasons.length === 1 && columns.length === 1 ? columns[0]!.column : null,
        message: `${name} cannot be made without pg_dump: ${reasons.join('; ')}`,
        examples: [],
        choices: [choice, `exclude ${name}`],
      },
    ]
  })
}

/** The tables that a table inherits from, as the server prints their names. */
function parentsOf({ schema, name }: Table, { others }: Surroundings): string[] {
  return others.flatMap((one) => {
    const [, heir, parent] =
      /^((?:"(?:[^"]|"")*"|[^".])+\.(?:"(?:[^"]|"")*"|[^" ]+)) inherits from (.*)$/s.exec(one.name) ?? []
    if (one.kind !== 'inheritance' || heir === undefined || parent === undefined) return []
    const parts = nameParts(heir)
    return parts[0] === schema && parts[1] === name ? [parent] : []
  })
}

const isParent = (parent: string, { schema, name }: Table): boolean => {
  const parts = nameParts(parent)
  return parts[0] === schema && parts[1] === name
}

function whyNot(
  table: Table,
  column: Column,
  types: ReadonlySet<string>,
  sharedSequence: boolean,
): string | null {
  const type = bareType(column.declared)
  if (namesObject(type) && !types.has(type)) return `its type ${type} is not in the target`
  if (column.generated !== null && !column.generated.stored) return 'it is generated whenever it is read'
  const expression = column.generated?.expression ?? column.default
  if (column.sequence !== null) {
    const [schema] = nameParts(column.sequence)
    if (column.identity === null || schema !== table.schema || sharedSequence)
      return `it takes its values from the sequence ${column.sequence}, which is not its own`
    return null
  }
  if (expression !== null && namesObject(expression)) return `it uses something of its own: ${expression}`
  return null
}

/** Whatever is not built in is printed with its schema. Columns of the table itself are not. */
function namesObject(sql: string): boolean {
  return /(?:\w|")\.(?:[\p{L}_]|")/u.test(sql.replace(/'(?:[^']|'')*'/g, "''"))
}

/** What is made otherwise than it is in the source. */
export function withoutDumpNotes(around: Surroundings, tables: readonly Table[]): string[] {
  const made = new Set(tables.map(({ schema, name }) => qualified(schema, name)))
  const unlogged = around.others
    .filter(({ kind, name }) => {
      const [schema, table] = nameParts(name)
      return kind === 'unlogged table' && made.has(qualified(schema!, table!))
    })
    .map(({ name }) => name)
  return unlogged.length === 0 ? [] : [`unlogged tables become ordinary ones: ${unlogged.join(', ')}`]
}

/** What else is there and stays behind without `pg_dump`, by name. */
export function withoutDumpLeftOut(source: Catalog, around: Surroundings, major: number): LeftOut[] {
  const why = `only pg_dump ${major} or later can bring it, and none is installed`
  const used = new Set(source.tables.flatMap((table) => table.columns.map((column) => column.sequence)))
  const isMade = ({ kind, name }: OtherObject): boolean => kind === 'sequence' && used.has(name)
  const others = source.others.filter((other) => !isMade(other))
  return [
    ...others.map(({ kind, name, table }) => ({
      kind,
      name: table === undefined ? name : `${name} of ${table}`,
      why,
    })),
    ...around.others.filter(({ kind }) => NOT_MADE.has(kind)).map(({ kind, name }) => ({ kind, name, why })),
  ]
}

/** What is listed neither with the tables nor among the catalog's other objects. */
const NOT_MADE: ReadonlySet<string> = new Set([
  'policy',
  'row-level security',
  'rule',
  'statistics object',
  'publication',
  'event trigger',
])
