import { ident, literal } from '../connection/quote.ts'
import type { Move } from '../plan/model.ts'
import { overStage } from './key.ts'
import type { Parent, RejectsOf } from './model.ts'
import { WRONG } from './model.ts'
import type { Split } from './split.ts'

/**
 * SQL over a shaped row `w` and its staged one `s`: its parent is one that was set aside, and takes it along
 * whatever the config says of parents that nobody knows. Null: there is no such parent.
 */
export function excused(shaped: Split, parent: Parent, rejects: RejectsOf): string | null {
  if ('identity' in parent) return excusedOld(parent, rejects)
  const values = parent.columns.map((name) => `w.${ident(name)}`)
  const present = values.map((value) => `${value} IS NOT NULL`).join(' AND ')
  const { move, relation } = shaped
  if (parent.schema === move.target.schema && parent.table === move.target.name) {
    const keys = parent.refColumns.map(ident)
    const mapped = parent.refColumns.every((name) => shaped.facts.some((fact) => fact.name === name))
    if (!mapped) return null
    return `${present} AND (${values.join(', ')}) IN (SELECT ${keys.join(', ')} FROM ${relation} WHERE ${WRONG} IS NOT NULL)`
  }
  const tests = (rejects.before ?? []).flatMap((one) => {
    const { mapping, target } = one
    if (mapping?.kind !== 'merge' || target.schema !== parent.schema || target.name !== parent.table)
      return []
    // Of the rows that were set aside only the staged values are kept.
    const staged = parent.refColumns.map((name) => {
      const value = mapping.columns.find((column) => column.name === name)?.value
      return one.columns.find((column) => ident(column.target) === value)?.target
    })
    return staged.every((name) => name !== undefined) ? among(values, one, staged, rejects) : []
  })
  return anyOf(tests)
}

/** The same of an old key, over a staged row `s` alone. */
export function excusedOld(
  { identity, value }: Extract<Parent, { identity: string }>,
  rejects: RejectsOf,
): string | null {
  const tests = (rejects.before ?? []).flatMap((move) => {
    const { mapping } = move
    if (mapping?.kind !== 'identity' || mapping.name !== identity) return []
    return among([overStage(value)], move, [mapping.key.column], rejects)
  })
  return anyOf(tests)
}

const anyOf = (tests: readonly string[]): string | null => (tests.length === 0 ? null : tests.join(' OR '))

/** `columns` of the move's stage, in the order of the values. */
function among(
  values: readonly string[],
  move: Move,
  columns: readonly string[],
  { run }: RejectsOf,
): string[] {
  const kept = columns.map((name) => {
    const { source } = move.columns.find(({ target }) => target === name)!
    return `r.content -> ${literal(source)} ->> 'text'`
  })
  const texts = values.map((value) => `${value}::pg_catalog.text`)
  const name = literal(move.source)
  return [
    `(${texts.join(', ')}) IN (SELECT ${kept.join(', ')} FROM landfall.rejects AS r WHERE r.run = ${literal(run)} AND r.move = ${name} AND r."table" = ${name})`,
  ]
}
