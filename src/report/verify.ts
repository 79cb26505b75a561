import type { VerifyReport } from '../contract/verify.ts'
import { besideRows, renderChecks } from './checks.ts'
import {
  differing,
  differingText,
  renderDifferences,
  renderVerified,
  showValues,
  sums,
} from './differences.ts'
import { commands, renderRepair, repairCommands } from './repair.ts'
import { count, duration, headed, many, PLAIN, paragraph, printable, rows, type Style } from './text.ts'

/**
 * What a verification found, the verdict first. `options` is what the commands it advises end with, e.g.
 * ` --from sqlite:app.db`.
 */
export function renderVerify(report: VerifyReport, style: Style = PLAIN, options = ''): string {
  const { bold, dim } = style.colors
  const lines = [
    ...headed(paragraph(verdict(report) + facts(report), style, ''), verdict(report), (text) =>
      bold(paint(report, style)(text)),
    ),
    `  ${dim('source')} ${printable(report.source)}`,
    `  ${dim('target')} ${printable(report.target)}`,
    ...scope(report).flatMap((line) =>
      headed(paragraph(`scope  ${line}`, style, '  ', '         '), '  scope', dim),
    ),
  ]
  const parts = [
    report.tables.length === 0 ? [] : renderVerified(report.tables, style),
    renderDifferences(report.differences, report.tables, style),
    renderChecks(besideRows(report.checks, report.tables, report.scope.sample), style),
    report.repair === null ? [] : renderRepair(report.repair, style),
    report.notes.length === 0
      ? []
      : [bold('Notes'), ...report.notes.flatMap((note) => paragraph(note, style, '  '))],
    goOn(report, options, style),
  ]
  for (const part of parts) if (part.length > 0) lines.push('', ...part)
  return `${lines.join('\n')}\n`
}

function facts(report: VerifyReport): string {
  return `   ${report.migration}, ${duration(report.seconds)}`
}

function paint(report: VerifyReport, { colors }: Style): (text: string) => string {
  return { same: colors.green, different: colors.red, incomplete: colors.yellow }[report.outcome]
}

/** One sentence that claims no more than was compared. */
function verdict(report: VerifyReport): string {
  const all = sums(report.tables)
  const gaps = gapsText(report)
  if (report.outcome === 'same') {
    const what = many(report.tables.length, 'table')
    if (report.scope.counts) return `Same numbers of rows in ${what}; values were not compared`
    if (report.scope.sample !== null) return `Same: the ${rows(all.sourceRows)} that were chosen, in ${what}`
    const but = all.setAside === 0 ? '' : `, but for ${count(all.setAside)} set aside`
    return `Same: all ${rows(all.sourceRows)} of ${what}${but}`
  }
  if (report.outcome === 'incomplete') return `Incomplete: no difference was found, but ${gaps}`
  const failed = besideRows(report.checks, report.tables, report.scope.sample).filter(
    (check) => check.result === 'fail',
  ).length
  const parts = [
    differingText(all),
    failed === 0 ? '' : `${many(failed, differing(all) === 0 ? 'check' : 'other check')} failed`,
    gaps,
  ].filter((part) => part !== '')
  return `Different: ${parts.join('; ')}`
}

function gapsText(report: VerifyReport): string {
  const tables = report.tables.filter((table) => table.incomplete !== null).length
  const checks = besideRows(report.checks, report.tables, report.scope.sample).filter(
    (check) => check.result === 'incomplete',
  ).length
  const parts = [
    ...(tables === 0 ? [] : [`${many(tables, 'table')} not compared to the end`]),
    ...(checks === 0 ? [] : [`${many(checks, 'check')} could not be made`]),
  ]
  return parts.join(', ') || (report.outcome === 'incomplete' ? 'not everything could be compared' : '')
}

/** What the user limited it to, in sentences. */
function scope(report: VerifyReport): string[] {
  const { tables, sample, counts } = report.scope
  return [
    ...(tables === null ? [] : [`compared ${many(tables.length, 'table')} only: ${tables.join(', ')}`]),
    ...(counts ? ['compared only how many rows there are, not what is in them'] : []),
    ...(sample === null
      ? []
      : [
          `compared ${percent(sample)} of the rows, chosen by their keys: ${rows(sums(report.tables).sourceRows)}`,
        ]),
  ]
}

/** `5 %`, `0.1 %`. */
function percent(share: number): string {
  return `${(share * 100).toFixed(10).replace(/\.?0+$/, '')} %`
}

function goOn(report: VerifyReport, options: string, style: Style): string[] {
  const all = sums(report.tables)
  if (differing(all) === 0) return []
  if (report.scope.counts) return commands([['verify', 'names the rows']], options, style)
  return repairCommands(
    all,
    {
      repaired: report.repair !== null,
      shown: showValues(report.differences),
      mapped: report.mapped === true,
    },
    options,
    style,
  )
}
