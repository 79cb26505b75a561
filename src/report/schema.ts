import type {
  AppliedStatement,
  SchemaApplyReport,
  SchemaPlanReport,
  SchemaStatement,
  SchemaUndoReport,
  SchemaVerifyReport,
} from '../contract/schema.ts'
import { objectName } from '../declared/checks.ts'
import { lossText } from '../declared/losses.ts'
import { label } from '../declared/postgres-sql.ts'
import { renderChecks } from './checks.ts'
import { duration, headed, many, PLAIN, paragraph, printable, type Style } from './text.ts'

export type SchemaReport = SchemaPlanReport | SchemaApplyReport | SchemaVerifyReport | SchemaUndoReport

/** What a schema verb found or did, the verdict first. */
export function renderSchema(report: SchemaReport, style: Style = PLAIN): string {
  const { bold, dim } = style.colors
  const lines = [
    ...headed(paragraph(verdict(report), style, ''), verdict(report), bold),
    `  ${dim('declaration')} ${printable(report.declaration)}`,
    `  ${dim('target')}      ${printable(report.target)}`,
  ]
  for (const part of partsOf(report, style)) if (part.length > 0) lines.push('', ...part)
  return `${lines.join('\n')}\n`
}

function verdict(report: SchemaReport): string {
  switch (report.command) {
    case 'schema plan': {
      const todo = many(report.statements.length, 'statement')
      if (report.outcome === 'complete') return 'Complete: everything is as declared'
      if (report.outcome === 'changes') return `${todo} to carry out: landfall schema apply`
      return `Refused: ${many(report.conflicts.length, 'thing is', 'things are')} there in another form, so apply would change nothing`
    }
    case 'schema apply': {
      const took = duration(report.seconds)
      if (report.outcome === 'dry-run')
        return `${many(report.statements.length, 'statement')} would be carried out; nothing was`
      const failed = report.exitCode === 0 ? 'and verified' : 'but checks failed'
      if (report.outcome === 'nothing-to-do') return `Nothing to do: everything is there, ${failed}   ${took}`
      return `Done: ${many(report.statements.length, 'statement')} carried out, ${failed}   ${took}`
    }
    case 'schema verify':
      return {
        'as-declared': `As declared   ${duration(report.seconds)}`,
        different: `Different from what is declared   ${duration(report.seconds)}`,
        incomplete: `Incomplete: no difference was found, but not everything could be checked   ${duration(report.seconds)}`,
      }[report.outcome]
    case 'schema undo':
      if (report.outcome === 'nothing-to-do')
        return 'Nothing to undo: the record of this declaration is empty'
      if (report.outcome === 'dry-run')
        return `${many(report.statements.length, 'statement')} would be carried out; nothing was`
      return `Undone: ${many(report.statements.length, 'statement')} carried out   ${duration(report.seconds)}`
  }
}

function partsOf(report: SchemaReport, style: Style): readonly (readonly string[])[] {
  switch (report.command) {
    case 'schema plan':
      return [conflicts(report, style), ...statements(report.statements, style)]
    case 'schema apply':
      return report.outcome === 'dry-run'
        ? statements(report.statements, style)
        : [done(report.statements, style), renderChecks(report.checks, style)]
    case 'schema verify':
      return [renderChecks(report.checks, style)]
    case 'schema undo':
      return [
        report.losses.length === 0
          ? []
          : [
              style.colors.bold('Data'),
              ...report.losses.flatMap((loss) => paragraph(lossText(loss), style, '  ')),
            ],
        ...(report.outcome === 'dry-run'
          ? statements(report.statements, style)
          : [done(report.statements, style)]),
      ]
  }
}

function conflicts({ conflicts }: SchemaPlanReport, style: Style): string[] {
  const { bold, dim, red } = style.colors
  return conflicts.flatMap(({ object, expected, found, conflict }) => [
    ...headed(paragraph(`conflict  ${objectName(object)}`, style, ''), 'conflict', red),
    ...paragraph(`declared  ${expected}`, style, '  ', '            '),
    ...paragraph(`there     ${found}`, style, '  ', '            '),
    ...paragraph(conflict!.why, style, '  '),
    ...(conflict!.ways.length === 0 ? [] : [`  ${bold('to change it:')}`]),
    ...conflict!.ways.flatMap((way) => [
      ...way.sql.flatMap((sql) => sqlLines(sql, '    ')),
      dim(`      ${cost(way)}`),
    ]),
  ])
}

function statements(all: readonly (SchemaStatement | AppliedStatement)[], style: Style): string[][] {
  return all.map((statement, at) => [
    ...paragraph(`${at + 1}. ${statement.does}`, style, ''),
    style.colors.dim(`   ${cost(statement)}`),
    ...statement.sql.flatMap((sql) => sqlLines(sql, '   ')),
  ])
}

/** As it is, but for what would steer a terminal; every line of it indented. */
function sqlLines(sql: string, indent: string): string[] {
  return `${sql};`.split('\n').map((line) => indent + printable(line))
}

/** `lock ACCESS EXCLUSIVE on users; no rewrite, no scan`. */
function cost({ locks, rewrites, scans, transaction }: SchemaStatement): string {
  const held = locks.map(({ mode, ...table }) => `${mode} on ${printable(label(table))}`)
  return [
    held.length === 0 ? 'no lock on a table in use' : `lock ${held.join(', ')}`,
    rewrites ? 'rewrites the table' : 'no rewrite',
    scans ? 'reads every row' : 'reads no row',
    ...(transaction ? [] : ['outside a transaction']),
  ].join('; ')
}

/** A line for each that was carried out. */
function done(all: readonly (SchemaStatement | AppliedStatement)[], style: Style): string[] {
  return all.flatMap((statement) => {
    const { does } = statement
    if (!('attempts' in statement)) return paragraph(does, style, '  ')
    const { attempts, seconds, longestWaitMs } = statement
    const waited = longestWaitMs === 0 ? '' : `, waited ${longestWaitMs} ms for a lock at the longest`
    const tries = attempts === 1 ? '' : `, ${attempts} attempts`
    return paragraph(`${does}   (${duration(seconds)}${tries}${waited})`, style, '  ')
  })
}
