import type { ForeignKey } from '../catalog/model.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { Rule } from '../profile/model.ts'
import { affinityOf } from '../types/expression-value.ts'
import type { Draft } from './draft.ts'

/** A source's foreign key that will be enforced in the target, in terms of the source. */
export interface Link {
  readonly foreignKey: ForeignKey
  /** The child's columns in the source. */
  readonly columns: readonly string[]
  /** The parent's name in the source. */
  readonly parent: string
  /** SQL over `t` (the child): no part of the key is NULL. */
  readonly present: string
  /** SQL over `p` (the parent) and `t`. Compared by bytes, as PostgreSQL will. */
  readonly match: string
  /** The same value by value: SQL over `t`, and over `p`. */
  readonly childValues: readonly string[]
  readonly parentValues: readonly string[]
  readonly reason: string
  /** The parent is found by its INTEGER PRIMARY KEY alone, and the child's values compare as numbers. */
  readonly byRowid: boolean
}

/**
 * The foreign keys of a table whose parents are moved too: those of the source, or, where the target's
 * table is there already, those that it enforces.
 */
export function linksOf(draft: Draft, drafts: readonly Draft[]): Link[] {
  const keys = draft.existing ? draft.existing.foreignKeys : draft.source.foreignKeys
  return keys.flatMap((foreignKey) => {
    const parent = drafts.find((one) =>
      draft.existing
        ? one.existing?.name === foreignKey.refTable && one.existing.schema === foreignKey.refSchema
        : one.source.name.toLowerCase() === foreignKey.refTable.toLowerCase(),
    )
    if (!parent || foreignKey.refColumns.length !== foreignKey.columns.length) return []
    const columns = foreignKey.columns.map((name) => sourceColumn(draft, name))
    const refs = foreignKey.refColumns.map((name) => sourceColumn(parent, name))
    if ([...columns, ...refs].some((name) => name === null)) return []
    const childValues = columns.map((name) => carriedValue(draft, name!, 't'))
    const parentValues = refs.map((name) => carriedValue(parent, name!, 'p'))
    return [
      {
        foreignKey,
        columns: columns.map((name) => name!),
        parent: parent.source.name,
        present: childValues.map((value) => `${value} IS NOT NULL`).join(' AND '),
        match: parentValues.map((value, i) => `${value} = ${childValues[i]} COLLATE BINARY`).join(' AND '),
        childValues,
        parentValues,
        reason: `has no parent in ${parent.source.name}`,
        byRowid:
          refs.length === 1 &&
          isNumeric(draft, columns[0]!) &&
          !isChanged(draft, columns[0]!) &&
          !isChanged(parent, refs[0]!) &&
          parent.source.columns.some((column) => column.name === refs[0] && column.identity !== null),
      },
    ]
  })
}

/** Foreign keys of an existing table speak of target columns, those of the source of its own. */
function sourceColumn(draft: Draft, name: string): string | null {
  const found = draft.columns.find((column) =>
    draft.existing ? column.target === name : column.source.name.toLowerCase() === name.toLowerCase(),
  )
  return found?.source.name ?? null
}

/** Any other column's texts are compared with numbers as texts: `'10' < 2`. */
function isNumeric({ source }: Draft, name: string): boolean {
  const affinity = affinityOf(source.columns.find((column) => column.name === name)?.declared ?? '')
  return affinity === 'integer' || affinity === 'real' || affinity === 'numeric'
}

const choiceOf = (draft: Draft, name: string) =>
  draft.columns.find((column) => column.source.name === name)?.choice ?? null

/** The config changes values of the column, not only their form. */
function isChanged(draft: Draft, name: string): boolean {
  const choice = choiceOf(draft, name)
  return choice?.convert != null || choice?.empty === 'null'
}

/** The value that travels, as SQL over the table named `alias`: what the config makes of it counts. */
function carriedValue(draft: Draft, name: string, alias: 't' | 'p'): string {
  const choice = choiceOf(draft, name)
  const column = (one: string) => `${alias}.${ident(one)}`
  if (choice?.convert) {
    // The user's expression names columns without a table, and two tables may be at hand.
    const names = [
      ...draft.source.columns.map((one) => one.name),
      ...(draft.source.rowid === null ? [] : [draft.source.rowid]),
    ]
    const row = names.map((one) => `${column(one)} AS ${ident(one)}`).join(', ')
    return `(SELECT (${choice.convert}) FROM (SELECT ${row}))`
  }
  return choice?.empty === 'null' ? `nullif(${column(name)}, '')` : column(name)
}

/** Rowids from `low` to `high` without a gap. */
export interface Dense {
  readonly low: string
  readonly high: string
}

/**
 * A parent whose rowids have no gap needs no look-up for each child, which would cost several times
 * more than all other tests of a row: it is enough to compare with the ends.
 */
export function orphanRule(link: Link, dense: Dense | null): Rule {
  if (dense !== null) {
    const c = `t.${ident(link.columns[0]!)}`
    return {
      kind: 'parent',
      column: link.columns[0]!,
      broken: `(${c} < ${dense.low} OR ${c} > ${dense.high} OR ${c} <> CAST(${c} AS INTEGER))`,
      reason: link.reason,
    }
  }
  const parent = qualified('main', link.parent)
  return {
    kind: 'parent',
    column: link.columns[0]!,
    broken: `(${link.present} AND NOT EXISTS (SELECT 1 FROM ${parent} AS p WHERE ${link.match}))`,
    reason: link.reason,
  }
}

/**
 * Columns that must not hold NULL in the target. What the source declares is no proof: the declaration
 * may have come after the rows. Only the rowid cannot be NULL.
 */
export function nullRules(draft: Draft): Rule[] {
  const rowid = draft.source.columns.find((column) => column.identity !== null)?.name
  const key = draft.existing?.primaryKey?.columns ?? []
  return draft.columns
    .filter(({ source, target, existing }) => {
      if (source.name === rowid && !isChanged(draft, source.name)) return false
      if (existing) return existing.notNull || key.includes(target)
      return source.notNull || (draft.source.primaryKey?.columns.includes(source.name) ?? false)
    })
    .map(({ source }) => ({
      kind: 'null' as const,
      column: source.name,
      // `IS NULL` would be answered from the declaration.
      broken: `typeof(${carriedValue(draft, source.name, 't')}) = 'null'`,
      reason: 'is NULL, and the target must have a value',
    }))
}
