import { ident } from '../connection/quote.ts'
import type { UniqueValues } from '../profile/duplicates.ts'
import type { Way } from '../types/model.ts'
import type { Draft } from './draft.ts'
import { overTable } from './source-sql.ts'
import type { BuiltTable } from './target-table.ts'

/** A key of the target whose uniqueness nothing guarantees before the rows have been compared. */
export interface UniqueQuestion extends UniqueValues {
  readonly columns: readonly string[]
  readonly name: string
}

/**
 * The source's own unique index answers for a key, unless a conversion may turn two values into one.
 */
export function uniquesToTest(
  draft: Draft,
  built: BuiltTable,
  ways: ReadonlyMap<string, Way>,
): UniqueQuestion[] {
  return keysOf(draft, built).flatMap((key) => {
    const columns = key.columns.map((name) => draft.columns.find((column) => column.target === name))
    if (columns.some((column) => column === undefined)) return []
    const sources = columns.map((column) => column!.source.name)
    const chosen = sources.map((name) => ways.get(name)!)
    // What citext takes for one are two in the source.
    const folds = columns.map((column) => /(^|\.)citext$/.test(column!.existing?.declared ?? ''))
    const kept = !folds.includes(true) && !key.nulls && chosen.every((way) => way.injective)
    // A partial index of the target is the source's own.
    if (kept && (key.where !== null || isUnique(draft, sources))) return []
    const values = sources.flatMap((name, i) =>
      chosen[i]!.equal(ident(name)).map((value) => (folds[i] ? `lower(${value})` : value)),
    )
    return [{ columns: sources, values, name: key.name, nulls: key.nulls, where: key.where }]
  })
}

interface Key {
  readonly name: string
  readonly columns: readonly string[]
  readonly nulls: boolean
  readonly where: string | null
}

function keysOf(draft: Draft, built: BuiltTable): Key[] {
  const { existing, source } = draft
  if (existing) {
    const indexes = existing.indexes
      .filter(
        (index) => index.unique && index.where === null && index.parts.every((part) => part.column !== null),
      )
      .map((index) => ({
        name: index.name,
        columns: index.parts.map((part) => part.column!),
        nulls: index.nullsNotDistinct,
        where: null,
      }))
    const key = existing.primaryKey
    return key
      ? [{ name: key.name ?? 'primary key', columns: key.columns, nulls: false, where: null }, ...indexes]
      : indexes
  }
  const indexes = built.indexes
    .filter(({ index }) => index.unique && index.columns !== null)
    .map(({ index, source: { where } }) => ({
      name: index.name,
      columns: index.columns!,
      nulls: false,
      where: where === null ? null : overTable(where, source).sql,
    }))
  const { primaryKey } = built.table
  return primaryKey ? [{ ...primaryKey, nulls: false, where: null }, ...indexes] : indexes
}

/** Some unique key of the source lies within these columns. */
function isUnique({ source }: Draft, columns: readonly string[]): boolean {
  const within = (names: readonly (string | null)[]) =>
    names.length > 0 && names.every((name) => name !== null && columns.includes(name))
  return (
    within(source.primaryKey?.columns ?? []) ||
    source.indexes.some(
      (index) => index.unique && index.where === null && within(index.parts.map((part) => part.column)),
    )
  )
}
