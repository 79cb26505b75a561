import type { CheckResult } from '../contract/check.ts'
import type { MigrateReport } from '../contract/report.ts'
import { alignedTable, count, duration, many, PLAIN, printable, rate, rows, type Style } from './text.ts'

/** The embedded server as the run left it; absent when the target is another server. */
export interface AfterMigrate {
  readonly embedded?: 'running' | 'stopped'
}

/** What a finished run came to, and how to go on. */
export function renderMigrate(report: MigrateReport, after: AfterMigrate = {}, style: Style = PLAIN): string {
  const { bold, dim, yellow } = style.colors
  const lines = [
    `${bold(headline(report))}   ${printable(report.migration)}, ${duration(report.seconds)}${report.resumed ? ', resumed' : ''}`,
    `  ${dim('source')} ${printable(report.source)}`,
    `  ${dim('target')} ${printable(report.target)}`,
  ]
  if (report.tables.length > 0) lines.push('', ...tables(report, style))
  if (report.rejects.length > 0) {
    lines.push('', yellow(bold('Set aside, kept in landfall.rejects')))
    for (const reject of report.rejects) {
      const where = reject.column === null ? reject.table : `${reject.table}.${reject.column}`
      lines.push(`  ${printable(`${where}  ${reject.reason}`)}  ${rows(reject.rows)}`)
      if (reject.examples.length > 0) {
        const rest = reject.rows > reject.examples.length ? ', …' : ''
        lines.push(`    ${reject.examples.map(printable).join(', ')}${rest}`)
      }
    }
  }
  if (report.checks.length > 0) lines.push('', ...renderChecks(report.checks, style))
  if (report.notes.length > 0) {
    lines.push('', bold('Notes'), ...report.notes.map((note) => `  ${printable(note)}`))
  }
  const next = goOn(report, after)
  if (next.length > 0) lines.push('', ...next)
  return `${lines.join('\n')}\n`
}

function headline(report: MigrateReport): string {
  if (report.outcome === 'nothing-to-do')
    return 'Nothing to do: everything is there and the source is unchanged'
  if (report.outcome === 'dry-run') return 'Dry run: nothing was written'
  return report.exitCode === 0 ? 'Done' : 'Done, with differences'
}

function tables(report: MigrateReport, style: Style): string[] {
  const sum = (of: 'loaded' | 'setAside') => report.tables.reduce((n, table) => n + table[of], 0)
  const body = report.tables.map((table) => [
    // The target's name comes with its schema.
    table.target.endsWith(`.${table.source}`) ? table.source : `${table.source} -> ${table.target}`,
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

/** How many passed; each that did not, with what was expected and found. */
export function renderChecks(checks: readonly CheckResult[], style: Style): string[] {
  const { green, red, yellow } = style.colors
  const passed = checks.filter((check) => check.result === 'pass').length
  const lines: string[] = []
  if (passed > 0) lines.push(green(`${many(passed, 'check')} passed`))
  for (const check of checks) {
    if (check.result === 'pass') continue
    const word = check.result === 'fail' ? red('failed') : yellow('incomplete')
    lines.push(
      `${word}  ${printable(check.name)}: expected ${printable(check.expected)}, found ${printable(check.found)}`,
    )
    for (const line of check.evidence ?? []) lines.push(`  ${printable(line)}`)
  }
  return lines
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
