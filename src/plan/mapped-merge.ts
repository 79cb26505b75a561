import type { Table } from '../catalog/model.ts'
import type { ColumnChoice, TableChoice } from '../config/model.ts'
import { printPath } from '../config/path.ts'
import { LandfallError } from '../errors.ts'
import { fillTable, unfilledBlockers } from './mapped-fill.ts'
import { block, choice, type Mapping, type Path } from './mapped-model.ts'
import { missingTable, type Origin, originOf } from './mapped-origin.ts'
import { isUniqueBy, rulesOf } from './mapped-rules.ts'
import { expressionsOf, Stage } from './mapped-stage.ts'
import { columnOf, type MappedTable, targetTable, triggerNotes } from './mapped-tables.ts'
import type { Move } from './model.ts'
import { postgresMove } from './postgres-move.ts'
import { postgresTable } from './postgres-tables.ts'

/** Rows of a table or SELECT become rows of a table that is there; null: left out, or a blocker. */
export async function mergeMove(mapping: Mapping, said: TableChoice, path: Path): Promise<Move | null> {
  const into = await targetTable(mapping, said.name, path)
  if (into === null) return null
  // Who names the target's table with its schema means the one of the same name in the source.
  const { schema, name: plain } = into.table
  const sameName = said.name === plain ? plain : `${schema}.${plain}`
  const origin = await originOf(mapping, { ...said, name: sameName }, path)
  if (origin === null) {
    const name = said.from ?? said.name
    if (said.ifSourceMissing !== 'skip')
      throw missingTable(mapping, name, said.from === null ? path : [...path, 'from'])
    mapping.notes.push(`the source has no table ${name}: skipped`)
    return null
  }
  const at = [...path, 'columns']
  const expressions = expressionsOf(said.columns, at)
  const stage = await Stage.of(mapping, origin, expressions)
  const key = keyOf(mapping, into, said, path)
  const numbered = key === null ? [] : selfNumbered(into.table, key, said.columns)
  const filled = await fillTable({ mapping, stage, into, path: at }, said.columns, { leave: numbered })
  const names = filled.columns.map(({ name }) => name)
  const known = new Set([...names, ...filled.undecided])
  unfilledBlockers(mapping, into.table, known, at)
  const unkeyed = (key ?? []).filter((name) => !known.has(name))
  for (const name of unkeyed)
    block(
      mapping,
      into.table,
      name,
      `${into.table.name}.${name} tells which row is there already, and nothing fills it`,
      [
        choice([...at, name], "{ from: '…' }", 'name the source column'),
        choice([...path, 'key'], "'…'", 'tell rows apart by other columns'),
      ],
    )
  refuseKeyOfTriggers(into, key ?? [], said, path)
  const unused = stage.unused([...expressions.source, ...expressions.target].map(({ sql }) => sql))
  // Also where nothing carries it: of several rows the lowest stays, and who is set aside is named by it.
  for (const name of origin.primaryKey) stage.column(name, path)
  return {
    ...moveOf(origin, into.table, stage),
    mapping: {
      kind: 'merge',
      key: key ?? [],
      columns: filled.columns,
      ifThere: said.ifThere ?? 'update',
      ifParentMissing: said.ifParentMissing ?? 'fail',
      ...(said.setByTriggers === null ? {} : { setByTriggers: said.setByTriggers }),
      rules: rulesOf(into.table, names),
    },
    chunkRows: mapping.settings.batchSize,
    notes: [
      ...carriedNotes(unused, [...filled.untouched, ...numbered]),
      ...keyNotes(
        into.table,
        said.ifThere === 'keep' ? null : key,
        numbered.filter((name) => stage.has(name)),
      ),
      ...triggerNotes(mapping, into.table),
    ],
  }
}

/** A row whose key is another one is not found again. Errors: LF002, LF005. */
function refuseKeyOfTriggers(
  into: MappedTable,
  key: readonly string[],
  { setByTriggers }: TableChoice,
  path: Path,
): void {
  const at = [...path, 'setByTriggers']
  for (const name of setByTriggers ?? []) {
    columnOf(into, name, at)
    if (key.includes(name))
      throw new LandfallError('LF002', `${printPath(at)}: ${name} tells which row is there already`, {
        hint: 'Make the value that the trigger makes, by convert, so that the row is found again.',
      })
  }
}

/** What all mapped moves have alike. */
export function moveOf({ label, relation, key, primaryKey }: Origin, table: Table, stage: Stage): Move {
  return postgresMove({
    source: label,
    relation,
    target: postgresTable(table),
    existing: true,
    key,
    ...(primaryKey.length === 0 ? {} : { sourceKey: primaryKey }),
    columns: stage.columns,
    format: 'binary',
  })
}

/** What stays behind, and what the target is left to fill itself. */
export function carriedNotes(unused: readonly string[], untouched: readonly string[]): string[] {
  return [
    ...(unused.length === 0 ? [] : [`not carried: ${unused.join(', ')}`]),
    ...(untouched.length === 0 ? [] : [`left to the target: ${untouched.join(', ')}`]),
  ]
}

/** Null: neither the config nor the target has one, which is a blocker. */
function keyOf(mapping: Mapping, into: MappedTable, said: TableChoice, path: Path): readonly string[] | null {
  const at = [...path, 'key']
  for (const name of said.key ?? []) columnOf(into, name, at)
  const key = said.key ?? into.table.primaryKey?.columns ?? null
  if (key === null)
    block(
      mapping,
      into.table,
      null,
      `${into.table.name} has no primary key: nothing tells which row is there already`,
      [choice(at, "'…'", 'name the columns that tell it')],
    )
  return key
}

/**
 * Where other columns tell the rows apart, numbers that the target gives itself stay its own: the source's
 * may be taken by other rows.
 */
function selfNumbered(table: Table, key: readonly string[], said: readonly ColumnChoice[]): string[] {
  return table.columns
    .filter(
      (column) =>
        table.primaryKey?.columns.includes(column.name) &&
        !key.includes(column.name) &&
        (column.identity !== null || column.default !== null) &&
        !said.some(({ name }) => name === column.name),
    )
    .map(({ name }) => name)
}

/** @param key null: it does not matter how many rows have it. */
function keyNotes(table: Table, key: readonly string[] | null, numbered: readonly string[]): string[] {
  return [
    ...(key === null || isUniqueBy(table, key)
      ? []
      : [
          `no unique index of ${table.name} covers (${key.join(', ')}): rows there that share them are found, and stop the run`,
        ]),
    ...numbered.map(
      (name) => `${name} is given by the target; columns.${name}: '${name}' carries the source's`,
    ),
  ]
}
