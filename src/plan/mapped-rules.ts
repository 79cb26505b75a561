import type { Index, Table } from '../catalog/model.ts'
import { ident } from '../connection/quote.ts'
import type { TargetRules, UniqueRule } from './mapping.ts'

/** What a table refuses of rows of which only some columns are given. */
export function rulesOf(table: Table, mapped: readonly string[]): TargetRules {
  const isMapped = (name: string): boolean => mapped.includes(name)
  const primary: UniqueRule[] =
    table.primaryKey === null || !table.primaryKey.columns.every(isMapped)
      ? []
      : [
          {
            name: table.primaryKey.name ?? `${table.name}_pkey`,
            parts: table.primaryKey.columns.map(ident),
            where: null,
            nullsNotDistinct: false,
          },
        ]
  return {
    uniques: [
      ...primary,
      ...table.indexes
        .filter((index) => index.unique && index.valid && columnsOf(table, index).every(isMapped))
        .map(uniqueRule),
    ],
    parents: table.foreignKeys
      .filter((key) => key.columns.every(isMapped))
      .map((key) => ({ ...key, name: key.name ?? `${table.name}_fkey` })),
    checks: table.checks.flatMap(({ name, expression }) => {
      const names = columnsIn(table, expression)
      return names.length > 0 && names.every(isMapped)
        ? [{ name: name ?? `${table.name}_check`, expression }]
        : []
    }),
  }
}

function uniqueRule({ name, parts, where, nullsNotDistinct }: Index): UniqueRule {
  return {
    name,
    parts: parts.map(({ column, expression, collation }) => {
      const part = column === null ? `(${expression})` : ident(column)
      return collation === null ? part : `${part} COLLATE ${collation}`
    }),
    where,
    nullsNotDistinct,
  }
}

function columnsOf(table: Table, { parts, where }: Index): string[] {
  return [
    ...parts.flatMap(({ column, expression }) =>
      column === null ? columnsIn(table, expression!) : [column],
    ),
    ...columnsIn(table, where ?? ''),
  ]
}

/**
 * Columns that an expression names, as the server prints it; also one that is called like a function of it,
 * which then leaves a rule out that could have been tested.
 */
function columnsIn(table: Table, expression: string): string[] {
  const words = new Set<string>()
  for (const [, quoted, plain] of expression
    .replaceAll(/'(?:[^']|'')*'/g, "''")
    .matchAll(/"((?:[^"]|"")*)"|([\p{L}_][\p{L}\p{N}_$]*)/gu))
    words.add(quoted?.replaceAll('""', '"') ?? plain!)
  return table.columns.map(({ name }) => name).filter((name) => words.has(name))
}

/** Some unique index finds at most one row by these columns. */
export function isUniqueBy(table: Table, key: readonly string[]): boolean {
  const within = (columns: readonly (string | null)[]): boolean =>
    columns.every((name) => name !== null && key.includes(name))
  return (
    (table.primaryKey !== null && within(table.primaryKey.columns)) ||
    table.indexes.some(
      (index) =>
        index.unique &&
        index.valid &&
        index.where === null &&
        within(index.parts.map(({ column }) => column)),
    )
  )
}
