import {
  columns,
  count,
  cut,
  duration,
  many,
  pad,
  printable,
  rate,
  rows,
  type Style,
} from '../report/text.ts'
import { overall, type ProgressState, pace, type TableProgress } from './progress-state.ts'

/** The lines that stand for the present state, none wider than the style's width. */
export function drawProgress(state: ProgressState, now: number, style: Style, height: number): string[] {
  const all = overall(state)
  const tables = [...state.tables.values()]
  const finished = tables.filter(isFinished).length
  const head = [state.phase]
  if (state.step !== null) head.push(`${state.step.done} of ${state.step.total}`, state.step.name)
  else if (all === null) head.push(state.detail ?? '', elapsed(now - state.phaseStartedAt))
  else {
    head.push(`${finished} of ${tables.length} tables`)
    head.push(...facts(all, now, style.width - columns(head.join('   ')) - 3))
  }
  const running = tables.filter((table) => !isFinished(table) && table.done > 0)
  const room = Math.max(1, height - 2)
  const shown = running.slice(0, running.length > room ? room - 1 : room)
  const nameWidth = Math.min(
    Math.max(0, ...shown.map((table) => columns(printable(table.table)))),
    Math.max(8, Math.floor(style.width / 3)),
  )
  const lines = [
    cut(printable(head.filter((part) => part !== '').join('   ')), style.width),
    ...shown.map((table) => tableLine(table, nameWidth, now, style)),
  ]
  if (shown.length < running.length) lines.push(`  and ${running.length - shown.length} more`)
  return lines
}

const SMALLEST_BAR = 8

function isFinished(table: TableProgress): boolean {
  return table.done >= table.total
}

/** What can be said of work in one line, the most important last to be dropped where it is narrow. */
function facts(work: TableProgress, now: number, room: number = Number.POSITIVE_INFINITY): string[] {
  const { share, perSecond, left } = pace(work, now)
  const percent = share === null ? '' : `${Math.floor(share * 100)} %`
  const done = `${count(work.done)} of ${count(work.total)} rows`
  const speed = perSecond > 0 ? rate(perSecond) : ''
  const time = left === null ? '' : `${elapsed(left * 1000)} left`
  const choices = [
    [percent, done, speed, time],
    [percent, speed, time],
    [percent, time],
  ].map((parts) => parts.filter((part) => part !== ''))
  return choices.find((parts) => columns(parts.join('   ')) <= room) ?? choices.at(-1)!
}

function tableLine(table: TableProgress, nameWidth: number, now: number, style: Style): string {
  const name = pad(cut(printable(table.table), nameWidth), nameWidth)
  const text = facts(table, now, style.width - nameWidth - SMALLEST_BAR - 6).join('  ')
  const barWidth = Math.min(24, style.width - columns(name) - columns(text) - 6)
  if (barWidth < SMALLEST_BAR) return cut(`  ${name}  ${text}`, style.width)
  const full = Math.round((pace(table, now).share ?? 0) * barWidth)
  const bar = style.colors.cyan('█'.repeat(full)) + style.colors.dim('░'.repeat(barWidth - full))
  return `  ${name}  ${bar}  ${text}`
}

/** Whole seconds below a minute: digits that change ten times a second cannot be read. */
function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000)
  return seconds < 59.5 ? `${Math.round(seconds)} s` : duration(seconds)
}

/** One plain line on a table, for logs. */
export function plainLine(table: TableProgress, now: number): string {
  return `${table.phase} ${printable(table.table)}: ${facts(table, now).join(', ')}\n`
}

/** One plain line on all tables of a phase. */
export function plainSummary(tables: readonly TableProgress[], now: number): string {
  const finished = tables.filter(isFinished).length
  const of = finished < tables.length ? `${count(finished)} of ` : ''
  const done = tables.reduce((sum, table) => sum + table.done, 0)
  const time = duration((now - Math.min(...tables.map((table) => table.startedAt))) / 1000)
  return `${tables[0]!.phase}: ${of}${many(tables.length, 'table')}, ${rows(done)} in ${time}\n`
}
