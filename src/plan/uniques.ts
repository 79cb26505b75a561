import { ident } from '../connection/quote.ts'
import type { Way } from '../types/model.ts'
import type { Draft } from './draft.ts'
import type { TargetTable } from './model.ts'

/** A key of the target whose uniqueness nothing guarantees before the rows have been compared. */
export interface UniqueQuestion {
  readonly columns: readonly string[]
  /** Source SQL of the converted values. */
  readonly values: readonly string[]
  readonly name: string
  /** NULL equals NULL. */
  readonly nulls: boolean
}

/**
 * The source's own unique index answers for a key, unless a conversion may turn two values into one.
 */
export function uniquesToTest(
  draft: Draft,
  target: TargetTable,
  ways: ReadonlyMap<string, Way>,
): UniqueQuestion[] {
  return keysOf(draft, target).flatMap((key) => {
    const columns = key.columns.map((name) => draft.columns.find((column) => column.target === name))
    if (columns.some((column) => column === undefined)) return []
    const sources = columns.map((column) => column!.source.name)
    const chosen = sources.map((name) => ways.get(name)!)
    // What citext takes for one are two in the source.
    const folds = columns.map((column) => /(^|\.)citext$/.test(column!.existing?.declared ?? ''))
    const kept = !folds.includes(true) && !key.nulls && chosen.every((way) => way.injective)
    if (kept && isUnique(draft, sources)) return []
    const values = sources.flatMap((name, i) =>
      chosen[i]!.equal(ident(name)).map((value) => (folds[i] ? `lower(${value})` : value)),
    )
    return [{ columns: sources, values, name: key.name, nulls: key.nulls }]
  })
}

interface Key {
  readonly name: string
  readonly columns: readonly string[]
  readonly nulls: boolean
}

function keysOf(draft: Draft, target: TargetTable): Key[] {
  const { existing } = draft
  if (existing) {
    const indexes = existing.indexes
      .filter(
        (index) => index.unique && index.where === null && index.parts.every((part) => part.column !== null),
      )
      .map((index) => ({
        name: index.name,
        columns: index.parts.map((part) => part.column!),
        nulls: index.nullsNotDistinct,
      }))
    const key = existing.primaryKey
    return key
      ? [{ name: key.name ?? 'primary key', columns: key.columns, nulls: false }, ...indexes]
      : indexes
  }
  const indexes = target.indexes
    .filter((index) => index.unique && index.where === null && index.columns !== null)
    .map((index) => ({ name: index.name, columns: index.columns!, nulls: false }))
  return target.primaryKey ? [{ ...target.primaryKey, nulls: false }, ...indexes] : indexes
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
