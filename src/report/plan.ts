import type { Blocker, Move, MoveColumn, Plan } from '../plan/model.ts'
import { cloneMaker, isClone, renderClone } from './plan-clone.ts'
import { movesWords, renderMappedMove, rowsOf } from './plan-mapping.ts'
import {
  alignedTable,
  columns,
  count,
  exampleLines,
  headed,
  joined,
  many,
  PLAIN,
  paragraph,
  printable,
  rows,
  type Style,
} from './text.ts'

/**
 * Every decision of a plan, to be read in a terminal; what blocks it comes last, where the eye is.
 * `next` is what a plan that can run ends with: the command that carries it out.
 */
export function renderPlan(plan: Plan, style: Style = PLAIN, next = 'landfall migrate'): string {
  const { bold, dim } = style.colors
  const total = plan.moves.reduce((sum, move) => sum + move.statistics.rows, 0)
  const about = plan.moves.some((move) => move.statistics.estimated) ? 'about ' : ''
  const clone = isClone(plan)
  const lines = [
    `${bold(`Plan of ${printable(plan.migration)}`)}   ${movesWords(plan)}, ${about}${rows(total)}`,
    `  ${dim('source')} ${printable(plan.source.label)} (${plan.source.encoding})`,
    `  ${dim('target')} ${printable(plan.target.label)}${clone ? '' : `, schema ${printable(plan.target.schema)}`}`,
    ...(clone ? [`  ${cloneMaker(plan)}`] : []),
    ...(plan.inPlace ? ['  source and target are one database: all moves are one transaction'] : []),
  ]
  if (clone) lines.push(...renderClone(plan, style))
  else for (const move of plan.moves) lines.push('', ...renderMove(move, plan, style))
  if (plan.leftOut.length > 0) lines.push('', bold('Left out'), ...leftOutLines(plan.leftOut, style))
  if (plan.notes.length > 0)
    lines.push('', bold('Notes'), ...plan.notes.flatMap((note) => paragraph(note, style, '  ')))
  lines.push('', ...verdict(plan, style, next))
  return `${lines.join('\n')}\n`
}

/** From here on things that stay behind for the same reason are told of together. */
const MANY = 8

function leftOutLines(all: Plan['leftOut'], style: Style): string[] {
  const reasons = Map.groupBy(all, (one) => one.why)
  const single = all.filter((one) => reasons.get(one.why)!.length < MANY)
  const head = [{ title: 'kind' }, { title: 'name' }, { title: 'why' }]
  const table = single.map((one) => [one.kind, one.name, one.why])
  const lines = single.length === 0 ? [] : alignedTable(head, table, style, '  ')
  for (const [why, some] of reasons) {
    if (some.length < MANY) continue
    lines.push(...paragraph(`${why}:`, style, '  '))
    for (const [kind, same] of Map.groupBy(some, (one) => one.kind)) {
      const said = `${same.length} × ${kind}  ${joined(same.map((one) => one.name))}`
      lines.push(...paragraph(said, style, '    ', '      '))
    }
  }
  return lines
}

function renderMove(move: Move, plan: Plan, style: Style): string[] {
  if (move.mapping !== undefined) return renderMappedMove(move, plan, style)
  const { bold, dim, yellow } = style.colors
  const { target } = move
  const renamed = move.source === target.name ? '' : ` -> ${printable(target.name)}`
  const facts = [
    rowsOf(move),
    move.existing ? 'the table is there and is used as it is' : 'new table',
    ...(move.key.names.length === 0 ? [] : [`by ${move.key.names.map(printable).join(', ')}`]),
    move.chunkRows === null ? 'in one piece' : `chunks of ${count(move.chunkRows)}`,
    ...(move.after.length === 0 ? [] : [`after ${move.after.map(printable).join(', ')}`]),
    `COPY ${move.format}`,
  ]
  const name = printable(move.source) + renamed
  const lines = [...headed(paragraph(`${name}   ${facts.join(' · ')}`, style, '', '    '), name, bold)]
  if (move.profiledRows !== null && move.profiledRows < move.statistics.rows) {
    const said = `only ${rows(move.profiledRows)} of ${count(move.statistics.rows)} were profiled; the others are tested while they are copied`
    lines.push(...paragraph(said, style, '  ').map(yellow))
  }
  const cells = move.columns.map((column) => [
    column.source === column.target ? column.target : `${column.source} -> ${column.target}`,
    column.declared === '' ? '(none)' : column.declared,
    column.type + extras(move, column),
    column.why +
      (column.conversion === null ? '' : `; converts ${column.conversion}`) +
      longDefault(move, column),
  ])
  const head = [{ title: 'column' }, { title: 'declared' }, { title: 'becomes' }, { title: 'why' }]
  lines.push(...alignedTable(head, cells, style, '  '))
  for (const column of target.columns) {
    if (column.generated !== null) {
      const made = `${column.name}  ${column.type}  generated always as (${column.generated}) stored`
      lines.push(...paragraph(made, style, '  ', '      '))
    }
  }
  lines.push(...structure(move).flatMap((line) => paragraph(line, style, '  ', '      ').map(dim)))
  for (const misfit of move.statistics.misfits) {
    const what = misfit.column === null ? '' : `${misfit.column}: `
    const fate = plan.badRows === 'set-aside' ? 'will be set aside' : 'cannot be stored'
    const head = `  ${rows(misfit.rows)} ${fate}`
    lines.push(
      ...headed(paragraph(`${head.trimStart()}  ${what}${misfit.reason}`, style, '  '), head, yellow),
    )
    lines.push(...exampleLines(misfit, style))
  }
  lines.push(...move.notes.flatMap((note) => paragraph(`note: ${note}`, style, '  ', '        ')))
  return lines
}

/** What is said of the target's column beside its type. */
function extras(move: Move, column: MoveColumn): string {
  const made = move.target.columns.find((one) => one.name === column.target)
  if (made === undefined) return ''
  const words = [
    made.notNull ? 'not null' : '',
    made.identity ? 'identity' : '',
    made.default === null || isLong(made.default) ? '' : `default ${made.default}`,
  ]
  return words
    .filter((word) => word !== '')
    .map((word) => ` ${word}`)
    .join('')
}

/** A default that would push the reasons out of sight stands beside them. */
function longDefault(move: Move, column: MoveColumn): string {
  const made = move.target.columns.find((one) => one.name === column.target)?.default ?? null
  return made !== null && isLong(made) ? `; default ${made}` : ''
}

function isLong(sql: string): boolean {
  return columns(sql) > 24
}

function structure(move: Move): string[] {
  const { target } = move
  const lines: string[] = []
  if (target.primaryKey !== null) lines.push(`primary key (${target.primaryKey.columns.join(', ')})`)
  for (const index of target.indexes) {
    const kind = index.constraint ? 'unique' : index.unique ? 'unique index' : 'index'
    const where = index.where === null ? '' : ` where ${index.where}`
    lines.push(`${kind} ${index.name} (${index.parts.join(', ')})${where}`)
  }
  for (const key of target.foreignKeys) {
    const actions = [
      key.onDelete === 'no action' ? '' : ` on delete ${key.onDelete}`,
      key.onUpdate === 'no action' ? '' : ` on update ${key.onUpdate}`,
    ].join('')
    lines.push(
      `foreign key (${key.columns.join(', ')}) -> ${key.refTable} (${key.refColumns.join(', ')})${actions}`,
    )
  }
  for (const check of target.checks) lines.push(`check ${check.name} (${check.expression})`)
  return lines
}

function verdict(plan: Plan, style: Style, next: string): string[] {
  const { bold, green, red } = style.colors
  if (plan.blockers.length === 0) {
    const aside = plan.moves
      .flatMap((move) => move.statistics.misfits)
      .reduce((sum, one) => sum + one.rows, 0)
    const rest = aside === 0 ? '' : `, ${rows(aside)} will be set aside`
    const mapped = plan.moves.some((move) => move.mapping !== undefined)
    const later =
      'Rows are looked at when they are staged: migrate finds what does not fit, is ambiguous or has no parent before it writes.'
    return [
      ...(mapped ? paragraph(later, style, '') : []),
      `${green('ready')}${rest}. Nothing was written. To carry it out:`,
      `  ${printable(next)}`,
    ]
  }
  return [
    bold(red(`Blocked: ${many(plan.blockers.length, 'decision')} to take`)),
    ...plan.blockers.flatMap((blocker) => renderBlocker(blocker, style)),
    'Nothing was written.',
  ]
}

/** One decision that a person has to take, with what can be chosen. */
export function renderBlocker(blocker: Blocker, style: Style): string[] {
  const lines = paragraph(`${blocker.code}  ${blocker.message}`, style, '  ', '         ')
  return [
    ...headed(lines, `  ${blocker.code}`, style.colors.red),
    ...blockerRows(blocker, style, '    '),
    ...blockerChoices(blocker, style, '    '),
  ]
}

export function blockerRows(blocker: Blocker, style: Style, indent: string): string[] {
  if (blocker.examples.length === 0) return []
  const lines = paragraph(`rows   ${joined(blocker.examples)}`, style, indent, `${indent}       `)
  return [...headed(lines, `${indent}rows`, style.colors.dim)]
}

export function blockerChoices(blocker: Blocker, style: Style, indent: string): string[] {
  return blocker.choices.map(
    (choice, i) => `${indent}${style.colors.dim(i === 0 ? 'choose' : '      ')} ${printable(choice)}`,
  )
}
