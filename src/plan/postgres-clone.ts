import type { Catalog, Table } from '../catalog/model.ts'
import type { Settings } from '../config/model.ts'
import { didYouMean } from '../config/suggest.ts'
import { nameParts, qualified } from '../connection/quote.ts'
import { LandfallError } from '../errors.ts'
import type { LeftOut, Move } from './model.ts'
import { postgresMove, sameColumn } from './postgres-move.ts'
import { postgresTable } from './postgres-tables.ts'
import { tableLabel } from './table-label.ts'

export { tableLabel }

export interface Clone {
  readonly moves: readonly Move[]
  readonly leftOut: readonly LeftOut[]
  /** Tables of the source that stay behind because the user says so. */
  readonly excluded: readonly Table[]
}

/**
 * Tables of a PostgreSQL source that become tables of the same schema and name, each with all of its rows
 * and columns. Partitions are moves of their own; their parents hold no rows.
 *
 * Errors: LF005 for a table that the user names and that is not there.
 */
export function cloneMoves(source: Catalog, settings: Settings): Clone {
  refuseUnknown(source, settings)
  const moves: Move[] = []
  const leftOut: LeftOut[] = []
  const excluded: Table[] = []
  for (const table of source.tables) {
    const why = whyLeftOut(table, source, settings)
    if (why !== null) {
      leftOut.push({ kind: 'table', name: tableLabel(table), why })
      excluded.push(table)
    } else if (!holdsPartitions(source, table)) moves.push(cloneMove(table))
  }
  return { moves, leftOut, excluded }
}

const isCalled = (table: Table, name: string): boolean =>
  [table.name, tableLabel(table), `${table.schema}.${table.name}`].includes(name)

/** What is said of a parent is said of its partitions. */
function whyLeftOut(table: Table, source: Catalog, settings: Settings): string | null {
  const parent = parentOf(source, table)
  if (parent !== null) {
    const why = whyLeftOut(parent, source, settings)
    if (why !== null) return why
  }
  const { moves, tables, exclude, sourceSchema } = settings
  if (sourceSchema !== null && table.schema !== sourceSchema)
    return `only the schema ${sourceSchema} is moved`
  if (moves.tables.some((choice) => choice.leaveOut && isCalled(table, choice.name)))
    return 'the config leaves it out'
  if (exclude.some((name) => isCalled(table, name))) return '--exclude names it'
  const named = (one: Table): boolean => tables?.some((name) => isCalled(one, name)) ?? true
  if (!named(table) && !(parent !== null && named(parent))) return '--tables does not name it'
  if (!moves.rest && !moves.tables.some((choice) => !choice.leaveOut && isCalled(table, choice.name)))
    return "the config's moves do not name it, and have no '*'"
  return null
}

function refuseUnknown({ tables }: Catalog, settings: Settings): void {
  const names = [
    ...(settings.tables ?? []),
    ...settings.exclude,
    ...settings.moves.tables.map((choice) => choice.name),
  ]
  for (const name of names) {
    const named = tables.find((table) => isCalled(table, name))
    if (named?.partitionOf !== undefined)
      throw new LandfallError('LF005', `${name} is a partition of ${named.partitionOf}`, {
        hint: 'Partitions move and stay with the table that they are parts of: name that one.',
      })
    if (named !== undefined) continue
    const labels = tables.map(tableLabel)
    throw new LandfallError('LF005', `${name} is no table of the source${didYouMean(name, labels)}`, {
      hint: `Its tables: ${labels.join(', ')}`,
    })
  }
}

function parentOf(source: Catalog, { partitionOf }: Table): Table | null {
  if (partitionOf === undefined) return null
  const [schema, name] = nameParts(partitionOf)
  return source.tables.find((table) => table.schema === schema && table.name === name) ?? null
}

function holdsPartitions(source: Catalog, table: Table): boolean {
  return source.tables.some((one) => parentOf(source, one) === table)
}

function cloneMove(table: Table): Move {
  const columns = table.columns.filter((column) => column.generated === null)
  return postgresMove({
    source: tableLabel(table),
    // Tables that inherit from this one are moves of their own.
    relation: `ONLY ${qualified(table.schema, table.name)}`,
    target: postgresTable(table),
    existing: false,
    key: { kind: 'none', expressions: [], names: [] },
    columns: columns.map(({ name, declared }) => sameColumn(name, declared)),
    format: 'text',
  })
}
