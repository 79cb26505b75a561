import type { RepairReport } from '../contract/verify.ts'
import type { Sums } from './differences.ts'
import { columns, count, headed, paragraph, printable, rows, type Style } from './text.ts'

/** What a repair did, what it left and what it could not do. */
export function renderRepair(repair: RepairReport, style: Style): string[] {
  const done = [
    ...(repair.inserted === 0 ? [] : [`${count(repair.inserted)} inserted`]),
    ...(repair.updated === 0 ? [] : [`${count(repair.updated)} updated`]),
    ...(repair.deleted === 0 ? [] : [`${count(repair.deleted)} deleted`]),
  ]
  const head =
    done.length > 0
      ? `Repaired in the target: ${done.join(', ')}; what stands above is how it is now`
      : repair.failed.length + repair.extraLeft === 0
        ? 'No row had to be repaired'
        : 'No row was repaired'
  const lines = paragraph(head, style, '').map(style.colors.bold)
  if (repair.extraLeft > 0) {
    const left = `${rows(repair.extraLeft)} that only the target has ${repair.extraLeft === 1 ? 'was' : 'were'} left there`
    lines.push(...paragraph(left, style, '  '))
  }
  for (const { table, reason } of repair.failed) {
    lines.push(...headed(paragraph(`failed  ${table}: ${reason}`, style, '  '), '  failed', style.colors.red))
  }
  return lines
}

/** What is known of the rows that differ, besides their numbers. */
export interface Known {
  /** A repair was made already. */
  readonly repaired: boolean
  /** Their values are listed. */
  readonly shown: boolean
  /** The rows are mapped. */
  readonly mapped: boolean
}

/**
 * What can be typed where rows differ; after a repair only what it was not allowed to do. `options` is
 * what the commands end with, e.g. ` --from sqlite:app.db`.
 */
export function repairCommands(
  found: Pick<Sums, 'missing' | 'extra' | 'changed'>,
  past: Known,
  options: string,
  style: Style,
): string[] {
  const all: Command[] = []
  if (!past.shown && !past.repaired) all.push(['verify --show-values', 'shows the values'])
  if (past.mapped) {
    all.push(['migrate', 'adds what is missing and updates what differs'])
    return commands(all, options, style)
  }
  const writes = !past.repaired && found.missing + found.changed > 0
  if (writes) all.push(['verify --repair', 'writes the missing and changed rows to the target'])
  if (found.extra > 0) {
    all.push(['verify --repair --delete-extra', `${writes ? 'also ' : ''}deletes what only the target has`])
  }
  return commands(all, options, style)
}

type Command = readonly [verb: string, does: string]

/** Each with what it does, below it where both are too long for one line: a command is not broken. */
export function commands(all: readonly Command[], options: string, style: Style): string[] {
  if (all.length === 0) return []
  const lines = all.flatMap(([verb, does]) => {
    const command = `  landfall ${verb}${printable(options)}`
    const line = `${command}   ${does}`
    return columns(line) <= style.width ? [line] : [command, `      ${does}`]
  })
  return ['To go on:', ...lines]
}
