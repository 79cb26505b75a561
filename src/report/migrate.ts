import type { MigrateReport, RejectSummary } from '../contract/report.ts'
import { renderBackups } from './backups.ts'
import { besideRows, renderChecks } from './checks.ts'
import {
  differing,
  differingText,
  renderDifferences,
  renderVerified,
  showValues,
  sums,
} from './differences.ts'
import { endsOf } from './ends.ts'
import { repairCommands } from './repair.ts'
import {
  alignedTable,
  count,
  duration,
  exampleLines,
  headed,
  many,
  PLAIN,
  paragraph,
  printable,
  rate,
  rows,
  type Style,
} from './text.ts'

export interface AfterMigrate {
  /** The embedded server as the run left it; absent when the target is another server. */
  readonly embedded?: 'running' | 'stopped'
  /** What the verify commands that are advised end with, e.g. ` --from sqlite:app.db`. */
  readonly options?: string
}

/** What a finished run came to, and how to go on. */
export function renderMigrate(report: MigrateReport, after: AfterMigrate = {}, style: Style = PLAIN): string {
  const { bold, dim } = style.colors
  const lines = [
    `${bold(headline(report))}   ${printable(report.migration)}, ${duration(report.seconds)}${report.resumed ? ', resumed' : ''}`,
    `  ${dim('source')} ${printable(report.source)}`,
    `  ${dim('target')} ${printable(report.target)}`,
  ]
  const phases = report.phases.filter((phase) => phase.seconds >= 0.05)
  if (phases.length > 1) {
    const times = phases.map((phase) => `${phase.name} ${duration(phase.seconds)}`)
    lines.push(...headed(paragraph(`phases ${times.join(', ')}`, style, '  ', '         '), '  phases', dim))
  }
  if (report.tables.length > 0) lines.push('', ...tables(report, style))
  if (report.rejects.length > 0) lines.push('', ...rejects(report, after, style))
  if (report.leftOut !== undefined && report.leftOut.length > 0) {
    lines.push('', ...paragraph(leftOut(report.leftOut), style, ''))
  }
  lines.push(...renderBackups(report.backups ?? [], style))
  const told = besideRows(report.checks, report.verification?.tables ?? [], null)
  if (told.length > 0) lines.push('', ...renderChecks(told, style))
  lines.push(...verification(report, after, style))
  if (report.notes.length > 0) {
    lines.push('', bold('Notes'), ...report.notes.flatMap((note) => paragraph(note, style, '  ')))
  }
  const next = goOn(report, after)
  if (next.length > 0) lines.push('', ...next)
  return `${lines.join('\n')}\n`
}

function headline(report: MigrateReport): string {
  if (report.outcome === 'nothing-to-do') {
    return report.exitCode === 0
      ? 'Nothing to do: everything is there and the source is unchanged'
      : differs(report)
        ? 'Nothing to do, but the target differs'
        : 'Nothing to do, but a check did not pass'
  }
  if (report.outcome === 'dry-run') return 'Dry run: nothing was written'
  if (report.exitCode === 0) return 'Done'
  if (differs(report) || report.checks.some((check) => check.result === 'fail'))
    return 'Done, with differences'
  const aside = report.tables.reduce((sum, table) => sum + table.setAside, 0)
  const incomplete =
    report.checks.some((check) => check.result === 'incomplete') ||
    report.verification?.tables.some((table) => table.incomplete !== null)
  return [
    'Done',
    ...(aside === 0 ? [] : [`${rows(aside)} set aside`]),
    ...(incomplete ? ['not everything could be compared'] : []),
  ].join(', ')
}

/** What was set aside, causes first: of a row that lacks a parent which is set aside, the parent's reason. */
function rejects(report: MigrateReport, after: AfterMigrate, style: Style): string[] {
  const { bold, yellow } = style.colors
  const dry = report.outcome === 'dry-run'
  const lines = [yellow(bold(dry ? 'Will be set aside' : 'Set aside, kept in landfall.rejects'))]
  for (const reject of causesFirst(report.rejects)) {
    const where = reject.column === null ? reject.table : `${reject.table}.${reject.column}`
    lines.push(...paragraph(`${where}  ${reject.reason}  ${rows(reject.rows)}`, style, '  '))
    lines.push(...exampleLines(reject, style))
  }
  // Both print the way to the server; only `start` also does where it is stopped.
  const own = `"$(landfall embedded ${after.embedded === 'running' ? 'url' : 'start'})"`
  const database = after.embedded === undefined ? quoted(report.target) : own
  const query = `select "table", key, "column", reason from landfall.rejects${report.run === undefined ? '' : ` where run = ${report.run}`}`
  if (!dry) lines.push(`  psql ${printable(database)} -c '${query}'`)
  return lines
}

function causesFirst(found: readonly RejectSummary[]): readonly RejectSummary[] {
  const follows = (reject: RejectSummary) => reject.reason.includes('that is kept')
  return [...found.filter((reject) => !follows(reject)), ...found.filter(follows)]
}

/** For a shell, as one word. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function leftOut(all: NonNullable<MigrateReport['leftOut']>): string {
  const counts = new Map<string, number>()
  for (const { kind } of all) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  // Of some kinds it is only said that they are there.
  const parts = [...counts].map(([kind, n]) =>
    kind.endsWith('s') ? kind : many(n, kind, kind.endsWith('x') ? `${kind}es` : `${kind}s`),
  )
  return `Left out: ${parts.join(', ')} (landfall plan lists them)`
}

function tables(report: MigrateReport, style: Style): string[] {
  if (isMapped(report)) return mergedTables(report, style)
  const sum = (of: 'loaded' | 'setAside') => report.tables.reduce((n, table) => n + table[of], 0)
  const body = report.tables.map((table) => [
    endsOf(table),
    count(table.loaded),
    count(table.setAside),
    duration(table.seconds),
    rate(table.rowsPerSecond),
  ])
  if (report.tables.length > 1) {
    const copy = report.phases.find((phase) => phase.name === 'copy')?.seconds ?? 0
    const read = report.tables.reduce((n, table) => n + table.read, 0)
    body.push([
      'in all',
      count(sum('loaded')),
      count(sum('setAside')),
      duration(copy),
      rate(copy > 0 ? read / copy : 0),
    ])
  }
  const right = 'right' as const
  const head = [
    { title: 'table' },
    { title: 'rows', align: right },
    { title: 'set aside', align: right },
    { title: 'time', align: right },
    { title: 'rate', align: right },
  ]
  return alignedTable(head, body, style)
}

/** Of mapped moves it matters what became of the rows, not how fast each of them went. */
function mergedTables(report: MigrateReport, style: Style): string[] {
  const right = 'right' as const
  const cells = (table: MigrateReport['tables'][number]): number[] => {
    const { created = 0, updated = 0, unchanged = 0, skipped = 0 } = table.merged ?? {}
    return [table.read, created, updated, unchanged, skipped, table.setAside]
  }
  const body = report.tables.map((table) => [endsOf(table), ...cells(table).map(count)])
  const titles = ['rows', 'created', 'updated', 'unchanged', 'skipped', 'set aside']
  return alignedTable([{ title: 'move' }, ...titles.map((title) => ({ title, align: right }))], body, style)
}

function isMapped({ tables }: MigrateReport): boolean {
  return tables.some((table) => table.merged !== undefined)
}

function differs({ verification: found }: MigrateReport): boolean {
  return found !== null && differing(sums(found.tables)) > 0
}

/** One line where all rows are the same; else the tables that are not, and how to look at them and repair them. */
function verification(report: MigrateReport, after: AfterMigrate, style: Style): string[] {
  const { dim, green, red, yellow } = style.colors
  const { options = '' } = after
  if (report.verification === null) {
    if (report.outcome !== 'done') return []
    return [dim(printable(`not verified   landfall verify${options}   compares every row`))]
  }
  const { tables, differences } = report.verification
  const open = tables.filter((table) => differing(table) > 0 || table.incomplete !== null)
  const all = sums(tables)
  if (open.length === 0) return [green(`${rows(all.sourceRows)} verified: all are the same in the target`)]
  const head = differs(report)
    ? red(`Verified: ${differingText(all)}`)
    : yellow(`Not verified to the end: ${many(open.length, 'table')}`)
  const known = { repaired: false, shown: showValues(differences), mapped: isMapped(report) }
  const next = repairCommands(all, known, options, style)
  const listed = renderDifferences(differences, tables, style)
  return [
    '',
    head,
    ...renderVerified(open, style),
    ...(listed.length === 0 ? [] : ['', ...listed]),
    ...(next.length === 0 || !differs(report) ? [] : ['', ...next]),
  ]
}

function goOn(report: MigrateReport, after: AfterMigrate): string[] {
  const lines: string[] = []
  if (after.embedded === 'stopped' && report.outcome !== 'dry-run') {
    lines.push(
      'The embedded PostgreSQL is stopped; the data is in .landfall.',
      '  landfall embedded start   starts it and prints the way to it',
    )
  }
  if (after.embedded === 'running') {
    lines.push(
      'The embedded PostgreSQL is running.',
      '  landfall embedded url     prints the way to it',
      '  landfall embedded stop    stops it',
    )
  }
  if (report.outcome === 'dry-run') lines.push('landfall plan   shows every decision')
  return lines
}
