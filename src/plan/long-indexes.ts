import type { Draft } from './draft.ts'
import type { Blocker, LeftOut, TargetTable } from './model.ts'
import type { LongKey } from './rules.ts'
import type { BuiltTable } from './target-table.ts'

/**
 * Indexes whose values are too long for PostgreSQL: one that only makes queries fast is left out; a
 * unique one keeps a promise, so a person has to decide.
 */
export function withoutLongIndexes(
  draft: Draft,
  built: Pick<BuiltTable, 'table' | 'notes'>,
  long: readonly LongKey[],
): {
  readonly target: TargetTable
  readonly notes: readonly string[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
} {
  const columnsOf = (key: LongKey) =>
    key.columns.map((name) => draft.columns.find((column) => column.source.name === name)?.target).join('\0')
  const isLong = (columns: readonly string[] | null) =>
    columns !== null && long.some((key) => !key.unique && columnsOf(key) === columns.join('\0'))
  const dropped = built.table.indexes.filter((index) => !index.unique && isLong(index.columns))
  return {
    target: { ...built.table, indexes: built.table.indexes.filter((index) => !dropped.includes(index)) },
    notes: built.notes,
    leftOut: dropped.map((index) => ({
      kind: 'index',
      name: index.name,
      why: 'some of its values are longer than an index of PostgreSQL can hold',
    })),
    blockers: long
      .filter((key) => key.unique)
      .map((key) => ({
        code: 'LF205',
        table: draft.source.name,
        column: key.columns.length === 1 ? key.columns[0]! : null,
        message: `${draft.source.name}: some values of the unique ${key.columns.join(', ')} are longer than an index of PostgreSQL can hold`,
        examples: [],
        choices: ['shorten them in the source', `--exclude ${draft.source.name}   leave the table out`],
      })),
  }
}
