import type { Table } from '../catalog/model.ts'
import type { ColumnChoice } from '../config/model.ts'
import { LandfallError } from '../errors.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import { asked } from './mapped-origin.ts'
import { emptyRows } from './mapped-stage.ts'
import { columnOf } from './mapped-tables.ts'
import { byName, type Filling, mapColumn } from './mapped-values.ts'
import type { MappedColumn } from './mapping.ts'

export interface Filled {
  /** In the order of the target's columns. */
  readonly columns: readonly MappedColumn[]
  /** A person has to decide about these first. */
  readonly undecided: readonly string[]
  /** Nothing fills them but the target. */
  readonly untouched: readonly string[]
}

export interface FillRules {
  /** Columns that the config does not name and that are left to the target though the source has them. */
  readonly leave?: readonly string[]
  /** Only what the config names. */
  readonly onlySaid?: boolean
}

/** Fills a table's columns as the config says, and by name where it says nothing. Errors: LF002, LF005. */
export async function fillTable(
  filling: Filling,
  said: readonly ColumnChoice[],
  rules: FillRules = {},
): Promise<Filled> {
  const { stage, into, path } = filling
  // What is left out may be a column that only the source has.
  for (const { name, leaveOut } of said)
    if (!(leaveOut && stage.has(name))) columnOf(into, name, [...path, name])
  const columns: MappedColumn[] = []
  const undecided: string[] = []
  const untouched: string[] = []
  for (const { name, generated } of into.table.columns) {
    const one = said.find((choice) => choice.name === name)
    const goesByName =
      one === undefined &&
      !rules.onlySaid &&
      generated === null &&
      !rules.leave?.includes(name) &&
      stage.has(name)
    if (one?.leaveOut || (one === undefined && !goesByName)) {
      if (generated === null && !rules.leave?.includes(name)) untouched.push(name)
      continue
    }
    const column = mapColumn(filling, one ?? byName(name))
    if (column === null) undecided.push(name)
    else columns.push(column)
  }
  await refuseWrong(filling, columns)
  return { columns, undecided, untouched }
}

/** The target is asked whether it can make its columns' types of the values. Errors: LF002, LF005. */
async function refuseWrong(
  { mapping, stage, path }: Filling,
  columns: readonly MappedColumn[],
): Promise<void> {
  const { columnsOfTarget } = mapping
  if (columnsOfTarget === undefined) return
  const values = columns.flatMap(({ name, type, value, identity, orElse, misfits = [] }) => [
    { name, sql: identity === null ? `(${value})::${type}` : value },
    ...(orElse === null ? [] : [{ name, sql: `(${orElse})::${type}` }]),
    ...misfits.map(({ test }) => ({ name, sql: test })),
  ])
  const select = (some: typeof values): string =>
    `SELECT ${some.map(({ sql }, at) => `${sql} AS v${at}`).join(', ')} FROM ${emptyRows(stage.columns)} AS t`
  try {
    await columnsOfTarget(select(values))
  } catch (error) {
    if (!(error instanceof LandfallError)) throw error
    for (const one of values) await asked(columnsOfTarget, select([one]), [...path, one.name])
    throw error
  }
}

/** Columns that must have a value and that nothing fills. */
export function unfilledBlockers(
  mapping: Mapping,
  table: Table,
  filled: ReadonlySet<string>,
  path: Path,
): void {
  for (const column of table.columns) {
    const fillsItself = column.default !== null || column.identity !== null || column.generated !== null
    if (!column.notNull || fillsItself || filled.has(column.name)) continue
    block(
      mapping,
      table,
      column.name,
      `nothing fills ${table.name}.${column.name}, which must have a value`,
      [
        choice([...path, column.name], "{ from: '…' }", 'name the source column'),
        choice([...path, column.name], '{ value: … }', 'the same value for every row'),
      ],
    )
  }
}
