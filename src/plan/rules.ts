import type { ForeignKey } from '../catalog/model.ts'
import { ident, qualified } from '../connection/quote.ts'
import type { Rule } from '../profile/model.ts'
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
  readonly reason: string
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
    return [
      {
        foreignKey,
        columns: columns.map((name) => name!),
        parent: parent.source.name,
        present: columns.map((name) => `t.${ident(name!)} IS NOT NULL`).join(' AND '),
        match: columns
          .map((name, i) => `p.${ident(refs[i]!)} = t.${ident(name!)} COLLATE BINARY`)
          .join(' AND '),
        reason: `has no parent in ${parent.source.name}`,
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

export function orphanRule(link: Link): Rule {
  const parent = qualified('main', link.parent)
  return {
    kind: 'parent',
    column: link.columns[0]!,
    broken: `(${link.present} AND NOT EXISTS (SELECT 1 FROM ${parent} AS p WHERE ${link.match}))`,
    reason: link.reason,
  }
}

/** Columns that may hold NULL in the source and must not in the target. */
export function nullRules(draft: Draft): Rule[] {
  const rowid = draft.source.columns.find((column) => column.identity !== null)?.name
  const key = draft.existing?.primaryKey?.columns ?? []
  return draft.columns
    .filter(({ source, target, existing }) => {
      if (source.notNull || source.name === rowid) return false
      if (draft.existing) return existing!.notNull || key.includes(target)
      return draft.source.primaryKey?.columns.includes(source.name) ?? false
    })
    .map(({ source }) => ({
      kind: 'null' as const,
      column: source.name,
      broken: `t.${ident(source.name)} IS NULL`,
      reason: 'is NULL, and the target must have a value',
    }))
}
