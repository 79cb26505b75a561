import type { Catalog, Column, Table } from '../catalog/model.ts'
import type { ColumnChoice, Settings, TableChoice } from '../config/model.ts'
import { didYouMean } from '../config/suggest.ts'
import { LandfallError } from '../errors.ts'
import { matchNames, unfilled, unmatchedNotes } from './matching.ts'
import type { Blocker, LeftOut } from './model.ts'
import { targetNames } from './names.ts'

/** One table that will be moved, before its content has been looked at. */
export interface Draft {
  readonly source: Table
  /** The target table's name. */
  readonly target: string
  /** The target's own table, when it is there already. */
  readonly existing: Table | null
  readonly columns: readonly DraftColumn[]
  readonly notes: readonly string[]
}

export interface DraftColumn {
  readonly source: Column
  readonly target: string
  readonly existing: Column | null
  readonly choice: ColumnChoice | null
}

export interface Drafts {
  readonly drafts: readonly Draft[]
  readonly leftOut: readonly LeftOut[]
  readonly blockers: readonly Blocker[]
  readonly notes: readonly string[]
}

/** Decides which tables and columns go where: from the two catalogs, the config and the command line. */
export function draftMoves(source: Catalog, target: Catalog, settings: Settings): Drafts {
  const leftOut: LeftOut[] = source.others.map((other) => ({
    kind: other.kind,
    name: other.name,
    why: WHY_LEFT_OUT[other.kind] ?? 'only tables are moved',
  }))
  checkNames(source, settings)
  const chosen = source.tables.filter((table) => {
    const why = whyLeftOut(table, settings)
    if (why !== null) leftOut.push({ kind: 'table', name: table.name, why })
    return why === null
  })
  const named = targetNames(
    chosen.map((table) => choiceFor(table, settings)?.name ?? table.name),
    { style: settings.names, kept: chosen.flatMap((table) => choiceFor(table, settings)?.name ?? []) },
  )
  const blockers: Blocker[] = chosen.filter(isUnfindable).map(unfindable)
  const findable = chosen
    .filter((table) => !isUnfindable(table))
    .map((table) => {
      const choice = choiceFor(table, settings)
      const name = named.names.get(choice?.name ?? table.name)!
      return { table, choice, name, names: choice ? [name] : [name, table.name] }
    })
  const there = matchNames(
    findable.map(({ names }) => names),
    target.tables.filter((table) => table.schema === settings.targetSchema),
  )
  const drafts = findable.flatMap(({ table, choice, name }, i): Draft[] => {
    const existing = there[i]!
    const columns = draftColumns(table, existing, choice, settings)
    leftOut.push(...columns.leftOut)
    if (columns.columns.length === 0 && columns.blockers.length === 0) {
      leftOut.push({ kind: 'table', name: table.name, why: NO_COLUMN })
      return []
    }
    blockers.push(...columns.blockers)
    return [
      {
        source: table,
        target: existing?.name ?? name,
        existing,
        columns: columns.columns,
        notes: columns.notes,
      },
    ]
  })
  return { drafts, leftOut, blockers, notes: named.notes }
}

const NO_COLUMN = 'it has no column that can be carried'

const WHY_LEFT_OUT: Readonly<Record<string, string>> = {
  view: 'views are not moved: their SQL is written for SQLite',
  trigger: 'triggers are not moved: their SQL is written for SQLite',
  'virtual table':
    'a virtual table is an index or a view of other data, made by a module that PostgreSQL lacks',
  'shadow table': 'it belongs to a virtual table',
}

/** The config's entry for a source table: named by `from`, or by the target name. */
function choiceFor(table: Table, settings: Settings): TableChoice | null {
  const entries = settings.moves.tables.filter((choice) => !choice.leaveOut)
  return (
    entries.find((choice) => choice.from === table.name) ??
    entries.find((choice) => choice.from === null && sameName(choice.name, table.name, settings)) ??
    null
  )
}

function sameName(target: string, source: string, settings: Settings): boolean {
  return target === source || targetNames([source], { style: settings.names }).names.get(source) === target
}

function whyLeftOut(table: Table, settings: Settings): string | null {
  if (settings.moves.tables.some((choice) => choice.leaveOut && choice.name === table.name))
    return 'the config leaves it out'
  if (settings.exclude.includes(table.name)) return '--exclude names it'
  if (settings.tables && !settings.tables.includes(table.name)) return '--tables does not name it'
  if (!settings.moves.rest && choiceFor(table, settings) === null)
    return "the config's moves do not name it, and have no '*'"
  if (table.columns.length === 0) return NO_COLUMN
  return null
}

/** Columns took all the names of the rowid, and no key that is never NULL stands in for it. */
function isUnfindable(table: Table): boolean {
  const key = table.primaryKey?.columns ?? []
  const sure = key.every((name) => table.columns.find((column) => column.name === name)?.notNull)
  return table.rowid === null && (key.length === 0 || !sure)
}

function unfindable(table: Table): Blocker {
  return {
    code: 'LF205',
    table: table.name,
    column: null,
    message: `nothing finds the rows of ${table.name}: its columns take all names of the rowid, and it has no key`,
    examples: [],
    choices: [`--exclude ${table.name}   leave the table out`],
  }
}

/** Names that the user wrote must exist; a slip of the pen must not become a table that is not moved. */
function checkNames(source: Catalog, settings: Settings): void {
  const tables = source.tables.map((table) => table.name)
  const all = [...tables, ...source.others.map((other) => other.name)]
  const need = (name: string, where: string, known: readonly string[]) => {
    if (known.includes(name)) return
    throw new LandfallError('LF005', `${where}: the source has no table ${name}${didYouMean(name, known)}`, {
      place: { table: name },
      hint: `The source's tables: ${tables.slice(0, 20).join(', ')}${tables.length > 20 ? ', …' : ''}`,
    })
  }
  for (const name of settings.tables ?? []) need(name, '--tables', tables)
  for (const name of settings.exclude) need(name, '--exclude', all)
  for (const choice of settings.moves.tables) {
    if (choice.leaveOut) need(choice.name, `moves.${choice.name}`, all)
    else if (choice.from !== null) need(choice.from, `moves.${choice.name}.from`, tables)
    else if (!tables.some((table) => sameName(choice.name, table, settings)))
      need(choice.name, `moves.${choice.name}`, tables)
  }
}

function draftColumns(
  table: Table,
  existing: Table | null,
  choice: TableChoice | null,
  settings: Settings,
): { columns: DraftColumn[]; leftOut: LeftOut[]; blockers: Blocker[]; notes: string[] } {
  const leftOut: LeftOut[] = []
  const blockers: Blocker[] = []
  checkColumnChoices(table, choice, settings)
  const visible = table.columns.filter((column) => {
    const out = choice?.columns.some((one) => one.leaveOut && one.name === column.name)
    if (out)
      leftOut.push({ kind: 'column', name: `${table.name}.${column.name}`, why: 'the config leaves it out' })
    return !out && !column.hidden
  })
  const choiceOf = (column: Column) => columnChoice(column.name, choice, settings)
  const named = targetNames(
    visible.map((column) => choiceOf(column)?.name ?? column.name),
    {
      style: settings.names,
      columns: true,
      kept: visible.flatMap((column) => choiceOf(column)?.name ?? []),
    },
  )
  const nameOf = (column: Column) => named.names.get(choiceOf(column)?.name ?? column.name)!
  // What the config names must be found under that name; what it does not, may be spelled in another way.
  const matches = matchNames(
    visible.map((column) => (choiceOf(column) ? [nameOf(column)] : [nameOf(column), column.name])),
    existing?.columns ?? [],
  )
  const columns: DraftColumn[] = []
  for (const [i, column] of visible.entries()) {
    const said = choiceOf(column)
    const name = nameOf(column)
    if (existing === null) {
      columns.push({ source: column, target: name, existing: null, choice: said })
      continue
    }
    const match = matches[i] ?? null
    if (match === null) {
      blockers.push({
        code: 'LF205',
        table: table.name,
        column: column.name,
        message: `the target's table ${existing.name} has no column for ${column.name}${didYouMean(
          name,
          existing.columns.map((one) => one.name),
        )}`,
        examples: [],
        choices: [
          `moves.${existing.name}.columns.${column.name}: false        leave it out`,
          `moves.${existing.name}.columns.<target>: '${column.name}'   name the column it goes to`,
        ],
      })
      continue
    }
    if (match.generated) {
      leftOut.push({
        kind: 'column',
        name: `${table.name}.${column.name}`,
        why: 'the target computes it itself',
      })
      continue
    }
    columns.push({ source: column, target: match.name, existing: match, choice: said })
  }
  blockers.push(...unfilled(table, existing, columns))
  return {
    columns,
    leftOut,
    blockers,
    notes: [...named.notes, ...unmatchedNotes(existing, columns)],
  }
}

function columnChoice(column: string, choice: TableChoice | null, settings: Settings): ColumnChoice | null {
  const entries = choice?.columns.filter((one) => !one.leaveOut) ?? []
  return (
    entries.find((one) => one.from === column) ??
    entries.find((one) => one.from === null && sameName(one.name, column, settings)) ??
    null
  )
}

function checkColumnChoices(table: Table, choice: TableChoice | null, settings: Settings): void {
  const names = table.columns.map((column) => column.name)
  for (const one of choice?.columns ?? []) {
    const wanted = one.leaveOut ? one.name : (one.from ?? one.name)
    if (
      names.includes(wanted) ||
      (one.from === null && names.some((name) => sameName(one.name, name, settings)))
    )
      continue
    throw new LandfallError(
      'LF005',
      `moves.${choice!.name}.columns.${one.name}: the source's table ${table.name} has no column ${wanted}${didYouMean(wanted, names)}`,
      { place: { table: table.name, column: wanted }, hint: `Its columns: ${names.join(', ')}` },
    )
  }
}
