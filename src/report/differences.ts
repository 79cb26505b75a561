import type { ColumnDifference, RowDifference, VerifiedTable } from '../contract/verify.ts'
import { endsOf } from './ends.ts'
import { alignedTable, columns, count, duration, paragraph, printable, type Style } from './text.ts'
import { valuePair } from './values.ts'

/** What all tables came to together. */
export interface Sums {
  readonly sourceRows: number
  readonly targetRows: number
  readonly missing: number
  readonly extra: number
  readonly changed: number
  readonly setAside: number
  readonly exact: boolean
}

export function sums(tables: readonly VerifiedTable[]): Sums {
  const sum = (of: 'sourceRows' | 'targetRows' | 'missing' | 'extra' | 'changed' | 'setAside') =>
    tables.reduce((n, table) => n + table[of], 0)
  return {
    sourceRows: sum('sourceRows'),
    targetRows: sum('targetRows'),
    missing: sum('missing'),
    extra: sum('extra'),
    changed: sum('changed'),
    setAside: sum('setAside'),
    exact: tables.every((table) => table.exact),
  }
}

/** Rows that differ, of one table or of all. */
export function differing(found: Pick<Sums, 'missing' | 'extra' | 'changed'>): number {
  return found.missing + found.extra + found.changed
}

/** `2 missing, 1 extra, 3 changed`; empty where nothing differs. */
export function differingText(found: Pick<Sums, 'missing' | 'extra' | 'changed' | 'exact'>): string {
  const parts = (['missing', 'extra', 'changed'] as const).flatMap((kind) =>
    found[kind] === 0 ? [] : [`${count(found[kind])} ${kind}`],
  )
  return parts.length === 0 ? '' : (found.exact ? '' : 'at least ') + parts.join(', ')
}

/** A line for each table and one for all, then why some were not compared to their end. */
export function renderVerified(tables: readonly VerifiedTable[], style: Style): string[] {
  const counted = tables.every((table) => table.compared === 'counts')
  const cells = (table: Sums, time: string, only: string) => [
    counted ? count(table.sourceRows) : count(table.sourceRows) + only,
    ...(counted ? [count(table.targetRows)] : []),
    atLeast(table.missing, table.exact),
    atLeast(table.extra, table.exact),
    ...(counted ? [] : [atLeast(table.changed, table.exact)]),
    count(table.setAside),
    time,
  ]
  const body = tables.map((table) => [
    endsOf(table),
    ...cells(table, duration(table.seconds), table.compared === 'counts' ? ' (only counted)' : ''),
  ])
  // Tables are compared side by side, so their times do not add up.
  if (tables.length > 1) body.push(['in all', ...cells(sums(tables), '', '')])
  const titles = counted
    ? ['rows in source', 'in target', 'missing', 'extra', 'set aside', 'time']
    : ['rows compared', 'missing', 'extra', 'changed', 'set aside', 'time']
  const head = [{ title: 'table' }, ...titles.map((title) => ({ title, align: 'right' as const }))]
  return [...alignedTable(head, body, style), ...notToTheEnd(tables, style)]
}

function atLeast(n: number, exact: boolean): string {
  return exact || n === 0 ? count(n) : `≥ ${count(n)}`
}

function notToTheEnd(tables: readonly VerifiedTable[], style: Style): string[] {
  return tables.flatMap((table) =>
    table.incomplete === null
      ? []
      : paragraph(`incomplete  ${table.source}: ${table.incomplete}`, style, '').map(style.colors.yellow),
  )
}

/** Each listed difference on a line, with values below it where they were asked for, and how many are not listed. */
export function renderDifferences(
  differences: readonly RowDifference[],
  tables: readonly VerifiedTable[],
  style: Style,
): string[] {
  const all = sums(tables.filter((table) => table.compared === 'rows'))
  const more = differing(all) - differences.length
  if (differences.length === 0 && more <= 0) return []
  const lines = [
    style.colors.bold('Differences'),
    ...differences.flatMap((one) => renderDifference(one, style)),
  ]
  if (more > 0)
    lines.push(
      differences.length === 0
        ? `  ${all.exact ? '' : 'at least '}${count(more)}, none of them listed (--max-diffs)`
        : `  … and ${all.exact ? '' : 'at least '}${count(more)} more (--max-diffs lists more)`,
    )
  return lines
}

/** Whether the values were asked for. */
export function showValues(differences: readonly RowDifference[]): boolean {
  return differences.some(({ columns: found }) =>
    found.some((one) => one.source !== undefined || one.target !== undefined),
  )
}

function renderDifference(found: RowDifference, style: Style): string[] {
  const what = {
    missing: 'missing in the target',
    extra: 'only in the target',
    changed: changedText(found.columns.map((one) => one.column)),
  }[found.kind]
  const row = found.key ?? '(a row without a key)'
  return [
    ...paragraph(`${found.table} ${row}: ${what}`, style, '  ', '    '),
    ...found.columns.flatMap((one) => valueLines(found.kind, one, style)),
  ]
}

function changedText(names: readonly string[]): string {
  if (names.length === 0) return 'changed'
  return `${names.join(', ')} ${names.length === 1 ? 'differs' : 'differ'}`
}

/** Not wrapped like prose: in values every space counts. */
function valueLines(kind: RowDifference['kind'], found: ColumnDifference, style: Style): string[] {
  const { source, target } = valuePair(found)
  const name = `    ${printable(found.column)}`
  // Long values come cut, and may differ only behind that.
  if (source !== null && source === target) return [`${name}   both begin with ${source}`]
  const sides = [
    ...(source === null || kind === 'extra' ? [] : [`source ${source}`]),
    ...(target === null || kind === 'missing' ? [] : [`target ${target}`]),
  ]
  if (sides.length === 0) return []
  const line = [name, ...sides].join('   ')
  return columns(line) <= style.width ? [line] : [name, ...sides.map((side) => `      ${side}`)]
}
