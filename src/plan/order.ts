import type { Draft } from './draft.ts'
import { linksOf } from './rules.ts'

/**
 * Where the target's tables are there already, their foreign keys are enforced while rows arrive: a
 * table waits for the ones that it refers to. Tables made by the migration get their keys afterwards.
 */
export function waitsFor(draft: Draft, drafts: readonly Draft[]): string[] {
  if (!draft.existing) return []
  const parents = linksOf(draft, drafts).map((link) => link.parent)
  return [...new Set(parents)].filter((parent) => parent !== draft.source.name)
}

/** Rows that refer to rows of the same table pass when one statement brings all of them. */
export function refersToItself(draft: Draft, drafts: readonly Draft[]): boolean {
  return draft.existing !== null && linksOf(draft, drafts).some((link) => link.parent === draft.source.name)
}

/** Tables that wait for each other, if there are any. */
export function circle(drafts: readonly Draft[]): Draft[] {
  let rest = [...drafts]
  for (;;) {
    const names = new Set(rest.map((draft) => draft.source.name))
    const waiting = rest.filter((draft) => waitsFor(draft, drafts).some((parent) => names.has(parent)))
    if (waiting.length === rest.length) return rest
    rest = waiting
  }
}
