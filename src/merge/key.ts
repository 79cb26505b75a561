import { ident, literal } from '../connection/quote.ts'
import type { Merge, UniqueRule } from '../plan/mapping.ts'
import type { Move } from '../plan/model.ts'
import type { ColumnFacts } from './facts.ts'
import { STAGE_ROW, type Staged } from './model.ts'

export type MergeMove = Move & { readonly mapping: Merge }

/** A staged move that is a merge; anything else is the caller's mistake. */
export function mergeOf({ move }: Staged): MergeMove {
  const { mapping } = move
  if (mapping?.kind !== 'merge') throw new TypeError(`${move.source} is no merge`)
  return { ...move, mapping }
}

/** SQL: the key's columns of both aliases are equal. */
export function sameKey(key: readonly ColumnFacts[], left: string, right: string): string {
  return key
    .map(({ name, equals }) => `${left}.${ident(name)} ${equals} ${right}.${ident(name)}`)
    .join(' AND ')
}

const LONGEST = 60

/** The stage's columns that are the source's key, by the names of the source; none where they are not staged. */
export function sourceKey(move: Move): { readonly name: string; readonly column: string }[] {
  const names = move.sourceKey ?? []
  const found = names.flatMap((name) => {
    const column = move.columns.find(({ source, read }) => source === name && read[0] === ident(name))
    return column === undefined ? [] : [{ name, column: ident(column.target) }]
  })
  return found.length === names.length ? found : []
}

/** SQL over the stage as `s` that names a row for people: `id = 2`. */
export function stagedKey(move: MergeMove): string {
  const source = sourceKey(move)
  const values =
    source.length > 0
      ? source.map(({ name, column }) => [name, `s.${column}`] as const)
      : move.mapping.columns
          .filter(({ name }) => move.mapping.key.includes(name))
          .map(({ name, value }) => [name, overStage(value)] as const)
  return named(values)
}

/** A mapped value names the stage's columns bare; where `s` is joined with others they may have the same names. */
export function overStage(value: string): string {
  return `(SELECT ${value} FROM (SELECT s.*) AS landfall_staged)`
}

/** SQL of `a = 1, b = x`; NULL is `a = NULL`. */
export function named(values: readonly (readonly [name: string, sql: string])[]): string {
  const parts = values.map(
    ([name, sql]) =>
      `${literal(`${name} = `)} || coalesce(pg_catalog.left((${sql})::pg_catalog.text, ${LONGEST}), 'NULL')`,
  )
  return `pg_catalog.concat_ws(', ', ${parts.join(', ')})`
}

/**
 * Which of several rows stays: ORDER BY over the stage as `s`. Where the source has no key it goes by the
 * values, since rows may be staged in another order the next time.
 */
export function lowestFirst(move: Move): string {
  const key = sourceKey(move)
  if (key.length > 0) return key.map(({ column }) => `s.${column}`).join(', ')
  const values = move.columns.map(({ target }) => `s.${ident(target)}`).join(', ')
  return `ROW(${values})::pg_catalog.text COLLATE "C", s.${STAGE_ROW}`
}

/** At most one row of the target has the key. */
export function keyIsUnique({ mapping: { key, rules } }: MergeMove): boolean {
  const names = key.map(ident)
  return rules.uniques.some(
    ({ where, parts }) => where === null && parts.every((part) => names.includes(part)),
  )
}

/** Two rows with different keys cannot both be refused by it. */
export function containsKey({ parts }: UniqueRule, key: readonly string[]): boolean {
  return key.every((name) => parts.includes(ident(name)))
}

/**
 * Staged rows cannot have the same key: it holds the source's primary key, as it is. Should that be wrong,
 * the target's own unique index refuses the second row.
 */
export function keysDiffer(move: MergeMove, key: readonly ColumnFacts[]): boolean {
  if (!keyIsUnique(move)) return false
  const source = sourceKey(move)
  return (
    source.length > 0 &&
    source.every(({ column }) =>
      move.mapping.columns.some(
        ({ name, value, identity, orElse }) =>
          value === column &&
          identity === null &&
          orElse === null &&
          key.some(
            (fact) =>
              fact.name === name &&
              !fact.loose &&
              move.columns.some(({ target, type }) => ident(target) === column && type === fact.type),
          ),
      ),
    )
  )
}
