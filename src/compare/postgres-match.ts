import type { Catalog, Column, Table } from '../catalog/model.ts'
import type { ColumnChoice, Settings, TableChoice } from '../config/model.ts'
import { didYouMean } from '../config/suggest.ts'
import { nameParts, qualified } from '../connection/quote.ts'
import type { CheckResult } from '../contract/check.ts'
import { LandfallError } from '../errors.ts'
import type { TablePair } from './postgres-comparison.ts'

/** Tables of two PostgreSQL databases that belong together, and what only one of them has. */
export interface Matched {
  readonly pairs: readonly TablePair[]
  readonly checks: readonly CheckResult[]
}

/**
 * Pairs tables by schema and name, and columns by name; the config may give others. A partition's rows are
 * compared as its parent's.
 *
 * Errors: LF005 for a table or column that is not there; LF001 for what the config cannot say of two
 * PostgreSQL databases.
 */
export function matchTables(settings: Settings, source: Catalog, target: Catalog): Matched {
  refuseConversions(settings)
  const ours = source.tables.filter((table) => isInScope(settings, table))
  const tables = ours.filter((table) => chosenByName(settings, ours, table))
  const matching = tables.flatMap((table) => targetsOf(settings, table).map((choice) => ({ table, choice })))
  refuseUnknown(settings.moves.tables, ours)
  const pairs: TablePair[] = []
  const lacking: string[] = []
  const checks: CheckResult[] = []
  const met = new Set<Table>()
  for (const { table, choice } of matching) {
    const name = choice?.name ?? table.name
    const found = target.tables.find((one) => one.schema === table.schema && one.name === name)
    if (found === undefined) {
      lacking.push(`${labelOf(table)}: the target has no table ${qualified(table.schema, name)}`)
      continue
    }
    met.add(found)
    const columns = matchColumns(labelOf(table), table, found, choice?.columns ?? [])
    checks.push(columns.check)
    pairs.push({
      table: labelOf(table),
      source: table,
      target: found,
      columns: columns.pairs,
      sameEncoding: source.encoding === target.encoding,
      parents: { source: isParent(source, table), target: isParent(target, found) },
    })
  }
  const whole = settings.tables === null && settings.exclude.length === 0 && settings.moves.rest
  const beyond = target.tables.filter(
    (table) =>
      whole &&
      isInScope(settings, table) &&
      !met.has(table) &&
      !isLeftOut(settings, table) &&
      !isState(settings, table),
  )
  const wrong = [...lacking, ...beyond.map((table) => `${labelOf(table)}: only the target has this table`)]
  checks.unshift({
    name: 'every table is on both sides',
    result: wrong.length > 0 ? 'fail' : 'pass',
    expected: `${matching.length} of the source`,
    found:
      wrong.length === 0
        ? `${pairs.length} in the target`
        : `${wrong[0]}${wrong.length > 1 ? `, and ${wrong.length - 1} more` : ''}`,
    ...(wrong.length > 0 ? { evidence: wrong } : {}),
  })
  return { pairs, checks }
}

/** The name alone in the schema `public`; quoted where it could be taken for another one. */
export function labelOf({ schema, name }: Table): string {
  if (/[."]/.test(schema + name)) return qualified(schema, name)
  return schema === 'public' ? name : `${schema}.${name}`
}

function isInScope({ sourceSchema }: Settings, { schema, partitionOf }: Table): boolean {
  return partitionOf === undefined && (sourceSchema === null || schema === sourceSchema)
}

const isCalled = (table: Table, name: string): boolean =>
  [table.name, labelOf(table), `${table.schema}.${table.name}`].includes(name)

/** What `--tables` and `--exclude` leave. */
function chosenByName({ tables, exclude }: Settings, all: readonly Table[], table: Table): boolean {
  for (const name of [...(tables ?? []), ...exclude]) {
    if (all.some((one) => isCalled(one, name))) continue
    const labels = all.map(labelOf)
    throw new LandfallError('LF005', `${name} is no table of the source${didYouMean(name, labels)}`, {
      hint: `Its tables: ${labels.join(', ')}`,
    })
  }
  const among = (names: readonly string[]): boolean => names.some((name) => isCalled(table, name))
  return (tables === null || among(tables)) && !among(exclude)
}

/** The config's entries for a table of the source; null where its name says it all. */
function targetsOf(settings: Settings, table: Table): readonly (TableChoice | null)[] {
  const { tables, rest } = settings.moves
  const said = tables.filter((choice) => !choice.leaveOut && isCalled(table, choice.from ?? choice.name))
  if (said.length > 0) return said
  return rest && !isLeftOut(settings, table) ? [null] : []
}

/** Landfall's own: which migrations at start-up are done. */
const isState = ({ boot: { state } }: Settings, { schema, name }: Table): boolean =>
  schema === state.schema && name === state.name

const isLeftOut = ({ moves }: Settings, table: Table): boolean =>
  moves.tables.some((choice) => choice.leaveOut && isCalled(table, choice.name))

function refuseUnknown(choices: readonly TableChoice[], all: readonly Table[]): void {
  for (const { name, from } of choices) {
    const wanted = from ?? name
    if (all.some((table) => isCalled(table, wanted))) continue
    throw new LandfallError(
      'LF005',
      `the source has no table ${wanted}${didYouMean(wanted, all.map(labelOf))}`,
      { hint: 'Look at moves in the config.' },
    )
  }
}

/** Its partitions hold the rows. */
function isParent(catalog: Catalog, { schema, name }: Table): boolean {
  return catalog.tables.some(({ partitionOf }) => {
    const [parentSchema, parent] = nameParts(partitionOf ?? '')
    return parentSchema === schema && parent === name
  })
}

function matchColumns(
  label: string,
  source: Table,
  target: Table,
  choices: readonly ColumnChoice[],
): { readonly pairs: TablePair['columns']; readonly check: CheckResult } {
  const pairs: { source: Column; target: Column }[] = []
  const wrong: string[] = []
  const met = new Set<string>()
  for (const column of source.columns) {
    if (choices.some(({ leaveOut, name }) => leaveOut && name === column.name)) continue
    const renamed = choices.filter(({ leaveOut, from, name }) => !leaveOut && (from ?? name) === column.name)
    for (const name of renamed.length > 0 ? renamed.map((one) => one.name) : [column.name]) {
      const found = target.columns.find((one) => one.name === name)
      if (found === undefined) wrong.push(`${name} is only in the source`)
      else {
        met.add(name)
        pairs.push({ source: column, target: found })
      }
    }
  }
  const leftOut = new Set(choices.filter((one) => one.leaveOut).map((one) => one.name))
  for (const { name } of target.columns)
    if (!met.has(name) && !leftOut.has(name) && !wrong.includes(`${name} is only in the source`))
      wrong.push(`${name} is only in the target`)
  for (const { name, from, leaveOut } of choices)
    if (!source.columns.some((column) => column.name === (from ?? name)))
      throw new LandfallError(
        'LF005',
        `${label} has no column ${from ?? name}${didYouMean(
          from ?? name,
          source.columns.map((column) => column.name),
        )}`,
        { hint: `Look at ${leaveOut ? 'the columns that are left out' : 'columns'} in the config.` },
      )
  return {
    pairs,
    check: {
      name: `${label}: the same columns on both sides`,
      result: wrong.length > 0 ? 'fail' : 'pass',
      expected: `${source.columns.length} of the source`,
      found: wrong.length > 0 ? wrong.join(', ') : `${pairs.length} compared`,
    },
  }
}

function refuseConversions({ moves, names }: Settings): void {
  const converts = ({ convert, zone, epoch, nul, invalidUtf8, empty }: ColumnChoice): boolean =>
    [convert, zone, epoch, nul, invalidUtf8, empty].some((one) => one !== null)
  const table = moves.tables.find((choice) => choice.columns.some(converts))
  const column = table?.columns.find(converts)
  if (table === undefined && names === 'keep') return
  throw new LandfallError(
    'LF001',
    table === undefined
      ? 'names in snake_case are not made of the names of a PostgreSQL source'
      : `${table.name}.${column!.name}: values of a PostgreSQL source are compared as they are, without conversion`,
    { hint: 'moves can rename tables and columns, and leave them out' },
  )
}
