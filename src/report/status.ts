import type { StatusReport } from '../contract/report.ts'
import { alignedTable, count, headed, PLAIN, paragraph, printable, type Style } from './text.ts'

type Migration = StatusReport['migrations'][number]

/** Where every migration into this target stands, from its journal alone. */
export function renderStatus(report: StatusReport, style: Style = PLAIN): string {
  const head = `${style.colors.dim('target')} ${printable(report.target)}`
  if (report.migrations.length === 0) return `${head}\nNo migration has been started here.\n`
  return `${[head, ...report.migrations.flatMap((one) => ['', ...renderMigration(one, style)])].join('\n')}\n`
}

function renderMigration(one: Migration, style: Style): string[] {
  const { bold, dim } = style.colors
  const lines = [
    `${bold(printable(one.migration))}   ${stateWord(one, style)}`,
    `  ${dim('source ')} ${printable(one.source)}`,
    `  ${dim('started')} ${one.startedAt}${one.finishedAt === null ? '' : `   ${dim('finished')} ${one.finishedAt}`}`,
  ]
  if (one.holder !== null) lines.push(`  ${dim('run by ')} ${printable(one.holder)}`)
  if (one.error !== null) {
    lines.push(...headed(paragraph(`error   ${one.error}`, style, '  ', '          '), '  error', dim))
  }
  if (one.state !== 'done') lines.push(`  ${dim('phase  ')} ${printable(one.phase)}`)
  // Before, all of them are still to come, which reads as if nothing were done.
  if (one.steps.all > 0 && AFTER_LOADING.has(one.phase)) {
    lines.push(`  ${dim('steps  ')} ${count(one.steps.done)} of ${count(one.steps.all)} after loading`)
  }
  if (one.tables.length > 0) lines.push(...tables(one, style))
  if (one.state === 'interrupted') lines.push('  the same landfall migrate command goes on from here')
  return lines
}

const AFTER_LOADING = new Set(['finish', 'check', 'verify'])

function stateWord(one: Migration, style: Style): string {
  const { green, red, yellow, cyan } = style.colors
  const paint = { done: green, failed: red, interrupted: yellow, running: cyan }[one.state]
  return paint(one.state)
}

function tables(one: Migration, style: Style): string[] {
  const right = 'right' as const
  const head = [
    { title: 'table' },
    { title: 'rows', align: right },
    { title: 'loaded', align: right },
    { title: 'set aside', align: right },
    { title: 'chunks', align: right },
    { title: 'done', align: right },
  ]
  const body = one.tables.map((table) => [
    table.table,
    count(table.rows),
    count(table.loaded),
    count(table.setAside),
    `${table.chunksDone}/${table.chunks}`,
    table.chunks === 0 ? '-' : `${Math.floor((100 * table.chunksDone) / table.chunks)} %`,
  ])
  return alignedTable(head, body, style, '  ')
}
